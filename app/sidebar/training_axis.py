"""The training axis of a model: a slider over the snapshots of its run. The chosen snapshot is the model of all pages.

The folder of the run is read again whenever the page is drawn, so a run can be followed while it trains.
"""

from pathlib import Path

import streamlit as st

from app.server.models import ModelSource
from app.server.opening import Opening
from app.server.options import Options
from app.sidebar import model_controls
from app.sidebar.model_controls import Opened
from trm import registry
from trm.registry import Snapshot, run_snapshots

KEY = "snapshot"  # the number of the chosen snapshot
NEWEST = "newest_snapshot"  # the number of the newest, which is followed as long as it is the chosen one
PLACE = "snapshot_place"  # its place on the axis, from 1: the value of the slider
LINKED = "linked_snapshot"  # the name of the snapshot that a link chooses
LABELS = {"update": "Training update", "step": "Training step", "epoch": "Training epoch"}


def control(opened: Opened, options: Options) -> Opened | Opening:
    """Draw the slider of a model if its run has several snapshots, and open the chosen one.

    Raises UserError if it cannot be opened.
    """
    state, own = st.session_state, weights_of(opened.source)
    is_same, state.snapshot_of = state.get("snapshot_of") == opened.source.name, opened.source.name
    axis = snapshots_of(opened.source, options)
    if not axis:
        return opened
    names = {snapshot.number: name for name, snapshot in axis.items()}
    newest = next((each.number for each in axis.values() if each.weights == own), max(names))
    if not is_same or state.get(KEY) not in names or state[KEY] == state.get(NEWEST):
        linked = axis.get(state.pop(LINKED, ""))
        state[KEY] = linked.number if linked else newest
    state[NEWEST] = newest
    numbers = list(names)
    state[PLACE] = numbers.index(state[KEY]) + 1
    unit = next(iter(axis.values())).unit
    st.slider(
        f"{LABELS[unit]} {state[KEY]:,}",
        1,
        len(numbers),
        key=PLACE,
        format=f"%d of {len(numbers)}",
        on_change=_take_place,
        args=(numbers,),
        help="Snapshots of the model's training. All pages use the chosen one.",
    )
    if state[KEY] == newest:
        return opened
    if opened.source.accepted:
        model_controls.accept(names[state[KEY]])
    return model_controls.open_model(names[state[KEY]], options)


def _take_place(numbers: list[int]) -> None:
    """Callback of the slider, which was drawn over these snapshots."""
    select(numbers[st.session_state[PLACE] - 1])


def select(number: int) -> None:
    """Callback: choose a snapshot."""
    st.session_state[KEY] = number


def snapshots_of(source: ModelSource, options: Options) -> dict[str, Snapshot]:
    """Return the snapshots of the run to which a model belongs, by the name under which they open, earliest first."""
    weights = weights_of(source)
    return {} if weights is None else {_name(each, source, options): each for each in run_snapshots(weights)}


def weights_of(source: ModelSource) -> Path | None:
    """Return the weights file of a model; None for hub repositories."""
    if source.is_bundled:
        return registry.models_folder() / source.name / "model.safetensors"
    return Path(source.spec) if source.kind == "file" else None


def _name(snapshot: Snapshot, source: ModelSource, options: Options) -> str:
    is_own = snapshot.weights.name == "model.safetensors"
    path = snapshot.weights.parent if is_own else snapshot.weights
    root = registry.models_folder() if source.is_bundled else Path(source.base)
    if source.is_bundled or root in options.model_dirs:
        return path.relative_to(root).as_posix()
    return str(path)
