"""Activation patching, as a heat map: which cell's state, at which step, affects the answer in the selected cell."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from app.screens.interventions import cursor, figures, runs
from app.screens.interventions.attribution import SELECT
from app.screens.interventions.runs import RunAnalysis
from app.state.choice import Choice
from app.state.links import IN_ADDRESS
from app.ui import charts
from app.ui.analysis import Panel
from app.ui.downloads import offer
from app.ui.estimates import Cost
from app.ui.text import plain
from trm.config import ModelConfig
from trm.progress import Progress, part_of
from trm.terminal import as_command

if TYPE_CHECKING:
    from trm.model import Model

CAPTION = (
    "At the end of a step, the state of one cell is patched from a run on another puzzle, and the run continues for one step. The "
    "colour shows how this changes the log odds of the selected cell's answer: an orange patch lowers them. Select a cell in the player."
)


@dataclass(frozen=True)
class PatchingMap(RunAnalysis[dict[str, Any]]):
    """The effects on one cell's answer of patching every cell's state, at the end of every step up to `last_step`."""

    cell: int
    state: str
    last_step: int

    @property
    def cell_name(self) -> str:
        return cursor.cell_name(self.choice, self.cell)

    def cost(self, config: ModelConfig) -> Cost:
        """The cost of two runs, and of one step for each patch."""
        return Cost.of_runs("sweep", config, 2 + self.last_step * self.choice.task.cells / config.N_sup)

    def run(self, model: "Model", progress: Progress) -> dict[str, Any]:
        from probes.interventions.fork import cache_run
        from probes.interventions.patching import patch_map
        from probes.interventions.presets import another_puzzle

        choice, task = self.choice, self.choice.task
        run = runs.cached_run(choice, model, part_of(progress, 0.0, 0.1))
        inputs = another_puzzle(task, run.inputs)
        other = cache_run(model, task, inputs, depth=choice.depth, progress=part_of(progress, 0.1, 0.2))
        patches = patch_map(
            run,
            other,
            self.cell,
            state=self.state,
            steps=range(1, self.last_step + 1),
            progress=part_of(progress, 0.2, 1.0),
        )
        return {
            "other": task.format(inputs),
            "token": task.symbols[patches.token],
            "steps": list(patches.steps),
            "state": self.state,
            "effect": patches.effect.tolist(),
            "table": patches.columns(),
        }

    def command(self, other: str) -> str:
        """Return the equivalent command line, with the puzzle from which states are patched."""
        return as_command(
            "python -m probes sweep patching",
            self.choice.command_options,
            {"other": other},
            {"cell": self.cell_name, "state": self.state, "steps": f"1-{self.last_step}"},
        )


def title(choice: Choice) -> str:
    return "Patching"


def show(choice: Choice) -> None:
    """Draw the controls and the patching map of the selected cell."""
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
        help="The states are patched at the end of each supervision step from 1 to this one, separately.",
    )
    panel = Panel("patching", models=(choice.source,), about=choice)
    patching = PatchingMap(choice, cell, state, last)
    panel.button("Compute", patching, patching.cost(choice.config), key="patching_compute", place=row)
    requested = panel.requested
    if requested is None:
        st.caption(f"Selected: {patching.cell_name}.")
        return
    if requested.cell != cell:
        st.caption(f"Selected now: {patching.cell_name}. Press Compute to update.")
    result = panel.result()
    if result is not None:
        draw(requested, result)


def draw(patching: PatchingMap, result: dict[str, Any]) -> None:
    """Draw the patching map and its downloads."""
    name = patching.cell_name
    st.markdown(
        f"**{plain(result['token'])} in {name}**, with {patching.state} patched in one cell at a time. The frame marks the selected cell."
    )
    figure = figures.patching(result, patching.choice.task.columns, patching.cell)
    charts.show(figure, key="interventions-patching")
    offer(
        f"patching-{name}",
        figure=figure,
        table=result["table"],
        data=result,
        command=patching.command(result["other"]),
    )
