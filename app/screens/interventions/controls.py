"""The choice of an intervention: a preset experiment or custom interventions, in the widgets and in the link.

The link has three parameters: experiment (its name, "steer" or "custom"), begin (the supervision step), and do (the
steering or the custom interventions as text).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from app.screens.interventions import steering_controls
from app.screens.interventions.cursor import PLAYER
from app.screens.interventions.steering import RecordedProbes, SteeringSettings
from app.state import links
from app.state.choice import Choice
from app.state.links import IN_ADDRESS
from app.ui.text import plain
from probes.interventions.presets import EXPERIMENTS
from probes.interventions.recorded import DEFAULT_EXPERIMENT, PRESETS, recorded
from probes.interventions.sites import InterventionError
from probes.interventions.spec import OPERATIONS, parse_all
from probes.reports.interventions import without_latent
from trm.errors import UserError
from trm.terminal import as_command

CUSTOM, STEER = "custom", "steer"
TITLES = (
    {STEER: "Steer by hand"} | {key: each.title for key, each in EXPERIMENTS.items()} | {CUSTOM: "Custom"}
)
FIRST_TEXT = "noise z after 2.1.1 size 0.5 seed 0"
MAX_TEXT = 8000  # characters of interventions: a vector of 512 numbers has 5000
Z_EXPERIMENTS = ("without-z", "another-z")  # uninformative if z only repeats x
DESCRIPTIONS = {name: operation.description for name, operation in OPERATIONS.items()}
EXAMPLES = {
    "zero": "zero {state} {when} {site}{cells}",
    "noise": "noise {state} {when} {site}{cells} size 0.5 seed 0",
    "set": "set {state} {when} {site}{cells} to initial",
    "freeze": "freeze {state} at {step}-",
    "swap": "swap {when} {site}{cells}",
    "patch": "patch {state} {when} {site}{cells} from 1.1.1",
    "steer": "steer {state} {when} {site}{cells} along head:1 size 0.5",
    "skip": "skip at {site}",
    "depth": "depth from {step} n 2",
}
"""Template that the Add button inserts for each operation, except `answer`, which is inserted with the puzzle's text."""


@dataclass(frozen=True)
class InterventionRequest:
    """A preset experiment with its step, or steering or custom interventions as text."""

    experiment: str
    step: int
    text: str = ""
    problem: str = field(default="", compare=False)  # why the controls cannot be used as they are

    @property
    def is_text(self) -> bool:
        """Whether the text describes the interventions."""
        return self.experiment in (CUSTOM, STEER)

    @property
    def title(self) -> str:
        return {CUSTOM: "Intervention", STEER: "Steered run"}.get(self.experiment) or TITLES[self.experiment]

    @property
    def claim(self) -> str:
        """The result that the papers report for this experiment; "" for interventions given as text."""
        return "" if self.is_text else EXPERIMENTS[self.experiment].claim

    def command(self, choice: Choice) -> str:
        """Return the equivalent command line."""
        preset = {"experiment": self.experiment, "step": self.step}
        what = {"do": self.text} if self.is_text else preset
        return as_command("python -m probes intervene", choice.command_options, what)


def controls(choice: Choice) -> InterventionRequest:
    """Draw the row of experiments, and the question and step of the chosen experiment."""
    _restore(choice)
    state = st.session_state
    st.pills(
        "Experiment",
        list(TITLES),
        format_func=TITLES.get,
        key="experiment",
        label_visibility="collapsed",
        required=True,
        on_change=_use_default_step,
    )
    key = state.chosen_experiment
    if key == CUSTOM:
        return InterventionRequest(CUSTOM, 1, _custom(choice))
    if key == STEER:
        return InterventionRequest(STEER, 1, *steering_controls.controls(choice))
    experiment = EXPERIMENTS[key]
    row = st.container(horizontal=True, vertical_alignment="center", key="experiment_line")
    row.markdown(plain(experiment.question), width="stretch")
    if key in Z_EXPERIMENTS and choice.source.is_bundled:
        result = recorded(choice.source.name, PRESETS)
        for remark in without_latent({choice.source.name: result} if result else {}):
            st.caption(plain(remark))
    if experiment.has_step and choice.depth.N_sup > 1:
        row.markdown(
            "From step",
            help="The experiment starts at the beginning of this supervision step.",
            width="content",
        )
        row.number_input(
            "From step",
            1,
            choice.depth.N_sup,
            key="experiment_step",
            on_change=_remember_step,
            label_visibility="collapsed",
            width=140,
        )
    return InterventionRequest(key, _step(choice))


def write_link(request: InterventionRequest) -> None:
    """Write the request into the address."""
    links.write(
        {
            "experiment": request.experiment,
            "begin": None if request.is_text else str(request.step),
            "do": request.text if request.is_text else None,
        }
    )


