"""Fits probes in batches of time points: builds the examples and weights for `probes.linear.solver`, and chooses C.

An example is a cell of a puzzle for which the target is defined at one or more of the time points. Its weight is 0 at
all other time points.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Int, Num

from probes.covariance import StatesError
from probes.linear.mdl import online_code
from probes.linear.solver import (
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
from probes.linear.splits import Split

if TYPE_CHECKING:
    from torch import Tensor

AT_ONCE = 256 << 20  # bytes of training features in memory at a time

Numbers = Num[np.ndarray, "puzzle time cell"]


class Meter:
    """Reports the share of work done. `alive` lets the progress callback cancel the work between two stages."""

    def __init__(self, progress: Callable[[float], None] | None, stages: int) -> None:
        self.progress = progress or (lambda share: None)
        self.done, self.stages = 0, stages
        self.progress(0.0)

    def alive(self) -> None:
        """Report the same share again, which gives the callback a chance to cancel."""
        self.progress(self.done / self.stages)

    def advance(self, stages: int) -> None:
        """Report that more stages are done."""
        self.done += stages
        self.alive()


@dataclass(frozen=True, eq=False)
class FitProblem:
    """The states, the labels and the settings of a fit. All arrays have the same puzzles, time points and cells."""

    states: Num[np.ndarray, "puzzle time cell dim"]
    values: Numbers
    defined: Bool[np.ndarray, "puzzle time cell"]
    control: Numbers | None  # values of the control task
    split: Split
    classes: int  # 0 for numeric targets
    grid: tuple[float, ...]  # C or alpha, the strongest regularisation first
    balanced: bool
    code_length: bool
    seed: int

    @property
    def stages(self) -> int:
        """Units of work per batch of time points, of about equal length."""
        return len(self.grid) * (2 if self.control is not None else 1) + 2 * self.code_length

    def batches(self) -> list[range]:
        """Batches of time points whose features are in memory together."""
        _, time_points, _, dim = self.states.shape
        cells = int(self.defined[self.split.train].any(1).sum())
        at_once = max(1, AT_ONCE // (4 * cells * (dim + 1)))
        return [range(first, min(first + at_once, time_points)) for first in range(0, time_points, at_once)]


@dataclass(frozen=True, eq=False)
class Examples:
    """The cells of some puzzles at some time points."""

    time_points: range
    order: Int[np.ndarray, "puzzle"]  # the puzzles, as indices into the states
    rank: Int[np.ndarray, "example"]  # position of each example's puzzle in that order, ascending
    cell: Int[np.ndarray, "example"]

    @classmethod
    def of(cls, problem: FitProblem, order: Int[np.ndarray, "puzzle"], time_points: range) -> Examples:
        """All cells for which the target is defined at one or more of the time points."""
        defined = problem.defined[order][:, time_points.start : time_points.stop].any(1)
        return cls(time_points, order, *np.nonzero(defined))

    def picked(self, array: Num[np.ndarray, "puzzle time cell"] | Bool[np.ndarray, "puzzle time cell"]):
        """The entries of an array at the examples, (time, example)."""
        puzzles = self.order[self.rank]
        return np.stack([array[puzzles, time_point, self.cell] for time_point in self.time_points])

    def labels(self, problem: FitProblem, values: Numbers) -> Tensor:
        """The labels of the examples, (time, example): classes as int64, numbers as float32."""
        import torch

        return torch.as_tensor(self.picked(values).astype(np.int64 if problem.classes else np.float32))

    def problems(self, problem: FitProblem) -> Problems:
        """The regression problems, not standardised. Raises StatesError if a state is not finite."""
        import torch

        dim = problem.states.shape[-1]
        x = np.ones((len(self.time_points), len(self.rank), dim + 1), np.float32)
        puzzles = self.order[self.rank]
        for index, time_point in enumerate(self.time_points):
            x[index, :, :dim] = problem.states[puzzles, time_point, self.cell]
            if not np.isfinite(x[index]).all():
                raise StatesError(
                    "Some states are infinite or NaN. Record them again, in float32 if they were in float16."
                )
        weight = self.picked(problem.defined).astype(np.float32)
        return Problems(torch.from_numpy(x), self.labels(problem, problem.values), torch.from_numpy(weight))


@dataclass(frozen=True, eq=False)
class FittedProbes:
    """The probes of some time points, as arrays of `ProbeResult`, and their predictions."""

    mean: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    intercept: np.ndarray
    present: np.ndarray
    regularisation: np.ndarray
    predictions: np.ndarray  # (test puzzle, time, cell)
    control_predictions: np.ndarray | None
    code: tuple[np.ndarray, np.ndarray] | None  # bits, uniform bits


def fit_time_points(problem: FitProblem, time_points: range, meter: Meter) -> FittedProbes:
    """Fit probes on the training puzzles, choose C on the validation puzzles, and predict the test puzzles.

    Raises StatesError if a state is not finite.
    """
    import torch

    from trm.device import choose_device

    shuffled = np.random.default_rng(problem.seed).permutation(
        problem.split.train
    )  # order of the online code
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
        problems if varied.all() else replace(problems, x=problems.x[..., varied].contiguous())
        for problems in parted
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


def varying_features(train: Problems) -> Tensor:
    """A mask of the features that vary at one or more time points, (dim + 1); always true for the intercept, the last column.

    The weight of a constant feature is 0 in any fit. One-hot inputs have many constant features, because the target is
    defined for blank cells only.
    """
    mask = ((train.x != 0) & (train.weight > 0)[..., None]).flatten(0, 1).any(0)
    mask[-1] = True
    return mask


def choose_regularisation(
    problem: FitProblem, train: Problems, validation: Problems, meter: Meter
) -> tuple[Tensor, Tensor, Tensor]:
    """Coefficients (time, row, dim + 1), present classes (time, class), and the regularisation strength (time) with the
    smallest validation loss.

    Weaker regularisation is not tried at a time point once its validation loss has risen.
    """
    import torch

    time_points, device = len(train.y), train.x.device
    present = torch.ones(time_points, max(1, problem.classes), dtype=torch.bool, device=device)
    if problem.classes:
        present = present_classes(train, problem.classes)
        learnable = present.gather(1, validation.y)  # classes absent from training cannot help choose C
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
    """Weights n / (K n_k) as in scikit-learn's `class_weight="balanced"`, (time, example). K: number of classes that occur."""
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
    """Predictions for the test cells, (puzzle, time, cell); 0 where the target is not defined.

    Class indices or numbers; for two classes the log odds of the second.
    """
    if problem.classes == 2:
        logs = log_probabilities(test.x, theta, present)
        outputs = logs[..., 1] - logs[..., 0]
    elif problem.classes:
        outputs = log_probabilities(test.x, theta, present).argmax(-1)
    else:
        outputs = (test.x.double() @ theta.mT)[..., 0]
    cells = problem.states.shape[2]
    grid = np.zeros((len(examples.order), len(examples.time_points), cells), outputs.cpu().numpy().dtype)
    grid[examples.rank, :, examples.cell] = outputs.cpu().numpy().T
    return grid
