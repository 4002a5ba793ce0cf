"""Attribution of the selected cell's answer to the cells of the puzzle, as a heat map over the grid."""

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

import streamlit as st

from app.screens.interventions import cursor, figures, runs
from app.server import shared
from app.server.jobs import Work
from app.server.opening import torch_threads
from app.sidebar import puzzles
from app.state.choice import Choice
from app.state.links import IN_ADDRESS
from app.ui import charts, progress
from app.ui.downloads import offer
from app.ui.text import plain
from probes.interventions.attribution.results import HALTING_LOGIT, SPANS, attributed

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from trm.model import Model

CAPTION = (
    "Which cells of the puzzle support the answer in one cell, in the clean run. Select a cell in the player and a step; the "
    "figure updates."
)
SELECT = "Select a cell in the player."
METHOD_LABELS = {
    "gradients": "Integrated gradients",
    "givens": "Leave out one given",
    "units": "Leave out a row, column or box",
}
GRADIENTS = "Blue cells support the answer, orange cells oppose it. The attributions sum to the difference from the puzzle without givens."
ABLATION = "Blue: removing these givens lowers the logit, so they support the answer. Orange: they oppose it."


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


def explain(choice: Choice, place: "DeltaGenerator") -> None:
    """Draw the controls and the result in words; the figure is drawn in `place`."""
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
        help="Part of the run to recompute, from the state at its beginning. Gradients through more calls are less accurate.",
    )  # fmt: skip
    at = cursor.current(choice)
    if at is None or (at.cell is None and not halting):
        st.info(SELECT, icon=":material/ads_click:")
        return
    step, cell = at.supervision_step, HALTING_LOGIT if halting else at.cell
    opening = shared.models().ask(choice.source)
    if opening.model is None:
        st.info("Loading the model.", icon=":material/hourglass_empty:")
        return
    result = progress.result_of(*job(choice, opening.model, step, cell, method, span))
    if result is None:
        return
    st.markdown(
        f"**{plain(result['of'][:1].upper() + result['of'][1:])}** after step {step}. {summary(result)}"
    )
    draw(choice, result, cell, place)


def job(
    choice: Choice, model: "Model", step: int, cell: int, method: str, span: str
) -> tuple[Hashable, Work]:
    def work(progress: Any) -> dict[str, Any]:
        with torch_threads(model):
            run = runs.cached_run(choice, model, progress)
            return attributed(run, step=step, cell=cell, method=method, span=span, progress=progress)

    return ("attribution", model.fingerprint, choice.run, step, cell, method, span), work


def summary(result: dict[str, Any]) -> str:
    """Sentences on the logit, the accuracy of the attribution, and how to read it."""
    if result["method"] != "gradients":
        return f"Logit: {result['value']:.2f}. {ABLATION}"
    error = result["completeness_error"]
    note = f"completeness error {error:.2%}" + ("" if error < 0.01 else " (high: interpret with care)")
    return f"Logit: {result['baseline']:.2f} without givens, {result['value']:.2f} with them; {note}. {GRADIENTS}"


def draw(choice: Choice, result: dict[str, Any], cell: int, place: "DeltaGenerator") -> None:
    if result["method"] == "units":
        figure = figures.units(result)
    else:
        task = choice.task
        symbols = [task.symbols[token] for token in puzzles.read(task, choice.puzzle)]
        figure = figures.board(result["cells"], symbols, task.rows, task.columns, cell)
    with place:
        charts.show(figure, key="interventions-attribution")
    offer(
        f"attribution-{result['method']}",
        figure=figure,
        table=result["table"],
        data=result,
        command=command(choice, result, cell),
    )


def command(choice: Choice, result: dict[str, Any], cell: int) -> str:
    """The equivalent command."""
    target = (
        "--halting"
        if cell == HALTING_LOGIT
        else f"--cell r{cell // choice.task.columns + 1}c{cell % choice.task.columns + 1}"
    )
    words = f"python -m probes attribute --model {choice.source.spec} --puzzle '{choice.puzzle}' {target} --step {result['step']}"
    return f"{words} --method {result['method']}{'' if result['span'] == 'cycle' else ' --span ' + result['span']}"
