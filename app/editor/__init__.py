"""Editing a puzzle in its grid, in place of the player.

The draft lives in the browser, with its undo: typing and drawing ask nobody. Once it rests Python is told its text and
says what can be said of it; texts that are pasted are read here too, by the task that reads all others. Nothing is
refused that a model could be shown. What comes from the browser is checked at this one place.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from app.editor.description import described, grid_of
from app.player.component import component
from app.sidebar import puzzles, validity
from app.state import links
from trm.errors import PuzzleError
from trm.tasks.base import Task

if TYPE_CHECKING:
    from app.state.choice import Choice

KEY = "editor"
SCRIPT = Path(__file__).parent / "src" / "editor.js"
STYLE = Path(__file__).parent / "editor.css"


def is_open(task: Task) -> bool:
    """Whether this person edits a puzzle of this task and size."""
    return st.session_state.get("editing") == (task.name, task.cells)


def button(task: Task) -> None:
    """Opens the editor."""
    st.button(
        "Edit",
        key="edit",
        icon=":material/edit:",
        shortcut="e",
        on_click=open_for,
        args=(task,),
    )


def open_for(task: Task) -> None:
    """From the next run of the page on. The player comes back where it was, unless another puzzle is chosen."""
    links.save_view()
    st.session_state.editing = (task.name, task.cells)
    st.session_state.draft = st.session_state.pasted = None


def close() -> None:
    st.session_state.editing = None


@st.fragment
def show(choice: "Choice") -> None:
    """The editor. A fragment, so that judging a draft reruns nothing else."""
    task, state = choice.task, st.session_state
    if not is_open(task):  # just closed
        st.rerun()
    data = {
        "task": described(task),
        "puzzle": {"text": choice.puzzle, "grid": grid_of(task, task.parse(choice.puzzle, unfinished=True))},
        "said": _said(task, choice.puzzle if state.draft is None else state.draft),
        "pasted": state.pasted,
    }
    component("editor", SCRIPT, STYLE)(
        data=data,
        key=KEY,
        on_draft_change=_on("draft", _keep),
        on_paste_change=_on("paste", lambda asked: _read(task, asked)),
        on_use_change=_on("use", lambda text: _use(task, text)),
        on_cancel_change=close,
    )


def _on(event: str, act: Callable[[Any], None]) -> Callable[[], None]:
    """A callback for what the browser says under this name."""
    return lambda: act(st.session_state[KEY].get(event))


def _keep(draft: Any) -> None:
    if isinstance(draft, dict) and isinstance(draft.get("text"), str):
        st.session_state.draft = draft["text"]


def _said(task: Task, draft: str) -> dict[str, Any]:
    """What can be said of a draft; `text` names the draft that it is about."""
    try:
        verdict = validity.verdict(task, draft)
    except PuzzleError as error:
        return {"text": draft, "solutions": "unknown", "sentence": str(error), "conflicts": []}
    return {"text": draft} | vars(verdict)


def _read(task: Task, asked: Any) -> None:
    """A text that was pasted: its grid, or what is wrong with it, under the number that the browser gave it."""
    if not isinstance(asked, dict) or not isinstance(asked.get("text"), str):
        return
    try:
        found = {"grid": grid_of(task, task.parse(asked["text"], unfinished=True))}
    except PuzzleError as error:
        found = {"mistake": f"Not pasted. {error}"}
    st.session_state.pasted = {"number": asked.get("number")} | found


def _use(task: Task, text: Any) -> None:
    """The draft becomes the page's puzzle."""
    try:
        tokens = task.parse(str(text), unfinished=True)
    except PuzzleError:  # no draft of the editor's; it shows the one it has
        return
    links.clear_view()
    puzzles.set_puzzle(task, tokens)
    close()
