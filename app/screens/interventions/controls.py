"""What a person does to a run: a ready-made experiment, or interventions of their own. In the widgets, and in the link.

experiment  its name, or "own"      begin  the supervision step      do  interventions of one's own, as text
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from app.screens.interventions import cursor
from app.state import links
from app.state.choice import Choice
from app.state.links import IN_ADDRESS
from app.ui.text import plain
from probes.interventions.presets import EXPERIMENTS
from probes.interventions.recorded import DEFAULT_EXPERIMENT, recorded
from probes.interventions.sites import InterventionError
from probes.interventions.spec import OPERATIONS, parse_all
from probes.reports.interventions import without_latent
from trm.errors import UserError

OWN = "own"
FIRST_OWN = "noise z after 2.1.1 size 0.5 seed 0"
MAX_TEXT = 4000  # characters of interventions
Z_EXPERIMENTS = ("without-z", "another-z")  # experiments that say nothing where z is x once more
DESCRIPTIONS = {name: operation.does for name, operation in OPERATIONS.items()}
EXAMPLES = {
    "zero": "zero {state} {when} {place}{cells}",
    "noise": "noise {state} {when} {place}{cells} size 0.5 seed 0",
    "set": "set {state} {when} {place}{cells} to initial",
    "freeze": "freeze {state} at {step}-",
    "swap": "swap {when} {place}{cells}",
    "patch": "patch {state} {when} {place}{cells} from 1.1.1",
    "move": "move {state} {when} {place}{cells} along head:1 size 0.5",
    "skip": "skip at {place}",
    "depth": "depth from {step} n 2",
}
"""How each operation is begun; the person changes the numbers in the text. `answer` is begun with the puzzle's own answer."""


@dataclass(frozen=True)
class InterventionRequest:
    """One of the experiments (with its step) or a text of interventions."""

    experiment: str
    step: int
    text: str = ""

    @property
    def title(self) -> str:
        return "Changed" if self.experiment == OWN else EXPERIMENTS[self.experiment].title

    @property
    def claim(self) -> str:
        """What the papers say of it."""
        return "" if self.experiment == OWN else EXPERIMENTS[self.experiment].claim

    def command(self, choice: Choice) -> str:
        """What does the same without a browser."""
        what = (
            f"--do '{self.text}'"
            if self.experiment == OWN
            else f"--experiment {self.experiment} --step {self.step}"
        )
        return f"python -m probes intervene --model {choice.source.spec} --puzzle '{choice.puzzle}' {what}"


def controls(choice: Choice) -> InterventionRequest:
    """The row of experiments, what the chosen one is about, and where it begins."""
    _restore(choice)
    state = st.session_state
    st.pills(
        "Experiment",
        [*EXPERIMENTS, OWN],
        format_func=lambda key: "Your own" if key == OWN else EXPERIMENTS[key].title,
        key="experiment",
        label_visibility="collapsed",
        required=True,
        on_change=_use_default_step,
    )
    key = state.chosen_experiment
    if key == OWN:
        return InterventionRequest(OWN, 1, _own(choice))
    experiment = EXPERIMENTS[key]
    row = st.container(horizontal=True, vertical_alignment="center", key="experiment_line")
    row.markdown(plain(experiment.question), width="stretch")
    if key in Z_EXPERIMENTS and choice.source.is_bundled:
        for remark in without_latent({choice.source.name: recorded(choice.source.name, "experiments") or {}}):
            st.caption(plain(remark))
    if experiment.has_step and choice.depth.N_sup > 1:
        row.markdown("From step", help="The supervision step at whose beginning it is done.", width="content")
        row.number_input(
            "From step",
            1,
            choice.depth.N_sup,
            key="begin_at",
            on_change=_remember_step,
            label_visibility="collapsed",
            width=140,
        )
    return InterventionRequest(key, _step(choice))


def write_link(request: InterventionRequest) -> None:
    own = request.experiment == OWN
    links.write(
        {
            "experiment": request.experiment,
            "begin": None if own else str(request.step),
            "do": request.text if own else None,
        }
    )


