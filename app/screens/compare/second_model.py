"""The choice of the second model: any model for the same task and size, including seeds, snapshots and ablations.

The choice is part of the link.
"""

from dataclasses import replace
from pathlib import Path

import streamlit as st

from app.server import shared
from app.server.opening import Opening
from app.server.options import Options
from app.sidebar import model_controls, training_axis
from app.sidebar.model_controls import MOST_STEPS, Opened
from app.state import links
from app.state.choice import Choice
from trm import registry
from trm.coordinates import Depth
from trm.errors import CheckpointError, UserError
from trm.tasks import task_of

KEY = "compare_with"
PARAMETER = "against"  # name in the address; do not change it, because shared links contain it


def control(first: Opened, options: Options) -> None:
    """Draw the selectbox. Its value is in the session state under KEY."""
    names = candidates(first, options)
    state = st.session_state
    linked = links.opened_with().pop(PARAMETER, None) or state.get("second_chosen")
    first_name, previous_first = first.source.name, state.get("second_of")
    # The user chose the second model as the first model.
    coincides = previous_first not in (None, first_name) and state.get(KEY) == first_name
    if state.get(KEY) not in names or coincides:
        state[KEY] = linked if linked in names and not coincides else default_second(first, names)
    state.second_of = first_name
    st.selectbox(
        "Compare with",
        names,
        key=KEY,
        help="Another model of the same task and size, or another checkpoint of the same model.",
    )
    state.second_chosen = state[KEY]
    links.write({PARAMETER: state[KEY]})


def candidates(first: Opened, options: Options) -> list[str]:
    """Return the names of the models to choose from.

    These are bundled models, their seeds and snapshots, and ablations for the same task and size, the other snapshots
    of the first model's run, and all models that are not bundled, since their files have not been opened yet.
    """
    bundled = _bundled(registry.models_folder(), first.config.task, first.config.grid)
    others = [
        name
        for name in shared.model_names(registry.models_folder(), options)
        if name not in registry.model_names()
    ]
    run = training_axis.snapshots_of(first.source, options)
    return list(dict.fromkeys([*bundled, *others, *run, first.source.name]))


@st.cache_data(ttl=shared.EVERY_FEW_SECONDS, max_entries=16, show_spinner=False)
def _bundled(folder: Path, task: str, grid: tuple[int, int]) -> list[str]:
    """Return the bundled models for a task and size, each followed by its seeds and snapshots; ablations come last."""
    names = []
    for name in [*registry.model_names(), *registry.ablation_names()]:
        try:
            config = registry.model_config(name)
        except CheckpointError:
            continue
        if config.task == task and tuple(config.grid) == tuple(grid):
            names += [name, *registry.seed_names(name), *registry.snapshot_names(name)]
    return names


def default_second(first: Opened, names: list[str]) -> str:
    """Choose the default second model: a model of the other type, else the first model's last variant, else any other."""
    own = first.source.name
    for name in names:
        if (
            registry.model_folder(name)
            and "/" not in name
            and registry.model_config(name).kind != first.config.kind
        ):
            return name
    variants = [name for name in names if name.startswith(f"{own}/")]
    return next((name for name in [*reversed(variants), *names] if name != own), own)


def choice(first: Choice, options: Options) -> Choice | Opening:
    """Return the second run: the same puzzle at the second model's own depth, or with the number of steps set by the
    user.

    Returns the `Opening` while the model is being opened. Raises UserError if the model cannot be opened or solves a
    different task.
    """
    name = st.session_state[KEY]
    opened = model_controls.open_model(name, options)
    if isinstance(opened, Opening):
        if opened.asks:
            raise CheckpointError(
                f"{name} must be downloaded first ({opened.asks / 1e6:,.0f} MB). Select it as the model, then compare it with another."
            )
        return opened
    task, first_task = task_of(opened.config), first.task
    if (task.name, task.cells) != (first_task.name, first_task.cells):
        raise UserError(
            f"{name} solves {task.rows}x{task.columns} {task.name}, but {first.source.name} solves {first_task.rows}x{first_task.columns} "
            f"{first_task.name}. Choose two models of the same task and size."
        )
    config = opened.config
    as_trained = first.depth.N_sup == first.config.N_sup
    steps = config.N_sup if as_trained else first.depth.N_sup
    return replace(
        first,
        source=opened.source,
        config=config,
        depth=Depth(n=config.n, T=config.T, N_sup=min(steps, MOST_STEPS)),
        puzzle_id=min(first.puzzle_id, max(config.puzzle_ids - 1, 0)),
    )


def distinct_names(one: Choice, other: Choice) -> tuple[str, str]:
    """Return two distinct short names, used in sentences such as "sudoku-hrm: ended after step 16"."""
    names = [each.source.name for each in (one, other)]
    if names[0] == names[1]:
        return f"{names[0]}, left", f"{names[1]}, right"
    return names[0], names[1]
