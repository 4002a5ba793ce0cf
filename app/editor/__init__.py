"""The puzzle editor, which replaces the player while the user edits a puzzle.

The browser keeps the draft and its undo history. When the user pauses, the browser sends the text of the draft, and
Python determines its number of solutions, its difficulty and its contradictions. The task parses pasted text. Every
grid that a model accepts is allowed. This module validates all data from the browser.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from app.editor.description import describe_task, grid_of
from app.player.component import component
from app.sidebar import puzzles, validity
from app.state import session
from trm.errors import PuzzleError
from trm.tasks.base import Task

if TYPE_CHECKING:
    from app.state.choice import Choice

KEY = "editor"
SCRIPT = Path(__file__).parent / "src" / "editor.js"
STYLE = Path(__file__).parent / "editor.css"


def is_open(task: Task) -> bool:
    """Whether the user is editing a puzzle of this task and size."""
    return st.session_state.get("editing") == (task.name, task.cells)


def button(task: Task) -> None:
    """Draw the button that opens the editor."""
    st.button(
        "Edit",
        key="edit",
        icon=":material/edit:",
        shortcut="e",
        on_click=open_for,
        args=(task,),
    )


def open_for(task: Task) -> None:
    """Open the editor at the next rerun."""
    st.session_state.editing = (task.name, task.cells)
    st.session_state.draft = st.session_state.pasted = None


def close() -> None:
    st.session_state.editing = None


@st.fragment
def show(choice: "Choice") -> None:
    """Draw the editor as a fragment, so that checking a draft does not rerun the rest of the page."""
    task, state = choice.task, st.session_state
    if not is_open(task):  # just closed
        session.rerun()
    data = {
        "task": describe_task(task),
        "puzzle": {"text": choice.puzzle, "grid": grid_of(task, task.parse(choice.puzzle, unfinished=True))},
        "validity": _validity(task, choice.puzzle if state.draft is None else state.draft),
        "pasted": state.pasted,
    }
    component("editor", SCRIPT, STYLE)(
        data=data,
        key=KEY,
        on_draft_change=_on("draft", _save_draft),
        on_paste_change=_on("paste", lambda request: _parse_pasted(task, request)),
        on_use_change=_on("use", lambda text: _use(task, text)),
        on_cancel_change=close,
    )


def _on(event: str, act: Callable[[Any], None]) -> Callable[[], None]:
    """Return a callback that calls `act` with the value that the browser reported for this event."""
    return lambda: act(st.session_state[KEY].get(event))


def _save_draft(draft: Any) -> None:
    if isinstance(draft, dict) and isinstance(draft.get("text"), str):
        st.session_state.draft = draft["text"]


def _validity(task: Task, draft: str) -> dict[str, Any]:
    """Return the verdict on a draft, together with the text of the draft."""
    try:
        verdict = validity.verdict(task, draft)
    except PuzzleError as error:
        return {"text": draft, "solutions": "unknown", "sentence": str(error), "conflicts": []}
    return {"text": draft} | vars(verdict)


def _parse_pasted(task: Task, request: Any) -> None:
    """Parse pasted text and store the resulting grid or error message, with the number of the browser's request."""
    if not isinstance(request, dict) or not isinstance(request.get("text"), str):
        return
    try:
        result = {"grid": grid_of(task, task.parse(request["text"], unfinished=True))}
    except PuzzleError as error:
        result = {"mistake": f"Not pasted. {error}"}
    st.session_state.pasted = {"number": request.get("number")} | result


def _use(task: Task, text: Any) -> None:
    """Use the draft as the puzzle of the page and close the editor."""
    try:
        tokens = task.parse(str(text), unfinished=True)
    except PuzzleError:  # the text does not come from the editor, whose drafts can always be parsed
        return
    puzzles.set_puzzle(task, tokens)
    close()
