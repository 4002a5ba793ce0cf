"""Halting page: when a model halts, and whether that is right. Shows one model on many puzzles, one figure at a time."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

import streamlit as st

from app.screens.halting import figures, puzzles, run_figures, tables, texts, training, training_run
from app.screens.halting import source as sources
from app.screens.halting.source import HaltingResult
from app.server.options import server_options
from app.sidebar import sidebar
from app.sidebar.model_controls import Opened
from app.state.links import IN_ADDRESS
from app.ui import charts, downloads
from app.ui.analysis import Panel
from app.ui.text import percent
from probes.halting.calibration import UNDECIDED
from probes.halting.report import HaltingAnalysis, report
from probes.halting.runs import table

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

TITLE = "### Does the model know when it is done?"
WIDTHS = (2.4, 1)  # relative widths of the figure and the text beside it


def page() -> None:
    """Draw the page."""
    opened = sidebar.model_sidebar(server_options())
    if opened is None:
        return
    halting(opened)
    training_run.section(opened)
    training.section(opened)


def halting(opened: Opened) -> None:
    """Draw the halting results of a model, or the controls to compute them."""
    title = st.container()
    panel = Panel(
        "halting",
        models=(opened.source,),
        start=texts.nothing_recorded(opened.source.name),
        update=texts.update(opened.source.name),
        settings=sources.OPEN,
    )
    recorded = sources.recorded(opened)
    result = panel.result(recorded)
    if result is None:
        title.markdown(TITLE)
        sources.controls(opened, panel)
        return
    if st.session_state.get("halting_analysis") is not result.analysis:
        st.session_state.halting_analysis = result.analysis
        puzzles.clear_selection()
    heading, settings = title.columns((3, 1), vertical_alignment="center")
    heading.markdown(TITLE)
    heading.caption(texts.description(result))
    with settings.popover(
        "Other puzzles or steps",
        icon=":material/tune:",
        width="stretch",
        key=sources.OPEN,
        on_change="rerun",
    ):
        sources.controls(opened, panel)
        panel.back_button(recorded, result)
    headline(result)
    view(result)


def headline(result: HaltingResult) -> None:
    """Draw the four main numbers."""
    analysis, own = result.analysis, result.analysis.stopping.own
    metrics = {
        "Accuracy after all steps": (
            percent(analysis.stopping.fixed.accuracy[-1]),
            f"The fraction of puzzles whose answer is exactly correct after step {analysis.runs.steps}.",
        ),
        "Accuracy with halting": (
            percent(own.accuracy[own.learned]),
            "The fraction of puzzles whose answer is exactly correct when the model would halt, "
            f"after {own.mean_steps[own.learned]:.1f} steps on average.",
        ),
        "Calibration error (uncertain answers)": (
            f"{analysis.distinct.expected_error:.3f} ({texts.number(analysis.undecided.expected_error)})",
            "The expected calibration error of the halting probability over answers that do not repeat the previous answer. The number "
            f"in brackets covers only uncertain answers (probability from {UNDECIDED[0]} to {UNDECIDED[1]}). A perfectly calibrated "
            "head has an error of 0.",
        ),
        "AUROC (step number alone)": (
            f"{texts.number(analysis.roc.auc)} ({texts.number(analysis.auc_of_step)})",
            "The probability that a correct answer gets a larger halting logit than a wrong one. The number in brackets is the AUROC "
            "of the step number alone, a baseline that ignores the answer.",
        ),
    }
    row = st.container(horizontal=True, key="halting_headline")
    for name, (value, meaning) in metrics.items():
        row.metric(name, value, help=meaning)


# ---- one figure at a time


def steps(result: HaltingResult) -> None:
    """Draw the halting probability by step, with a selectable puzzle."""
    analysis, runs = result.analysis, result.runs
    left, right = st.columns(WIDTHS)
    with right:
        explanation("steps", texts.probability_note(runs))
        listed = puzzles.puzzles_in_square(analysis.outcomes, None, runs.steps)
        puzzle = puzzles.choose(runs, analysis.outcomes, listed)
        if puzzle is not None:
            puzzles.describe(runs, analysis.outcomes, puzzle)
    with left:
        figure = figures.over_steps(runs, analysis.bands, puzzle)
        show_figure(analysis, "steps", figure, table(analysis.whole), select=puzzles.select_clicked)


def reliability(result: HaltingResult) -> None:
    """Draw the reliability diagram of q_halt."""
    analysis = result.analysis
    figure = figures.reliability(analysis.distinct, x="halting probability", y="fraction correct")
    columns = tables.reliability(analysis.distinct)
    figure_and_text(analysis, "reliability", figure, columns, texts.reliability(analysis))


def roc(result: HaltingResult) -> None:
    """Draw the ROC curves of the halting logits."""
    analysis = result.analysis
    curves = {
        "q_halt, all steps": (analysis.roc, "solved"),
        "q_halt, last step": (analysis.roc_last_step, "other"),
    }
    if analysis.runs.has_margin:
        curves["q_halt - q_continue, all steps"] = (analysis.roc_own, "unsolved")
    columns = tables.roc({name: curve for name, (curve, _) in curves.items()})
    figure_and_text(analysis, "roc", figures.roc(curves), columns, texts.roc(analysis))


def timing(result: HaltingResult) -> None:
    """Draw halting time against the first correct step, with a list of the puzzles in the selected square."""
    analysis, runs = result.analysis, result.runs
    left, right = st.columns(WIDTHS)
    square = st.session_state.get(puzzles.SQUARE)
    with right:
        explanation("timing")
        st.markdown(texts.outcomes(analysis))
        listed = puzzles.puzzles_in_square(analysis.outcomes, square, runs.steps)
        puzzle = puzzles.choose(runs, analysis.outcomes, listed)
        if puzzle is not None:
            puzzles.describe(runs, analysis.outcomes, puzzle)
        if square is not None:
            st.button("All puzzles", key="halting_all", on_click=puzzles.clear_selection)
    with left:
        figure, columns = (
            figures.timing(analysis.outcomes, runs.steps),
            tables.outcomes(runs, analysis.outcomes),
        )
        show_figure(analysis, "timing", figure, columns, select=puzzles.select_square)


def compute(result: HaltingResult) -> None:
    """Draw accuracy against mean steps for all halting rules."""
    analysis = result.analysis
    figure, columns = figures.compute(analysis.stopping), tables.stopping(analysis.stopping)
    figure_and_text(analysis, "compute", figure, columns, texts.compute(analysis))


def decisions(result: HaltingResult) -> None:
    """Draw the decisions of the model's own rule and, if it is trained, the calibration of q_continue."""
    analysis = result.analysis
    left, right = st.columns(WIDTHS)
    with right:
        explanation("decisions", texts.decisions(analysis))
        if analysis.continuing:
            st.markdown(texts.continuing(analysis))
    with left:
        figure = run_figures.decisions(analysis.decisions)
        show_figure(analysis, "decisions", figure, tables.decisions(analysis.decisions))
        if analysis.continuing:
            figure = figures.reliability(
                analysis.continuing, x="q_continue as a probability", y="fraction correct at the next halt"
            )
            show_figure(analysis, "continue", figure, tables.reliability(analysis.continuing))


