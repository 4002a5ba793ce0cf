"""What in the puzzle a number is due to: one cell's logit, or the halting logit, after one supervision step.

The number is written as a function of the embedded puzzle x, through the one recursion, over a span of it: the step's last
cycle (through which training sends its gradient), the whole step, both from the state that the run had at their beginning, or
the run up to there from its initial state. Of that function

    integrated gradients   (Sundararajan et al. 2017) along the straight line from the puzzle without its givens; they sum up
                           to the difference between both ends, and how far they miss it is part of the result
    ablation               the difference that it makes to take givens away: one by one, or whole rows, columns and boxes

captum computes the former. Its `Layer` methods are of no use here, since every layer is called many times.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from probes.interventions.attribution.mixing import boxes
from probes.interventions.fork import CachedRun, last_of
from probes.interventions.sites import InterventionError
from trm.coordinates import F_H, Coordinates
from trm.progress import Progress, no_progress
from trm.record import one_puzzle
from trm.recursion import Heads, State, deep_recursion, latent_recursion
from trm.tasks.base import Task

FIRST_POINTS = 64  # points on the line of integrated gradients at first
MAX_POINTS = 1024  # points at most
AT_ONCE = 8  # points in memory: each holds the activations of a whole supervision step
TOLERANCE = 0.005  # of the difference between both ends: what the gradients may miss
SPANS = ("cycle", "step", "run")
HALTING = -1  # in the place of a cell: the halting logit


@dataclass(frozen=True, eq=False)
class AttributedOutput:
    """A number that the model says after a supervision step, as a function of the embedded puzzle."""

    run: CachedRun
    step: int
    cell: int  # HALTING: the halting logit
    token: int = 0  # whose logit; of no meaning for halting
    span: str = "cycle"  # one of SPANS

    def __post_init__(self) -> None:
        if self.span not in SPANS:
            raise InterventionError(f"There is no span {self.span!r}. Choose one of: {', '.join(SPANS)}.")
        depth, cells = self.run.depth, len(self.run.inputs)
        if not 1 <= self.step <= depth.N_sup:
            raise InterventionError(f"There is no supervision step {self.step}: the run has {depth.N_sup}.")
        if self.cell != HALTING and not 0 <= self.cell < cells:
            raise InterventionError(f"There is no cell {self.cell + 1}: the grid has {cells}.")
        if not 0 <= self.token < self.run.model.config.vocab_size:
            raise InterventionError(f"There is no token {self.token}.")

    def heads(self, x: Float[Tensor, "batch position dim"]) -> Heads:
        """What the heads say for each of these embedded puzzles. Gradients reach x wherever they are switched on."""
        model, depth = self.run.model, self.run.depth
        calls = depth.n + 1 if self.span == "cycle" else depth.calls_per_step
        options = {"depth": depth, "gradient_calls": calls if torch.is_grad_enabled() else 0}
        state = State(*(tensor.expand(len(x), *tensor.shape[1:]) for tensor in self._start()))
        if self.span == "cycle":
            state = latent_recursion(model, x, state, at=(self.step, depth.T), **options)
            return model.heads(state.y)
        for number in range(1 if self.span == "run" else self.step, self.step + 1):
            state = deep_recursion(model, x, state, step=number, **options)
        return model.heads(state.y)

    def _start(self) -> State:
        """The state of the run where the span begins."""
        depth, step = self.run.depth, self.step
        if self.span == "cycle" and depth.T > 1:
            return self.run.state_after(Coordinates(step, depth.T - 1, depth.n + 1, F_H))
        if self.span == "run" or step == 1:
            return self.run.start
        return self.run.state_after(last_of(step - 1, depth))

    def __call__(self, x: Float[Tensor, "batch position dim"]) -> Float[Tensor, "batch"]:
        heads = self.heads(x)
        if self.cell == HALTING:
            return self.run.model.halting_logit(heads)
        return heads.logits[:, self.cell, self.token]

    def embedded(self, tokens: np.ndarray) -> Float[Tensor, "1 position dim"]:
        """x of a puzzle."""
        grids, ids = one_puzzle(self.run.model, tokens, self.run.puzzle_id)
        with torch.no_grad():
            return self.run.model.embed(grids, ids)


@dataclass(frozen=True, eq=False)
class Gradients:
    """Integrated gradients, summed over the channels of each cell."""

    cells: Float[np.ndarray, "cells"]  # what each cell adds to the number
    value: float  # of the puzzle
    baseline: float  # without any given
    error: float  # |sum - (value - baseline)| / |value - baseline|: 0 is complete
    points: int  # on the line at which the gradient was taken


def without_givens(task: Task, inputs: np.ndarray) -> np.ndarray:
    """The puzzle with its givens taken away. Walls and ends of a maze become open cells."""
    return blanked(task, inputs, task.givens(inputs))


def blanked(task: Task, inputs: np.ndarray, cells: Bool[np.ndarray, "cells"]) -> np.ndarray:
    """The puzzle with what stands in these cells taken away."""
    blank = {"sudoku": 1, "maze": 2}.get(task.name)
    if blank is None:
        raise InterventionError(
            f"A cell of a {task.name} puzzle cannot be blank, so nothing can be taken away."
        )
    return np.where(cells, np.uint8(blank), inputs)


def integrated_gradients(
    reading: AttributedOutput,
    *,
    steps: int = FIRST_POINTS,
    most: int = MAX_POINTS,
    progress: Progress = no_progress,
) -> Gradients:
    """What every cell adds to the number, on the way from the puzzle without givens. Raises InterventionError.

    The line is cut into pieces of `AT_ONCE` points. A net that calls itself is rough: where the gradients along a piece miss
    the difference between its ends, the piece is halved, the worst first, until all together miss less than `TOLERANCE` of the
    whole difference, or `most` points were taken.
    """
    run = reading.run
    x = reading.embedded(run.inputs)
    baseline = reading.embedded(without_givens(run.task, run.inputs))
    line = _Line(reading, baseline, x)
    count = max(1, steps // AT_ONCE)
    pieces = []
    for number in range(count):
        progress(number * AT_ONCE / max(most, steps), "integrating gradients")
        pieces.append(line.piece(number / count, (number + 1) / count))
    value, without = line.value(1.0), line.value(0.0)
    made = len(pieces) * AT_ONCE
    while _missed(pieces) > TOLERANCE * abs(value - without) and made < most:
        worst = max(pieces, key=lambda piece: abs(piece.missed))
        pieces.remove(worst)
        middle = (worst.begin + worst.end) / 2
        pieces += [line.piece(worst.begin, middle), line.piece(middle, worst.end)]
        made += 2 * AT_ONCE
        progress(min(made / most, 1.0), f"integrating gradients, {made} points")
    found = sum(piece.gradients for piece in pieces)
    return Gradients(
        found[0, run.model.config.prefix_length :].sum(-1).cpu().numpy(),
        value,
        without,
        completeness_error(float(found.sum()), value - without),
        made,
    )


@dataclass(frozen=True, eq=False)
class _Piece:
    """Integrated gradients along a part of the line, in float64."""

    begin: float
    end: float
    gradients: Float[Tensor, "1 position dim"]
    missed: float  # their sum less the difference between the ends


class _Line:
    """The straight line from the baseline, at 0, to the puzzle, at 1."""

    def __init__(self, reading: AttributedOutput, baseline: Tensor, x: Tensor):
        self.reading, self.baseline, self.x = reading, baseline, x
        self.values: dict[float, float] = {}

    def at(self, place: float) -> Float[Tensor, "1 position dim"]:
        return self.x if place == 1 else self.baseline + place * (self.x - self.baseline)

    def value(self, place: float) -> float:
        """The number there."""
        if place not in self.values:
            with torch.no_grad():
                self.values[place] = float(self.reading(self.at(place)))
        return self.values[place]

    def piece(self, begin: float, end: float) -> _Piece:
        """captum's integral along a part of the line; it is linear, so that parts add up to the whole."""
        from captum.attr import IntegratedGradients

        with torch.enable_grad():
            found = IntegratedGradients(self.reading).attribute(
                self.at(end), baselines=self.at(begin), n_steps=AT_ONCE, method="gausslegendre"
            )
        found = found.detach().double()
        return _Piece(begin, end, found, float(found.sum()) - (self.value(end) - self.value(begin)))


