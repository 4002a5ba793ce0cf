"""Controls for the puzzle: a preset, typed text, a file, a generated puzzle, or an ARC task.

The session stores the puzzle as text in its task's one-line form.
"""

from collections.abc import Callable, Mapping

import numpy as np
import streamlit as st

from app.sidebar import puzzle_files
from app.state import edits
from app.state.links import IN_ADDRESS
from app.ui import text_size
from trm.data import PuzzlePreset, load_presets, load_puzzles
from trm.data.bundled import sets_for_task
from trm.errors import DataError, PuzzleError
from trm.tasks.base import Difficulty, Task

YOURS = "Your puzzle"  # title of a puzzle that is neither a preset nor in a set
FIRST_SEED = 0  # seed of the generated first puzzle if no preset fits
MOST_LINES = 18  # lines of a grid in the text field; longer grids scroll
LINE = 13  # pixels per line of a grid in the text field, as in page.css
HELP = {
    "sudoku": "Type digits, with . or 0 for blank cells, on one or more lines, with or without separators.",
    "maze": "Use # for a wall, a space or . for an open cell, S for the start and G for the goal, on one or more lines.",
    "arc": "Type rows of digits from 0 to 9, on separate lines or separated by /, or JSON such as [[0,1],[2,3]].",
}


def init_state(task: Task, link: dict[str, str]) -> None:
    """Set the puzzle before the widgets are drawn: from the link, from the previous page, or the task's first puzzle.

    If the link's puzzle cannot be parsed, its text still goes into the text field, so that the user can correct it.
    """
    state = st.session_state
    here = (task.name, task.cells)
    if state.get("current_task") == here and "puzzle_text" in state:
        return
    linked = link.pop("puzzle", "")
    before = linked or state.get("current_puzzle", "")
    state.current_task = here
    tokens = _tokens(task, before) if before else None
    if tokens is None:
        state.current_puzzle = first_puzzle(task)
        state.puzzle_text = linked or _field_text(task, read(task, state.current_puzzle))
    else:
        state.current_puzzle = task.format(tokens)
        state.puzzle_text = _field_text(task, tokens)
    state.puzzle_preset = None if linked and tokens is None else _preset_key(task, state.current_puzzle)


def controls(task: Task, task_controls: Callable[[], None] | None = None) -> None:
    """Draw the controls, which write to the session. `task_controls` draws controls for this task only, if any."""
    presets = fitting_presets(task.name, task.cells, task)
    if presets:
        st.selectbox(
            "Puzzle",
            list(presets),
            format_func=lambda key: presets[key].title,
            key="puzzle_preset",
            persist_state="session",
            index=None,
            placeholder="Custom",
            on_change=_use_preset,
            args=(task, presets),
        )
    if task_controls is not None:
        task_controls()
    height = min(task.rows, MOST_LINES) * LINE + 30 if any(task.looks) else 92
    with st.container(key="puzzle_as_picture" if any(task.looks) else "puzzle_as_text"):
        st.text_area(
            "Type or paste a puzzle",
            key="puzzle_text",
            persist_state="session",
            height=round(text_size.scale() * height),
            on_change=_use_text,
            args=(task,),
            help=f"{HELP.get(task.name, '')} Press Ctrl+Enter to apply.",
        )
    puzzle_files.controls(task, set_puzzle)
    if not task.needs_puzzle_id:  # a new puzzle would have no puzzle id
        left, right = st.columns([3, 2], vertical_alignment="bottom")
        left.selectbox(
            "New puzzle",
            list(Difficulty),
            key="difficulty",
            **IN_ADDRESS,
            format_func=str.capitalize,
        )
        right.button("Generate", key="new_puzzle", on_click=_use_new, args=(task,), width="stretch")


def chosen(task: Task) -> tuple[str, str, str, str | None]:
    """Return the current puzzle, its title and description, and an error message if the text is not a puzzle."""
    state = st.session_state
    mistake = state.pop("no_new_puzzle", None)
    state.applied_text = state.puzzle_text
    try:
        state.current_puzzle = task.format(read(task, state.puzzle_text))
    except PuzzleError as error:
        mistake = str(error)
    return state.current_puzzle, *title_of(task, state.current_puzzle), mistake


def title_of(task: Task, puzzle: str) -> tuple[str, str]:
    """Return title and description of a puzzle in one-line form, from its preset or its position in a bundled set."""
    preset = fitting_presets(task.name, task.cells, task).get(_preset_key(task, puzzle))
    return (
        (preset.title, preset.sentence) if preset else (_place_in_set(task.name, puzzle, task) or YOURS, "")
    )


