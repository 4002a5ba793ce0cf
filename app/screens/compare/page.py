"""Compare: what is different between two models? Two players on one clock; under them what tells the two apart on a whole set."""

from functools import partial

import streamlit as st

from app.player import pair
from app.screens.compare import measurement, second_model, views
from app.screens.compare.measurement import Asked
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
from probes.comparison.files import Comparison, compare_command
from probes.comparison.matching import SUDOKU_PAIR, UNMATCHED
from trm.errors import UserError

PLAYER = "compare"
FIRST = "maze-trm"  # beside maze-hrm: the pair of both kinds that is matched best
MOST = 400  # puzzles: their Gram matrices of a model take 60 MB
USUAL = 100


def page() -> None:
    options = server_options()
    asked = sidebar.sidebar(
        options,
        below_model=partial(second_model.control, options=options),
        first=DEFAULT_MODEL if links.opened_with().keys() & {"puzzle", "against"} else FIRST,
    )
    choice = sidebar.chosen(asked)
    if choice is not None:
        compare(choice, options)


def compare(one: Choice, options: Options) -> None:
    with st.container():
        status.puzzle(one)
    try:
        other = second_model.choice(one, options)
        if isinstance(other, Opening):
            status.opening(other)
            return
        players(one, other)
    except UserError as error:
        status.problem(str(error))
        return
    on_a_set(one, other)


def players(one: Choice, other: Choice) -> None:
    """Both runs, from recorded traces where there are some. Raises UserError where one cannot be made."""
    named = list(zip((one, other), second_model.names_of(one, other), strict=True))

    def look() -> tuple[pair.Side, pair.Side]:
        left, right = (
            pair.Side.of(choice, choice_runs.shown(choice, place=f"compare {place}"), name=name)
            for place, (choice, name) in enumerate(named)
        )
        return left, right

    pair.show_growing(look, key=PLAYER, start=links.opening_view())


def on_a_set(one: Choice, other: Choice) -> None:
    """What was measured on many puzzles: as somebody asked for, else as recorded."""
    st.subheader("On many puzzles", divider="gray")
    sources = (one.source, other.source)
    recorded = measurement.recorded(*sources)
    place = st.container()
    with st.expander(
        "Measure on other puzzles" if recorded else "Measure both",
        icon=":material/tune:",
        expanded=recorded is None,
    ):
        chosen = dataset.choose(one.task, "compare", count=USUAL, most=MOST)
        if chosen is None:
            return
        asked = Asked.of(one, other, chosen)
        costs = [Cost.of_runs("compare", each.config, 2 * chosen.count) for each in (one, other)]
        st.button(
            "Measure",
            key="compare-measure",
            icon=":material/play_arrow:",
            type="primary",
            on_click=measurement.begin,
            args=(asked, costs),
        )
        st.caption(
            "At the depth each was trained with. Both are run on every puzzle twice, and on puzzles with a few blanks. "
            + sum(costs[1:], costs[0]).said()
        )
    with place:
        comparison = computed(asked) or (recorded.comparison if recorded else None)
        if comparison is None:
            if not measurement.found_jobs(asked):
                st.info("These two were not measured yet.", icon=":material/straighten:")
                if {source.name for source in sources} == set(SUDOKU_PAIR):
                    st.warning(plain(UNMATCHED), icon=":material/warning:")
            return
        if recorded and comparison is recorded.comparison:
            tell_recorded(recorded)
        show(comparison, asked)


def computed(asked: Asked) -> Comparison | None:
    """What this server measured; None while that goes on, which is shown, and where it was not asked for."""
    jobs = measurement.found_jobs(asked)
    if not jobs:
        return None
    for job in jobs:
        if watch(job) is None:
            if given_up(job):
                cancel(jobs[-1])
            return None
    return measurement.result(jobs)


def tell_recorded(recorded: measurement.Recorded) -> None:
    about = recorded.comparison.models[0].about
    if recorded.stale:
        st.warning(
            f"Recorded with other weights of {plain(' and '.join(recorded.stale))} than are here now. Measure again, below, for these.",
            icon=":material/history:",
        )
    else:
        st.caption(f"Recorded on {about.count} puzzles of {about.data}.")


def show(comparison: Comparison, asked: Asked) -> None:
    views.cost(comparison)
    view = st.segmented_control(
        "What to compare",
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
            for source, each in zip(asked.sources, about, strict=True)
        ]
        return compare_command(*specs, about[0].data, about[0].count, command=name, out=f"{name}.json")

    views.VIEWS[view](comparison, command)


page()
