"""Interventions: what causes what? A clean run beside the same run with an intervention, on one clock; and sweeps below."""

from functools import partial

import streamlit as st

from app.player import pair
from app.screens.interventions import controls, cursor, runs
from app.screens.interventions import sweeps as sweeps
from app.screens.interventions.controls import OWN, InterventionRequest
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
LAST = "interventions_last"  # in the session: the runs that are drawn until those of another experiment are there


def page() -> None:
    if PLAYER not in st.session_state:
        cursor.reset()
    options = server_options()
    request = sidebar.sidebar(options)
    choice = sidebar.chosen(request)
    if choice is not None:
        change(choice)


def change(choice: Choice) -> None:
    with st.container():
        status.puzzle(choice)
    request = controls.controls(choice)
    controls.write_link(request)
    with st.container():
        readable = controls.checked(request, status.problem)
    with st.container():
        both = found(choice, request) if readable else None
    with st.container():
        before = st.session_state.get(LAST)
        if both is not None:
            st.session_state[LAST] = choice.run, request, both
        elif before and before[0] == choice.run:
            _, request, both = before
            st.caption(f"Showing the previous experiment: {plain(request.title)}.")
    if both is not None:
        st.fragment(draw)(choice, request, both)
        downloads(choice, request, both)
    sweeps.show(choice)


def found(choice: Choice, request: InterventionRequest) -> RunPair | None:
    """Both runs; None while they are made, or where they cannot be, which is said."""
    models = shared.models()
    bundled = runs.recorded(choice, request)
    if bundled is not None and not is_made(choice, request):
        status.take_over(choice.source, partial(is_made, choice, request))
        return bundled
    if not models.ready(choice.source):
        status.loading(choice.source)
        return None
    opening = models.ask(choice.source)
    if opening.error:
        status.problem(str(opening.error))
        return None
    if opening.model is None:  # forgotten since, for others
        st.rerun()
    return progress.result_of(*runs.job(choice, request, opening.model))


def is_made(choice: Choice, request: InterventionRequest) -> bool:
    """Whether both runs of the model, if it is open, are there or failed. They are request for by this."""
    models = shared.models()
    opening = models.ask(choice.source) if models.ready(choice.source) else None
    if opening is None or opening.model is None:
        return opening is not None and opening.error is not None
    return progress.started(*runs.job(choice, request, opening.model)).done


def outcome(trace: Trace, task: Task) -> str:
    """What came of a run."""
    judged = Grade.of(trace, task)
    words = "solved" if judged.solved[-1] else "not solved"
    if judged.right is None or not judged.counted.any():
        return words
    return f"{words}, {judged.right[-1]} of {judged.counted.sum()} cells right"


def draw(choice: Choice, request: InterventionRequest, both: RunPair) -> None:
    """Two players on one clock. Their curves are folded away where a figure of the selected cell is shown below."""
    done = both.intervened.provenance.changes or "another puzzle, clean run"
    sides = [
        pair.Side(name, outcome(trace, choice.task) + about, choice.task, trace.depth, trace)
        for name, about, trace in (
            ("Clean run", "", both.clean),
            (request.title, f": {done}", both.intervened),
        )
    ]
    is_near = st.session_state.get("interventions_figure") in sweeps.SINGLE_PUZZLE
    start = cursor.opening_view(choice, both.clean, both.intervened, links.opening_view())
    view = pair.show(
        *sides, key=PLAYER, start=start, hint="The change made no difference at all.", fold=is_near
    )
    if view:
        links.remember_view(view)
        if view != st.session_state.get(cursor.REPORTED):
            st.session_state[cursor.REPORTED] = view
            if request.experiment == OWN or is_near:
                st.rerun()  # what is named by the player's place stands above and below it


def downloads(choice: Choice, request: InterventionRequest, both: RunPair) -> None:
    """The command that repeats it, the numbers step by step, and both runs as one offline page; beside them what the papers
    claim of it.
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
        "Both runs, offline page",
        lambda: offline(choice, request, both),
        file_name=f"{request.experiment}.html",
        mime="text/html",
        key="offline_pair",
        icon=":material/download:",
        on_click="ignore",
    )
    row.caption(plain(request.claim))


def offline(choice: Choice, request: InterventionRequest, both: RunPair) -> bytes:
    """The two players as one file that needs no network."""
    from trm.export.page import page as html_page
    from trm.export.run import Run

    try:
        left = Run.of(both.clean, choice.task, puzzle=choice.title)
        right = Run.of(both.intervened, choice.task, puzzle=f"{choice.title}, {request.title}")
        return html_page(right, compare_with=left).encode()
    except UserError as error:
        return str(error).encode()


page()
