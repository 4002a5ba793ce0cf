"""The choice of many puzzles: which set, and how many of it, spread evenly."""

from dataclasses import dataclass

import streamlit as st

from app.state.links import IN_ADDRESS
from trm.data.bundled import sets_for_task
from trm.tasks.base import Task


@dataclass(frozen=True)
class PuzzleSetChoice:
    """As `--data` and `--limit` of the command line say it."""

    name: str
    count: int

    @property
    def arguments(self) -> str:
        return f"--data {self.name} --limit {self.count}"


def choose(task: Task, key: str, *, count: int = 200, most: int = 1000) -> PuzzleSetChoice | None:
    """Draw the choice. None, which is said, where no set of this task comes with the app."""
    names = sets_for_task(task)
    if not names:
        st.info(
            f"No set of {task.name} puzzles comes with the app. Record one with `trm trace`.",
            icon=":material/dataset:",
        )
        return None
    name = st.selectbox("Puzzles from", names, key=f"{key}-set", **IN_ADDRESS) if len(names) > 1 else names[0]
    wanted = st.slider(
        f"How many puzzles of {name}",
        10,
        most,
        count,
        step=10,
        key=f"{key}-count",
        **IN_ADDRESS,
        help="Evenly spread over the set.",
    )
    return PuzzleSetChoice(name, wanted)
