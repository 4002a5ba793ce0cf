"""Fits logistic and ridge regressions for many time points at once, with the objectives of scikit-learn.

    logistic   min over W, b   sum_i weight_i * -log p(y_i | x_i) + |W|^2 / (2 C)      `LogisticRegression(C)`
    ridge      min over w, b   sum_i weight_i * (y_i - x_i w - b)^2 + alpha |w|^2      `Ridge(alpha)`

The intercept b is not penalised. p is a softmax over one row of W per class, with intercepts that sum to 0; for two
classes, the first row is 0. Both conventions follow scikit-learn. A class that does not occur is left out of the
softmax, because its intercept would go to minus infinity. Every time point is an independent problem.

Torch is imported inside the functions, so that importing this module is fast.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from probes.linear.fitting.scratch import scratch_like

if TYPE_CHECKING:
    import torch
    from torch import Tensor

BLOCK = 1 << 17  # (time point, example) pairs evaluated at a time
WIDE_BLOCK = 1 << 15  # the same, if all features of the examples are computed with
MEMORY = 10  # number of (step, gradient change) pairs in the history of L-BFGS
MOST_ITERATIONS = 500
CURVATURE_EVERY = 20  # iterations between computations of the curvature
CURVATURE_EXAMPLES = 2048  # minimum number of examples to estimate the curvature from, if there are enough
TOLERANCE = 1e-6  # largest absolute gradient per example at convergence
ROUNDING = 1e-6  # relative rounding error of a loss summed from float32 numbers


@dataclass(frozen=True)
class Problems:
    """One regression problem per time point. All have the same examples; an example without a label has weight 0."""

    x: Tensor  # features, (time, example, dim + 1); the last column is 1, for the intercept
    y: Tensor  # labels, (time, example): class indices (int64) or numbers
    weight: Tensor  # weights of the examples, (time, example)

    def take(self, chosen: Tensor) -> Problems:
        """Return the problems of the time points selected by a mask or by indices."""
        import torch

        y = self.y[chosen]
        x = scratch_like(self.x, (len(y), *self.x.shape[1:]))
        rows = torch.arange(len(self.y), device=x.device)[chosen]
        return Problems(torch.index_select(self.x, 0, rows, out=x), y, self.weight[chosen])

    def blocks(self, pairs: int = BLOCK) -> Iterator[Problems]:
        """Divide the examples into blocks, which bounds the memory for what is computed from them."""
        time_points, examples = self.y.shape
        size = pairs // max(1, time_points)
        for begin in range(0, examples, size):
            part = slice(begin, begin + size)
            yield Problems(self.x[:, part], self.y[:, part], self.weight[:, part])

    def to(self, device: torch.device) -> Problems:
        """Return the problems on another device."""
        return Problems(self.x.to(device), self.y.to(device), self.weight.to(device))


def standardisation(problems: Problems) -> tuple[Tensor, Tensor]:
    """Compute the mean and standard deviation of each feature over the examples of positive weight, (time, 1, dim + 1).

    The intercept column gets mean 0 and standard deviation 1, and constant features get standard deviation 1.
    """
    import torch

    used = (problems.weight > 0).to(problems.x.dtype)
    count = used.double().sum(1).clamp(min=1)[:, None, None]
    mean = ((used[:, None] @ problems.x).double() / count).to(problems.x.dtype)
    square = torch.zeros_like(mean[:, 0], dtype=torch.float64)
    for block in problems.blocks(WIDE_BLOCK):
        for index, (x, weight) in enumerate(zip(block.x, block.weight, strict=True)):
            square[index] += ((weight > 0)[:, None] * (x - mean[index]) ** 2).double().sum(0)
    scale = (square[:, None] / count).sqrt().to(problems.x.dtype)
    # Features that are constant up to rounding carry no information.
    scale = torch.where(scale > 1e-6 * mean.abs(), scale, 1.0)
    mean[..., -1], scale[..., -1] = 0, 1
    return mean, scale


def present_classes(problems: Problems, classes: int) -> Tensor:
    """Return a mask of the classes with a positive total weight, (time, class); all true if every weight is 0."""
    import torch

    counts = torch.zeros(len(problems.y), classes, dtype=torch.float64, device=problems.y.device)
    counts.scatter_add_(1, problems.y, problems.weight.double())
    present = counts > 0
    return present | ~present.any(1, keepdim=True)


def log_probabilities(x: Tensor, theta: Tensor, present: Tensor) -> Tensor:
    """Compute log p of every class, (time, example, class); minus infinity for classes that are not in `present`.

    `x` has the shape (time, example, dim + 1), and the coefficients `theta` have the shape (time, row, dim + 1), with
    one row per class or a single row for two classes.
    """
    import torch

    logits = x @ theta.to(x.dtype).mT
    if theta.shape[1] < present.shape[1]:
        logits = torch.cat([torch.zeros_like(logits), logits], -1)
    return logits.masked_fill(~present[:, None], -torch.inf).log_softmax(-1)


def log_losses(problems: Problems, theta: Tensor, present: Tensor) -> Tensor:
    """Compute the weighted sum of -log p(y) over the examples of positive weight, in nats, (time)."""
    import torch

    total = torch.zeros(len(theta), dtype=torch.float64, device=theta.device)
    for block in problems.blocks():
        log_p = log_probabilities(block.x, theta, present).gather(2, block.y[..., None])[..., 0]
        total -= torch.where(block.weight > 0, log_p * block.weight, 0).double().sum(1)
    return total


def squared_losses(problems: Problems, theta: Tensor) -> Tensor:
    """Compute the weighted sum of squared errors of a linear regression with coefficients `theta`, (time)."""
    predicted = (problems.x @ theta.to(problems.x.dtype).mT)[..., 0]
    return (problems.weight * (problems.y - predicted) ** 2).double().sum(1)


@dataclass(frozen=True)
class Logistic:
    """The objective of logistic regression at several time points."""

    problems: Problems
    present: Tensor  # mask of the classes that occur, (time, class)
    penalty: Tensor  # 1 / C, (time)

    def take(self, chosen: Tensor) -> Logistic:
        """Return the objective of the time points selected by a mask or by indices."""
        return Logistic(self.problems.take(chosen), self.present[chosen], self.penalty[chosen])

    def inverse_curvature(self, theta: Tensor) -> Tensor:
        """Invert the Hessian's diagonal block for each row of `theta`, (time, row, dim + 1, dim + 1), in float64.

        The inverse preconditions the steps, so that the fit converges equally fast for correlated and independent
        features. It need not be exact, so the block is computed on a sample of the examples.
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
        """Compute the objective, (time), and its gradient, (time, row, dim + 1), in float64."""
        import torch

        value = torch.zeros(len(theta), dtype=torch.float64, device=theta.device)
        gradient = torch.zeros_like(theta)
        for block in self.problems.blocks():
            log_p = log_probabilities(block.x, theta, self.present)
            log_likelihood = log_p.gather(2, block.y[..., None])[..., 0]
            value -= torch.where(block.weight > 0, log_likelihood * block.weight, 0).double().sum(1)
            residual = log_p.exp_()
            residual.scatter_add_(2, block.y[..., None], torch.full_like(log_likelihood, -1.0)[..., None])
            residual *= block.weight[..., None]
            if theta.shape[1] < self.present.shape[1]:
                residual = residual[..., 1:]
            residual = residual.masked_fill(~self.present[:, None, -theta.shape[1] :], 0)
            gradient += (residual.mT @ block.x).double()
        weights = theta[..., :-1]
        gradient[..., :-1] += self.penalty[:, None, None] * weights
        return value + self.penalty / 2 * (weights**2).sum((1, 2)), gradient


