"""Puzzles from an uploaded file, which is not stored. If it contains several puzzles, a number input selects one."""

from collections.abc import Callable

import numpy as np
import streamlit as st

from app.ui.text import plain
from trm.data import PuzzleEntry, puzzle_entries
from trm.data.files.kinds import sentence
from trm.data.puzzle_file import LARGEST
from trm.errors import DataError
from trm.tasks.base import Task

SetPuzzle = Callable[[Task, np.ndarray], None]
PREVIEW = 40  # characters of the puzzle shown in the caption


def controls(task: Task, set_puzzle: SetPuzzle) -> None:
    """Draw the controls. `set_puzzle(task, tokens)` changes the puzzle."""
    with st.expander("Open a file", icon=":material/upload_file:"):
        st.file_uploader(
            "Puzzle file",
            key="puzzle_file",
            label_visibility="collapsed",
            max_upload_size=LARGEST >> 20,
            on_change=_use,
            args=(task, set_puzzle, True),
            help=f"The format is detected from the content, not the name: {sentence()}.",
        )
        try:
            in_file = _in_file(task)
        except DataError as error:
            st.error(plain(str(error)), icon=":material/error:")
            return
        if len(in_file) > 1:
            st.number_input(
                f"Puzzle (of {len(in_file):,} in the file)",
                1,
                len(in_file),
                key="puzzle_of_file",
                on_change=_use,
                args=(task, set_puzzle, False),
            )
        if in_file:
            _show(in_file[_chosen(in_file)], task)


def _show(question: PuzzleEntry, task: Task) -> None:
    """Show where the puzzle is in the file, or why it cannot be read."""
    try:
        text = task.format(question.read(task))
    except DataError as error:
        st.error(plain(str(error)), icon=":material/error:")
    else:
        st.caption(plain(f"{question.place}: {text[:PREVIEW]}{'…' if len(text) > PREVIEW else ''}"))
        if question.note:
            st.caption(plain(f"{question.note}."))


def _use(task: Task, set_puzzle: SetPuzzle, is_new_file: bool) -> None:
    """Callback: use the selected puzzle, or the first puzzle of a new file. `controls` shows errors."""
    if is_new_file:
        st.session_state.puzzle_of_file = 1
    try:
        in_file = _in_file(task)
        if in_file:
            set_puzzle(task, in_file[_chosen(in_file)].read(task))
    except DataError:
        return


def _chosen(in_file: list[PuzzleEntry]) -> int:
    return min(st.session_state.get("puzzle_of_file", 1), len(in_file)) - 1


def _in_file(task: Task) -> list[PuzzleEntry]:
    """Return the puzzles in the file, parsed once; empty without a file. Raises DataError if the file is not valid."""
    state = st.session_state
    file = state.get("puzzle_file")
    if file is None:
        state.pop("file_questions", None)
        return []
    about = (file.file_id, task.name, task.cells)
    if "file_questions" not in state or state.file_questions[0] != about:
        try:
            state.file_questions = (about, puzzle_entries(file.getvalue(), file.name, task))
        except DataError as error:
            state.file_questions = (about, error)
    in_file = state.file_questions[1]
    if isinstance(in_file, DataError):
        raise in_file
    return in_file
