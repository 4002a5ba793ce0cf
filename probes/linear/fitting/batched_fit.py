"""Fits probes in batches of time points: builds regression problems for `probes.linear.fitting.solver` and chooses C or alpha.

An example is a cell of a puzzle in which the target is defined at one or more time points of the batch. Its weight is 0
at the time points at which the target is undefined.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Int, Num

from probes.covariance import StatesError
from probes.linear.features import BLOCK, Features
from probes.linear.fitting.scratch import scratch, scratch_like
from probes.linear.fitting.solver import (
    WIDE_BLOCK,
    Logistic,
    Problems,
    fit_logistic,
    fit_ridge,
    gram_matrix,
    log_losses,
    log_probabilities,
    present_classes,
    squared_losses,
    standardisation,
)
from probes.linear.mdl import online_code
from probes.linear.splits import Split
from trm.progress import Progress

if TYPE_CHECKING:
    from torch import Tensor

FITTING = "fitting probes"
AT_ONCE = 256 << 20  # bytes of training features in a batch of time points
ALONE = 32 << 20  # a time point with more bytes of training features is a batch of its own

Numbers = Num[np.ndarray, "puzzle time cell"]


class Meter:
    """Reports the fraction of the work done, 0 to 1. `alive` lets the progress callback cancel work within a stage."""

    def __init__(self, progress: Progress, stages: int) -> None:
        self.progress = progress
        self.done, self.stages = 0, stages
        self.progress(0.0, FITTING)

    def alive(self) -> None:
        """Report the same share again, which gives the callback a chance to cancel."""
        self.progress(self.done / self.stages, FITTING)

    def advance(self, stages: int) -> None:
        """Report that `stages` more stages are done."""
        self.done += stages
        self.alive()


@dataclass(frozen=True, eq=False)
class FitProblem:
    """The features, labels and settings of a fit. All arrays have the same puzzles, time points and cells."""

    features: Features
    values: Numbers
    defined: Bool[np.ndarray, "puzzle time cell"]
    control: Numbers | None  # labels of the control task
    split: Split
    classes: int  # 0 for numeric targets
    grid: tuple[float, ...]  # values of C or alpha to try, strongest regularisation first
    balanced: bool
    code_length: bool
    seed: int

    @property
    def stages(self) -> int:
        """The number of units of work per batch of time points. The units take about equally long."""
        return len(self.grid) * (2 if self.control is not None else 1) + 2 * self.code_length

    def batches(self) -> list[range]:
        """Divide the time points into batches whose training features fit into AT_ONCE bytes."""
        _, time_points, _, dim = self.features.shape
        cells = int(self.defined[self.split.train].any(1).sum())
        size = 4 * cells * (dim + 1)
        at_once = max(1, AT_ONCE // size) if size <= ALONE else 1
        return [range(first, min(first + at_once, time_points)) for first in range(0, time_points, at_once)]


@dataclass(frozen=True, eq=False)
class Examples:
    """The examples of a fit: cells of some puzzles at a batch of time points."""

    time_points: range
    order: Int[np.ndarray, "puzzle"]  # indices of the puzzles in the arrays of the fit problem
    rank: Int[np.ndarray, "example"]  # position of each example's puzzle in `order`, ascending
    cell: Int[np.ndarray, "example"]  # index of each example's cell

    @classmethod
    def of(cls, problem: FitProblem, order: Int[np.ndarray, "puzzle"], time_points: range) -> Examples:
        """Select all cells in which the target is defined at one or more of the time points."""
        defined = problem.defined[order][:, time_points.start : time_points.stop].any(1)
        return cls(time_points, order, *np.nonzero(defined))

    def picked(self, array: Num[np.ndarray, "puzzle time cell"] | Bool[np.ndarray, "puzzle time cell"]):
        """Return the array's entry for each example at each time point, (time, example)."""
        puzzles = self.order[self.rank]
        return np.stack([array[puzzles, time_point, self.cell] for time_point in self.time_points])

    def labels(self, problem: FitProblem, values: Numbers) -> Tensor:
        """Return the labels of the examples, (time, example), as int64 class indices or float32 numbers."""
        import torch

        return torch.as_tensor(self.picked(values).astype(np.int64 if problem.classes else np.float32))

    def problems(self, problem: FitProblem) -> Problems:
        """Build the regression problems, without standardisation. Raises StatesError if a state is not finite."""
        import torch

        dim = problem.features.shape[-1]
        x = scratch((len(self.time_points), len(self.rank), dim + 1))
        x[..., dim] = 1
        for index, time_point in enumerate(self.time_points):
            for begin in range(0, len(self.order), BLOCK):
                ranks = range(begin, min(begin + BLOCK, len(self.order)))
                first, last = np.searchsorted(self.rank, (ranks.start, ranks.stop))
                values = problem.features.read(self.order[begin : ranks.stop], time_point)
                part = values[self.rank[first:last] - begin, self.cell[first:last]]
                if not np.isfinite(part).all():
                    raise StatesError(
                        "Some states are infinite or NaN. Record them again, in float32 if they were in float16."
                    )
                x[index, first:last, :dim] = part
        weight = self.picked(problem.defined).astype(np.float32)
        return Problems(torch.from_numpy(x), self.labels(problem, problem.values), torch.from_numpy(weight))


