"""Controls of the Probes page: the settings of a new experiment, and the state and step whose probes are shown."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from app.screens.probes import figures, texts
from app.screens.probes.source import STATES, LoadedExperiment, ProbeFit
from app.sidebar import dataset
from app.sidebar.model_controls import Opened
from app.state.links import IN_ADDRESS
from app.ui.analysis import Panel
from probes.linear.experiment import views
from probes.linear.target_groups import default_targets, groups_of
from trm.tasks import task_of

STEPS = (1, 2, 4)
"""Default steps. 16 steps on 200 puzzles take 5 TFLOP with sudoku-trm (25 s on two cores), which is over the budget."""
OPEN = "probes_open"  # session key: whether the settings of a new fit are open


def fit_controls(model: Opened, panel: Panel) -> None:
    """Draw the settings of a new experiment, and the button that starts it."""
    task, state = task_of(model.config), st.session_state
    groups = {group.name: group for group in groups_of(task)}
    if state.get("probes_of") != model.source.name:
        state.probes_of = model.source.name
        state.probes_targets = list(default_targets(task))
        last = model.config.N_sup
        state.probes_steps = [step for step in STEPS if step <= last] or [last]
    targets = st.multiselect(
        "Targets",
        list(groups),
        key="probes_targets",
        **IN_ADDRESS,
        format_func=target_label,
        help="What the probes decode. Each target is explained below.",
    )
    st.caption("  \n".join(f"**{target_label(name)}**: {groups[name].meaning}" for name in targets))
    left, right = st.columns(2)
    states = left.segmented_control(
        "States",
        STATES,
        default=list(STATES),
        selection_mode="multi",
        key="probes_states",
        **IN_ADDRESS,
        help="The states to probe.",
    )
    steps = right.multiselect(
        "After supervision step",
        list(range(1, model.config.N_sup + 1)),
        key="probes_steps",
        **IN_ADDRESS,
        help="The model runs up to the last of these steps. Later steps take longer.",
    )
    puzzles = dataset.choose(task, "probes", stores=True)
    left, right = st.columns(2)
    random = left.selectbox(
        "Untrained network",
        ("first", "all", "none"),
        format_func={"first": "at the first step", "all": "at every step", "none": "skip"}.get,
        key="probes_random",
        **IN_ADDRESS,
        help="Baseline: probes of the same network with random weights. At every step, this takes as long as the model's own run.",
    )
    control = right.toggle(
        "Control task",
        value=True,
        key="probes_control",
        **IN_ADDRESS,
        help="Also fit probes to random labels (Hewitt & Liang 2019). Doubles the number of probes.",
    )
    code_length = right.toggle(
        "Description length",
        key="probes_code_length",
        **IN_ADDRESS,
        help="MDL by online coding, for targets with classes. Fits about ten more probes per target.",
    )
    if puzzles is None:
        return
    fit = ProbeFit(
        model.source,
        puzzles,
        tuple(targets),
        tuple(name for name in STATES if name in states),
        tuple(sorted(steps)),
        random,
        control,
        code_length,
    )
    panel.button("Fit probes", fit, fit.cost(model.config), key="probes_fit")


def choose_state(experiment: LoadedExperiment, key: str = "probes_state") -> str:
    """Draw the choice between the states that were probed."""
    return st.segmented_control(
        "State",
        experiment.states,
        default=experiment.states[0],
        key=key,
        **IN_ADDRESS,
        required=True,
        help=texts.STATE,
    )


def choose_time_point(experiment: LoadedExperiment, place: Any = st) -> int:
    """Draw a slider over the experiment's time points in `place`. Returns the index of the chosen time point, from 0."""
    labels = views.labels_of(experiment.summary)
    if len(labels) == 1:
        return 0
    drop_invalid_choices(probes_time_point=labels)
    chosen = place.select_slider(
        figures.step_axis_title(labels).capitalize(),
        labels,
        labels[-1],
        key="probes_time_point",
        **IN_ADDRESS,
        help="The step after which the state is probed.",
    )
    return labels.index(chosen)


def drop_invalid_choices(**options: Sequence[str]) -> None:
    """Reset widgets whose value is not among the options for this model or target. Call this before they are drawn."""
    for key, values in options.items():
        if st.session_state.get(key) not in values:
            st.session_state.pop(key, None)


def target_label(name: str) -> str:
    """Return a target's name as displayed."""
    return name.replace("_", " ")
