"""The words around the player: what the puzzle is, what is wrong with it, what is being waited for."""

import numpy as np
import streamlit as st

from app import session
from app.inputs import Choice
from trm.errors import UserError
from trm.tasks.base import Task


def puzzle(choice: Choice, task: Task) -> None:
    """One line: title, why the puzzle is interesting or how hard it is; under it what is wrong with the text or the givens."""
    rating = session.rating(task, choice.puzzle)
    st.markdown(f"**{choice.title}.** {choice.sentence or rating.sentence}")
    if choice.mistake:
        st.error(f"{choice.mistake} Still shown: the puzzle before.", icon=":material/edit:")
    inputs = task.parse(choice.puzzle)
    conflicts = np.flatnonzero(task.conflicts(inputs))
    if conflicts.size:
        st.warning(
            f"The givens contradict each other: {_cells(conflicts, inputs, task)}. No answer can be right; the model tries all the same.",
            icon=":material/warning:",
        )


def _cells(cells: np.ndarray, inputs: np.ndarray, task: Task) -> str:
    """Cells in words, rows and columns from 1."""
    named = [
        f"{task.symbols[inputs[cell]]} in row {cell // task.columns + 1}, column {cell % task.columns + 1}"
        for cell in cells.tolist()
    ]
    return "; ".join(named)


def loading(model_name: str) -> None:
    """Shown while a model is loaded for a puzzle that has no recorded trace."""
    with st.spinner(f"Loading {model_name}: a few seconds, once.", show_time=True):
        session.loader().ask(model_name).exception()
    st.rerun()


def problem(error: UserError) -> None:
    st.error(str(error), icon=":material/error:")


def no_models() -> None:
    st.info(
        "There is no model in `assets/models`. Train one with `python -m trm train --preset sudoku-trm --out runs/mine`, "
        "then copy its `model.safetensors` and `config.json` to `assets/models/mine`.",
        icon=":material/model_training:",
    )
