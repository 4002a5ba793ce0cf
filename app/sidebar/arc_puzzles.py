"""ARC's own controls: a task of the server's --data-dir with the number of its test, and the puzzle id.

A model of ARC reads the rule from the vector of its puzzle id alone. Which id a task has stands in the
`identifiers.json` of the data set that the model was trained on; one beside the checkpoint is used.
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

Take = Callable[[Task, np.ndarray], None]


def open_link(task: Task, options: Options, link: dict[str, str]) -> None:
    """Before the puzzle is settled: the test that the link names, which brings its puzzle if the link has none."""
    state = st.session_state
    name, _, number = link.pop("arc", "").rpartition(".")
    if name in _tasks(options):
        state.arc_task = name
        state.arc_test = links.number(number, most=len(_tasks(options)[name].test), otherwise=1)
        link.setdefault("puzzle", task.format(_encoded(_chosen_pair(_tasks(options)).input)))


def settle(
    task: Task, config: ModelConfig, options: Options, folder: Path | None, link: dict[str, str]
) -> None:
    """Before the widgets are drawn: an id that the model's table has; no task is chosen when the puzzle is another."""
    state = st.session_state
    linked = link.pop("id", None)
    if linked is not None:
        state.puzzle_id = (links.counts(linked, 1, digits=8) or (0,))[0]
    elif "puzzle_id" not in state and state.get("arc_task"):
        _take_id(_tasks(options)[state.arc_task], config, folder)
    state.puzzle_id = min(state.get("puzzle_id", 0), max(config.puzzle_ids - 1, 0))
    state.setdefault("arc_task", None)
    state.setdefault("arc_test", 1)
    if state.arc_task and not _is_chosen(task, options, state.puzzle_text):
        state.arc_task = None


def controls(task: Task, config: ModelConfig, options: Options, folder: Path | None, *, take: Take) -> None:
    """Draw them. `folder` is where the checkpoint lies; `take` makes tokens the puzzle."""
    state = st.session_state
    tasks = _tasks(options)
    if options.data_dir and not tasks:
        _tell_no_tasks(options.data_dir)
    if tasks:
        chosen = tasks.get(state.arc_task)
        left, right = st.columns([3, 2], vertical_alignment="bottom") if chosen else (st, st)
        arguments = (task, config, tasks, folder, take)
        left.selectbox(
            "ARC task",
            list(tasks),
            key="arc_task",
            placeholder="choose one",
            on_change=_take_test,
            args=arguments,
        )
        if chosen:
            tests = list(range(1, len(chosen.test) + 1))
            state.arc_test = min(state.arc_test, len(tests))
            right.selectbox("Test", tests, key="arc_test", on_change=_take_test, args=arguments)
    if config.puzzle_ids > 1:
        st.number_input(
            "Puzzle id",
            0,
            config.puzzle_ids - 1,
            key="puzzle_id",
            help=f"Row of the model's table of {config.puzzle_ids:,} puzzles. 0 is the blank id, which belongs to none.",
        )
        st.caption(plain(_id_sentence(folder)))


def published(task: Task, options: Options, puzzle: str) -> tuple[str | None, np.ndarray | None]:
    """The ARC test that this puzzle is, as the link names it, and its output where that is published."""
    state = st.session_state
    if not state.get("arc_task") or not _is_chosen(task, options, puzzle):
        return None, None
    output = _chosen_pair(_tasks(options)).output
    return f"{state.arc_task}.{state.arc_test}", None if output is None else _encoded(output)


def published_as(
    task: Task, options: Options, name: str, puzzle: str
) -> tuple[str | None, np.ndarray | None]:
    """As `published`, of a test that a link names: `task.number`. None where there is no such one, or its input is another."""
    name, _, number = name.rpartition(".")
    tests = _tasks(options)[name].test if name in _tasks(options) else []
    at = links.number(number, most=len(tests), otherwise=0)
    if not at or not np.array_equal(task.parse(puzzle), _encoded(tests[at - 1].input)):
        return None, None
    output = tests[at - 1].output
    return f"{name}.{at}", None if output is None else _encoded(output)


