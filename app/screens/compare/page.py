"""Compare page: two models on one puzzle in two synchronised players, and below them both models on a puzzle set."""

from functools import partial

import streamlit as st

from app.player import pair
from app.screens.compare import measurement, second_model, views
from app.screens.compare.measurement import ModelComparison, ModelMeasurement
from app.server import choice_runs
from app.server.models import ModelSource
from app.server.opening import Opening
from app.server.options import Options, server_options
from app.sidebar import dataset, sidebar
from app.sidebar.model_controls import DEFAULT_MODEL
from app.state import links
from app.state.choice import Choice
from app.ui import charts, status
from app.ui.analysis import Panel
from app.ui.text import plain
from probes.comparison.confounds import SUDOKU_CONFOUNDS, SUDOKU_PAIR
from probes.comparison.files import Comparison
from trm.errors import UserError
from trm.terminal import as_command

PLAYER = "compare"
FIRST = "maze-trm"  # maze-trm and maze-hrm are the best-matched pair of TRM and HRM
MOST_PUZZLES = 400  # the Gram matrices of a model then take 60 MB
DEFAULT_PUZZLES = 100


def page() -> None:
    """Draw the page."""
    options = server_options()
    request = sidebar.sidebar(
        options,
        below_model=partial(second_model.control, options=options),
        first=DEFAULT_MODEL if links.opened_with().keys() & {"puzzle", second_model.PARAMETER} else FIRST,
    )
    choice = sidebar.chosen(request)
    if choice is not None:
        compare(choice, options)


def compare(one: Choice, options: Options) -> None:
    """Draw the players of two runs, and below them the comparison on many puzzles."""
    with st.container():
        status.puzzle(one)
    try:
        other = second_model.choice(one, options)
        if isinstance(other, Opening):
            status.show_opening(other)
            return
        players(one, other)
    except UserError as error:
        status.problem(str(error))
        return
    on_many_puzzles(one, other)


def players(one: Choice, other: Choice) -> None:
    """Draw both runs in synchronised players, from recorded traces if there are any. Raises UserError if a run fails."""
    sides = []
    for choice, name, place in zip(
        (one, other), second_model.distinct_names(one, other), ("compare 0", "compare 1"), strict=True
    ):
        run = choice_runs.shown(choice, place=place)
        if run is None:
            status.switch_to_model(choice.source)
        sides.append(pair.Side.of(choice, run, name=name, place=place))
    pair.show(*sides, key=PLAYER, start=links.opening_view())


def on_many_puzzles(one: Choice, other: Choice) -> None:
    """Draw the comparison on many puzzles: the computed result if it was requested, otherwise the recorded result."""
    st.subheader("On many puzzles", divider="gray")
    models = (one.source, other.source)
    panel = Panel(
        "compare",
        models,
        start="These two models have not been measured yet.",
        update="Measure again below to update the result.",
    )
    recorded = measurement.recorded(*models)
    results = st.container()
    with st.expander(
        "Measure on other puzzles" if recorded else "Measure both models",
        icon=":material/tune:",
        expanded=recorded is None,
    ):
        puzzles = dataset.choose(one.task, "compare", count=DEFAULT_PUZZLES, most=MOST_PUZZLES, stores=True)
        if puzzles is None:
            return
        st.caption(
            "Each model runs at its training depth, twice on every puzzle and once on near-complete puzzles."
        )
        try:
            first, second = (
                ModelMeasurement(source, puzzles.recorded_with(source, one.task)) for source in models
            )
        except UserError as error:  # no store of the other model
            status.problem(str(error))
        else:
            panel.button(
                "Measure",
                ModelComparison((first, second)),
                first.cost(one.config) + second.cost(other.config),
                key="compare-measure",
                icon=":material/play_arrow:",
                help="Run both models on the puzzles and compute all figures below.",
            )
    with results:
        comparison = panel.result(recorded)
        if comparison is None:
            if panel.requested is None and {source.name for source in models} == set(SUDOKU_PAIR):
                st.warning(plain(SUDOKU_CONFOUNDS), icon=":material/warning:")
            return
        if recorded and comparison is recorded.result and not recorded.outdated:
            about = comparison.models[0].provenance
            st.caption(f"These results were recorded on {about.count} puzzles from {about.data}.")
        show(comparison, models)


def show(comparison: Comparison, models: tuple[ModelSource, ModelSource]) -> None:
    """Draw the cost of both models, the figure selector, and the selected figure."""
    views.cost(comparison)
    view = charts.choose(list(views.VIEWS), key="compare-view")
    about = [measured.provenance for measured in comparison.models]

    def command(name: str) -> str:
        specs = [
            source.spec if source.spec else each.model for source, each in zip(models, about, strict=True)
        ]
        options = dict(zip(("model", "compare_with"), specs, strict=True))
        options |= {"data": about[0].data, "limit": about[0].count, "out": f"{name}.json"}
        return as_command(f"python -m probes {name}", options)

    views.VIEWS[view](comparison, command)


page()
