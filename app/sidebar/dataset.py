"""Controls for a puzzle set or a store of recorded states: which one, and how many of its puzzles, evenly spaced."""

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from app.server.models import ModelSource
from app.server.options import server_options
from app.state.links import IN_ADDRESS
from trm.data.bundled import sets_for_task
from trm.errors import UserError
from trm.store import open_store
from trm.store.shards import is_store
from trm.tasks import task_of
from trm.tasks.base import Task

if TYPE_CHECKING:
    from probes.states import StateSource
    from trm.data.puzzle_set import PuzzleSet
    from trm.model import Model

MOST_FOLDERS = 100  # folders in --data-dir that are looked at


@dataclass(frozen=True)
class PuzzleSetChoice:
    """A puzzle set and the number of puzzles to use, as in the command line's `--data` and `--limit`."""

    name: str
    count: int
    store: Path | None = (
        None  # a trace store in --data-dir, whose states are used instead of running the model
    )

    @property
    def options(self) -> dict[str, object]:
        """The equivalent command-line options, for `as_command`."""
        return ({"store": self.store} if self.store else {"data": self.name}) | {"limit": self.count}

    def open_store(self, model: "Model") -> "StateSource":
        """Open the store. Raises UserError if it is damaged or was recorded with other weights."""
        from probes.states import StateSource

        source = StateSource.open(self.store, limit=self.count)
        source.check_model(model)
        return source

    def recorded_with(self, source: ModelSource, task: Task) -> "PuzzleSetChoice":
        """For a store, return the store in --data-dir of the same puzzles recorded with this model; otherwise self.

        Raises UserError, which says how to record it, if there is none.
        """
        if not self.store:
            return self
        data, count = _set_of(self.store)
        for name, path in stores_for(task).items():
            about = open_store(path).manifest.provenance
            if about.model in (source.name, source.spec) and _set_of(path) == (data, count):
                return replace(self, name=name, store=path)
        raise UserError(
            f"No store holds these {count} puzzles of {data} recorded with {source.name}. Record them with `trm trace "
            f"--model {source.spec} --data {data} --limit {count} --calls all --positions all`."
        )

    def load(self, task: Task) -> "PuzzleSet":
        """Read the puzzles. Raises UserError if the set does not fit the task."""
        from trm.data import load_puzzles
        from trm.evaluate import evenly

        puzzles = load_puzzles(self.name, task)
        return puzzles.take(evenly(len(puzzles), self.count))


def stores_for(task: Task) -> dict[str, Path]:
    """Return the trace stores of this task in --data-dir, by name."""
    folder = server_options().data_dir
    stores = {}
    for path in sorted(folder.iterdir())[:MOST_FOLDERS] if folder else ():
        with suppress(UserError, OSError):
            if is_store(path) and _grid_of(path) == (task.name, task.rows, task.columns):
                stores[f"{path.name} (recorded states)"] = path
    return stores


def _set_of(path: Path) -> tuple[str | None, int]:
    """Return the puzzle set of a store, and how many of its puzzles are recorded."""
    store = open_store(path)
    return store.manifest.provenance.data, store.layout.puzzles


def _grid_of(path: Path) -> tuple[str, int, int]:
    recorded = task_of(open_store(path).layout.config)
    return recorded.name, recorded.rows, recorded.columns


def choose(
    task: Task, key: str, *, count: int = 200, most: int = 1000, stores: bool = False
) -> PuzzleSetChoice | None:
    """Draw the controls and return the choice. Returns None, with a message, if there is no puzzle set for this task.

    With `stores`, the stores of recorded states in --data-dir are offered too.
    """
    recorded = stores_for(task) if stores else {}
    names = [*sets_for_task(task), *recorded]
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
        help=f"The puzzles are evenly spaced over {name}.",
    )
    return PuzzleSetChoice(name, wanted, recorded.get(name))