@dataclass(frozen=True, eq=False)
class FittedProbes:
    """The probes of a batch of time points, with arrays as in `ProbeResult`, and their predictions."""

    mean: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    intercept: np.ndarray
    present: np.ndarray
    regularisation: np.ndarray
    predictions: np.ndarray  # (test puzzle, time, cell)
    control_predictions: np.ndarray | None
    code: tuple[np.ndarray, np.ndarray] | None  # `bits` and `uniform_bits` of `CodeLength`


def fit_time_points(problem: FitProblem, time_points: range, meter: Meter) -> FittedProbes:
    """Fit probes on the training puzzles, choose C or alpha on the validation puzzles, and predict the test puzzles.

    Raises StatesError if a state is not finite.
    """
    import torch

    from trm.device import choose_device

    shuffled = np.random.default_rng(problem.seed).permutation(
        problem.split.train
    )  # the order in which the online code sends the puzzles
    parts = [
        Examples.of(problem, order, time_points)
        for order in (shuffled, problem.split.validation, problem.split.test)
    ]
    device = choose_device()
    raw = [part.problems(problem).to(device) for part in parts]
    mean, scale = standardisation(raw[0])
    parted = [replace(problems, x=problems.x.sub_(mean).div_(scale)) for problems in raw]
    varied = varying_features(parted[0])
    train, validation, test = (
        problems if varied.all() else replace(problems, x=selected(problems.x, varied)) for problems in parted
    )

    theta, present, strength = choose_regularisation(problem, train, validation, meter)
    control_predictions = None
    if problem.control is not None:
        relabelled = (
            replace(problems, y=part.labels(problem, problem.control).to(device))
            for problems, part in ((train, parts[0]), (validation, parts[1]))
        )
        control_theta, control_present, _ = choose_regularisation(problem, *relabelled, meter)
        control_predictions = predict(problem, test, parts[2], control_theta, control_present)
    code = None
    if problem.code_length:
        rank = torch.as_tensor(parts[0].rank, device=device)
        code = online_code(
            train, rank, puzzles=len(shuffled), classes=problem.classes, C=strength, alive=meter.alive
        )
        meter.advance(2)
    whole = torch.zeros(*theta.shape[:2], len(varied), dtype=theta.dtype, device=device)
    whole[..., varied] = theta
    return FittedProbes(
        mean=mean[:, 0, :-1].cpu().numpy(),
        scale=scale[:, 0, :-1].cpu().numpy(),
        weights=whole[..., :-1].float().cpu().numpy(),
        intercept=whole[..., -1].float().cpu().numpy(),
        present=present.cpu().numpy(),
        regularisation=strength.cpu().numpy(),
        predictions=predict(problem, test, parts[2], theta, present),
        control_predictions=control_predictions,
        code=code,
    )


def selected(x: Tensor, columns: Tensor) -> Tensor:
    """Copy some features, (time, example, selected)."""
    result = scratch_like(x, (*x.shape[:2], int(columns.sum())))
    for time_point in range(len(x)):
        for begin in range(0, x.shape[1], WIDE_BLOCK):
            part = slice(begin, begin + WIDE_BLOCK)
            result[time_point, part] = x[time_point, part][:, columns]
    return result


