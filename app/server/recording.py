"""Records the runs of people who wait at the same time: runs of one model and depth are computed as one batch.

One step is one supervision step of all runs in the batch, in one call of `trm.batch.run_batches`. The runs need not be
at the same supervision step, because the nets do not know its number. So a run joins the batch at the next step, and
leaves it when it is complete or when nobody watches it.

One call in a batch differs from the same call alone by at most 1e-5, because sums are added up in another order. Runs
that end solved have the same answers. In a run that ends unsolved, such a difference grows with every step.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from app.server.work import Steps
from trm.coordinates import Coordinates, Depth
from trm.parallel import torch_threads
from trm.progress import Progress
from trm.tasks.base import Task
from trm.trace import Trace

if TYPE_CHECKING:
    from torch import Tensor

    from trm.batch import BatchStep
    from trm.model import Model
    from trm.record import Recorder
    from trm.recursion import State

# Runs in a batch for each core. On a CPU, a run in a batch of four takes 0.75 times as long as alone, and no less in a
# larger batch. In small batches, those who came first get their whole runs first.
ROWS_OF_EACH = 4


class Recording(Steps):
    """A run of a model on one puzzle, whose result is the trace so far.

    `puzzle` is the puzzle in the task's text form; it is parsed in the first step. `labels` is the published solution;
    without it, a solver searches for the unique solution.
    """

    too_large = "This run needs more memory than the server has. Use fewer steps or cycles."
    failed = "This run failed on the server; its log has the reason. Choose another puzzle or model."

    def __init__(
        self,
        model: "Model",
        task: Task,
        puzzle: str,
        *,
        depth: Depth,
        puzzle_id: int = 0,
        labels: np.ndarray | None = None,
    ):
        config = model.config
        self.model, self.task, self.depth = model, task, depth
        self.group = (model, depth.n, depth.T, task.rows, task.columns)
        if model.device.type == "cpu":
            from trm.parallel import usable_threads

            self.most_together = ROWS_OF_EACH * usable_threads()
        self.nbytes = depth.calls_per_step * config.length * config.hidden_size * 4
        self.result: Trace | None = None
        self._puzzle, self._puzzle_id, self._labels = puzzle, puzzle_id, labels
        self._state: State | None = None  # after the last complete step
        self._recorder: Recorder | None = None

    @property
    def held(self) -> int:
        """Size of the state to resume from, and of the recorder's copy of the trace, in bytes."""
        state = 0 if self._state is None else sum(part.nbytes for part in self._state)
        return state + (0 if self.result is None else self.result.nbytes)

    def advance(self, together: list["Recording"], progress: Progress) -> None:
        try:
            for recording in together:
                recording._prepare()
            self._compute_step(together, progress)
        finally:
            for recording in together:
                if recording._recorder is not None:
                    recording._recorder.states.clear()  # of a step that was stopped

    def _compute_step(self, together: list["Recording"], progress: Progress) -> None:
        import torch

        from trm.batch import run_batches
        from trm.recursion import State

        state = State(*(torch.cat(part) for part in zip(*(each._state for each in together), strict=True)))

        def start(rows: np.ndarray, initial: "State") -> "State":
            return State(state.y[rows], state.z[rows])

        def after_call(rows: np.ndarray, at: Coordinates, now: "State") -> "State":
            for place, row in enumerate(rows):
                together[row]._recorder(at, _row(now, place))
            progress(0.0, "")
            return now

        def capture(step: "BatchStep") -> None:
            halt_probability = self.model.halt_probability(step.heads)
            for place, row in enumerate(step.rows):
                together[row]._end_step(_row(step.state, place), halt_probability[place : place + 1])

        with torch_threads(self.model, len(together)):
            run_batches(
                self.model,
                np.stack([each._inputs for each in together]),
                replace(self.depth, N_sup=1),
                puzzle_ids=np.array([each._puzzle_id for each in together]),
                start=start,
                after_call=after_call,
                capture=capture,
                batch=len(together),
            )

    def _prepare(self) -> None:
        """Get ready for a step. Raises PuzzleError or ConfigError before the first step if the run is impossible."""
        from trm.record import Recorder, initial_state, one_puzzle, unique_solution

        if self._recorder is None:
            config, model = self.model.config, self.model
            self._inputs = self.task.parse(self._puzzle, unfinished=True)
            config.check_puzzles(len(self._inputs), self.task.vocab_size)
            config.check_puzzle_id(self._puzzle_id)
            self.depth = config.with_depth(**vars(self.depth)).depth
            if self._labels is None:
                self._labels = unique_solution(self.task, self._inputs)
            self._state = initial_state(model, *one_puzzle(model, self._inputs, self._puzzle_id))
            self._recorder = Recorder(model, blank=~self.task.givens(self._inputs), start=self._state)
        self._recorder.before = self._state
        for part in self._recorder.parts.values():
            del part[self.result.steps if self.result else 0 :]  # of a step that failed while it was recorded

    def _end_step(self, state: "State", halt_probability: "Tensor") -> None:
        from trm.provenance import Provenance

        arrays: dict[str, Any] = self._recorder.after_step(halt_probability)
        state = type(state)(*(part.clone() for part in state))
        provenance = self.result.provenance if self.result else Provenance.of(self.model)
        self.result = Trace(
            provenance, self.depth, self.model.config.depth, self._inputs, labels=self._labels, **arrays
        )
        self._state = self._recorder.before = state
        self.is_complete = self.result.steps >= self.depth.N_sup


def _row(state: "State", place: int) -> "State":
    return type(state)(*(part[place : place + 1] for part in state))
