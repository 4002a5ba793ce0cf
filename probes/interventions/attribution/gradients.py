"""Attribute a logit to the cells of the puzzle: the logit of one cell, or the halting logit, after a cycle of a step.

The logit, or the difference between the logits of two tokens, is a function of the embedded puzzle x over a span of the
recursion. The span is the cycle (for the last one, the calls that training differentiates through), the step up to its
end, or the whole run up to its end. Each span starts from the run's own state at that point. There are two methods:

    integrated gradients   gradients along the straight line from the puzzle without givens to the puzzle (Sundararajan
                           et al. 2017). They sum to the difference in the logit; the result contains the error.
    ablation               the change in the logit when givens are removed, one at a time or by row, column and box.

captum computes the gradients. Its `Layer` methods cannot be used, because every layer is called many times.
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

FIRST_POINTS = 64  # initial number of points on the line of integrated gradients
MAX_POINTS = 1024
AT_ONCE = 8  # points in memory at once: each holds the activations of a whole supervision step
TOLERANCE = 0.005  # accepted error, as a fraction of the difference in the logit between both ends
SPANS = ("cycle", "step", "run")
HALTING = -1  # value of `cell` that selects the halting logit


@dataclass(frozen=True, eq=False)
class AttributedOutput:
    """A logit after an f_H call, as a function of the embedded puzzle. Raises InterventionError."""

    run: CachedRun
    step: int
    cell: int  # index of the cell, or HALTING for the halting logit
    token: int = 0  # token whose logit is attributed; not used for the halting logit
    span: str = "cycle"  # one of SPANS
    cycle: int | None = None  # cycle of the f_H call, from 1; None for the last one
    versus: int | None = None  # token whose logit is subtracted

    def __post_init__(self) -> None:
        if self.span not in SPANS:
            raise InterventionError(f"There is no span {self.span!r}. Choose one of: {', '.join(SPANS)}.")
        depth, cells = self.run.depth, len(self.run.inputs)
        if not 1 <= self.step <= depth.N_sup:
            raise InterventionError(
                f"There is no supervision step {self.step}: the run has {depth.N_sup} steps."
            )
        if self.cell != HALTING and not 0 <= self.cell < cells:
            raise InterventionError(f"There is no cell {self.cell + 1}: the grid has {cells}.")
        if self.cycle is not None and not 1 <= self.cycle <= depth.T:
            raise InterventionError(f"There is no cycle {self.cycle}: each step has {depth.T} cycles.")
        for token in (self.token, *([] if self.versus is None else [self.versus])):
            if not 0 <= token < self.run.model.config.vocab_size:
                raise InterventionError(f"There is no token {token}.")

    def heads(self, x: Float[Tensor, "batch position dim"]) -> Heads:
        """Compute the outputs of all heads for embedded puzzles, differentiable in x if gradients are enabled."""
        model, depth = self.run.model, self.run.depth
        options = {"depth": depth, "gradient_calls": depth.calls_per_step if torch.is_grad_enabled() else 0}
        state = State(*(tensor.expand(len(x), *tensor.shape[1:]) for tensor in self._start()))
        for number in range(1, self.step if self.span == "run" else 1):
            state = deep_recursion(model, x, state, step=number, **options)
        for cycle in range(self._last_cycle if self.span == "cycle" else 1, self._last_cycle + 1):
            state = latent_recursion(model, x, state, at=(self.step, cycle), **options)
        return model.heads(state.y)

    @property
    def _last_cycle(self) -> int:
        return self.cycle or self.run.depth.T

    def _start(self) -> State:
        """Return the run's state at the start of the span."""
        depth, step = self.run.depth, self.step
        if self.span == "cycle" and self._last_cycle > 1:
            return self.run.state_after(Coordinates(step, self._last_cycle - 1, depth.n + 1, F_H))
        if self.span == "run" or step == 1:
            return self.run.start
        return self.run.state_after(last_of(step - 1, depth))

    def __call__(self, x: Float[Tensor, "batch position dim"]) -> Float[Tensor, "batch"]:
        heads = self.heads(x)
        if self.cell == HALTING:
            return self.run.model.halting_logit(heads)
        logits = heads.logits[:, self.cell]
        return logits[:, self.token] - (0 if self.versus is None else logits[:, self.versus])

    def embed(self, tokens: np.ndarray) -> Float[Tensor, "1 position dim"]:
        """Embed the tokens of a puzzle, and return x."""
        grids, ids = one_puzzle(self.run.model, tokens, self.run.puzzle_id)
        with torch.no_grad():
            return self.run.model.embed(grids, ids)


