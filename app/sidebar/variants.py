"""The variants of a model: the seeds with which it was trained, and the snapshots of its training.

The list of models shows a model once. Below it, one control chooses the seed and another the snapshot. The chosen variant
is the model of all pages, and links contain its name.
"""

import streamlit as st

from app.server.opening import Opening
from app.server.options import Options
from app.sidebar import model_controls, training_axis
from app.sidebar.model_controls import Opened
from trm import registry
from trm.errors import UserError

SEED = "seed"  # the chosen seed: the value of the control


def choose(
    names: list[str], options: Options, link: dict[str, str], first: str = model_controls.DEFAULT_MODEL
) -> tuple[Opened | Opening | None, list[str]]:
    """Draw the model controls and, for a model with variants, the controls that choose one.

    Returns the chosen variant, or its `Opening` while it loads, and a list of error messages.
    """
    state = st.session_state
    if "model" not in state:  # a new session, or the session follows a link
        state.pop("seed_of", None)
        state.pop("snapshot_of", None)
        linked = link.get("model", "")
        if (model := _model_of(linked, names)) != linked:
            link["model"] = model
            state.linked_seed = state[training_axis.LINKED] = linked
    listed = [name for name in names if _model_of(name, names) == name]
    opened, mistakes = model_controls.choose(listed, options, link, first)
    for control in (seed_control, training_axis.control):
        if isinstance(opened, Opened):
            try:
                opened = control(opened, options)
            except UserError as error:
                mistakes.append(str(error))
    return opened, mistakes


def _model_of(name: str, names: list[str]) -> str:
    """Return the model in the list to which a seed or a snapshot belongs; any other name unchanged."""
    run = name.partition(f"/{registry.SNAPSHOTS}/")[0]
    model = name.partition(f"/{registry.SEEDS}/")[0]
    if run != name and run in names:
        return run
    return model if model != name and model in registry.model_names() else name


def seed_control(opened: Opened, options: Options) -> Opened | Opening:
    """Draw the choice of the seed of a bundled model if there are several, and open the chosen one.

    Raises UserError if it cannot be opened.
    """
    state, name = st.session_state, opened.source.name
    is_same, state.seed_of = state.get("seed_of") == name, name
    seeds = registry.model_seeds(name) if opened.source.is_bundled else {}
    if len(seeds) < 2:
        return opened
    if not is_same or state.get(SEED) not in seeds:
        by_name = {each: seed for seed, each in seeds.items()}
        state[SEED] = by_name.get(state.pop("linked_seed", ""), by_name[name])
    st.segmented_control(
        "Seed",
        list(seeds),
        key=SEED,
        persist_state="session",
        required=True,
        help="This model was trained several times from the same preset, each time with other random numbers. All pages use "
        "the chosen run.",
    )
    chosen = seeds[state[SEED]]
    return opened if chosen == name else model_controls.open_model(chosen, options)
