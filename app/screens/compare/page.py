"""Compare: two models on the same puzzle in two synchronised players, and below them both models on a whole puzzle set."""

from functools import partial

import streamlit as st

from app.player import pair
from app.screens.compare import measurement, second_model, views
from app.screens.compare.measurement import ComparisonRequest
from app.server import choice_runs
from app.server.opening import Opening
from app.server.options import Options, server_options
from app.sidebar import dataset, sidebar
from app.sidebar.model_controls import DEFAULT_MODEL
from app.state import links
from app.state.choice import Choice
from app.state.links import IN_ADDRESS
from app.ui import status
from app.ui.estimates import Cost
from app.ui.progress import cancel, given_up, watch
from app.ui.text import plain
from probes.comparison.confounds import SUDOKU_CONFOUNDS, SUDOKU_PAIR
from probes.comparison.files import Comparison, compare_command
from trm.errors import UserError

PLAYER = "compare"
FIRST = "maze-trm"  # with maze-hrm, the best-matched TRM and HRM
MOST_PUZZLES = 400  # the Gram matrices of a model then take 60 MB
DEFAULT_PUZZLES = 100


def page() -> None:
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
    """Both runs, taken from recorded traces where available. Raises UserError if a run is not possible."""
    named = list(zip((one, other), second_model.distinct_names(one, other), strict=True))

    def sides() -> tuple[pair.Side, pair.Side]:
        left, right = (
            pair.Side.of(choice, choice_runs.shown(choice, place=f"compare {number}"), name=name)
            for number, (choice, name) in enumerate(named)
        )
        return left, right

    pair.show_growing(sides, key=PLAYER, start=links.opening_view())


def on_many_puzzles(one: Choice, other: Choice) -> None:
    """The comparison on many puzzles: computed if requested, else recorded."""
    st.subheader("On many puzzles", divider="gray")
    sources = (one.source, other.source)
    recorded = measurement.recorded(*sources)
    results = st.container()
    with st.expander(
        "Measure on other puzzles" if recorded else "Measure both models",
        icon=":material/tune:",
        expanded=recorded is None,
    ):
        puzzles = dataset.choose(one.task, "compare", count=DEFAULT_PUZZLES, most=MOST_PUZZLES)
        if puzzles is None:
            return
        request = ComparisonRequest.of(one, other, puzzles)
        costs = [Cost.of_runs("compare", each.config, 2 * puzzles.count) for each in (one, other)]
        st.button(
            "Measure",
            key="compare-measure",
            icon=":material/play_arrow:",
            type="primary",
            on_click=measurement.start,
            args=(request, costs),
            help="Run both models on the puzzles and compute all figures below.",
        )
        st.caption(
            "Each model runs at the depth it was trained with, twice on every puzzle and once on near-complete puzzles. "
            + sum(costs[1:], costs[0]).estimate()
        )
    with results:
        comparison = computed(request) or (recorded.comparison if recorded else None)
        if comparison is None:
            if not measurement.started_jobs(request):
                st.info("These two models have not been measured yet.", icon=":material/straighten:")
                if {source.name for source in sources} == set(SUDOKU_PAIR):
                    st.warning(plain(SUDOKU_CONFOUNDS), icon=":material/warning:")
            return
        if recorded and comparison is recorded.comparison:
            show_recorded_caption(recorded)
        show(comparison, request)


def computed(request: ComparisonRequest) -> Comparison | None:
    """The comparison computed on this server; None if it was not requested, or, with progress on the page, while it is
    computed.
    """
    jobs = measurement.started_jobs(request)
    if not jobs:
        return None
    for job in jobs:
        if watch(job) is None:
            if given_up(job):
                cancel(jobs[-1])
            return None
    return measurement.result(jobs)


def show_recorded_caption(recorded: measurement.RecordedComparison) -> None:
    about = recorded.comparison.models[0].about
    if recorded.stale:
        st.warning(
            f"Recorded with different weights of {plain(' and '.join(recorded.stale))}. Measure again below to update.",
            icon=":material/history:",
        )
    else:
        st.caption(f"Recorded on {about.count} puzzles from {about.data}.")


def show(comparison: Comparison, request: ComparisonRequest) -> None:
    views.cost(comparison)
    view = st.segmented_control(
        "Figure",
        list(views.VIEWS),
        default=next(iter(views.VIEWS)),
        key="compare-view",
        **IN_ADDRESS,
        required=True,
        label_visibility="collapsed",
    )
    about = [measured.about for measured in comparison.models]

    def command(name: str) -> str:
        specs = [
            source.spec if source.spec else each.name
            for source, each in zip(request.sources, about, strict=True)
        ]
        return compare_command(*specs, about[0].data, about[0].count, command=name, out=f"{name}.json")

    views.VIEWS[view](comparison, command)


page()
