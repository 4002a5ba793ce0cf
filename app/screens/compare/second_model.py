"""The second model of a pair: any of the first one's task and size, snapshots of a training and ablations too; which one is
in the link."""

from dataclasses import replace
from pathlib import Path

import streamlit as st

from app.server import shared
from app.server.opening import Opening
from app.server.options import Options
from app.sidebar import model_controls
from app.sidebar.model_controls import MOST_STEPS, Opened
from app.state import links
from app.state.choice import Choice
from trm import registry
from trm.coordinates import Depth
from trm.errors import CheckpointError, UserError
from trm.tasks import task_of

KEY = "against"


def control(first: Opened, options: Options) -> None:
    """Draw the choice; what was chosen is in the session then."""
    names = candidates(first, options)
    state = st.session_state
    asked = links.opened_with().pop(KEY, None) or state.get("second_chosen")
    own, before = first.source.name, state.get("second_of")
    met = (
        before not in (None, own) and state.get(KEY) == own
    )  # the first model became what it was held against
    if state.get(KEY) not in names or met:
        state[KEY] = asked if asked in names and not met else usual(first, names)
    state.second_of = own
    st.selectbox(
        "Held against",
        names,
        key=KEY,
        help="Another model of the same task, or the same one at another moment of its training.",
    )
    state.second_chosen = state[KEY]
    links.write({KEY: state[KEY]})


def candidates(first: Opened, options: Options) -> list[str]:
    """Names of what may be held against a model: of bundled models, snapshots and ablations those of its task and size; of others,
    whose files nobody has opened yet, all.
    """
    bundled = _bundled(registry.models_folder(), first.config.task, first.config.grid)
    others = [
        name
        for name in shared.model_names(registry.models_folder(), options)
        if name not in registry.model_names()
    ]
    return list(dict.fromkeys([*bundled, *others, first.source.name]))


@st.cache_data(ttl=shared.EVERY_FEW_SECONDS, max_entries=16, show_spinner=False)
def _bundled(folder: Path, task: str, grid: tuple[int, int]) -> list[str]:
    """Bundled models of a task and size, each followed by its snapshots; ablations last."""
    found = []
    for name in [*registry.model_names(), *registry.ablation_names()]:
        try:
            config = registry.model_config(name)
        except CheckpointError:
            continue
        if config.task == task and tuple(config.grid) == tuple(grid):
            found += [name, *registry.snapshot_names(name)]
    return found


def usual(first: Opened, names: list[str]) -> str:
    """What a model is held against when nobody says: one of another kind, else its own last snapshot, else any other one."""
    own = first.source.name
    for name in names:
        if (
            registry.model_folder(name)
            and "/" not in name
            and registry.model_config(name).kind != first.config.kind
        ):
            return name
    snapshots = [name for name in names if name.startswith(f"{own}/")]
    return next((name for name in [*reversed(snapshots), *names] if name != own), own)


def choice(first: Choice, options: Options) -> Choice | Opening:
    """The second run: the same puzzle, at the second model's own depth, or as many steps as were asked for. Or its opening
    while that goes on. Raises UserError where it cannot be opened, or plays something else.
    """
    name = st.session_state[KEY]
    found = model_controls.open_model(name, options)
    if isinstance(found, Opening):
        if found.asks:
            raise CheckpointError(
                f"{name} takes {found.asks / 1e6:,.0f} MB to download. Choose it as the model first, then hold it against another."
            )
        return found
    task, wanted = task_of(found.config), first.task
    if (task.name, task.cells) != (wanted.name, wanted.cells):
        raise UserError(
            f"{name} plays {task.rows}x{task.columns} {task.name}, {first.source.name} {wanted.rows}x{wanted.columns} "
            f"{wanted.name}. Choose two models of one task and size."
        )
    config = found.config
    as_trained = first.depth.N_sup == first.config.N_sup
    steps = config.N_sup if as_trained else first.depth.N_sup
    return replace(
        first,
        source=found.source,
        config=config,
        depth=Depth(n=config.n, T=config.T, N_sup=min(steps, MOST_STEPS)),
        puzzle_id=min(first.puzzle_id, max(config.puzzle_ids - 1, 0)),
    )


def names_of(one: Choice, other: Choice) -> tuple[str, str]:
    """Short names that differ: they stand in sentences such as "sudoku-hrm: ended after step 16"."""
    names = [each.source.name for each in (one, other)]
    if names[0] == names[1]:
        return f"{names[0]}, left", f"{names[1]}, right"
    return names[0], names[1]
