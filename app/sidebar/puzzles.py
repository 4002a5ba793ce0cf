"""The puzzle's controls: a preset, a text, a new one, a task of ARC. In the session a puzzle is its task's one-line form."""

from collections.abc import Callable, Mapping

import numpy as np
import streamlit as st

from app.sidebar import puzzle_files
from app.state.links import IN_ADDRESS
from trm.data import Preset, load_presets, load_puzzles
from trm.data.bundled import fitting_sets
from trm.errors import DataError, PuzzleError
from trm.tasks.base import Difficulty, Task

YOURS = "Your puzzle"  # title of one that is no preset
FIRST_SEED = 0  # of the puzzle that is shown first where no preset fits
MOST_LINES, LINE = 18, 13  # of a picture in the text field: its lines, and pixels of one (see page.css)
HELP = {
    "sudoku": "Digits with . or 0 for blanks, in one line or several, with or without separators.",
    "maze": "# wall, space or . open, S start, G goal, in lines or all in one.",
    "arc": "Rows of digits 0 to 9, in lines or with / between them, or JSON such as [[0,1],[2,3]].",
}


def settle(task: Task, link: dict[str, str]) -> None:
    """Before the widgets are drawn: a puzzle that this task can read, from the link, from before, or its first one.

    A puzzle of the link that cannot be read stands in the text field all the same, so that it can be mended.
    """
    state = st.session_state
    here = (task.name, task.cells)
    if state.get("shown_task") == here and "puzzle_text" in state:
        return
    linked = link.pop("puzzle", "")
    before = linked or state.get("shown_puzzle", "")
    state.shown_task = here
    tokens = _tokens(task, before) if before else None
    if tokens is None:
        state.shown_puzzle = first_puzzle(task)
        state.puzzle_text = linked or _typed(task, read(task, state.shown_puzzle))
    else:
        state.shown_puzzle = task.format(tokens)
        state.puzzle_text = _typed(task, tokens)
    state.puzzle_preset = None if linked and tokens is None else _preset_key(task, state.shown_puzzle)


def controls(task: Task, between: Callable[[], None] | None = None) -> None:
    """Draw them; what was chosen is in the session then. `between` draws the task's own ones, if it has any."""
    presets = fitting_presets(task.name, task.cells, task)
    if presets:
        st.selectbox(
            "Puzzle",
            list(presets),
            format_func=lambda key: presets[key].title,
            key="puzzle_preset",
            persist_state="session",
            index=None,
            placeholder="your own",
            on_change=_take_preset,
            args=(task, presets),
        )
    if between is not None:
        between()
    with st.container(key="puzzle_as_picture" if any(task.looks) else "puzzle_as_text"):
        st.text_area(
            "Type or paste one",
            key="puzzle_text",
            persist_state="session",
            height=min(task.rows, MOST_LINES) * LINE + 30 if any(task.looks) else 92,
            on_change=_leave_preset,
            args=(task,),
            help=f"{HELP.get(task.name, '')} Ctrl+Enter shows it.",
        )
    puzzle_files.controls(task, take)
    if not task.needs_puzzle_id:  # nobody can make one up
        left, right = st.columns([3, 2], vertical_alignment="bottom")
        left.selectbox(
            "New puzzle",
            list(Difficulty),
            key="difficulty",
            **IN_ADDRESS,
            format_func=str.capitalize,
        )
        right.button("Generate", key="new_puzzle", on_click=_take_new, args=(task,), width="stretch")


def chosen(task: Task) -> tuple[str, str, str, str | None]:
    """The puzzle to show, its title and sentence, and what is wrong with the text where it is no puzzle."""
    state = st.session_state
    mistake = state.pop("no_new_puzzle", None)
    try:
        state.shown_puzzle = task.format(read(task, state.puzzle_text))
    except PuzzleError as error:
        mistake = str(error)
    return state.shown_puzzle, *title_of(task, state.shown_puzzle), mistake


def title_of(task: Task, puzzle: str) -> tuple[str, str]:
    """Title and sentence of a puzzle in its one-line form: those of the preset that it is, if it is one; else its place in a set
    of the app.
    """
    preset = fitting_presets(task.name, task.cells, task).get(_preset_key(task, puzzle))
    return (
        (preset.title, preset.sentence) if preset else (_place_in_set(task.name, puzzle, task) or YOURS, "")
    )


@st.cache_data(max_entries=256, show_spinner=False)
def _place_in_set(task_name: str, puzzle: str, _task: Task) -> str | None:
    """Such as "Puzzle 27 of sudoku/test"; None of one that is in no set."""
    tokens = read(_task, puzzle)
    for name in fitting_sets(_task):
        inputs = _inputs(task_name, _task.cells, name, _task)
        found = np.flatnonzero((inputs == tokens).all(1)) if inputs.shape[1:] == tokens.shape else ()
        if len(found):
            return f"Puzzle {found[0] + 1} of {name}"
    return None


@st.cache_resource(max_entries=16, show_spinner=False)
def _inputs(task_name: str, cells: int, name: str, _task: Task) -> np.ndarray:
    """Tokens of all puzzles of a set; none where it cannot be read."""
    try:
        return load_puzzles(name, _task).inputs
    except DataError:
        return np.empty((0, 0))


@st.cache_data(max_entries=64, show_spinner=False)
def fitting_presets(task_name: str, cells: int, _task: Task) -> dict[str, Preset]:
    """The presets of the task that are of its size, by key."""
    try:
        presets = load_presets(task_name)
    except DataError:  # there are none
        return {}
    return {preset.key: preset for preset in presets if _tokens(_task, preset.puzzle) is not None}


def first_puzzle(task: Task) -> str:
    """What is shown before anybody chose: the first preset, or a puzzle that is the same every time."""
    presets = fitting_presets(task.name, task.cells, task)
    if presets:
        return task.format(task.parse(next(iter(presets.values())).puzzle))
    return _generated(task.name, task.cells, task)


@st.cache_data(max_entries=64, show_spinner="Making a puzzle")
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
    """Tokens of a puzzle as a person types it: any that a model can be shown, be it unfinished. Raises PuzzleError."""
    return task.parse(text, unfinished=True)


def _typed(task: Task, tokens: np.ndarray) -> str:
    """As it stands in the text field: in lines where these make a picture of it, a row of digits in one."""
    return task.pretty(tokens) if any(task.looks) else task.format(tokens)


def take(task: Task, tokens: np.ndarray) -> None:
    """Make this the puzzle. Only before the widgets are drawn, so in callbacks."""
    st.session_state.puzzle_text = _typed(task, tokens)
    st.session_state.puzzle_preset = _preset_key(task, task.format(tokens))


def _take_preset(task: Task, presets: Mapping[str, Preset]) -> None:
    """Nothing chosen, as by Escape in the list, leaves the puzzle as it is, and says which one that is."""
    key = st.session_state.puzzle_preset
    if key is None:
        _leave_preset(task)
    else:
        take(task, task.parse(presets[key].puzzle))


def _leave_preset(task: Task) -> None:
    tokens = _tokens(task, st.session_state.puzzle_text)
    st.session_state.puzzle_preset = None if tokens is None else _preset_key(task, task.format(tokens))


def _take_new(task: Task) -> None:
    try:
        puzzle = task.generate(np.random.default_rng(), st.session_state.difficulty)
    except PuzzleError as error:
        st.session_state.no_new_puzzle = str(error)
    else:
        take(task, puzzle.inputs)