def _missed(pieces: Sequence[_Piece]) -> float:
    """What all pieces together miss at most: errors of pieces do not make up for each other."""
    return sum(abs(piece.missed) for piece in pieces)


def completeness_error(total: float, difference: float) -> float:
    """|total - difference| / |difference|; infinite where there is no difference to explain but something was."""
    missed = abs(total - difference)
    return missed / abs(difference) if difference else (float("inf") if missed else 0.0)


@dataclass(frozen=True, eq=False)
class Ablation:
    """The change that taking cells away makes to the number."""

    names: tuple[str, ...]  # r1c1, row 1, column 1, box 1
    effect: Float[
        np.ndarray, "group"
    ]  # number of the puzzle - number without these cells: above 0 they spoke for it
    value: float


def ablation(
    reading: AttributedOutput,
    groups: Sequence[tuple[str, Bool[np.ndarray, "cells"]]],
    *,
    progress: Progress = no_progress,
) -> Ablation:
    """Take away each group of cells, all else as it is. Raises InterventionError."""
    run = reading.run
    puzzles = [run.inputs, *(blanked(run.task, run.inputs, cells) for _, cells in groups)]
    values = []
    with torch.no_grad():
        for begin in range(0, len(puzzles), AT_ONCE):
            progress(begin / len(puzzles), "removing the givens")
            batch = torch.cat([reading.embedded(tokens) for tokens in puzzles[begin : begin + AT_ONCE]])
            values += reading(batch).double().tolist()
    return Ablation(tuple(name for name, _ in groups), values[0] - np.array(values[1:]), values[0])


def single_givens(task: Task, inputs: np.ndarray) -> list[tuple[str, Bool[np.ndarray, "cells"]]]:
    """Each given on its own."""
    return [
        (f"r{cell // task.columns + 1}c{cell % task.columns + 1}", np.arange(len(inputs)) == cell)
        for cell in np.flatnonzero(task.givens(inputs))
    ]


def units(task: Task) -> list[tuple[str, Bool[np.ndarray, "cells"]]]:
    """BatchedRuns and columns; boxes where the task has them."""
    row, column = np.divmod(np.arange(task.cells), task.columns)
    found = [(f"row {number + 1}", row == number) for number in range(task.rows)]
    found += [(f"column {number + 1}", column == number) for number in range(task.columns)]
    if hasattr(task, "box_rows"):
        box = boxes(task)
        found += [(f"box {number + 1}", box == number) for number in range(int(box.max()) + 1)]
    return found