def title_of(arc: str) -> str:
    """Title of a test as links name it."""
    name, _, number = arc.rpartition(".")
    return f"ARC task {name}, test {number}"


def _tell_no_tasks(folder: Path) -> None:
    try:
        _read_tasks(folder)
    except DataError as error:
        st.error(plain(str(error)), icon=":material/folder_off:")


def _take_test(
    task: Task, config: ModelConfig, tasks: "dict[str, ArcTask]", folder: Path | None, take: Take
) -> None:
    state = st.session_state
    if state.arc_task is None:
        return
    found = tasks[state.arc_task]
    state.arc_test = min(state.arc_test, len(found.test))
    take(task, _encoded(_chosen_pair(tasks).input))
    _take_id(found, config, folder)


def _take_id(found: "ArcTask", config: ModelConfig, folder: Path | None) -> None:
    """The id of a task, where the file beside the checkpoint tells it; the blank one where it does not name the task."""
    known = _known_ids(folder)
    if known is not None:
        puzzle_id = known.get(found.identifier, 0)
        st.session_state.puzzle_id = puzzle_id if puzzle_id < config.puzzle_ids else 0


def _chosen_pair(tasks: "dict[str, ArcTask]") -> "ArcPair":
    tests = tasks[st.session_state.arc_task].test
    return tests[min(st.session_state.arc_test, len(tests)) - 1]


def _is_chosen(task: Task, options: Options, text: str) -> bool:
    """Whether this text is the input of the test that is chosen; one that is no grid yet does not change the choice."""
    tasks = _tasks(options)
    if st.session_state.arc_task not in tasks:
        return False
    try:
        return np.array_equal(task.parse(text), _encoded(_chosen_pair(tasks).input))
    except PuzzleError:
        return True


def _id_sentence(folder: Path | None) -> str:
    """Where the id is from."""
    known, chosen = _known_ids(folder), st.session_state.get("arc_task")
    if known is None:
        return f"There is no {FILE} beside the checkpoint that would tell which id a task has."
    if chosen is None:
        return f"{FILE} beside the checkpoint names {len(known):,} puzzles."
    name = chosen.partition(",")[0]
    if name not in known:
        return f"{name} is not among the {len(known):,} puzzles of {FILE}: the model has not learned it."
    own = "" if st.session_state.puzzle_id == known[name] else ", another than that chosen here"
    return f"{FILE} gives {name} the id {known[name]}{own}."


def _known_ids(folder: Path | None) -> dict[str, int] | None:
    """Ids by name, of the file beside the checkpoint; None where there is none that can be read."""
    if folder is None or not (folder / FILE).is_file():
        return None
    try:
        return _read_ids(folder / FILE)
    except DataError:
        return None


def _tasks(options: Options) -> "dict[str, ArcTask]":
    """Those of the server's folder; none where it holds none, which `controls` tells."""
    try:
        return {} if options.data_dir is None else _read_tasks(options.data_dir)
    except DataError:
        return {}


@st.cache_resource(max_entries=2, show_spinner="Reading the ARC tasks")
def _read_tasks(folder: Path) -> "dict[str, ArcTask]":
    """The tasks of the server's --data-dir. Raises DataError."""
    from trm.data.arc import arc_tasks

    return arc_tasks(folder)


@st.cache_resource(max_entries=2, show_spinner="Reading the puzzle ids")
def _read_ids(path: Path) -> dict[str, int]:
    """Puzzle ids by name, of an identifiers.json. Raises DataError."""
    from trm.data.identifiers import read_identifiers

    return read_identifiers(path)


def _encoded(grid: np.ndarray) -> np.ndarray:
    from trm.tasks.arc import encode

    return encode(grid)