def beyond(result: HaltingResult) -> None:
    """Draw accuracy and calibration beyond the training depth, with a list of the lost answers."""
    if result.deep is None:
        st.info(
            f"These runs end at step {result.runs.steps}, the trained depth. Choose more supervision steps under "
            "*Other puzzles or steps*.",
            icon=":material/keyboard_double_arrow_right:",
        )
        return
    deep, runs = result.deep.beyond, result.deep.whole
    left, right = st.columns(WIDTHS)
    with right:
        explanation("beyond", texts.beyond(deep, runs))
        lost_at = {
            int(puzzle): int(deep.regressions.first[puzzle]) for puzzle in deep.regressions.first.nonzero()[0]
        }
        if lost_at:
            puzzle = st.selectbox(
                "Lost answers",
                list(lost_at),
                format_func=lambda one: f"puzzle {runs.rows[one] + 1}, at step {lost_at[one]}",
                key="halting_regressed",
                help="Puzzles whose correct answer became wrong beyond the trained depth.",
                **IN_ADDRESS,
            )
            puzzles.open_in_solve(runs, puzzle, lost_at[puzzle])
    with left:
        show_figure(result.deep, "beyond", run_figures.beyond(deep), tables.beyond(deep))


def errors(result: HaltingResult) -> None:
    """Draw the errors in the last steps before puzzles are solved."""
    analysis, before_solving = result.analysis, result.analysis.errors_before_solving
    if not before_solving.before.size:
        st.info("No puzzle is solved, so there is nothing to align.", icon=":material/block:")
        return
    figure, columns = run_figures.errors_before_solving(before_solving), tables.errors(before_solving)
    figure_and_text(analysis, "errors", figure, columns, texts.errors(analysis))


class View(NamedTuple):
    """Label and drawing function of a figure."""

    label: str
    draw: Callable[[HaltingResult], None]


VIEWS: Mapping[str, View] = {
    "steps": View("By step", steps),
    "reliability": View("Calibration", reliability),
    "roc": View("ROC", roc),
    "timing": View("Halting time", timing),
    "compute": View("Accuracy vs compute", compute),
    "decisions": View("Decisions", decisions),
    "beyond": View("Beyond trained depth", beyond),
    "errors": View("Errors", errors),
}


def view(result: HaltingResult) -> None:
    """Draw the figure selector and the selected figure. The selection remains when different runs are shown."""
    name = charts.choose(
        list(VIEWS), key="halting_view", format_func=lambda one: VIEWS[one].label, width="stretch"
    )
    VIEWS[name].draw(result)


def explanation(name: str, result_text: str = "") -> None:
    """Draw the results in words, and how to read the figure."""
    if result_text:
        st.markdown(result_text)
    st.caption(texts.HOW_TO_READ[name])


def figure_and_text(
    analysis: HaltingAnalysis, name: str, figure: "Figure", columns: downloads.Table, text: str
) -> None:
    """Draw a figure, and its explanation beside it."""
    left, right = st.columns(WIDTHS)
    with right:
        explanation(name, text)
    with left:
        show_figure(analysis, name, figure, columns)


def show_figure(
    analysis: HaltingAnalysis,
    name: str,
    figure: "Figure",
    columns: downloads.Table,
    *,
    select: Callable[[str], None] | None = None,
) -> None:
    """Draw a figure and its downloads. If its marks can be clicked, `select` is called with the figure's key."""
    key, options = f"halting-{name}", {}
    if select is not None:
        options = {
            "on_select": lambda: select(key),
            "selection_mode": "points",
            "config": {"scrollZoom": False},
        }
    charts.show(figure, key=key, **options)
    downloads.offer(key, figure=figure, table=columns, data=report(analysis), command=analysis.whole.command)


page()
