"""Puzzles from a file that a person hands over; of several one is chosen. The file is read here and kept nowhere."""

from collections.abc import Callable

import numpy as np
import streamlit as st

from app.ui.text import plain
from trm.data import PuzzleEntry, puzzle_entries
from trm.data.files.kinds import sentence
from trm.data.puzzle_file import LARGEST
from trm.errors import DataError
from trm.tasks.base import Task

Take = Callable[[Task, np.ndarray], None]
SHOWN = 40  # characters of a puzzle beside its place


def controls(task: Task, take: Take) -> None:
    """Draw them. `take` makes tokens the puzzle."""
    with st.expander("From a file", icon=":material/upload_file:"):
        st.file_uploader(
            "Puzzles from a file",
            key="puzzle_file",
            label_visibility="collapsed",
            max_upload_size=LARGEST >> 20,
            on_change=_take,
            args=(task, take, True),
            help=f"What is in the file decides, not its name: {sentence()}.",
        )
        try:
            found = _found(task)
        except DataError as error:
            st.error(plain(str(error)), icon=":material/error:")
            return
        if len(found) > 1:
            st.number_input(
                f"Which of its {len(found):,} puzzles",
                1,
                len(found),
                key="puzzle_of_file",
                on_change=_take,
                args=(task, take, False),
            )
        if found:
            _tell(found[_chosen(found)], task)


def _tell(question: PuzzleEntry, task: Task) -> None:
    """Which one it is, or why it is none."""
    try:
        text = task.format(question.read(task))
    except DataError as error:
        st.error(plain(str(error)), icon=":material/error:")
    else:
        st.caption(plain(f"{question.place}: {text[:SHOWN]}{'…' if len(text) > SHOWN else ''}"))
        if question.note:
            st.caption(plain(f"{question.note}."))


def _take(task: Task, take: Take, is_new_file: bool) -> None:
    """Before the widgets are drawn: the chosen puzzle, of a new file its first. What is wrong with it is told there."""
    if is_new_file:
        st.session_state.puzzle_of_file = 1
    try:
        found = _found(task)
        if found:
            take(task, found[_chosen(found)].read(task))
    except DataError:
        return


def _chosen(found: list[PuzzleEntry]) -> int:
    return min(st.session_state.get("puzzle_of_file", 1), len(found)) - 1


def _found(task: Task) -> list[PuzzleEntry]:
    """The puzzles of the file as this task writes them, cut out once; none without a file. Raises DataError."""
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
    found = state.file_questions[1]
    if isinstance(found, DataError):
        raise found
    return found
