"""Controls for a puzzle set: which set, and how many of its puzzles to use, evenly spaced."""

from dataclasses import dataclass

import streamlit as st

from app.state.links import IN_ADDRESS
from trm.data.bundled import sets_for_task
from trm.tasks.base import Task


@dataclass(frozen=True)
class PuzzleSetChoice:
    """A puzzle set and the number of puzzles to use: the command line's `--data` and `--limit`."""

    name: str
    count: int

    @property
    def arguments(self) -> str:
        return f"--data {self.name} --limit {self.count}"


def choose(task: Task, key: str, *, count: int = 200, most: int = 1000) -> PuzzleSetChoice | None:
    """Draw the controls. Returns None, and shows a message, if the app has no puzzle set for this task."""
    names = sets_for_task(task)
    if not names:
        st.info(
            f"The app has no bundled set of {task.name} puzzles. Record one with `trm trace`.",
            icon=":material/dataset:",
        )
        return None
    name = st.selectbox("Puzzle set", names, key=f"{key}-set", **IN_ADDRESS) if len(names) > 1 else names[0]
    wanted = st.slider(
        "Number of puzzles",
        10,
        most,
        count,
        step=10,
        key=f"{key}-count",
        **IN_ADDRESS,
        help=f"Sampled at even intervals from {name}.",
    )
    return PuzzleSetChoice(name, wanted)