def _restore(choice: Choice) -> None:
    """Set the state of the widgets before they are drawn: from the link, the last visit, or the defaults."""
    state, link = st.session_state, links.opened_with()
    if "chosen_experiment" not in state or "experiment" in link:
        name, text = link.pop("experiment", DEFAULT_EXPERIMENT), link.pop("do", "")[:MAX_TEXT]
        if name == STEER and text and not _open_steering(choice, text):
            name = CUSTOM
        state.chosen_experiment = name if name in TITLES else DEFAULT_EXPERIMENT
        state.chosen_text = text if text and name == CUSTOM else FIRST_TEXT
        state.pop("custom_interventions", None)
        state.chosen_step = (
            links.parse_number(link.pop("begin", ""), most=choice.depth.N_sup, otherwise=0) or _default_step()
        )
    state.experiment = state.chosen_experiment
    state.experiment_step = _step(choice)
    if "custom_interventions" not in state:
        state.custom_interventions = state.chosen_text


def _open_steering(choice: Choice, text: str) -> bool:
    """Set the controls of a steering from a link. Returns False if they cannot show this text."""
    steering, probes = SteeringSettings.of(text), RecordedProbes.of(choice.source)
    if steering is None or not (probes is None or probes.has(steering)):
        return False
    steering_controls.open_with(steering)
    return True


def _default_step() -> int:
    experiment = EXPERIMENTS.get(st.session_state.chosen_experiment)
    return experiment.step if experiment else 1


def _step(choice: Choice) -> int:
    return min(st.session_state.chosen_step, choice.depth.N_sup)


def _remember_step() -> None:
    st.session_state.chosen_step = st.session_state.experiment_step


def _use_default_step() -> None:
    state = st.session_state
    state.chosen_experiment = state.experiment
    state.chosen_step = _default_step()


# ---- custom interventions


def _custom(choice: Choice) -> str:
    """Draw the text field for custom interventions, and controls that help to write them."""
    text, build = st.columns([3, 2], gap="medium")
    text.text_area(
        "Interventions, one per line",
        key="custom_interventions",
        height=132,
        max_chars=MAX_TEXT,
        on_change=lambda: st.session_state.update(chosen_text=st.session_state.custom_interventions),
        help="A site is supervision step.cycle.call; `*` means all, and `4-` means 4 and later. Ctrl+Enter runs the interventions.",
    )
    with build:
        row = st.columns([3, 2])
        row[0].selectbox(
            "Operation",
            list(DESCRIPTIONS),
            key="operation",
            **IN_ADDRESS,
            format_func=lambda name: f"{name}: {DESCRIPTIONS[name]}",
        )
        row[1].segmented_control(
            "State", ["y", "z", "yz"], key="operation_state", default="z", **IN_ADDRESS, required=True
        )
        row = st.columns([3, 2], vertical_alignment="bottom")
        site, cells = _site(choice)
        row[0].segmented_control(
            "When", ["before", "after"], key="operation_when", default="after", **IN_ADDRESS, required=True,
            help="Intervene before or after the call shown in the player. If a cell is selected, only its state is changed.",
        )  # fmt: skip
        row[1].button(
            "Add",
            key="add_change",
            icon=":material/add:",
            on_click=_add,
            args=(choice, site, cells),
            width="stretch",
        )
        st.caption(
            f"Add uses call {site} and {f'cell {cells}' if cells else 'all cells'}. To choose others, step to another call in the player or click another cell."
        )
    return st.session_state.chosen_text


def _site(choice: Choice) -> tuple[str, str]:
    """Return the player's call and selected cell, in the notation of interventions."""
    view = links.current_view(PLAYER) or {}
    step, cycle, call = (int(view.get(name, 1)) for name in ("supervision_step", "cycle", "call"))
    depth = choice.depth
    site = f"{min(step, depth.N_sup)}.{min(cycle, depth.T)}.{min(call, depth.n + 1)}"
    cell = view.get("cell")
    return site, f"r{cell[0] + 1}c{cell[1] + 1}" if cell else ""


def _add(choice: Choice, site: str, cells: str) -> None:
    state = st.session_state
    name = state.operation
    values = {
        "state": state.operation_state,
        "when": state.operation_when,
        "site": site,
        "step": site.partition(".")[0],
        "cells": f" in {cells}" if cells else "",
    }
    line = (
        f"answer {values['when']} {site} is {choice.puzzle}"
        if name == "answer"
        else EXAMPLES[name].format(**values)
    )
    before = state.custom_interventions.strip()
    state.custom_interventions = state.chosen_text = f"{before}\n{line}" if before else line


def checked(request: InterventionRequest, report: Callable[[str], Any]) -> bool:
    """Return whether the text of a request is valid. If it is not, the error is passed to `report`."""
    if request.problem:
        report(request.problem)
    if request.experiment != CUSTOM:
        return not request.problem
    try:
        interventions = parse_all(request.text)
        if not interventions:
            raise InterventionError("There is no intervention yet. Write one, or add one with the button.")
        if any(each.direction.startswith("probe:") for each in interventions):
            raise InterventionError(
                "Directions from probe files work only on the command line, because the page opens no files on the server."
            )
    except UserError as error:
        report(str(error))
        return False
    return True
