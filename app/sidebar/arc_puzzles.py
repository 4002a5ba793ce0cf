"""Controls for ARC only: a task from the server's --data-dir, the number of its test, and the puzzle id.

An ARC model knows a task's rule only through the embedding of the puzzle id. The `identifiers.json` of the training set
maps tasks to ids. The app uses the copy of this file beside the checkpoint, if there is one.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from app.server.options import Options
from app.state import links
from app.ui.text import plain
from trm.config import ModelConfig
from trm.data.identifiers import FILE
from trm.errors import DataError, PuzzleError
from trm.tasks.base import Task

if TYPE_CHECKING:
    from trm.data.arc import ArcPair, ArcTask

SetPuzzle = Callable[[Task, np.ndarray], None]


def open_link(task: Task, options: Options, link: dict[str, str]) -> None:
    """Select the test that the link names. If the link has no puzzle, the input of the test becomes the puzzle.

    Call this before `puzzles.init_state`.
    """
    state = st.session_state
    name, _, number = link.pop("arc", "").rpartition(".")
    if name in _tasks(options):
        state.arc_task = name
        state.arc_test = links.parse_number(number, most=len(_tasks(options)[name].test), otherwise=1)
        link.setdefault("puzzle", task.format(_encoded(_chosen_pair(_tasks(options)).input)))


def init_state(
    task: Task, config: ModelConfig, options: Options, folder: Path | None, link: dict[str, str]
) -> None:
    """Set the puzzle id and the task before the widgets are drawn.

    The id is clipped to the model's table. The task is cleared if the puzzle is not one of its inputs.
    """
    state = st.session_state
    linked = link.pop("id", None)
    if linked is not None:
        state.puzzle_id = (links.parse_numbers(linked, 1, digits=8) or (0,))[0]
    elif "puzzle_id" not in state and state.get("arc_task"):
        _use_id(_tasks(options)[state.arc_task], config, folder)
    state.puzzle_id = min(state.get("puzzle_id", 0), max(config.puzzle_ids - 1, 0))
    state.setdefault("arc_task", None)
    state.setdefault("arc_test", 1)
    if state.arc_task and not _is_chosen(task, options, state.puzzle_text):
        state.arc_task = None


def controls(
    task: Task, config: ModelConfig, options: Options, folder: Path | None, *, set_puzzle: SetPuzzle
) -> None:
    """Draw the controls. `folder` contains the checkpoint; `set_puzzle(task, tokens)` changes the puzzle."""
    state = st.session_state
    tasks = _tasks(options)
    if options.data_dir and not tasks:
        _show_error(options.data_dir)
    if tasks:
        chosen = tasks.get(state.arc_task)
        left, right = st.columns([3, 2], vertical_alignment="bottom") if chosen else (st, st)
        arguments = (task, config, tasks, folder, set_puzzle)
        left.selectbox(
            "ARC task",
            list(tasks),
            key="arc_task",
            placeholder="Choose a task",
            on_change=_use_test,
            args=arguments,
        )
        if chosen:
            tests = list(range(1, len(chosen.test) + 1))
            state.arc_test = min(state.arc_test, len(tests))
            right.selectbox("Test", tests, key="arc_test", on_change=_use_test, args=arguments)
    if config.puzzle_ids > 1:
        st.number_input(
            "Puzzle id",
            0,
            config.puzzle_ids - 1,
            key="puzzle_id",
            help=f"Row in the model's table of {config.puzzle_ids:,} puzzle embeddings. 0 is the blank id, which no puzzle uses.",
        )
        st.caption(plain(_id_sentence(folder)))


def published(task: Task, options: Options, puzzle: str) -> tuple[str | None, np.ndarray | None]:
    """Return the name of the selected test and its output, or None if the output is not published.

    The name has the form that links use. Returns (None, None) if no test is selected or its input is not this puzzle.
    """
    state = st.session_state
    if not state.get("arc_task") or not _is_chosen(task, options, puzzle):
        return None, None
    output = _chosen_pair(_tasks(options)).output
    return f"{state.arc_task}.{state.arc_test}", None if output is None else _encoded(output)


def published_by_name(
    task: Task, options: Options, name: str, puzzle: str
) -> tuple[str | None, np.ndarray | None]:
    """Return the test named `task.number` in a link and its output, as `published` does.

    Returns (None, None) if the test does not exist or its input is not this puzzle.
    """
    name, _, number = name.rpartition(".")
    tests = _tasks(options)[name].test if name in _tasks(options) else []
    at = links.parse_number(number, most=len(tests), otherwise=0)
    if not at or not np.array_equal(task.parse(puzzle), _encoded(tests[at - 1].input)):
        return None, None
    output = tests[at - 1].output
    return f"{name}.{at}", None if output is None else _encoded(output)


def title_of(arc: str) -> str:
    """Return the title of a test, given its name in links."""
    name, _, number = arc.rpartition(".")
    return f"ARC task {name}, test {number}"


def _show_error(folder: Path) -> None:
    try:
        _read_tasks(folder)
    except DataError as error:
        st.error(plain(str(error)), icon=":material/folder_off:")


def _use_test(
    task: Task, config: ModelConfig, tasks: "dict[str, ArcTask]", folder: Path | None, set_puzzle: SetPuzzle
) -> None:
    state = st.session_state
    if state.arc_task is None:
        return
    arc_task = tasks[state.arc_task]
    state.arc_test = min(state.arc_test, len(arc_task.test))
    set_puzzle(task, _encoded(_chosen_pair(tasks).input))
    _use_id(arc_task, config, folder)


def _use_id(arc_task: "ArcTask", config: ModelConfig, folder: Path | None) -> None:
    """Select the task's id from the identifiers.json beside the checkpoint; the blank id if the file lacks the task."""
    ids = _ids_by_name(folder)
    if ids is not None:
        puzzle_id = ids.get(arc_task.identifier, 0)
        st.session_state.puzzle_id = puzzle_id if puzzle_id < config.puzzle_ids else 0