def _restore(choice: Choice) -> None:
    """Before the widgets are drawn: from the link, from before, or the first experiment."""
    state, link = st.session_state, links.opened_with()
    if "chosen_experiment" not in state:
        request = link.pop("experiment", DEFAULT_EXPERIMENT)
        state.chosen_experiment = request if request in EXPERIMENTS or request == OWN else DEFAULT_EXPERIMENT
        state.chosen_changes = link.pop("do", "")[:MAX_TEXT] or FIRST_OWN
        state.chosen_step = (
            links.number(link.pop("begin", ""), most=choice.depth.N_sup, otherwise=0) or _default_step()
        )
    state.experiment = state.chosen_experiment
    state.begin_at = _step(choice)
    if "own_changes" not in state:
        state.own_changes = state.chosen_changes


def _default_step() -> int:
    experiment = EXPERIMENTS.get(st.session_state.chosen_experiment)
    return experiment.step if experiment else 1


def _step(choice: Choice) -> int:
    return min(st.session_state.chosen_step, choice.depth.N_sup)


def _remember_step() -> None:
    st.session_state.chosen_step = st.session_state.begin_at


def _use_default_step() -> None:
    state = st.session_state
    state.chosen_experiment = state.experiment
    state.chosen_step = _default_step()


# ---- one's own


def _own(choice: Choice) -> str:
    """The text of interventions, and what helps to write one."""
    text, build = st.columns([3, 2], gap="medium")
    text.text_area(
        "Interventions, one a line",
        key="own_changes",
        height=132,
        max_chars=MAX_TEXT,
        on_change=lambda: st.session_state.update(chosen_changes=st.session_state.own_changes),
        help="Where: supervision step.cycle.call, `*` for all, `4-` from there on. Ctrl+Enter runs it.",
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
        place, cells = _place(choice)
        row[0].segmented_control(
            "When", ["before", "after"], key="operation_when", default="after", **IN_ADDRESS, required=True,
            help="The place on which the player stands, and its selected cell if one is selected.",
        )  # fmt: skip
        row[1].button(
            "Add",
            key="add_change",
            icon=":material/add:",
            on_click=_add,
            args=(choice, place, cells),
            width="stretch",
        )
        st.caption(
            f"At call {place}, cells: {cells or 'all'}. Step in the player and click a cell to choose others."
        )
    return st.session_state.chosen_changes


def _place(choice: Choice) -> tuple[str, str]:
    """Where the player stands, and the selected cell, as interventions name them."""
    view = st.session_state.get(cursor.REPORTED) or {}
    step, cycle, call = (int(view.get(name, 1)) for name in ("supervision_step", "cycle", "call"))
    depth = choice.depth
    place = f"{min(step, depth.N_sup)}.{min(cycle, depth.T)}.{min(call, depth.n + 1)}"
    cell = view.get("cell")
    return place, f"r{cell[0] + 1}c{cell[1] + 1}" if cell else ""


def _add(choice: Choice, place: str, cells: str) -> None:
    state = st.session_state
    name = state.operation
    values = {
        "state": state.operation_state,
        "when": state.operation_when,
        "place": place,
        "step": place.partition(".")[0],
        "cells": f" in {cells}" if cells else "",
    }
    line = (
        f"answer {values['when']} {place} is {choice.puzzle}"
        if name == "answer"
        else EXAMPLES[name].format(**values)
    )
    before = state.own_changes.strip()
    state.own_changes = state.chosen_changes = f"{before}\n{line}" if before else line


def checked(request: InterventionRequest, progress: Callable[[str], Any]) -> bool:
    """Whether what was typed can be read; tells what is wrong where it cannot."""
    if request.experiment != OWN:
        return True
    try:
        changes = parse_all(request.text)
        if not changes:
            raise InterventionError("There is no intervention yet. Write one, or add one with the button.")
        if any(change.direction.startswith("probe:") for change in changes):
            raise InterventionError(
                "Directions of probe files are for the command line: a page opens no files of the server."
            )
    except UserError as error:
        progress(str(error))
        return False
    return True
