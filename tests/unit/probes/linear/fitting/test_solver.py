"""The objectives of the probes, compared with automatic differentiation and with sums by hand."""

import numpy as np
import pytest
import torch

from probes.linear.fitting.solver import (
    Logistic,
    Problems,
    fit_logistic,
    log_losses,
    squared_losses,
    standardisation,
)


def problems(classes: int, *, examples: int = 12, seed: int = 0) -> Problems:
    """Two time points with two features each; the weights are 2, 1 and 0."""
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(2, examples, 3, generator=draw)
    x[..., -1] = 1
    y = torch.arange(examples).remainder(classes).repeat(2, 1)
    return Problems(x, y, torch.tensor([2.0, 1.0, 1.0, 0.0]).repeat(2, examples // 4))


def objective(classes: int, penalty: float = 0.5) -> Logistic:
    return Logistic(
        problems(classes), torch.ones(2, classes, dtype=torch.bool), torch.full((2,), penalty).double()
    )


def start(classes: int) -> torch.Tensor:
    rows = classes if classes > 2 else 1
    return torch.randn(2, rows, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def loss(theta: torch.Tensor, classes: int, time_point: int, penalty: float = 0.5) -> torch.Tensor:
    """The objective of scikit-learn at one time point, written as a sum over examples."""
    given = problems(classes)
    total = penalty / 2 * (theta[:, :-1] ** 2).sum()
    for x, y, weight in zip(given.x[time_point], given.y[time_point], given.weight[time_point], strict=True):
        logits = theta @ x.double()
        logits = torch.cat([torch.zeros(1), logits]) if classes == 2 else logits
        total = total + weight * (torch.logsumexp(logits, 0) - logits[y])
    return total


@pytest.mark.parametrize("classes", [2, 3])
def test_the_objective_has_the_value_gradient_and_curvature_of_its_formula(classes):
    theta = start(classes)
    value, gradient = objective(classes).value_and_gradient(theta)
    inverse = objective(classes).inverse_curvature(theta)
    for time_point in range(2):
        own = theta[time_point].clone().requires_grad_()
        expected = loss(own, classes, time_point)
        assert float(value[time_point]) == pytest.approx(float(expected.detach()), rel=1e-5)
        (slope,) = torch.autograd.grad(expected, own)
        np.testing.assert_allclose(gradient[time_point], slope, rtol=1e-4, atol=1e-4)
        for row in range(len(own)):

            def of_row(values, row=row, time_point=time_point):
                whole = [values if one == row else theta[time_point, one] for one in range(theta.shape[1])]
                return loss(torch.stack(whole), classes, time_point)

            hessian = torch.autograd.functional.hessian(of_row, theta[time_point, row])
            np.testing.assert_allclose(
                torch.linalg.inv(inverse[time_point, row]), hessian, rtol=1e-3, atol=1e-3
            )


def test_a_flat_objective_has_an_invertible_curvature():
    """All probabilities are 0 or 1, so only the penalty and a millionth of the total weight, 12, are left."""
    theta = torch.tensor([0.0, 0.0, 1000.0], dtype=torch.float64).expand(2, 1, 3)
    inverse = objective(2).inverse_curvature(theta)[0, 0]
    assert inverse.diagonal().tolist() == pytest.approx([1 / 0.500012] * 2 + [1 / 24e-6], rel=1e-6)


@pytest.mark.parametrize("classes, most", [(2, 15), (4, 40)])
def test_a_fit_ends_at_the_minimum_after_few_iterations(classes, most):
    """With the second feature nearly equal to the first and little regularisation."""
    given = problems(classes, examples=200)
    given.x[..., 1] = given.x[..., 0] + 0.01 * given.x[..., 1]
    present = torch.ones(2, classes, dtype=torch.bool)
    whole = Logistic(given, present, torch.full((2,), 1e-3).double())
    iterations = []
    found = fit_logistic(whole, torch.zeros_like(start(classes)), lambda: iterations.append(1))
    _, gradient = whole.value_and_gradient(found)
    assert float(gradient.abs().max()) < 200 * 1e-5
    assert len(iterations) < most


def test_a_fit_ends_if_only_rounding_is_left_of_its_gradient():
    """With features of 1000, the gradient of float32 numbers cannot reach a millionth per example."""
    given, iterations = problems(4, examples=400), []
    given.x[..., :2] *= 1000
    whole = Logistic(given, torch.ones(2, 4, dtype=torch.bool), torch.full((2,), 1e-3).double())
    fit_logistic(whole, torch.zeros_like(start(4)), lambda: iterations.append(1))
    assert len(iterations) < 150


def test_intercepts_sum_to_0_over_the_classes_that_occur():
    given = problems(3, examples=24)
    present = torch.tensor([True, True, True, False]).repeat(2, 1)
    found = fit_logistic(
        Logistic(given, present, torch.ones(2).double()), torch.full((2, 4, 3), 0.5, dtype=torch.float64)
    )
    assert torch.isfinite(found).all()
    np.testing.assert_allclose(found[:, :3, -1].sum(1), 0, atol=1e-9)


def test_losses_are_weighted_sums():
    """Both classes have probability 1/2, and the absent class has none; the weights are 2, 1, 1 and 0."""
    given = Problems(torch.ones(1, 4, 1), torch.tensor([[0, 1, 0, 2]]), torch.tensor([[2.0, 1, 1, 0]]))
    present = torch.tensor([[True, True, False]])
    assert log_losses(given, torch.zeros(1, 3, 1), present).tolist() == pytest.approx([4 * np.log(2)])
    value, _ = Logistic(given, present, torch.ones(1)).value_and_gradient(torch.zeros(1, 3, 1).double())
    assert value.tolist() == pytest.approx([4 * np.log(2)])
    numbers = Problems(given.x, torch.tensor([[3.0, 1, 5, 9]]), given.weight)
    assert squared_losses(numbers, torch.full((1, 1, 1), 2.0)).tolist() == [2 * 1 + 1 + 9]


def test_features_that_vary_only_by_rounding_are_not_scaled():
    """Relative to its mean, the second varies by a ten millionth, and the first by a thousandth."""
    noise = torch.tensor([-1.0, 1.0, -1.0, 1.0])
    x = torch.stack([1e-5 + 1e-8 * noise, 1e3 + 1e-4 * noise, 3 * noise, torch.ones(4)], -1)[None]
    _, scale = standardisation(Problems(x, torch.zeros(1, 4), torch.ones(1, 4)))
    assert scale[0, 0].tolist() == pytest.approx([1e-8, 1, 3, 1], rel=1e-3)


def test_examples_are_divided_by_the_pairs_of_time_point_and_example():
    given = Problems(torch.ones(1, 5, 1), torch.zeros(1, 5), torch.ones(1, 5))
    assert [len(block.y[0]) for block in given.blocks(2)] == [2, 2, 1]
