"""Draws messages around the player: the puzzle's title, errors and warnings, and the progress of models and runs."""

import weakref
from collections.abc import Callable

import streamlit as st

from app import editor
from app.server import shared
from app.server.http.feeds import Progress
from app.server.importing import freeze_libraries
from app.server.models import ModelSource
from app.server.opening import Opening
from app.server.runs import Run
from app.sidebar import model_controls, validity
from app.state import session
from app.state.choice import Choice
from app.ui import progress
from app.ui.progress import ENGLISH, Words
from app.ui.text import plain

PAGE_FIRST = 1.5  # delay in seconds before torch is imported, so that the page reaches the browser first
LOADS_AT_ONCE = 0.5  # maximum seconds that a page waits for a model before it shows that the model is loading


def puzzle(choice: Choice, tools: Callable[[], None] | None = None) -> None:
    """Draw an error if the typed text is invalid, the puzzle's title and description, and warnings about the puzzle.

    `tools` draws further controls beside the title.
    """
    task = choice.task
    verdict = validity.verdict(task, choice.puzzle)
    if choice.mistake:
        st.error(plain(f"{choice.mistake} Showing the previous puzzle."), icon=":material/edit:")
    with st.container(key="puzzle_line", horizontal=True, gap="small"):
        # Two paragraphs, which page.css puts on one line. If the browser translates the page, it updates a text only if the text is alone in its tag.
        st.markdown(
            f"**{plain(choice.title)}.**\n\n{plain(choice.sentence) or verdict.sentence}", width="stretch"
        )
        if tools is not None:
            tools()
        editor.button(task)
    if verdict.conflicts:
        st.warning(
            f"The givens contradict each other: {_cells(verdict.conflicts, choice)}. No answer can be correct; the model tries anyway.",
            icon=":material/warning:",
        )
    if task.needs_puzzle_id and not choice.puzzle_id:
        st.warning(
            "An ARC model scores 0 with the blank puzzle id: this run does not show what the model can do.",
            icon=":material/fingerprint_off:",
        )


def _cells(cells: tuple[tuple[int, int], ...], choice: Choice) -> str:
    """List the cells as text, with rows and columns counted from 1."""
    task = choice.task
    inputs = task.parse(choice.puzzle, unfinished=True).reshape(task.rows, task.columns)
    named = [f"{task.symbols[inputs[cell]]} in row {cell[0] + 1}, column {cell[1] + 1}" for cell in cells]
    return "; ".join(named)


def loading(source: ModelSource, words: Words = ENGLISH) -> None:
    """Show that a model on this machine is loading, and rerun the page when it is loaded."""
    opening = shared.models().ask(source)
    if opening.wait(LOADS_AT_ONCE):
        session.rerun()
    follow_opening(opening, words.loading.format(model=source.name))


def follow_opening(opening: Opening, text: str = "", words: Words = ENGLISH) -> None:
    """Draw the text or, for a download, its progress, and rerun the page when the model is loaded."""
    latest, name = weakref.ref(opening), opening.source.name  # the browser must not keep a model in memory

    def read() -> Progress | None:
        opening = latest()
        if opening is None:
            return None
        freeze_libraries()
        stage = "ended" if opening.ended.is_set() else "opening"
        if opening.source.kind != "hub":
            return Progress(stage, None, text)
        done, total = opening.fetched or (0, 0)
        sizes = {"model": name, "done": _megabytes(done), "total": _megabytes(total)}
        template = words.downloaded if total else words.downloading
        return Progress(stage, min(done / total, 1.0) if total else 0.0, template.format(**sizes))

    progress.follow((opening.source, id(opening), text, words), read, key=f"opening-{hash(opening.source)}")


def show_opening(opening: Opening, words: Words = ENGLISH) -> None:
    """Show the progress of a model that is loading or downloading. Large downloads need the user's consent first."""
    if opening.source.kind != "hub":
        loading(opening.source, words)
    elif opening.asks:
        size = _megabytes(opening.asks)
        st.info(
            words.size.format(model=plain(opening.source.name), size=size), icon=":material/cloud_download:"
        )
        fetch, cancel = st.columns([1, 4])
        fetch.button(
            words.download.format(size=size),
            key="download",
            type="primary",
            on_click=shared.models().fetch,
            args=(opening,),
            width="stretch",
        )
        cancel.button(
            words.cancel, key="no_download", on_click=model_controls.cancel_opening, args=(opening,)
        )
    else:
        follow_opening(opening, words=words)
        st.button(
            words.cancel, key="cancel_download", on_click=model_controls.cancel_opening, args=(opening,)
        )


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f}"


def switch_to_model(source: ModelSource) -> bool:
    """Load the model in the background while the page shows a recorded trace. Returns whether it is loaded.

    The page is rerun when it is.
    """
    opening = shared.models().ask(source, after=PAGE_FIRST)
    freeze_libraries()
    if not shared.models().ready(source):
        follow_opening(opening)
        return False
    return True


def follow_run(run: Run, watcher: str) -> None:
    """Rerun the page when a run ends that is not shown yet."""
    runs, key = shared.runs(), run.key

    def read() -> Progress | None:
        run = runs.poll(key, watcher=watcher)
        return run and Progress("ended" if run.done else "running")

    progress.follow(("run", key, watcher), read, key=f"run-{watcher}")


def run_progress(run: Run | None, choice: Choice) -> None:
    """Draw the progress of an incomplete run, with a button to stop or resume it."""
    left, right = st.columns([5, 1], vertical_alignment="center")
    steps, total = (run.trace.steps if run and run.trace else 0), choice.depth.N_sup
    if session.is_stopped(choice):
        text = f"Stopped {f'after step {steps} of {total}' if steps else 'before the first step'}."
        with left:
            progress.draw(Progress("stopped", steps / total, text), key="run_progress")
        right.button("Resume", key="resume", on_click=session.resume, width="stretch")
        return
    with left:
        if run is None:
            progress.draw(_run_progress(None, total, None), key="run_progress")
        else:
            _follow_steps(run, total)
    right.button("Stop", key="stop", on_click=session.stop, args=(choice,), width="stretch")


def _follow_steps(run: Run, total: int) -> None:
    """Draw the progress of a run. The player makes the page rerun when the run ends."""
    runs, key, watcher = shared.runs(), run.key, session.watcher()

    def read() -> Progress | None:
        run = runs.poll(key, watcher=watcher)
        return run and _run_progress(run, total, runs.seconds_left(run))

    progress.follow(("steps", key), read, key="run_progress", reruns=False)


def _run_progress(run: Run | None, total: int, seconds: float | None) -> Progress:
    steps = run.trace.steps if run and run.trace else 0
    time_left = "" if seconds is None else f", about {max(round(seconds), 1)} s left"
    text = f"Computing supervision step {min(steps + 1, total)} of {total}{time_left}."
    return Progress("computing", steps / total, text)


def problem(message: str) -> None:
    st.error(plain(message), icon=":material/error:")


def no_model_yet(opening: Opening | None) -> None:
    """Draw the progress of a loading model, or instructions to get a model, in place of the page's content."""
    if opening is not None:
        show_opening(opening)
    else:
        no_models()


def no_models() -> None:
    st.info(
        "No model in `assets/models`. Train one with `python -m trm train --preset sudoku-trm --out runs/mine`, "
        "then copy its `model.safetensors` and `config.json` to `assets/models/mine`, or start the app with "
        "`make app MODEL_DIR=runs`.",
        icon=":material/model_training:",
    )