def _chosen_pair(tasks: "dict[str, ArcTask]") -> "ArcPair":
    tests = tasks[st.session_state.arc_task].test
    return tests[min(st.session_state.arc_test, len(tests)) - 1]


def _is_chosen(task: Task, options: Options, text: str) -> bool:
    """Return whether this text is the input of the selected test. Text that is not a puzzle keeps the selection."""
    tasks = _tasks(options)
    if st.session_state.arc_task not in tasks:
        return False
    try:
        return np.array_equal(task.parse(text), _encoded(_chosen_pair(tasks).input))
    except PuzzleError:
        return True


def _id_sentence(folder: Path | None) -> str:
    """Return a sentence on the origin of the id."""
    ids, chosen = _ids_by_name(folder), st.session_state.get("arc_task")
    if ids is None:
        return f"There is no {FILE} beside the checkpoint, so the ids of the tasks are unknown."
    if chosen is None:
        return f"The {FILE} beside the checkpoint lists {len(ids):,} puzzles."
    name = chosen.partition(",")[0]
    if name not in ids:
        return f"{name} is not among the {len(ids):,} puzzles of {FILE}: the model was not trained on it."
    own = "" if st.session_state.puzzle_id == ids[name] else ", not the one selected here"
    return f"{FILE} gives {name} the id {ids[name]}{own}."


def _ids_by_name(folder: Path | None) -> dict[str, int] | None:
    """Return the puzzle ids by name, from the file beside the checkpoint; None if the file is missing or unreadable."""
    if folder is None or not (folder / FILE).is_file():
        return None
    try:
        return _read_ids(folder / FILE)
    except DataError:
        return None


def _tasks(options: Options) -> "dict[str, ArcTask]":
    """Return the tasks in the server's --data-dir; empty without tasks, in which case `controls` shows the error."""
    try:
        return {} if options.data_dir is None else _read_tasks(options.data_dir)
    except DataError:
        return {}


@st.cache_resource(max_entries=2, show_spinner="Reading the ARC tasks")
def _read_tasks(folder: Path) -> "dict[str, ArcTask]":
    """Read the tasks in the server's --data-dir. Raises DataError if they cannot be read."""
    from trm.data.arc import arc_tasks

    return arc_tasks(folder)


@st.cache_resource(max_entries=2, show_spinner="Reading the puzzle ids")
def _read_ids(path: Path) -> dict[str, int]:
    """Read the puzzle ids by name from an identifiers.json. Raises DataError if the file is not valid."""
    from trm.data.identifiers import read_identifiers

    return read_identifiers(path)


def _encoded(grid: np.ndarray) -> np.ndarray:
    from trm.tasks.arc import encode

    return encode(grid)
