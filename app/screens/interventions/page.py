"""Interventions: a clean run beside the same run with an intervention, synchronised, and sweeps below."""

from functools import partial

import streamlit as st

from app.player import pair
from app.screens.interventions import controls, cursor, runs, sweeps
from app.screens.interventions.controls import CUSTOM, InterventionRequest
from app.screens.interventions.runs import RunPair
from app.server import shared
from app.server.options import server_options
from app.sidebar import sidebar
from app.state import links
from app.state.choice import Choice
from app.ui import progress, status
from app.ui.downloads import offer
from app.ui.text import plain
from trm.errors import UserError
from trm.grading import Grade
from trm.tasks.base import Task
from trm.trace import Trace

PLAYER = "interventions"
LAST = "interventions_last"  # session key: the last runs, shown until the next experiment's runs are ready


def page() -> None:
    if PLAYER not in st.session_state:
        cursor.reset()
    options = server_options()
    choice = sidebar.chosen(sidebar.sidebar(options))
    if choice is not None:
        interventions(choice)


def interventions(choice: Choice) -> None:
    with st.container():
        status.puzzle(choice)
    request = controls.controls(choice)
    controls.write_link(request)
    with st.container():
        is_valid = controls.checked(request, status.problem)
    with st.container():
        pair_of_runs = run_pair(choice, request) if is_valid else None
    with st.container():
        before = st.session_state.get(LAST)
        if pair_of_runs is not None:
            st.session_state[LAST] = choice.run, request, pair_of_runs
        elif before and before[0] == choice.run:
            _, request, pair_of_runs = before
            st.caption(f"Showing the previous experiment: {plain(request.title)}.")
    if pair_of_runs is not None:
        st.fragment(draw)(choice, request, pair_of_runs)
        downloads(choice, request, pair_of_runs)
    sweeps.show(choice)


def run_pair(choice: Choice, request: InterventionRequest) -> RunPair | None:
    """Both runs; None, with a message on the page, while they are computed or if they cannot be."""
    models = shared.models()
    recorded = runs.recorded(choice, request)
    if recorded is not None and not is_computed(choice, request):
        status.switch_to_model(choice.source, partial(is_computed, choice, request))
        return recorded
    if not models.ready(choice.source):
        status.loading(choice.source)
        return None
    opening = models.ask(choice.source)
    if opening.error:
        status.problem(str(opening.error))
        return None
    if opening.model is None:  # evicted in the meantime
        st.rerun()
    return progress.result_of(*runs.job(choice, request, opening.model))


def is_computed(choice: Choice, request: InterventionRequest) -> bool:
    """Whether the job of both runs is done or failed. Starts the job if the model is loaded."""
    models = shared.models()
    opening = models.ask(choice.source) if models.ready(choice.source) else None
    if opening is None or opening.model is None:
        return opening is not None and opening.error is not None
    return progress.started(*runs.job(choice, request, opening.model)).done


def outcome(trace: Trace, task: Task) -> str:
    """A run's result in words."""
    grade = Grade.of(trace, task)
    text = "solved" if grade.solved[-1] else "not solved"
    if grade.right is None or not grade.counted.any():
        return text
    return f"{text}, {grade.right[-1]} of {grade.counted.sum()} cells correct"


def draw(choice: Choice, request: InterventionRequest, both: RunPair) -> None:
    """Draw two synchronised players. Their curves are folded if a figure about the selected cell is shown below."""
    changes = both.intervened.provenance.changes
    sides = [
        pair.Side(name, outcome(trace, choice.task) + about, choice.task, trace.depth, trace)
        for name, about, trace in (
            ("Clean run", "", both.clean),
            (
                request.title,
                f"; intervention: {changes}" if changes else "; a clean run on another puzzle",
                both.intervened,
            ),
        )
    ]
    is_near = st.session_state.get("interventions_figure") in sweeps.SINGLE_PUZZLE
    start = cursor.opening_view(choice, both.clean, both.intervened, links.opening_view())
    view = pair.show(*sides, key=PLAYER, start=start, hint="The intervention had no effect.", fold=is_near)
    if view:
        links.remember_view(view)
        if view != st.session_state.get(cursor.REPORTED):
            st.session_state[cursor.REPORTED] = view
            if request.experiment == CUSTOM or is_near:
                st.rerun()  # texts above and figures below depend on the player's call and cell


def downloads(choice: Choice, request: InterventionRequest, both: RunPair) -> None:
    """Draw the equivalent command, the numbers for each step, both runs as an offline page, and what the papers
    claim.
    """
    row = st.container(horizontal=True, vertical_alignment="center", key="experiment_downloads")
    steps = min(both.clean.steps, both.intervened.steps)
    table = {
        "step": list(range(1, steps + 1)),
        "halt_probability": [float(number) for number in both.clean.halt_probability[:steps]],
        "halt_probability_changed": [float(number) for number in both.intervened.halt_probability[:steps]],
    }
    with row:
        offer(f"interventions-{request.experiment}", table=table, data=table, command=request.command(choice))
    row.download_button(
        "Export both runs",
        lambda: offline(choice, request, both),
        file_name=f"{request.experiment}.html",
        mime="text/html",
        key="offline_pair",
        icon=":material/download:",
        on_click="ignore",
        help="Both players as one HTML file that works offline.",
    )
    row.caption(plain(request.claim))


def offline(choice: Choice, request: InterventionRequest, both: RunPair) -> bytes:
    """The two players as one HTML file that works offline."""
    from trm.export.page import page as html_page
    from trm.export.run import ExportedRun

    try:
        left = ExportedRun.of(both.clean, choice.task, puzzle=choice.title)
        right = ExportedRun.of(both.intervened, choice.task, puzzle=f"{choice.title}, {request.title}")
        return html_page(right, compare_with=left).encode()
    except UserError as error:
        return str(error).encode()


page()
