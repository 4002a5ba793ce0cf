"""Attribution on the page: what in the puzzle the selected cell's answer is due to, as heat over the grid."""

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

CAPTION = "What the answer of one cell is due to, in the run that was left alone. Select a cell in the player and step: it follows."
SELECT = "Select a cell in the player."
METHOD_LABELS = {
    "gradients": "Integrated gradients",
    "givens": "Each given taken away",
    "units": "Row, column, box taken away",
}
GRADIENTS = "Blue cells speak for the answer, orange ones against it; all together they make the difference to the puzzle without givens."
ABLATION = "Blue: without it the logit is lower, so it spoke for the answer. Orange: it spoke against it."


def title(choice: Choice) -> str:
    return "Attribution"


def show(choice: Choice) -> None:
    """What is request and told on the left, the figure on the right: both close to the players above."""
    if choice.task.name not in ("sudoku", "maze"):
        st.info(
            f"Cells of {choice.task.name} puzzles cannot be blank, so nothing can be taken away.",
            icon=":material/block:",
        )
        return
    words, place = st.columns([2, 3], gap="medium")
    with words:
        st.caption(CAPTION)
        explain(choice, place)


def explain(choice: Choice, place: "DeltaGenerator") -> None:
    """Asks what is to be explained; draws it in `place`."""
    chosen = st.pills(
        "Method", list(METHOD_LABELS), format_func=METHOD_LABELS.get, key="attribution_method", default="givens", **IN_ADDRESS, required=True,
        label_visibility="collapsed",
    )  # fmt: skip
    halting = st.toggle("The halting logit instead", key="attribution_halting", **IN_ADDRESS)
    span = st.pills(
        "Through", list(SPANS), format_func=SPANS.get, key="attribution_span", default="cycle", **IN_ADDRESS, required=True,
        label_visibility="collapsed",
        help="From the state that the run had at the beginning of that. Gradients through more calls are rougher.",
    )  # fmt: skip
    at = cursor.current(choice)
    if at is None or (at.cell is None and not halting):
        st.info(SELECT, icon=":material/ads_click:")
        return
    step, cell = at.supervision_step, HALTING_LOGIT if halting else at.cell
    opening = shared.models().ask(choice.source)
    if opening.model is None:
        st.info("The model is being loaded.", icon=":material/hourglass_empty:")
        return
    result = progress.result_of(*job(choice, opening.model, step, cell, chosen, span))
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
    """What the numbers are worth."""
    if result["method"] != "gradients":
        return f"It is {result['value']:.2f}. {ABLATION}"
    error = result["completeness_error"]
    worth = f"the sum misses that difference by {error:.2%}" + ("" if error < 0.01 else ": take it with care")
    return f"From {result['baseline']:.2f} without givens to {result['value']:.2f}; {worth}. {GRADIENTS}"


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
    what = (
        "--halting"
        if cell == HALTING_LOGIT
        else f"--cell r{cell // choice.task.columns + 1}c{cell % choice.task.columns + 1}"
    )
    words = f"python -m probes attribute --model {choice.source.spec} --puzzle '{choice.puzzle}' {what} --step {result['step']}"
    return f"{words} --method {result['method']}{'' if result['span'] == 'cycle' else ' --span ' + result['span']}"
