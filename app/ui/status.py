"""The words around the player: what the puzzle is, what is wrong with it, what is being waited for."""

from collections.abc import Callable

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

PAGE_FIRST = 1.5  # seconds the browser gets before torch is imported behind it
LOOK_EVERY = 0.25  # seconds between looks at a model that is being opened
LOADED_WITHIN = 120.0  # seconds a page waits for a model before it looks anew at what is asked


def puzzle(choice: Choice) -> None:
    """What is wrong with the text; then title and why the puzzle is interesting or how hard it is; then what is wrong with the givens."""
    task = choice.task
    verdict = validity.verdict(task, choice.puzzle)
    if choice.mistake:
        st.error(plain(f"{choice.mistake} Showing the previous puzzle."), icon=":material/edit:")
    with st.container(key="puzzle_line", horizontal=True, gap="small"):
        # Two paragraphs, which page.css sets in one line: where a browser translated the page, only texts alone in a tag change.
        st.markdown(
            f"**{plain(choice.title)}.**\n\n{plain(choice.sentence) or verdict.sentence}", width="stretch"
        )
        editor.button(task)
    if verdict.conflicts:
        st.warning(
            f"The givens contradict each other: {_cells(verdict.conflicts, choice)}. No answer can be right; the model tries all the same.",
            icon=":material/warning:",
        )
    if task.needs_puzzle_id and not choice.puzzle_id:
        st.warning(
            "With the blank puzzle id an ARC model scores 0: what you see is not what it can do.",
            icon=":material/fingerprint_off:",
        )


def _cells(cells: tuple[tuple[int, int], ...], choice: Choice) -> str:
    """Cells in words, rows and columns from 1."""
    task = choice.task
    inputs = task.parse(choice.puzzle, unfinished=True).reshape(task.rows, task.columns)
    named = [f"{task.symbols[inputs[cell]]} in row {cell[0] + 1}, column {cell[1] + 1}" for cell in cells]
    return "; ".join(named)


def loading(source: ModelSource) -> None:
    """Shown while a model on this machine is loaded; then the page is drawn anew."""
    opening = shared.models().ask(source)
    with st.spinner(f"Loading {plain(source.name)}: a few seconds, once.", show_time=True):
        spot = st.empty()
        for _ in range(int(LOADED_WITHIN / LOOK_EVERY)):
            if opening.wait(LOOK_EVERY):
                break
            freeze_libraries()
            spot.empty()  # a place where Streamlit may end this for what was asked meanwhile
    st.rerun()


def opening(going_on: Opening) -> None:
    """A model on its way: fetched from the hub, with a question before a large download, or read from a file."""
    if going_on.source.kind != "hub":
        loading(going_on.source)
    elif going_on.asks:
        size = f"{going_on.asks / 1e6:,.0f} MB"
        st.info(f"{plain(going_on.source.name)} takes {size} to download.", icon=":material/cloud_download:")
        fetch, cancel = st.columns([1, 4])
        fetch.button(
            f"Download {size}",
            key="download",
            type="primary",
            on_click=shared.models().fetch,
            args=(going_on,),
            width="stretch",
        )
        cancel.button("Cancel", key="no_download", on_click=model_controls.give_up, args=(going_on,))
    else:
        fetching(going_on)


@st.fragment(run_every=2 * LOOK_EVERY)
def fetching(going_on: Opening) -> None:
    """The download as it goes on; ends with the page drawn anew."""
    if going_on.ended.is_set():
        st.rerun()
    done, total = going_on.fetched or (0, 0)
    text = f"Fetching {plain(going_on.source.name)}" + (
        f": {done / 1e6:,.0f} of {total / 1e6:,.0f} MB" if total else ""
    )
    st.progress(min(done / total, 1.0) if total else 0.0, text)
    if st.button("Cancel", key="cancel_download", on_click=model_controls.give_up, args=(going_on,)):
        st.rerun()


@st.fragment(run_every=1.0)
def take_over(source: ModelSource, is_made: Callable[[], bool]) -> None:
    """While something recorded is shown, the model is loaded behind it and then asked for the same by `is_made`, which tells
    whether that is there; then the page is drawn anew, with its own.
    """
    shared.models().ask(source, after=PAGE_FIRST)
    freeze_libraries()
    if shared.models().ready(source) and is_made():
        st.rerun()


def growth(run: Run | None, choice: Choice) -> None:
    """How far a run has come that is not complete, with a way to stop it or go on."""
    steps, total = (run.trace.steps if run and run.trace else 0), choice.depth.N_sup
    left, right = st.columns([5, 1], vertical_alignment="center")
    if session.is_stopped(choice):
        left.progress(
            steps / total,
            f"Stopped {f'after step {steps} of {total}' if steps else 'before its first step'}.",
        )
        right.button("Go on", key="go_on", on_click=session.go_on, width="stretch")
        return
    seconds = shared.runs().seconds_left(run) if run else None
    time_left = "" if seconds is None else f", about {max(round(seconds), 1)} s left"
    left.progress(
        steps / total, f"Supervision step {min(steps + 1, total)} of {total} is being computed{time_left}."
    )
    right.button("Stop", key="stop", on_click=session.stop, args=(choice,), width="stretch")


def problem(message: str) -> None:
    st.error(plain(message), icon=":material/error:")


def no_model_yet(going_on: Opening | None) -> None:
    """In the place of what a page shows of a model: the one that is being opened, or where models come from."""
    if going_on is not None:
        opening(going_on)
    else:
        no_models()


def no_models() -> None:
    st.info(
        "There is no model in `assets/models`. Train one with `python -m trm train --preset sudoku-trm --out runs/mine`, "
        "then copy its `model.safetensors` and `config.json` to `assets/models/mine`, or start the app with "
        "`make app MODEL_DIR=runs`.",
        icon=":material/model_training:",
    )