@st.cache_data(max_entries=256, show_spinner=False)
def _place_in_set(task_name: str, puzzle: str, _task: Task) -> str | None:
    """Return a title such as "Puzzle 27 from sudoku/test"; None if the puzzle is in no bundled set."""
    tokens = read(_task, puzzle)
    for name in sets_for_task(_task):
        inputs = _inputs(task_name, _task.cells, name, _task)
        rows = np.flatnonzero((inputs == tokens).all(1)) if inputs.shape[1:] == tokens.shape else ()
        if len(rows):
            return f"Puzzle {rows[0] + 1} from {name}"
    return None


@st.cache_resource(max_entries=16, show_spinner=False)
def _inputs(task_name: str, cells: int, name: str, _task: Task) -> np.ndarray:
    """Return the tokens of all puzzles in a set; empty if the set cannot be read."""
    try:
        return load_puzzles(name, _task).inputs
    except DataError:
        return np.empty((0, 0))


@st.cache_data(max_entries=64, show_spinner=False)
def fitting_presets(task_name: str, cells: int, _task: Task) -> dict[str, PuzzlePreset]:
    """Return the presets that fit the task's grid size, by key."""
    try:
        presets = load_presets(task_name)
    except DataError:  # the task has no presets
        return {}
    return {preset.key: preset for preset in presets if _tokens(_task, preset.puzzle) is not None}


def first_puzzle(task: Task) -> str:
    """Return the puzzle of a new session: the first preset, or a puzzle generated with a fixed seed."""
    presets = fitting_presets(task.name, task.cells, task)
    if presets:
        return task.format(task.parse(next(iter(presets.values())).puzzle))
    return _generated(task.name, task.cells, task)


@st.cache_data(max_entries=64, show_spinner="Generating a puzzle")
def _generated(task_name: str, cells: int, _task: Task) -> str:
    return _task.format(_task.generate(np.random.default_rng(FIRST_SEED), Difficulty.EASY).inputs)


def _preset_key(task: Task, puzzle: str) -> str | None:
    presets = fitting_presets(task.name, task.cells, task).items()
    return next((key for key, preset in presets if task.format(task.parse(preset.puzzle)) == puzzle), None)


def _tokens(task: Task, text: str) -> np.ndarray | None:
    try:
        return read(task, text)
    except PuzzleError:
        return None


def read(task: Task, text: str) -> np.ndarray:
    """Parse a puzzle as typed, which may be unfinished. Raises PuzzleError if the text is not a puzzle."""
    return task.parse(text, unfinished=True)


def _field_text(task: Task, tokens: np.ndarray) -> str:
    """Return the puzzle as text for the text field: a grid of lines if its symbols form a picture, else one line."""
    return task.pretty(tokens) if any(task.looks) else task.format(tokens)


def set_puzzle(task: Task, tokens: np.ndarray) -> None:
    """Make this the current puzzle. Call this only from callbacks, before the widgets are drawn."""
    edits.note()
    st.session_state.puzzle_text = st.session_state.applied_text = _field_text(task, tokens)
    st.session_state.puzzle_preset = _preset_key(task, task.format(tokens))


def _use_preset(task: Task, presets: Mapping[str, PuzzlePreset]) -> None:
    """Callback: show the selected preset. If the selection was cleared (Escape), select the puzzle's preset again."""
    key = st.session_state.puzzle_preset
    if edits.is_outdated():
        _restore(task)
    elif key is None:
        _match_preset(task)
    else:
        set_puzzle(task, task.parse(presets[key].puzzle))


def _use_text(task: Task) -> None:
    """Callback: show the typed puzzle, and select its preset, if it has one."""
    if edits.is_outdated():
        _restore(task)
    else:
        edits.note()
        st.session_state.applied_text = st.session_state.puzzle_text
        _match_preset(task)


def _restore(task: Task) -> None:
    """Keep the current puzzle, which an outdated page has not received yet."""
    text = st.session_state.get("applied_text", st.session_state.puzzle_text)
    st.session_state.puzzle_text = text
    _match_preset(task)


def _match_preset(task: Task) -> None:
    tokens = _tokens(task, st.session_state.puzzle_text)
    st.session_state.puzzle_preset = None if tokens is None else _preset_key(task, task.format(tokens))


def _use_new(task: Task) -> None:
    try:
        puzzle = task.generate(np.random.default_rng(), st.session_state.difficulty)
    except PuzzleError as error:
        st.session_state.no_new_puzzle = str(error)
    else:
        set_puzzle(task, puzzle.inputs)
