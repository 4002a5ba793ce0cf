"""Logistic and ridge regression for many time points at once, with the objectives of scikit-learn.

    logistic   min over W, b   sum_i weight_i * -log p(y_i | x_i) + |W|^2 / (2 C)      `LogisticRegression(C)`
    ridge      min over w, b   sum_i weight_i * (y_i - x_i w - b)^2 + alpha |w|^2      `Ridge(alpha)`

b is not penalised. p is a softmax over one row of W per class, with the b summing to 0; for two classes the first row is 0.
Both follow scikit-learn. Classes that do not occur are left out of the softmax, because their b would go to minus
infinity. Every time point is a separate problem, whose solution does not depend on the others.

Torch is imported when something is fitted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor

MEMORY = 10  # pairs of steps and gradient changes in the history of L-BFGS
MOST_ITERATIONS = 500
CURVATURE_EVERY = 20  # iterations between computations of the curvature
CURVATURE_EXAMPLES = 2048  # enough to estimate the curvature
TOLERANCE = 1e-6  # of the largest gradient, divided by the number of examples
ROUNDING = 1e-6  # relative error of a loss summed from float32


@dataclass(frozen=True)
class Problems:
    """Examples of several time points, one problem each, padded to equal length with examples of weight 0."""

    x: Tensor  # (time, example, dim + 1), the last column 1
    y: Tensor  # (time, example), classes (int64) or numbers
    weight: Tensor  # (time, example)

    def take(self, chosen: Tensor) -> Problems:
        """A subset of the time points."""
        return Problems(self.x[chosen], self.y[chosen], self.weight[chosen])

    def to(self, device: torch.device) -> Problems:
        """A copy on another device."""
        return Problems(self.x.to(device), self.y.to(device), self.weight.to(device))


def standardisation(problems: Problems) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each feature over the examples with weight, (time, 1, dim + 1).

    The bias column has mean 0 and deviation 1; constant features have deviation 1.
    """
    import torch

    used = (problems.weight > 0).to(problems.x.dtype)
    count = used.double().sum(1).clamp(min=1)[:, None, None]
    mean = ((used[:, None] @ problems.x).double() / count).to(problems.x.dtype)
    square = torch.stack(
        [
            (used_one[:, None] * (x - mean_one) ** 2).double().sum(0)
            for x, mean_one, used_one in zip(problems.x, mean, used, strict=True)
        ]
    )
    scale = (square[:, None] / count).sqrt().to(problems.x.dtype)
    # Features that are constant up to rounding carry no information.
    scale = torch.where(scale > 1e-6 * mean.abs(), scale, 1.0)
    scale = torch.where(scale > 0, scale, 1.0)
    mean[..., -1], scale[..., -1] = 0, 1
    return mean, scale


def present_classes(problems: Problems, classes: int) -> Tensor:
    """A mask of the classes with any weight, (time, class); all true if no example has weight."""
    import torch

    counts = torch.zeros(len(problems.y), classes, dtype=torch.float64, device=problems.y.device)
    counts.scatter_add_(1, problems.y, problems.weight.double())
    present = counts > 0
    return present | ~present.any(1, keepdim=True)


def log_probabilities(x: Tensor, theta: Tensor, present: Tensor) -> Tensor:
    """log p of every class, (time, example, class); minus infinity for those that are not present.

    theta: (time, row, dim + 1), one row per class, or a single one for two classes.
    """
    import torch

    logits = x @ theta.to(x.dtype).mT
    if theta.shape[1] < present.shape[1]:
        logits = torch.cat([torch.zeros_like(logits), logits], -1)
    return logits.masked_fill(~present[:, None], -torch.inf).log_softmax(-1)


def log_losses(problems: Problems, theta: Tensor, present: Tensor) -> Tensor:
    """Weighted sum of -log p(y), in nats, (time). Examples of weight 0 do not count, whatever their class."""
    import torch

    log_p = log_probabilities(problems.x, theta, present).gather(2, problems.y[..., None])[..., 0]
    return -torch.where(problems.weight > 0, log_p * problems.weight, 0).double().sum(1)


def squared_losses(problems: Problems, theta: Tensor) -> Tensor:
    """Weighted sum of squared errors of a ridge regression, (time)."""
    predicted = (problems.x @ theta.to(problems.x.dtype).mT)[..., 0]
    return (problems.weight * (problems.y - predicted) ** 2).double().sum(1)


