"""Messages around the player: the puzzle, what is wrong with it, and what the page is waiting for."""

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from app import editor
from app.server import shared
from app.server.importing import freeze_libraries
from app.server.models import ModelSource
from app.server.opening import Opening
from app.server.runs import Run
from app.sidebar import model_controls, validity
from app.state import session
from app.state.choice import Choice
from app.ui.text import plain

PAGE_FIRST = 1.5  # seconds before torch is imported, so that the page reaches the browser first
POLL_EVERY = 0.25  # seconds between checks of a model that is loading
MAX_WAIT = 120.0  # seconds that a page waits for a model before it is rerun


@dataclass(frozen=True)
class LoadingWords:
    """Texts shown while a model loads; a page in another language passes its own."""

    loading: str = "Loading {model}. This takes a few seconds, the first time only."
    size: str = "{model} is a {size} MB download."
    download: str = "Download {size} MB"
    downloading: str = "Downloading {model}"
    downloaded: str = "Downloading {model}: {done} of {total} MB"
    cancel: str = "Cancel"


ENGLISH = LoadingWords()


def puzzle(choice: Choice) -> None:
    """Draw errors in the typed text, the puzzle's title and description, and warnings about its givens."""
    task = choice.task
    verdict = validity.verdict(task, choice.puzzle)
    if choice.mistake:
        st.error(plain(f"{choice.mistake} Showing the previous puzzle."), icon=":material/edit:")
    with st.container(key="puzzle_line", horizontal=True, gap="small"):
        # Two paragraphs, which page.css puts on one line: if the browser translates the page, a text is updated only if it is alone in its tag.
        st.markdown(
            f"**{plain(choice.title)}.**\n\n{plain(choice.sentence) or verdict.sentence}", width="stretch"
        )
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
    """The cells as text, rows and columns from 1."""
    task = choice.task
    inputs = task.parse(choice.puzzle, unfinished=True).reshape(task.rows, task.columns)
    named = [f"{task.symbols[inputs[cell]]} in row {cell[0] + 1}, column {cell[1] + 1}" for cell in cells]
    return "; ".join(named)


def loading(source: ModelSource, words: LoadingWords = ENGLISH) -> None:
    """Show a spinner while a model on this machine loads, then rerun the page."""
    opening = shared.models().ask(source)
    with st.spinner(words.loading.format(model=plain(source.name)), show_time=True):
        spot = st.empty()
        for _ in range(int(MAX_WAIT / POLL_EVERY)):
            if opening.wait(POLL_EVERY):
                break
            freeze_libraries()
            spot.empty()  # lets Streamlit stop this run if the user has done something else
    st.rerun()


def show_opening(opening: Opening, words: LoadingWords = ENGLISH) -> None:
    """Show the progress of a model that is loading from a file or downloading. Large downloads need consent first."""
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
        _download(opening, words)


@st.fragment(run_every=2 * POLL_EVERY)
def _download(opening: Opening, words: LoadingWords) -> None:
    """Draw the progress of a download; rerun the page when it ends."""
    if opening.ended.is_set():
        st.rerun()
    done, total = opening.fetched or (0, 0)
    text = (words.downloaded if total else words.downloading).format(
        model=plain(opening.source.name), done=_megabytes(done), total=_megabytes(total)
    )
    st.progress(min(done / total, 1.0) if total else 0.0, text)
    if st.button(
        words.cancel, key="cancel_download", on_click=model_controls.cancel_opening, args=(opening,)
    ):
        st.rerun()


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f}"


@st.fragment(run_every=1.0)
def switch_to_model(source: ModelSource, is_made: Callable[[], bool]) -> None:
    """Load the model in the background while the page shows a recorded result. `is_made` then starts the model's own
    run; once it returns True, the page is rerun to show that run.
    """
    shared.models().ask(source, after=PAGE_FIRST)
    freeze_libraries()
    if shared.models().ready(source) and is_made():
        st.rerun()


def run_progress(run: Run | None, choice: Choice) -> None:
    """Draw the progress of an incomplete run, with a button to stop or resume it."""
    steps, total = (run.trace.steps if run and run.trace else 0), choice.depth.N_sup
    left, right = st.columns([5, 1], vertical_alignment="center")
    if session.is_stopped(choice):
        left.progress(
            steps / total,
            f"Stopped {f'after step {steps} of {total}' if steps else 'before the first step'}.",
        )
        right.button("Resume", key="resume", on_click=session.resume, width="stretch")
        return
    seconds = shared.runs().seconds_left(run) if run else None
    time_left = "" if seconds is None else f", about {max(round(seconds), 1)} s left"
    left.progress(steps / total, f"Computing supervision step {min(steps + 1, total)} of {total}{time_left}.")
    right.button("Stop", key="stop", on_click=session.stop, args=(choice,), width="stretch")


def problem(message: str) -> None:
    st.error(plain(message), icon=":material/error:")


def no_model_yet(opening: Opening | None) -> None:
    """Draw, in place of the page's content while there is no model, the loading model or where to get one."""
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
