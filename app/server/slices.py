"""A run in slices: yields the trace after every supervision step, and pauses between two calls to let other runs go
first.

A supervision step of a large model takes seconds; with n = 26 and T = 26 it takes half a minute. A run that pauses
within a step keeps the step's states so far and resumes from the last of them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from app.server.opening import torch_threads

if TYPE_CHECKING:
    from trm.coordinates import Coordinates, Depth
    from trm.model import Model
    from trm.record import ResumedRun
    from trm.recursion import State
    from trm.tasks.base import Task
    from trm.trace import Trace


@dataclass(frozen=True)
class Pause:
    """Yielded when a run pauses between two calls. `nbytes` is the size of the states held until it resumes."""

    nbytes: int


class _Paused(Exception):
    """Raised by a hook to leave the recursion."""


def in_slices(
    model: "Model",
    task: "Task",
    inputs: np.ndarray,
    *,
    gives_way: Callable[[], bool] = lambda: False,
    depth: "Depth | None" = None,
    **options: Any,
) -> Iterator["Trace | Pause"]:
    """`trm.record.growing_trace` with `torch_threads`, pausing after a call when `gives_way()` is true."""
    from trm.record import growing_trace, unique_solution

    depth = depth or model.config.depth
    if options.get("labels") is None:
        options["labels"] = unique_solution(task, inputs)  # search once, rather than after every pause
    step = _Step(model, inputs, options.get("puzzle_id", 0), gives_way, depth)
    while True:
        traces = growing_trace(
            model, task, inputs, depth=depth, after_call=step.after_call, resumed=step.resumed(), **options
        )
        try:
            while True:
                with torch_threads(model):
                    trace = next(traces, None)
                if trace is None:
                    return
                step.end(trace)
                yield trace
        except _Paused:
            yield Pause(step.nbytes)


class _Step:
    """The current supervision step: the states after its calls, and the trace before it."""

    def __init__(
        self,
        model: "Model",
        inputs: np.ndarray,
        puzzle_id: int,
        gives_way: Callable[[], bool],
        depth: "Depth",
    ):
        from trm.record import initial_state, one_puzzle

        self._gives_way = gives_way
        self._last = (depth.T, depth.n + 1)
        self._trace: Trace | None = None
        self._before = initial_state(model, *one_puzzle(model, inputs, puzzle_id))
        self._states: list[tuple[Coordinates, State]] = []

    @property
    def nbytes(self) -> int:
        return sum(tensor.nbytes for _, state in self._states for tensor in state)

    def after_call(self, at: "Coordinates", state: "State") -> "State":
        self._states.append((at, state))
        if (at.cycle, at.call) != self._last and self._gives_way():
            raise _Paused
        return state

    def end(self, trace: "Trace") -> None:
        self._trace, self._before = trace, self._states[-1][1]
        self._states.clear()

    def resumed(self) -> "ResumedRun | None":
        """The run to resume; None at the start of a run."""
        from trm.record import ResumedRun
        from trm.resume import ResumePoint

        if not self._states:
            return None
        at, state = self._states[-1]
        return ResumedRun(self._trace, ResumePoint(state, at), self._before, tuple(self._states))
