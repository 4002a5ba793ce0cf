"""Halting: when would it stop, and is it right to? One model on many puzzles, one figure at a time."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import streamlit as st

from app.screens.halting import figures as figures
from app.screens.halting import puzzles as puzzles
from app.screens.halting import run_figures as run_figures
from app.screens.halting import source as sources
from app.screens.halting import tables as tables
from app.screens.halting import texts as texts
from app.screens.halting.source import HaltingResult
from app.server.options import server_options
from app.sidebar import sidebar
from app.state.links import IN_ADDRESS
from app.ui import charts, downloads
from app.ui.text import percent
from probes.halting.report import report
from probes.halting.runs import table

TITLE = "### Does it know when it is done?"
WIDTHS = (2.4, 1)  # of the figure, and of what is said beside it


def page() -> None:
    opened = sidebar.model_sidebar(server_options())
    if opened is None:
        return
    title = st.container()
    stored = sources.recorded_result(opened)
    with st.container():
        computed = sources.computed(opened)
    shown = computed or stored
    if shown is None:
        title.markdown(TITLE)
        st.info(texts.nothing_recorded(opened.source.name), icon=":material/hourglass_empty:")
        sources.controls(opened)
        return
    if not shown.is_of_these_weights:
        st.warning(texts.outdated(shown.runs), icon=":material/sync_problem:")
    if st.session_state.get("halting_analysis") is not shown.analysis:
        st.session_state.halting_analysis = shown.analysis
        puzzles.clear_selection()
    heading, settings = title.columns((3, 1), vertical_alignment="center")
    heading.markdown(TITLE)
    heading.caption(texts.description(shown))
    with settings.popover(
        "Other puzzles or steps",
        icon=":material/tune:",
        width="stretch",
        key=sources.OPEN,
        on_change="rerun",
    ):
        sources.controls(opened)
        if computed is not None and stored is not None:
            st.button("Back to what was recorded", key="halting_back", on_click=sources.show_recorded)
    headline(shown)
    view(shown)


def headline(shown: HaltingResult) -> None:
    """The four numbers that a lecture would begin with."""
    found, own = shown.analysis, shown.analysis.stopping.own
    facts = {
        "Right, all steps": (
            percent(found.stopping.fixed.accuracy[-1]),
            f"Exactly right after step {found.runs.steps}.",
        ),
        "Right, halting by itself": (
            percent(own.accuracy[own.learned]),
            f"At the first step that would halt, {own.mean_steps[own.learned]:.1f} steps on average.",
        ),
        "Calibration error (undecided)": (
            f"{found.distinct.expected_error:.3f} ({texts.auc_text(found.undecided.expected_error)})",
            "Mean distance of probability and share right, over answers that do not repeat the step before. In brackets: "
            "over those whose probability is near neither 0 nor 1. 0 is a head that means what it says.",
        ),
        "AUC (step number alone)": (
            f"{texts.auc_text(found.roc.auc)} ({texts.auc_text(found.auc_of_step)})",
            "The chance that a right answer gets a larger logit than a wrong one. In brackets: the same of the step number, "
            "which knows nothing of the answer.",
        ),
    }
    row = st.container(horizontal=True, key="halting_headline")
    for name, (value, meaning) in facts.items():
        row.metric(name, value, help=meaning)


# ---- one figure at a time


def steps(shown: HaltingResult) -> None:
    found, runs = shown.analysis, shown.runs
    left, right = st.columns(WIDTHS)
    with right:
        explanation("steps", texts.probability_note(runs))
        puzzle = puzzles.choose(
            runs, found.outcomes, puzzles.puzzles_in_square(found.outcomes, None, runs.steps)
        )
        if puzzle is not None:
            puzzles.describe(runs, found.outcomes, puzzle)
    with left:
        figure = figures.over_steps(runs, found.bands, puzzle)
        clickable(figure, "halting-steps", puzzles.select_clicked)
        offer_downloads(shown, "halting-steps", figure, table(shown.analysis.whole))


def reliability(shown: HaltingResult) -> None:
    found = shown.analysis
    left, right = st.columns(WIDTHS)
    with right:
        explanation("reliability", texts.reliability(found))
    with left:
        figure = figures.reliability(found.distinct, x="halting probability", y="exactly right")
        charts.show(figure, key="halting-reliability")
        offer_downloads(shown, "halting-reliability", figure, tables.reliability(found.distinct))


def roc(shown: HaltingResult) -> None:
    found = shown.analysis
    curves = {"q_halt, all steps": (found.roc, "solved"), "q_halt, last step": (found.roc_last_step, "other")}
    if found.runs.has_margin:
        curves["q_halt - q_continue, all steps"] = (found.roc_own, "unsolved")
    left, right = st.columns(WIDTHS)
    with right:
        explanation("roc", texts.roc(found))
    with left:
        figure = figures.roc(curves)
        charts.show(figure, key="halting-roc")
        offer_downloads(
            shown, "halting-roc", figure, tables.roc({name: curve for name, (curve, _) in curves.items()})
        )


def board(shown: HaltingResult) -> None:
    found, runs = shown.analysis, shown.runs
    left, right = st.columns(WIDTHS)
    square = st.session_state.get(puzzles.SQUARE)
    with right:
        explanation("board")
        st.markdown(texts.board(found))
        listed = puzzles.puzzles_in_square(found.outcomes, square, runs.steps)
        puzzle = puzzles.choose(runs, found.outcomes, listed)
        if puzzle is not None:
            puzzles.describe(runs, found.outcomes, puzzle)
        if square is not None:
            st.button("All puzzles", key="halting_all", on_click=puzzles.clear_selection)
    with left:
        figure = figures.board(found.outcomes, runs.steps)
        clickable(figure, "halting-board", puzzles.select_square)
        offer_downloads(shown, "halting-board", figure, tables.outcomes(runs, found.outcomes))


def compute(shown: HaltingResult) -> None:
    left, right = st.columns(WIDTHS)
    with right:
        explanation("compute", texts.compute(shown.analysis))
    with left:
        figure = figures.compute(shown.analysis.stopping)
        charts.show(figure, key="halting-compute")
        offer_downloads(shown, "halting-compute", figure, tables.stopping(shown.analysis.stopping))


def rule(shown: HaltingResult) -> None:
    found = shown.analysis
    left, right = st.columns(WIDTHS)
    with right:
        explanation("rule", texts.rule(found))
        if found.continuing:
            st.markdown(texts.continuing(found))
    with left:
        figure = run_figures.decisions(found.decisions)
        charts.show(figure, key="halting-rule")
        offer_downloads(shown, "halting-rule", figure, tables.decisions(found.decisions))
        if found.continuing:
            figure = figures.reliability(
                found.continuing, x="q_continue as a probability", y="right where it stops later"
            )
            charts.show(figure, key="halting-continue")
            offer_downloads(shown, "halting-continue", figure, tables.reliability(found.continuing))


def beyond(shown: HaltingResult) -> None:
    if shown.deep is None:
        st.info(
            f"These runs end at step {shown.runs.steps}, where training did. Ask for more supervision steps under "
            "*Other puzzles or steps*.",
            icon=":material/keyboard_double_arrow_right:",
        )
        return
    found, runs = shown.deep.beyond, shown.deep.whole
    left, right = st.columns(WIDTHS)
    with right:
        explanation("beyond", texts.beyond(found, runs))
        broke = {
            int(puzzle): int(found.regressions.first[puzzle])
            for puzzle in found.regressions.first.nonzero()[0]
        }
        if broke:
            puzzle = st.selectbox(
                "Answers that broke",
                list(broke),
                format_func=lambda one: f"puzzle {runs.rows[one] + 1}, at step {broke[one]}",
                key="halting_regressed",
                **IN_ADDRESS,
            )
            puzzles.open_in_solve(runs, puzzle, broke[puzzle])
    with left:
        figure = run_figures.beyond(found)
        charts.show(figure, key="halting-beyond")
        offer_downloads(
            HaltingResult(shown.deep, shown.deep, shown.recorded),
            "halting-beyond",
            figure,
            tables.beyond(found),
        )


def errors(shown: HaltingResult) -> None:
    found = shown.analysis
    left, right = st.columns(WIDTHS)
    with right:
        explanation("errors", texts.errors(found))
    with left:
        if not found.errors_before_solving.before.size:
            st.info("No puzzle comes right, so there is nothing to align.", icon=":material/block:")
            return
        figure = run_figures.errors_before_solving(found.errors_before_solving)
        charts.show(figure, key="halting-errors")
        numbers = {
            "steps_before": found.errors_before_solving.before,
            "quarter": found.errors_before_solving.quantiles[0],
            "median": found.errors_before_solving.quantiles[1],
            "three_quarters": found.errors_before_solving.quantiles[2],
            "puzzles": found.errors_before_solving.count,
        }
        offer_downloads(shown, "halting-errors", figure, numbers)


class View(NamedTuple):
    label: str
    draw: Callable[[HaltingResult], None]


# By their names in links.
VIEWS: Mapping[str, View] = {
    "steps": View("Over the steps", steps),
    "reliability": View("Calibration", reliability),
    "roc": View("ROC", roc),
    "board": View("Early or late", board),
    "compute": View("Cost", compute),
    "rule": View("Own rule", rule),
    "beyond": View("Beyond training", beyond),
    "errors": View("Errors", errors),
}


def view(shown: HaltingResult) -> None:
    """The choice of a figure, and the figure. The choice stays while other runs are shown."""
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
    VIEWS[name].draw(shown)


def explanation(name: str, said: str = "") -> None:
    """How a figure is read, and what it says here."""
    if said:
        st.markdown(said)
    st.caption(texts.HOW_TO_READ[name])


def clickable(figure, key: str, select_clicked: Callable[[str], None]) -> None:
    charts.show(
        figure,
        key=key,
        on_select=lambda: select_clicked(key),
        selection_mode="points",
        config={"scrollZoom": False},
    )


def offer_downloads(shown: HaltingResult, name: str, figure, columns) -> None:
    downloads.offer(
        name,
        figure=figure,
        table=columns,
        data=report(shown.analysis),
        command=shown.analysis.whole.command,
    )


page()