@dataclass(frozen=True)
class Logistic:
    """The objective of logistic regression, for some time points."""

    problems: Problems
    present: Tensor  # (time, class)
    penalty: Tensor  # (time), 1 / C

    def take(self, chosen: Tensor) -> Logistic:
        """A subset of the time points."""
        return Logistic(self.problems.take(chosen), self.present[chosen], self.penalty[chosen])

    def inverse_curvature(self, theta: Tensor) -> Tensor:
        """Inverse of the Hessian's diagonal block of each row of W at theta, (time, row, dim + 1, dim + 1), in float64.

        It preconditions the steps, so that correlated features converge as fast as independent ones. It need not be exact,
        so it is computed on a sample of the examples.
        """
        import torch

        time_points, examples, width = self.problems.x.shape
        stride = max(1, examples // max(CURVATURE_EXAMPLES, 4 * width))
        sample = Problems(
            self.problems.x[:, ::stride], self.problems.y[:, ::stride], self.problems.weight[:, ::stride]
        )
        p = log_probabilities(sample.x, theta, self.present).exp_()[..., -theta.shape[1] :]
        weight = stride * sample.weight[..., None] * p * (1 - p)  # (time, example, row)
        total = self.problems.weight.double().sum(1)
        blocks = torch.empty(time_points, theta.shape[1], width, width, dtype=torch.float64, device=p.device)
        for time_point in range(time_points):
            for row in range(theta.shape[1]):
                blocks[time_point, row] = (
                    sample.x[time_point] * weight[time_point, :, row, None]
                ).mT @ sample.x[time_point]
        diagonal = self.penalty[:, None].expand(time_points, width).clone()
        diagonal[:, -1] = 1e-6 * total.clamp(
            min=1
        )  # keeps the blocks invertible; the objective has no such term
        diagonal = diagonal + 1e-6 * total[:, None]
        return torch.cholesky_inverse(torch.linalg.cholesky(blocks + diagonal.diag_embed()[:, None]))

    def value_and_gradient(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        """The objective (time) and its gradient, in float64."""
        import torch

        x, y, weight = self.problems.x, self.problems.y, self.problems.weight
        log_p = log_probabilities(x, theta, self.present)
        log_likelihood = log_p.gather(2, y[..., None])[..., 0]
        value = -torch.where(weight > 0, log_likelihood * weight, 0).double().sum(1)
        residual = log_p.exp_()
        residual.scatter_add_(2, y[..., None], torch.full_like(log_likelihood, -1.0)[..., None])
        residual *= weight[..., None]
        if theta.shape[1] < self.present.shape[1]:
            residual = residual[..., 1:]
        residual = residual.masked_fill(~self.present[:, None, -theta.shape[1] :], 0)
        gradient = (residual.mT @ x).double()
        weights = theta[..., :-1]
        gradient[..., :-1] += self.penalty[:, None, None] * weights
        return value + self.penalty / 2 * (weights**2).sum((1, 2)), gradient


def gram_matrix(problems: Problems) -> Tensor:
    """Weighted sum of x x^T over the examples at each time point, in float64."""
    import torch

    return torch.stack(
        [
            (x * weight[:, None]).double().mT @ x.double()
            for x, weight in zip(problems.x, problems.weight, strict=True)
        ]
    )


def fit_logistic(objective: Logistic, start: Tensor, alive: Callable[[], None] = lambda: None) -> Tensor:
    """Minimise the objective by L-BFGS (Nocedal 1980; Liu & Nocedal 1989) with backtracking, from `start` (time, row, dim + 1).

    A time point converges when its largest gradient per example is below TOLERANCE, or its objective no longer decreases.
    `alive` is called in every iteration; an exception in it ends the fit. For standardised features, coefficients agree
    with those of scikit-learn at convergence to within 0.002 of the largest one, and nearly all predicted classes are equal.
    """
    import torch

    result, rows, theta = start.clone(), torch.arange(len(start), device=start.device), start
    present = objective.present
    value, gradient = objective.value_and_gradient(theta)
    steps: list[tuple[Tensor, Tensor, Tensor]] = []
    idle = torch.zeros(len(rows), dtype=torch.int64, device=start.device)
    for iteration in range(MOST_ITERATIONS):
        alive()
        examples = objective.problems.weight.double().sum(1).clamp(min=1)
        done = (gradient.abs().amax((1, 2)) <= TOLERANCE * examples) | (idle >= 3)
        if done.all():
            break
        if done.sum() * 2 >= len(done):  # drop the converged time points
            result[rows] = theta
            active = (~done).nonzero()[:, 0]
            objective, rows, theta = objective.take(active), rows[active], theta[active]
            value, gradient, idle, done = value[active], gradient[active], idle[active], done[active]
            steps = [tuple(part[active] for part in step) for step in steps]
            inverse_curvature = inverse_curvature[active] if iteration else None
        if iteration % CURVATURE_EVERY == 0:
            inverse_curvature = objective.inverse_curvature(theta)
        direction = _direction(gradient, steps, inverse_curvature)
        direction[done] = 0
        step, new_value, new_gradient = _line_search(objective, theta, value, gradient, direction)
        change = new_gradient - gradient
        curvature = (step * change).sum((1, 2))
        useful = curvature > 1e-10 * ((step**2).sum((1, 2)) * (change**2).sum((1, 2))).sqrt()
        steps = [*steps[1 - MEMORY :], (step, change, torch.where(useful, 1 / curvature, 0))]
        gained = value - new_value > ROUNDING / 100 * value.abs()
        idle = torch.where(gained, 0, idle + 1)
        theta, value, gradient = theta + step, new_value, new_gradient
    result[rows] = theta
    return _centred(result, present)


def _centred(theta: Tensor, present: Tensor) -> Tensor:
    """Shift b to sum to 0 over the classes present. A softmax does not depend on such a shift."""
    if theta.shape[1] == 1:
        return theta
    shift = (theta[..., -1] * present).sum(1) / present.sum(1)
    theta[..., -1] -= shift[:, None] * present
    return theta


def _scaled(gradient: Tensor, inverse_curvature: Tensor) -> Tensor:
    return (inverse_curvature @ gradient[..., None])[..., 0]


def _direction(
    gradient: Tensor, steps: list[tuple[Tensor, Tensor, Tensor]], inverse_curvature: Tensor
) -> Tensor:
    """The two-loop recursion of L-BFGS, preconditioned with the Hessian blocks.

    Falls back to preconditioned steepest descent if the result is not a descent direction.
    """
    import torch

    direction, shares = gradient.clone(), []
    for step, change, inverse in reversed(steps):
        share = inverse * (step * direction).sum((1, 2))
        direction -= share[:, None, None] * change
        shares.append(share)
    direction = _scaled(direction, inverse_curvature)
    for (step, change, inverse), share in zip(steps, reversed(shares), strict=True):
        direction += (share - inverse * (change * direction).sum((1, 2)))[:, None, None] * step
    is_descent = (direction * gradient).sum((1, 2)) > 0
    if is_descent.all():
        return -direction
    return -torch.where(is_descent[:, None, None], direction, _scaled(gradient, inverse_curvature))


def _line_search(
    objective: Logistic, theta: Tensor, value: Tensor, gradient: Tensor, direction: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Halve steps until the objective decreases enough (Armijo), up to rounding. The step is 0 if it never does."""
    import torch

    slope = (gradient * direction).sum((1, 2))
    length = torch.ones_like(slope)
    for _ in range(20):
        step = length[:, None, None] * direction
        new_value, new_gradient = objective.value_and_gradient(theta + step)
        bad = ~(new_value <= value + 1e-4 * length * slope + ROUNDING / 10 * value.abs())
        if not bad.any():
            return step, new_value, new_gradient
        length = torch.where(bad, length / 2, length)
    step = torch.where(bad[:, None, None], 0, step)
    return step, *objective.value_and_gradient(theta + step)


def fit_ridge(problems: Problems, gram: Tensor, alpha: float) -> Tensor:
    """Closed-form solution, (time, 1, dim + 1), in float64. Values with weight 0 must be finite too."""
    import torch

    target = ((problems.y * problems.weight).double()[:, None] @ problems.x.double()).mT
    penalties = torch.full(gram.shape[-1:], alpha, dtype=gram.dtype, device=gram.device)
    penalties[-1] = 1e-9  # practically unpenalised
    return torch.linalg.solve(gram + penalties.diag(), target).mT
