"""Halting: when does a model halt, and is it right to? One model on many puzzles, one figure at a time."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import streamlit as st

from app.screens.halting import figures, puzzles, run_figures, tables, texts
from app.screens.halting import source as sources
from app.screens.halting.source import HaltingResult
from app.server.options import server_options
from app.sidebar import sidebar
from app.state.links import IN_ADDRESS
from app.ui import charts, downloads
from app.ui.text import percent
from probes.halting.calibration import UNDECIDED
from probes.halting.report import report
from probes.halting.runs import table

TITLE = "### Does it know when it is done?"
WIDTHS = (2.4, 1)  # relative widths of the figure and the text beside it


def page() -> None:
    opened = sidebar.model_sidebar(server_options())
    if opened is None:
        return
    title = st.container()
    stored = sources.recorded_result(opened)
    with st.container():
        computed = sources.computed(opened)
    result = computed or stored
    if result is None:
        title.markdown(TITLE)
        st.info(texts.nothing_recorded(opened.source.name), icon=":material/hourglass_empty:")
        sources.controls(opened)
        return
    if not result.is_of_these_weights:
        st.warning(texts.outdated(result.runs), icon=":material/sync_problem:")
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
        sources.controls(opened)
        if computed is not None and stored is not None:
            st.button("Show recorded results", key="halting_back", on_click=sources.show_recorded)
    headline(result)
    view(result)


def headline(result: HaltingResult) -> None:
    """The four main numbers."""
    analysis, own = result.analysis, result.analysis.stopping.own
    metrics = {
        "Accuracy, all steps": (
            percent(analysis.stopping.fixed.accuracy[-1]),
            f"Puzzles that are exactly correct after step {analysis.runs.steps}.",
        ),
        "Accuracy with halting": (
            percent(own.accuracy[own.learned]),
            "Puzzles that are exactly correct at the first step that would halt, "
            f"after {own.mean_steps[own.learned]:.1f} steps on average.",
        ),
        "Calibration error (uncertain answers)": (
            f"{analysis.distinct.expected_error:.3f} ({texts.number(analysis.undecided.expected_error)})",
            "Expected calibration error of the halting probability, over answers that do not repeat the previous step. "
            f"In brackets: over uncertain answers only, with a probability from {UNDECIDED[0]} to {UNDECIDED[1]}. "
            "0 = perfectly calibrated.",
        ),
        "AUROC (step number alone)": (
            f"{texts.number(analysis.roc.auc)} ({texts.number(analysis.auc_of_step)})",
            "Probability that a correct answer gets a larger halting logit than a wrong one. In brackets: the same for the "
            "step number, a baseline that ignores the answer.",
        ),
    }
    row = st.container(horizontal=True, key="halting_headline")
    for name, (value, meaning) in metrics.items():
        row.metric(name, value, help=meaning)


# ---- one figure at a time


def steps(result: HaltingResult) -> None:
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
        clickable(figure, "halting-steps", puzzles.select_clicked)
        offer_downloads(result, "halting-steps", figure, table(analysis.whole))


def reliability(result: HaltingResult) -> None:
    analysis = result.analysis
    left, right = st.columns(WIDTHS)
    with right:
        explanation("reliability", texts.reliability(analysis))
    with left:
        figure = figures.reliability(analysis.distinct, x="halting probability", y="share correct")
        charts.show(figure, key="halting-reliability")
        offer_downloads(result, "halting-reliability", figure, tables.reliability(analysis.distinct))


def roc(result: HaltingResult) -> None:
    analysis = result.analysis
    curves = {
        "q_halt, all steps": (analysis.roc, "solved"),
        "q_halt, last step": (analysis.roc_last_step, "other"),
    }
    if analysis.runs.has_margin:
        curves["q_halt - q_continue, all steps"] = (analysis.roc_own, "unsolved")
    left, right = st.columns(WIDTHS)
    with right:
        explanation("roc", texts.roc(analysis))
    with left:
        figure = figures.roc(curves)
        charts.show(figure, key="halting-roc")
        columns = tables.roc({name: curve for name, (curve, _) in curves.items()})
        offer_downloads(result, "halting-roc", figure, columns)


def timing(result: HaltingResult) -> None:
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
        figure = figures.timing(analysis.outcomes, runs.steps)
        clickable(figure, "halting-timing", puzzles.select_square)
        offer_downloads(result, "halting-timing", figure, tables.outcomes(runs, analysis.outcomes))


def compute(result: HaltingResult) -> None:
    left, right = st.columns(WIDTHS)
    with right:
        explanation("compute", texts.compute(result.analysis))
    with left:
        figure = figures.compute(result.analysis.stopping)
        charts.show(figure, key="halting-compute")
        offer_downloads(result, "halting-compute", figure, tables.stopping(result.analysis.stopping))


def decisions(result: HaltingResult) -> None:
    analysis = result.analysis
    left, right = st.columns(WIDTHS)
    with right:
        explanation("decisions", texts.decisions(analysis))
        if analysis.continuing:
            st.markdown(texts.continuing(analysis))
    with left:
        figure = run_figures.decisions(analysis.decisions)
        charts.show(figure, key="halting-decisions")
        offer_downloads(result, "halting-decisions", figure, tables.decisions(analysis.decisions))
        if analysis.continuing:
            figure = figures.reliability(
                analysis.continuing, x="q_continue as a probability", y="share correct at the next halt"
            )
            charts.show(figure, key="halting-continue")
            offer_downloads(result, "halting-continue", figure, tables.reliability(analysis.continuing))


def beyond(result: HaltingResult) -> None:
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
        figure = run_figures.beyond(deep)
        charts.show(figure, key="halting-beyond")
        deep_result = HaltingResult(result.deep, result.deep, result.recorded)
        offer_downloads(deep_result, "halting-beyond", figure, tables.beyond(deep))


def errors(result: HaltingResult) -> None:
    analysis = result.analysis
    left, right = st.columns(WIDTHS)
    with right:
        explanation("errors", texts.errors(analysis))
    with left:
        before_solving = analysis.errors_before_solving
        if not before_solving.before.size:
            st.info("No puzzle is solved, so there is nothing to align.", icon=":material/block:")
            return
        figure = run_figures.errors_before_solving(before_solving)
        charts.show(figure, key="halting-errors")
        offer_downloads(result, "halting-errors", figure, tables.errors(before_solving))


class View(NamedTuple):
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
    """Draw the figure selector and the selected figure. The selection stays when other runs are shown."""
    name = st.segmented_control(
        "Figure",
        list(VIEWS),
        format_func=lambda one: VIEWS[one].label,
        default=next(iter(VIEWS)),
        key="halting_view",
        **IN_ADDRESS,
        required=True,
        label_visibility="collapsed",
        width="stretch",
    )
    VIEWS[name].draw(result)


def explanation(name: str, result_text: str = "") -> None:
    """Draw the results in words, and how to read the figure."""
    if result_text:
        st.markdown(result_text)
    st.caption(texts.HOW_TO_READ[name])


def clickable(figure, key: str, select: Callable[[str], None]) -> None:
    charts.show(
        figure,
        key=key,
        on_select=lambda: select(key),
        selection_mode="points",
        config={"scrollZoom": False},
    )


def offer_downloads(result: HaltingResult, name: str, figure, columns) -> None:
    downloads.offer(
        name,
        figure=figure,
        table=columns,
        data=report(result.analysis),
        command=result.analysis.whole.command,
    )


page()