@dataclass(frozen=True, eq=False)
class Gradients:
    """Integrated gradients, summed over the channels of each cell."""

    cells: Float[np.ndarray, "cells"]  # contribution of each cell to the logit
    value: float  # the logit for the puzzle
    baseline: float  # the logit without givens
    error: float  # completeness error |sum - (value - baseline)| / |value - baseline|
    points: int  # number of points on the line at which the gradient was evaluated


def without_givens(task: Task, inputs: np.ndarray) -> np.ndarray:
    """Return the puzzle without its givens. Walls, start and goal of a maze become open cells."""
    return blanked(task, inputs, task.givens(inputs))


def blanked(task: Task, inputs: np.ndarray, cells: Bool[np.ndarray, "cells"]) -> np.ndarray:
    """Return the puzzle with the cells of the mask blank. Raises InterventionError for a task without blank cells."""
    if task.blank is None:
        raise InterventionError(f"Cells of a {task.name} puzzle cannot be blank, so they cannot be ablated.")
    return np.where(cells, np.uint8(task.blank), inputs)


def integrated_gradients(
    output: AttributedOutput,
    *,
    steps: int = FIRST_POINTS,
    most: int = MAX_POINTS,
    progress: Progress = no_progress,
) -> Gradients:
    """Compute the integrated gradients of every cell. The baseline is the puzzle without givens.

    The line from the baseline to the puzzle is first split into about `steps` points, in pieces of `AT_ONCE` points.
    The logit of a recursive net is not smooth along the line, so the piece with the largest error is halved repeatedly.
    This stops when the total error is at most `TOLERANCE` times the difference in the logit, or `most` points have been
    used. Raises InterventionError for a task without blank cells.
    """
    run = output.run
    x = output.embed(run.inputs)
    baseline = output.embed(without_givens(run.task, run.inputs))
    line = _Line(output, baseline, x)
    count = max(1, steps // AT_ONCE)
    pieces = []
    for number in range(count):
        progress(number * AT_ONCE / max(most, steps), "integrating gradients")
        pieces.append(line.piece(number / count, (number + 1) / count))
    value, base_value = line.value(1.0), line.value(0.0)
    points = len(pieces) * AT_ONCE
    while _total_error(pieces) > TOLERANCE * abs(value - base_value) and points < most:
        worst = max(pieces, key=lambda piece: abs(piece.error))
        pieces.remove(worst)
        middle = (worst.begin + worst.end) / 2
        pieces += [line.piece(worst.begin, middle), line.piece(middle, worst.end)]
        points += 2 * AT_ONCE
        progress(min(points / most, 1.0), f"integrating gradients, {points} points")
    total = sum(piece.gradients for piece in pieces)
    return Gradients(
        total[0, run.model.config.prefix_length :].sum(-1).cpu().numpy(),
        value,
        base_value,
        completeness_error(float(total.sum()), value - base_value),
        points,
    )


@dataclass(frozen=True, eq=False)
class _Piece:
    """Integrated gradients along a piece of the line, in float64."""

    begin: float
    end: float
    gradients: Float[Tensor, "1 position dim"]
    error: float  # sum of the gradients minus the difference in the logit between the ends


class _Line:
    """The straight line from the baseline (alpha = 0) to the puzzle (alpha = 1)."""

    def __init__(self, output: AttributedOutput, baseline: Tensor, x: Tensor):
        self.output, self.baseline, self.x = output, baseline, x
        self.values: dict[float, float] = {}

    def at(self, alpha: float) -> Float[Tensor, "1 position dim"]:
        return self.x if alpha == 1 else self.baseline + alpha * (self.x - self.baseline)

    def value(self, alpha: float) -> float:
        """Return the logit at this point of the line."""
        if alpha not in self.values:
            with torch.no_grad():
                self.values[alpha] = float(self.output(self.at(alpha)))
        return self.values[alpha]

    def piece(self, begin: float, end: float) -> _Piece:
        """Integrate the gradients along a piece of the line with captum. The integrals of adjacent pieces add up."""
        from captum.attr import IntegratedGradients

        with torch.enable_grad():
            gradients = IntegratedGradients(self.output).attribute(
                self.at(end), baselines=self.at(begin), n_steps=AT_ONCE, method="gausslegendre"
            )
        gradients = gradients.detach().double()
        return _Piece(begin, end, gradients, float(gradients.sum()) - (self.value(end) - self.value(begin)))


def _total_error(pieces: Sequence[_Piece]) -> float:
    """Return an upper bound on the total error: the sum of absolute errors, which cannot cancel."""
    return sum(abs(piece.error) for piece in pieces)


def completeness_error(total: float, difference: float) -> float:
    """Return the relative error |total - difference| / |difference|.

    If the difference is 0, the error is 0 for an exact total and infinite for any other total.
    """
    error = abs(total - difference)
    return error / abs(difference) if difference else (float("inf") if error else 0.0)


@dataclass(frozen=True, eq=False)
class Ablation:
    """Effect of ablating each group of cells on the logit."""

    names: tuple[str, ...]  # such as r1c1, row 1, column 1 or box 1
    effect: Float[np.ndarray, "group"]  # decrease in the logit when the cells of each group are removed
    value: float  # the logit for the puzzle


def ablation(
    output: AttributedOutput,
    groups: Sequence[tuple[str, Bool[np.ndarray, "cells"]]],
    *,
    progress: Progress = no_progress,
) -> Ablation:
    """Ablate each group of cells separately, and measure the effect on the logit. Raises InterventionError."""
    run = output.run
    puzzles = [run.inputs, *(blanked(run.task, run.inputs, cells) for _, cells in groups)]
    values = []
    with torch.no_grad():
        for begin in range(0, len(puzzles), AT_ONCE):
            progress(begin / len(puzzles), "removing givens")
            batch = torch.cat([output.embed(tokens) for tokens in puzzles[begin : begin + AT_ONCE]])
            values += output(batch).double().tolist()
    return Ablation(tuple(name for name, _ in groups), values[0] - np.array(values[1:]), values[0])


def single_givens(task: Task, inputs: np.ndarray) -> list[tuple[str, Bool[np.ndarray, "cells"]]]:
    """Return one group for each given cell: its name, such as r5c5, and its mask."""
    return [
        (f"r{cell // task.columns + 1}c{cell % task.columns + 1}", np.arange(len(inputs)) == cell)
        for cell in np.flatnonzero(task.givens(inputs))
    ]


def units(task: Task) -> list[tuple[str, Bool[np.ndarray, "cells"]]]:
    """Return one group for each row, column and box: its name and the mask of its cells. Only Sudokus have boxes."""
    row, column = np.divmod(np.arange(task.cells), task.columns)
    groups = [(f"row {number + 1}", row == number) for number in range(task.rows)]
    groups += [(f"column {number + 1}", column == number) for number in range(task.columns)]
    if hasattr(task, "box_rows"):
        box = boxes(task)
        groups += [(f"box {number + 1}", box == number) for number in range(int(box.max()) + 1)]
    return groups