def gram_matrix(problems: Problems) -> Tensor:
    """Compute the weighted sum of x x^T over the examples, (time, dim + 1, dim + 1), in float64."""
    import torch

    time_points, _, width = problems.x.shape
    gram = torch.zeros(time_points, width, width, dtype=torch.float64, device=problems.x.device)
    for block in problems.blocks(WIDE_BLOCK):
        gram += (block.x * block.weight[..., None]).double().mT @ block.x.double()
    return gram


def fit_logistic(objective: Logistic, start: Tensor, alive: Callable[[], None] = lambda: None) -> Tensor:
    """Minimise the objective by L-BFGS with backtracking (Nocedal 1980; Liu & Nocedal 1989).

    `start` and the result are coefficients of shape (time, row, dim + 1). A time point has converged when its largest
    absolute gradient per example is at most TOLERANCE, or its objective no longer decreases. `alive` is called in every
    iteration; an exception in it ends the fit. For standardised features, the coefficients at convergence differ from
    those of scikit-learn by at most 0.002 of the largest coefficient, and nearly all predicted classes are equal.
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
    """Shift the intercepts of the classes present so that they sum to 0. The shift does not change the softmax."""
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
    """Compute the L-BFGS direction by the two-loop recursion, preconditioned with the inverse Hessian blocks.

    Time points whose result is not a descent direction use preconditioned steepest descent instead.
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
    """Halve each step until the objective decreases enough (Armijo condition), up to rounding.

    A step that fails 20 times is 0. Returns the steps, and the value and gradient of the objective after the steps.
    """
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
    """Solve ridge regression in closed form. Returns the coefficients, (time, 1, dim + 1), in float64.

    `gram` is the result of `gram_matrix`. All labels must be finite, even those of examples with weight 0.
    """
    import torch

    target = torch.zeros(*gram.shape[:2], 1, dtype=gram.dtype, device=gram.device)
    for block in problems.blocks(WIDE_BLOCK):
        target += ((block.y * block.weight).double()[:, None] @ block.x.double()).mT
    penalties = torch.full(gram.shape[-1:], alpha, dtype=gram.dtype, device=gram.device)
    penalties[-1] = 1e-9  # practically unpenalised
    return torch.linalg.solve(gram + penalties.diag(), target).mT
