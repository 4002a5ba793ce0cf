"""The states of a puzzle set at chosen coordinates, recorded in a store or computed now. Every analysis takes one.

StateSource.compute(model, task, puzzles, ...)   runs the model and holds the states in memory
StateSource.open(path)                           reads a trace store, slice by slice, without running the model
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float32, Int, Int16, UInt8

from trm.config import HALT_OR_CONTINUE, ModelConfig
from trm.coordinates import F_H, F_L, Coordinates, Depth
from trm.data import PuzzleSet, load_puzzles
from trm.data.bundled import bundled_sets
from trm.data.files.spread import evenly_spread
from trm.errors import StoreError, UserError
from trm.parallel import Worker
from trm.progress import Progress, no_progress, part_of
from trm.provenance import Provenance
from trm.store import TraceStore, open_store
from trm.store.layout import StoreSettings
from trm.tasks import task_of
from trm.tasks.base import Task

if TYPE_CHECKING:
    from trm.model import Model
    from trm.recursion import Hook

POLL_SECONDS = 0.2
BATCH = 16  # puzzles per forward pass and core: as fast as larger batches, and quicker to cancel
STATES = ("z", "y")
"""The states of a source."""
CALLS = ("last", "cycles", "all")
"""Options for the calls to analyse in a supervision step: the last call, the f_H call of every cycle, or all calls."""

Rows = Int[np.ndarray, "row"] | slice | None
"""Indices of puzzles in a source, or None for all."""


class TimePointError(UserError):
    """Raised if a run lacks a time point."""


def time_points_of(depth: Depth, steps: Sequence[int], calls: str = "last") -> tuple[Coordinates, ...]:
    """Return the time points in these supervision steps, in the order of the run. `calls` is one of `CALLS`.

    Raises TimePointError if `steps` is empty, a step is not in the run, or `calls` is unknown.
    """
    if calls not in CALLS:
        raise TimePointError(f"Calls cannot be {calls!r}. Choose one of: {', '.join(CALLS)}.")
    steps = sorted(set(steps))
    if not steps or steps[0] < 1 or steps[-1] > depth.N_sup:
        raise TimePointError(
            f"This run does not have all of the supervision steps {', '.join(map(str, steps)) or '(none given)'}. "
            f"Choose from 1 to {depth.N_sup}."
        )
    points = [at for step in steps for at in depth.calls(step)]
    if calls == "last":
        return tuple(at for at in points if at == last_call(depth, at.supervision_step))
    return tuple(at for at in points if calls == "all" or at.kind == F_H)


def last_call(depth: Depth, step: int) -> Coordinates:
    """Return the coordinates of the last call of a supervision step."""
    return Coordinates(step, depth.T, depth.n + 1, F_H)


def answer_call(depth: Depth, at: Coordinates) -> Coordinates | None:
    """Return the f_H call that made the current y after a call; None before the first one, when y is the initial y."""
    if at.kind == F_H:
        return at
    if at.cycle > 1:
        return Coordinates(at.supervision_step, at.cycle - 1, depth.n + 1, F_H)
    return last_call(depth, at.supervision_step - 1) if at.supervision_step > 1 else None


@dataclass(frozen=True, eq=False)
class StateSource:
    """States, answers and halting logits of the runs on a puzzle set. Create it with `compute` or `open`."""

    store: TraceStore
    task: Task
    puzzles: PuzzleSet
    rows: Int[np.ndarray, "puzzle"]  # rows of the store that hold these puzzles
    model: "Model | None" = None  # the model that computed the states; None for a store

    @classmethod
    def compute(
        cls,
        model: "Model",
        task: Task,
        puzzles: PuzzleSet,
        *,
        time_points: Sequence[Coordinates],
        states: Sequence[str] = STATES,
        depth: Depth | None = None,
        change: "Hook | None" = None,
        folder: Path | None = None,
        worker: Worker | None = None,
        progress: Progress = no_progress,
        message: str = "",
    ) -> "StateSource":
        """Run a model on puzzles and hold the states of all cells at these time points, in float32.

        `change` is a hook that may replace the state after each call. With `folder`, the states are recorded into this
        store instead, to which the processes of `worker` each contribute a share. Raises PuzzleError if the puzzles do
        not fit the model, and MemoryLimitError if the states do not fit into memory.
        """
        from trm.recursion import unchanged
        from trm.store.capture import record_in_memory
        from trm.store.record import record_store

        depth = depth or model.config.depth
        calls = {answer_call(depth, at) for at in time_points} | {last_call(depth, depth.N_sup)} - {None}
        calls = sorted({*calls, *(time_points if "z" in states else ())} - {None})
        settings = StoreSettings(
            states=",".join(states),
            calls=",".join(f"{at.supervision_step}.{at.cycle}.{at.call}" for at in calls),
            positions="cells",
            logits="top1",
            dtype="float32",
            batch=BATCH,
        )
        if folder:
            record_store(
                model, task, puzzles, folder, settings, depth=depth, worker=worker, log=lambda text: None,
                progress=part_of(progress, 0.0, 1.0, message),
            )  # fmt: skip
            while not (store := open_store(folder)).complete:  # other processes are recording their shares
                progress(1.0, message)
                time.sleep(POLL_SECONDS)
            return cls(store, task, puzzles, np.arange(len(puzzles)), model)
        store = record_in_memory(
            model, task, puzzles, settings, depth=depth, change=change or unchanged, progress=progress,
            message=message,
        )  # fmt: skip
        return cls(store, task, puzzles, np.arange(len(puzzles)), model)

    @classmethod
    def open(cls, path: str | Path, *, limit: int | None = None) -> "StateSource":
        """Open a trace store, or `limit` of its puzzles, evenly spread. Raises StoreError."""
        store = open_store(path)
        if not len(store):
            raise StoreError(f"{store.path} has no complete shard yet. Wait, or run the recording again.")
        rows = np.arange(len(store)) if limit is None else evenly_spread(len(store), limit)
        task = task_of(store.layout.config)
        puzzles = PuzzleSet.of(
            store.manifest.provenance.data,
            task,
            store.inputs(rows),
            store.labels(rows),
            difficulty=bundled_difficulty(store, task, rows),
            puzzle_identifiers=store.puzzle_ids(rows),
        )
        return cls(store, task, puzzles, rows)

    @property
    def config(self) -> ModelConfig:
        """The model's configuration, with the depth of the runs."""
        return self.store.layout.config

    @property
    def depth(self) -> Depth:
        return self.store.depth

    @property
    def provenance(self) -> Provenance:
        """What made these states."""
        return self.store.provenance(len(self))

    def __len__(self) -> int:
        return len(self.puzzles)

    def states(self, name: str, at: Coordinates, rows: Rows = None) -> Float32[np.ndarray, "puzzle cell dim"]:
        """Return y or z of all cells after a call. Raises StoreError if the store lacks them."""
        if name == "z":
            return self.store.states("z", self._rows(rows), at=at, positions=self._cells)[:, 0]
        call = answer_call(self.depth, at)
        if call is None:
            return np.stack([self._initial[0]] * len(self._rows(rows)))
        return self.store.states("y", self._rows(rows), at=call, positions=self._cells)[:, 0]

    def whole_states(
        self, name: str, at: Coordinates, rows: Rows = None
    ) -> Float32[np.ndarray, "puzzle position dim"]:
        """Return y or z of all positions after a call, so that the run can be resumed. y changes at f_H calls only.

        Raises StoreError if the store lacks the call or positions, or the model has several latents.
        """
        store = self.store
        if self.config.latents > 1:
            raise StoreError(
                f"{store.path} does not contain whole states: the model has {self.config.latents} latents, and a store "
                "holds only the one that a call updates. Run the model instead."
            )
        if len(store.positions) != self.config.length:
            raise StoreError(
                f"{store.path} does not contain all positions: it was recorded with --positions "
                f"{store.layout.settings.positions}. Record it with --positions all."
            )
        return store.states(name, self._rows(rows), at=at)[:, 0]

    def answers(self, at: Coordinates, rows: Rows = None) -> UInt8[np.ndarray, "puzzle cell"]:
        """Return the tokens decoded from y after a call. Raises StoreError if the store lacks them."""
        call = answer_call(self.depth, at)
        if call is None:
            return np.stack([self._initial[1]] * len(self._rows(rows)))
        return self.store.answers(self._rows(rows), at=call)[:, 0]

    def answers_at(self, time_points: Sequence[Coordinates]) -> UInt8[np.ndarray, "puzzle time cell"]:
        """Return the answers at several time points."""
        return np.stack([self.answers(at) for at in time_points], axis=1)

    def states_at(
        self, name: str, time_points: Sequence[Coordinates]
    ) -> Float32[np.ndarray, "puzzle time cell dim"]:
        """Return y or z of all cells at several time points."""
        return np.stack([self.states(name, at) for at in time_points], axis=1)

    def final_answers(self) -> UInt8[np.ndarray, "puzzle cell"]:
        """Return the answers after the last supervision step."""
        return self.answers(last_call(self.depth, self.depth.N_sup))

    def q_halt(self) -> Float32[np.ndarray, "puzzle step"]:
        """Return the logit q_halt after every supervision step."""
        return self.store.halting(self.rows).q_halt

    def halting_logits(self) -> Float32[np.ndarray, "puzzle step"]:
        """Return the logit of the model's own halting rule (`Model.halting_logit`) after every supervision step."""
        q_halt, q_continue = self.store.halting(self.rows)
        return q_halt - q_continue if self.config.halting == HALT_OR_CONTINUE else q_halt

    def halts_at(self, time_points: Sequence[Coordinates]) -> Bool[np.ndarray, "puzzle time"]:
        """Return whether the model would halt after the supervision step of each time point."""
        return self.halting_logits()[:, [at.supervision_step - 1 for at in time_points]] > 0

    @cached_property
    def facts(self) -> dict[str, Int16[np.ndarray, "puzzle cell"]]:
        """Facts about every cell that follow from the puzzle (`trm.store.layout.cell_facts`)."""
        return self.store.facts(self.rows)

    def check_model(self, model: "Model") -> None:
        """Raise StoreError if the states were not recorded with this model's weights."""
        if self.store.manifest.provenance.fingerprint != model.fingerprint:
            raise StoreError(
                f"{self.store.path} was not recorded with the weights of {model.name}. Record it again, or "
                "choose another."
            )

    def check(self, states: Sequence[str], time_points: Sequence[Coordinates]) -> None:
        """Raise StoreError, naming what to record, if the states of all cells at these time points are missing."""
        for at in time_points:
            for name in states:
                self.states(name, at, np.arange(1))

    def _rows(self, rows: Rows) -> Int[np.ndarray, "row"]:
        return self.rows if rows is None else self.rows[rows]

    @cached_property
    def _cells(self) -> Int[np.ndarray, "cell"]:
        """Positions of the cells in the store. Raises StoreError if it lacks some."""
        cells = np.array([number for number, name in enumerate(self.store.positions) if name.startswith("r")])
        if len(cells) != self.config.sequence_length:
            raise StoreError(
                f"{self.store.path} does not contain all cells: it was recorded with --positions "
                f"{self.store.layout.settings.positions}. Record it with --positions cells."
            )
        return cells

    @cached_property
    def _initial(self) -> tuple[Float32[np.ndarray, "cell dim"], UInt8[np.ndarray, "cell"]]:
        """The initial y of the cells, which is the same for every puzzle, and the answer decoded from it."""
        if self.model is None:
            raise StoreError(
                f"{self.store.path} does not contain y before the first f_H call (call 1.1.{self.depth.n + 1}, {F_H}). "
                f"Choose calls other than {F_L} of the first cycle, or run the model."
            )
        from trm.record import initial_state, one_puzzle

        tokens, puzzle_ids = one_puzzle(
            self.model, self.puzzles.inputs[0], int(self.puzzles.puzzle_identifiers[0])
        )
        y = initial_state(self.model, tokens, puzzle_ids).y
        answer = self.model.decode(y).argmax(-1)[0].cpu().numpy().astype(np.uint8)
        return y[0, self.config.prefix_length :].float().cpu().numpy(), answer


def bundled_difficulty(
    store: TraceStore, task: Task, rows: Int[np.ndarray, "row"] | None = None
) -> tuple[str, ...]:
    """Return the difficulty of each puzzle in a store recorded from a bundled set; "" for others."""
    name, inputs = store.manifest.provenance.data, store.inputs(rows)
    if name not in bundled_sets():
        return ("",) * len(inputs)
    puzzles = load_puzzles(name, task)
    known = {one.tobytes(): level for one, level in zip(puzzles.inputs, puzzles.difficulty, strict=True)}
    return tuple(known.get(one.tobytes(), "") for one in inputs)
