"""Attribution of the selected cell's answer to the cells of the puzzle, as a heat map over the grid."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from app.screens.interventions import cursor, figures, runs
from app.screens.interventions.runs import RunAnalysis
from app.sidebar import puzzles
from app.state.choice import Choice
from app.state.links import IN_ADDRESS
from app.ui import charts
from app.ui.analysis import result_of
from app.ui.downloads import offer
from app.ui.text import plain
from probes.interventions.attribution.results import HALTING_LOGIT, SPANS, CellEffects, attributed
from trm.progress import Progress
from trm.results import as_json
from trm.terminal import as_command

if TYPE_CHECKING:
    from trm.model import Model

CAPTION = "The figure shows which cells of the puzzle support the answer in the selected cell, after the selected step of the clean run."
SELECT = "Select a cell in the player."
METHOD_LABELS = {
    "gradients": "Integrated gradients",
    "givens": "Leave out one given",
    "units": "Leave out a row, column or box",
}
GRADIENTS = "Blue cells support the answer; orange cells oppose it. The attributions sum to the difference between the two logits."
ABLATION = "Blue givens support the answer: removing them lowers the logit. Orange givens oppose it."


@dataclass(frozen=True)
class Attribution(RunAnalysis[CellEffects]):
    """The attribution of one cell's answer, or of the halting logit, after a call of the clean run.

    The fields are parameters of `attributed`.
    """

    step: int
    cell: int  # index of the cell, or HALTING_LOGIT
    method: str
    span: str
    cycle: int | None = None
    token: int | None = None
    versus: int | None = None

    def run(self, model: "Model", progress: Progress) -> CellEffects:
        run = runs.cached_run(self.choice, model, progress)
        options = {"cycle": self.cycle, "token": self.token, "versus": self.versus}
        return attributed(
            run,
            step=self.step,
            cell=self.cell,
            method=self.method,
            span=self.span,
            **options,
            progress=progress,
        )

    @property
    def command(self) -> str:
        """The equivalent command line."""
        choice, is_halting = self.choice, self.cell == HALTING_LOGIT
        names = choice.task.symbol_names
        tokens = {"token": self.token, "versus": self.versus}
        return as_command(
            "python -m probes attribute",
            choice.command_options,
            {"halting": True} if is_halting else {"cell": cursor.cell_name(choice, self.cell)},
            {"step": self.step, "cycle": self.cycle, "method": self.method},
            {name: None if token is None else names[token] for name, token in tokens.items()},
            {} if self.span == "cycle" else {"span": self.span},
        )


def title(choice: Choice) -> str:
    return "Attribution"


def show(choice: Choice) -> None:
    """Draw controls and text on the left and the figure on the right, both close to the players above."""
    if choice.task.name not in ("sudoku", "maze"):
        st.info(
            f"Cells in {choice.task.name} puzzles cannot be blank, so they cannot be ablated.",
            icon=":material/block:",
        )
        return
    left, right = st.columns([2, 3], gap="medium")
    with left:
        st.caption(CAPTION)
        explain(choice, right)


def explain(choice: Choice, place: Any) -> None:
    """Draw the controls and the result in words. The figure is drawn in `place`."""
    method = st.pills(
        "Method", list(METHOD_LABELS), format_func=METHOD_LABELS.get, key="attribution_method", default="givens", **IN_ADDRESS, required=True,
        label_visibility="collapsed",
    )  # fmt: skip
    halting = st.toggle(
        "Halting logit", key="attribution_halting", **IN_ADDRESS,
        help="Explain the halting logit instead of the answer in the selected cell.",
    )  # fmt: skip
    span = st.pills(
        "Through", list(SPANS), format_func=SPANS.get, key="attribution_span", default="cycle", **IN_ADDRESS, required=True,
        label_visibility="collapsed",
        help="The part of the run that is recomputed, from the state at its beginning. Gradients through more calls are less accurate.",
    )  # fmt: skip
    at = cursor.current(choice)
    if at is None or (at.cell is None and not halting):
        st.info(SELECT, icon=":material/ads_click:")
        return
    step, cell = at.supervision_step, HALTING_LOGIT if halting else at.cell
    attribution = Attribution(choice, step, cell, method, span)
    result = result_of(attribution)
    if result is None:
        return
    st.markdown(f"**{plain(result.of[:1].upper() + result.of[1:])}** after step {step}. {summary(result)}")
    draw(attribution, result, place)


def summary(result: CellEffects) -> str:
    """Return sentences on the logit, the accuracy of the attribution, and how to read it."""
    if result.method != "gradients":
        return f"The logit is {result.value:.2f}. {ABLATION}"
    error = result.completeness_error
    note = f"completeness error {error:.2%}" + ("" if error < 0.01 else " (high: interpret with care)")
    return f"The logit is {result.baseline:.2f} without givens and {result.value:.2f} with them; {note}. {GRADIENTS}"


def draw(attribution: Attribution, result: CellEffects, place: Any) -> None:
    """Draw the figure in `place`, and the downloads below the controls."""
    if attribution.method == "units":
        figure = figures.units(result)
    else:
        choice, task = attribution.choice, attribution.choice.task
        symbols = [task.symbols[token] for token in puzzles.read(task, choice.puzzle)]
        figure = figures.board(result.cells, symbols, task.rows, task.columns, attribution.cell)
    with place:
        charts.show(figure, key="interventions-attribution")
    offer(
        f"attribution-{attribution.method}",
        figure=figure,
        table=result.table,
        data=as_json(result),
        command=attribution.command,
    )