def varying_features(train: Problems) -> Tensor:
    """Return a mask of the features that vary at one or more time points, (dim + 1), given standardised features.

    The last column, for the intercept, is always included. A constant feature has weight 0 in every fit. One-hot inputs
    have many constant features if the target is defined only for blank cells.
    """
    import torch

    mask = torch.zeros(train.x.shape[-1], dtype=torch.bool, device=train.x.device)
    for block in train.blocks(WIDE_BLOCK):
        mask |= ((block.x != 0) & (block.weight > 0)[..., None]).flatten(0, 1).any(0)
    mask[-1] = True
    return mask


def choose_regularisation(
    problem: FitProblem, train: Problems, validation: Problems, meter: Meter
) -> tuple[Tensor, Tensor, Tensor]:
    """Fit probes with every C or alpha and choose the fit with the smallest validation loss at each time point.

    Returns the coefficients (time, row, dim + 1), the mask of present classes (time, class), and the chosen C or alpha
    (time). Once the validation loss of a time point stops decreasing, weaker regularisation is not tried there.
    """
    import torch

    time_points, device = len(train.y), train.x.device
    present = torch.ones(time_points, max(1, problem.classes), dtype=torch.bool, device=device)
    if problem.classes:
        present = present_classes(train, problem.classes)
        learnable = present.gather(1, validation.y)  # leave out classes that are absent from training
        validation = replace(validation, weight=validation.weight * learnable)
        if problem.balanced:
            train, validation = (
                replace(part, weight=part.weight * class_weights(part, problem.classes))
                for part in (train, validation)
            )
    rows = problem.classes if problem.classes > 2 else 1
    theta = torch.zeros(time_points, rows, train.x.shape[-1], dtype=torch.float64, device=device)
    strength = torch.zeros(time_points, dtype=torch.float64, device=device)
    smallest = torch.full((time_points,), torch.inf, dtype=torch.float64, device=device)
    active = torch.arange(time_points, device=device)  # time points whose validation loss is still decreasing
    gram = None if problem.classes else gram_matrix(train)
    for candidate in problem.grid:
        if problem.classes:
            penalty = torch.full((len(active),), 1 / candidate, dtype=torch.float64, device=device)
            objective = Logistic(train, present[active], penalty)
            fitted = fit_logistic(objective, theta[active], meter.alive)
            loss = log_losses(validation, fitted, present[active])
        else:
            fitted = fit_ridge(train, gram[active], candidate)
            loss = squared_losses(validation, fitted)
        better = loss < smallest[active]
        if not better.all():
            train, validation = train.take(better), validation.take(better)
            active, fitted, loss = active[better], fitted[better], loss[better]
        theta[active], strength[active], smallest[active] = fitted, candidate, loss
        meter.advance(1)
    return theta, present, strength


def class_weights(problems: Problems, classes: int) -> Tensor:
    """Return the weight n / (K n_k) of each example, (time, example), as in scikit-learn's `class_weight="balanced"`.

    n is the number of examples, n_k the number of examples of the same class, and K the number of classes that occur.
    """
    import torch

    weight = (problems.weight > 0).double()
    counts = torch.zeros(len(weight), classes, dtype=torch.float64, device=weight.device)
    counts.scatter_add_(1, problems.y, weight)
    factors = counts.sum(1, keepdim=True) / (
        counts.clamp(min=1) * (counts > 0).sum(1, keepdim=True).clamp(min=1)
    )
    return factors.gather(1, problems.y).to(problems.weight.dtype)


def predict(
    problem: FitProblem, test: Problems, examples: Examples, theta: Tensor, present: Tensor
) -> Numbers:
    """Predict the test cells, (puzzle, time, cell). The result is 0 in cells that are not among the examples.

    Predictions are the log odds of class 1 if there are two classes, class indices if there are more, and otherwise
    numbers.
    """
    import torch

    if problem.classes == 2:
        logs = log_probabilities(test.x, theta, present)
        outputs = logs[..., 1] - logs[..., 0]
    elif problem.classes:
        outputs = log_probabilities(test.x, theta, present).argmax(-1)
    else:
        blocks = [block.x.double() @ theta.mT for block in test.blocks(WIDE_BLOCK)]
        outputs = torch.cat([theta.new_empty(len(theta), 0, 1), *blocks], 1)[..., 0]
    cells = problem.features.shape[2]
    grid = np.zeros((len(examples.order), len(examples.time_points), cells), outputs.cpu().numpy().dtype)
    grid[examples.rank, :, examples.cell] = outputs.cpu().numpy().T
    return grid
