"""Activation patching on the page: which cell's state, at which step, matters to the selected cell? A heat map."""

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

import streamlit as st

from app.screens.interventions import cursor, figures, runs
from app.screens.interventions.attribution import SELECT
from app.server import shared
from app.server.jobs import Work
from app.server.opening import torch_threads
from app.state.choice import Choice
from app.state.links import IN_ADDRESS
from app.ui import charts, progress
from app.ui.downloads import offer
from app.ui.estimates import Cost
from app.ui.text import plain

if TYPE_CHECKING:
    from trm.model import Model

CAPTION = (
    "At the end of a step, one cell's state is patched from a run on another puzzle, and the run continues for one step. Colour: "
    "change in the log odds of the selected cell's answer. Orange: the patch lowers them. Select a cell in the player."
)


def title(choice: Choice) -> str:
    return "Patching"


def show(choice: Choice) -> None:
    st.caption(CAPTION)
    at = cursor.current(choice)
    if at is None or at.cell is None:
        st.info(SELECT, icon=":material/ads_click:")
        return
    cell = at.cell
    row = st.container(horizontal=True, vertical_alignment="bottom")
    state = row.segmented_control(
        "State", ["y", "z", "yz"], key="patching_state", default="z", **IN_ADDRESS, required=True,
        help="The state to patch.",
    )  # fmt: skip
    last = row.slider(
        "Last step",
        1,
        max(choice.depth.N_sup - 1, 2),
        min(4, max(choice.depth.N_sup - 1, 2)),
        key="patching_steps",
        **IN_ADDRESS,
        help="Patch at the end of every supervision step from 1 to this one.",
    )
    steps = last * choice.task.cells / choice.config.N_sup
    st.caption(Cost.of_runs("sweep", choice.config, 2 + steps).estimate())
    row.button(
        "Compute",
        key="patching_compute",
        type="primary",
        on_click=lambda: st.session_state.update(
            patching_request=(choice.run, cell, state, last), patching_pressed=True
        ),
    )
    request = st.session_state.get("patching_request")
    opening = shared.models().ask(choice.source)
    if request is None or request[0] != choice.run or opening.model is None:
        st.caption(f"Selected: {_name(choice, cell)}.")
        return
    if request[1] != cell:
        st.caption(f"Selected now: {_name(choice, cell)}. Press Compute to update.")
    pressed = st.session_state.pop("patching_pressed", False)
    result = progress.result_of(*job(choice, opening.model, *request[1:]), restart=pressed)
    if result is not None:
        draw(choice, result, request[1])


def job(choice: Choice, model: "Model", cell: int, state: str, last: int) -> tuple[Hashable, Work]:
    def work(progress: Any) -> dict[str, Any]:
        from probes.interventions.fork import cache_run
        from probes.interventions.patching import patch_map
        from probes.interventions.presets import another_puzzle
        from probes.interventions.sweeps import sub_progress

        with torch_threads(model):
            run = runs.cached_run(choice, model, sub_progress(progress, 0.0, 0.1))
            inputs = another_puzzle(choice.task, run.inputs)
            other = cache_run(
                model, choice.task, inputs, depth=choice.depth, progress=sub_progress(progress, 0.1, 0.2)
            )
            patches = patch_map(
                run,
                other,
                cell,
                state=state,
                steps=range(1, last + 1),
                progress=sub_progress(progress, 0.2, 1.0),
            )
        return {
            "other": choice.task.format(inputs),
            "token": choice.task.symbols[patches.token],
            "steps": list(patches.steps),
            "state": state,
            "effect": patches.effect.tolist(),
            "table": patches.columns(),
        }

    return ("patching", model.fingerprint, choice.run, cell, state, last), work


def draw(choice: Choice, result: dict[str, Any], cell: int) -> None:
    st.markdown(
        f"**{plain(result['token'])} in {_name(choice, cell)}**, {result['state']} patched one cell at a time. The frame marks the selected cell."
    )
    figure = figures.patching(result, choice.task.columns, cell)
    charts.show(figure, key="interventions-patching")
    command = (
        f"python -m probes sweep patching --model {choice.source.spec} --puzzle '{choice.puzzle}' --other '{result['other']}' "
        f"--cell {_name(choice, cell)} --state {result['state']} --steps 1-{result['steps'][-1]}"
    )
    offer(
        f"patching-{_name(choice, cell)}", figure=figure, table=result["table"], data=result, command=command
    )


def _name(choice: Choice, cell: int) -> str:
    return f"r{cell // choice.task.columns + 1}c{cell % choice.task.columns + 1}"
