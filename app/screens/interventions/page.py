"""Interventions page: a clean run beside an intervened or steered run, synchronised, with sweeps below."""

import streamlit as st

from app.player import pair
from app.screens.interventions import controls, cursor, runs, sweeps
from app.screens.interventions.controls import STEER, InterventionRequest
from app.screens.interventions.runs import InterventionExperiment, RunPair
from app.server.options import server_options
from app.sidebar import sidebar
from app.state import links
from app.state.choice import Choice
from app.ui import status
from app.ui.analysis import is_done, result_of, started
from app.ui.downloads import offer
from app.ui.progress import follow_job
from app.ui.text import plain
from trm.errors import UserError
from trm.grading import Grade
from trm.tasks.base import Task
from trm.trace import Trace

LAST = "interventions_last"  # session key of the last runs, which are shown until the next runs are ready

LONGEST_WORD = 100  # characters of a puzzle or a vector in the title of a run; a Sudoku has 81


def page() -> None:
    """Draw the page."""
    if cursor.PLAYER not in st.session_state:
        cursor.reset()
    options = server_options()
    choice = sidebar.chosen(sidebar.sidebar(options))
    if choice is not None:
        interventions(choice)


def interventions(choice: Choice) -> None:
    """Draw the controls, the two runs, and the sweeps for a choice of model and puzzle."""
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
        draw(choice, request, pair_of_runs)
        if pair_of_runs.intervened is not None:
            downloads(choice, request, pair_of_runs)
    sweeps.show(choice)


def run_pair(choice: Choice, request: InterventionRequest) -> RunPair | None:
    """Return both runs; None, with a message on the page, while they are being computed or if that fails."""
    if request.experiment == STEER:
        return runs.steered(choice, request.text)
    experiment = InterventionExperiment(choice, request)
    recorded = runs.recorded(choice, request)
    if recorded is not None and not is_done(experiment):
        if status.switch_to_model(choice.source):
            follow_job(started(experiment), hidden=True)
        return recorded
    return result_of(experiment)


def outcome(trace: Trace, task: Task) -> str:
    """Describe the result of a run in words."""
    grade = Grade.of(trace, task)
    text = "solved" if grade.solved[-1] else "not solved"
    if grade.right is None or not grade.counted.any():
        return text
    return f"{text}, {grade.right[-1]} of {grade.counted.sum()} cells correct"


def shortened(changes: str) -> str:
    """Return the text of interventions for a title: vectors and puzzles are cut after their first characters."""
    return " ".join(
        word if len(word) <= LONGEST_WORD else f"{word[:LONGEST_WORD]}…" for word in changes.split()
    )


def draw(choice: Choice, request: InterventionRequest, both: RunPair) -> None:
    """Draw two synchronised players. Their curves are folded if the figure below them is about the selected cell."""
    trace = both.intervened
    changes = request.text if trace is None else trace.provenance.changes
    about = f"intervention: {shortened(changes)}" if changes else "a clean run on another puzzle"
    is_whole = trace is not None and (both.run is None or both.run.done)
    result = f"{outcome(trace, choice.task)}; " if is_whole else ""
    task, clean = choice.task, both.clean
    sides = (
        pair.Side("Clean run", outcome(clean, task), task, clean.depth, clean),
        pair.Side(
            request.title,
            result + about,
            task,
            trace.depth if trace else clean.depth,
            trace,
            pair.feed_of(choice, both.run, place=cursor.PLAYER),
        ),
    )
    is_near = st.session_state.get("interventions_figure") in sweeps.SINGLE_PUZZLE
    start = cursor.opening_view(choice, both.clean, trace or both.clean, links.opening_view())
    # Texts above and figures below depend on the player's call and cell.
    depends = request.is_text or is_near
    pair.show(
        *sides,
        key=cursor.PLAYER,
        start=start,
        hint="The intervention had no effect.",
        fold=is_near,
        reports=depends,
    )


def downloads(choice: Choice, request: InterventionRequest, both: RunPair) -> None:
    """Draw the equivalent command, the numbers for each step, both runs as an offline page, and the papers' claim."""
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
        help="Saves both players as one HTML file that works offline.",
    )
    row.caption(plain(request.claim))


def offline(choice: Choice, request: InterventionRequest, both: RunPair) -> bytes:
    """Return the two players as one HTML file that works offline."""
    from trm.export.page import page as html_page
    from trm.export.run import ExportedRun

    try:
        left = ExportedRun.of(both.clean, choice.task, puzzle=choice.title)
        right = ExportedRun.of(both.intervened, choice.task, puzzle=f"{choice.title}, {request.title}")
        return html_page(right, compare_with=left).encode()
    except UserError as error:
        return str(error).encode()


page()
