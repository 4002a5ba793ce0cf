"""Trajectory statistics on paths worked out by hand, and how solved and unsolved puzzles differ."""

from dataclasses import replace

import numpy as np
import pytest
from fake_trajectories import fake_trajectories

from probes.latents.statistics import (
    Estimate,
    auroc,
    best_axis_p,
    bootstrap,
    difference,
    distances_to_final,
    percent,
    residuals,
    sentences,
    speeds,
)

# residuals and distances


def circle(time_points: int, *, per_turn: int, radius: float = 2.0) -> np.ndarray:
    """One puzzle on a circle around the origin."""
    angle = 2 * np.pi * np.arange(time_points) / per_turn
    return radius * np.stack([np.cos(angle), np.sin(angle)], -1)[None]


def line(time_points: int) -> np.ndarray:
    """One puzzle that moves by (3, 4) per time point, from (3, 4)."""
    return np.arange(1, time_points + 1)[None, :, None] * np.array([3.0, 4.0])


def geometric(time_points: int) -> np.ndarray:
    """One puzzle that halves its distance to (8, 0) at each time point, from the origin."""
    return np.stack([8 - 8 * 0.5 ** np.arange(time_points), np.zeros(time_points)], -1)[None]


def still(time_points: int) -> np.ndarray:
    return np.full((1, time_points, 2), 0.1)


def test_a_line_at_constant_speed():
    states = line(5)
    assert speeds(states).tolist() == [[5, 5, 5, 5]]
    assert residuals(states)[0] == pytest.approx([1 / 2, 1 / 3, 1 / 4, 1 / 5])
    assert distances_to_final(states).tolist() == [[20, 15, 10, 5, 0]]
    assert distances_to_final(states, relative=True)[0] == pytest.approx([0.8, 0.6, 0.4, 0.2, 0])


def test_a_circle():
    """Twelve time points per turn: every update is the chord 2 r sin(15 degrees)."""
    states = circle(13, per_turn=12)
    chord = 4 * np.sin(np.pi / 12)
    assert speeds(states) == pytest.approx(np.full((1, 12), chord))
    assert residuals(states) == pytest.approx(np.full((1, 12), chord / 2))
    assert distances_to_final(states)[0, [0, 3, 6, 12]] == pytest.approx([0, 8**0.5, 4, 0])


def test_geometric_convergence():
    """Distances halve; from (0, 0) the first residual is 4 / 4, then 2 / 6, 1 / 7."""
    states = geometric(4)
    assert residuals(states)[0] == pytest.approx([1, 1 / 3, 1 / 7])
    assert distances_to_final(states)[0] == pytest.approx([7, 3, 1, 0])


def test_puzzles_do_not_affect_each_other():
    states = np.concatenate([line(4), np.full((1, 4, 2), np.nan), still(4)])
    assert np.isnan(speeds(states)[1]).all() and np.isnan(residuals(states)[1]).all()
    assert speeds(states)[[0, 2]].tolist() == [[5, 5, 5], [0, 0, 0]]


def test_standing_still():
    for states in (still(4), np.zeros((1, 4, 2))):
        assert speeds(states).tolist() == residuals(states).tolist() == [[0, 0, 0]]
        assert distances_to_final(states, relative=True).tolist() == [[0, 0, 0, 0]]


def test_the_residual_of_moving_to_the_origin_is_infinite():
    states = np.array([[[1.0], [0.0], [0.0]]])
    assert residuals(states).tolist() == [[np.inf, 0]]
    assert distances_to_final(states, relative=True).tolist() == [[np.inf, 0, 0]]


@pytest.mark.parametrize("time_points", [1, 2])
def test_few_time_points(time_points):
    states = line(time_points)
    assert speeds(states).shape == residuals(states).shape == (1, time_points - 1)


def test_half_precision_is_widened_before_it_overflows():
    """300 squared exceeds float16, and so does the sum of two numbers near its end."""
    states = np.array([[[-60000.0, 300.0], [60000.0, 300.0]]], np.float16)
    expected = 2 * float(np.float16(60000))
    assert speeds(states).tolist() == distances_to_final(states)[:, :1].tolist() == [[expected]]


# solved vs unsolved


def difference_of(config, right, z, axes=None):
    trajectories = fake_trajectories(config, {"z": z, "y": z}, right=right)
    components = z[..., :3] if axes is None else axes
    return difference(trajectories, "z", components, np.array([0.6, 0.3, 0.1]))


def apart(copies: int) -> tuple[np.ndarray, np.ndarray]:
    """`copies` of four puzzles: two solved ones that converge at 10 and 12, two unsolved ones that keep moving and end at -5 and -6."""
    z = np.zeros((4, 4, 4))
    z[..., 3] = 1.0  # so that no state is the origin
    z[0, :, 0] = [0, 10, 10, 10]
    z[1, :, 0] = [0, 4, 12, 12]
    z[2, :, 0] = [0, -3, -4, -5]
    z[3, :, 0] = [0, -4, -5, -6]
    right = np.repeat([[True], [True], [False], [False]], 4, axis=1)
    return np.tile(right, (copies, 1)), np.tile(z, (copies, 1, 1))


@pytest.fixture
def result(tiny_config):
    return difference_of(tiny_config(), *apart(1))


def test_residuals_convergence_and_end_states(result):
    solved, unsolved = result.solved, result.unsolved
    assert (solved.count, unsolved.count) == (2, 2)
    assert solved.last_residual.value == 0 and solved.converged == Estimate(1.0, 1.0, 1.0)
    assert unsolved.last_residual.value == pytest.approx((1 / 26**0.5 + 1 / 37**0.5) / 2)
    assert unsolved.converged == Estimate(0.0, 0.0, 0.0) and unsolved.converged_from is None
    assert unsolved.last_residual.low == pytest.approx(
        1 / 37**0.5
    ) and unsolved.last_residual.high == pytest.approx(1 / 26**0.5)
    # T = 2: the time points are 1.1, 1.2, 2.1, 2.2. The first converges with the update at 2.1, the second with that at 2.2.
    assert solved.converged_from == 2
    assert (solved.mean, solved.std) == (11, 1) and unsolved.mean == -5.5
    assert (result.axis, result.share) == (1, 0.6)
    assert result.auroc == Estimate(1.0, 1.0, 1.0)


def test_a_change_by_exactly_a_thousandth_has_not_converged(tiny_config):
    z = np.zeros((1, 4, 4))
    z[0, :, 0] = [997, 998, 999, 1000]
    solved = difference_of(tiny_config(), np.ones((1, 4), bool), z).solved
    assert (
        solved.last_residual.value == 1e-3 and solved.converged.value == 0 and solved.converged_from is None
    )


def test_the_axis_that_separates_them_best_is_chosen(tiny_config):
    z = np.ones((4, 2, 4))
    z[:, -1, 0] = [1, 2, 1, 2]
    z[:, -1, 1] = [5, 6, -5, -6]
    right = np.repeat([[True], [True], [False], [False]], 2, axis=1)
    result = difference_of(tiny_config(), right, z)
    assert (result.axis, result.share) == (2, 0.3)


def test_auroc_by_hand():
    """Pairs (1, 2) (1, 1) (3, 2) (3, 1): one below, one tie, two above: 1.5 of 4 in one order."""
    assert auroc(np.array([1.0, 3.0]), np.array([2.0, 1.0])) == pytest.approx(1 - 1.5 / 4)
    assert auroc(np.array([1.0, 2.0]), np.array([1.0, 2.0])) == 0.5
    assert auroc(np.array([5.0]), np.array([1.0, 2.0])) == 1


def test_the_permutation_test_accounts_for_the_choice_of_axis():
    """By hand: of the six ways to choose two of four puzzles, two have all pairs of one axis in order."""
    line = np.arange(4.0)[:, None]
    solved = np.array([True, True, False, False])
    assert best_axis_p(line, solved) == pytest.approx(1 / 3, abs=0.02)
    other = np.array([[0.0], [2], [1], [3]])  # a second axis, on which two other choices are in order
    assert best_axis_p(np.hstack([line, other]), solved) == pytest.approx(2 / 3, abs=0.02)
    one = np.array([True, False, False, False])  # at either end in half of the orders
    assert best_axis_p(line, one) == pytest.approx(1 / 2, abs=0.02)
    far = np.arange(30.0)[:, None]
    assert best_axis_p(far, far[:, 0] < 15) == 1e-4  # none of 9999 shufflings


def test_every_permutation_is_counted_once_in_batches(monkeypatch):
    """All values are equal, so each of 19 permutations reaches the observed AUROC. Batches have 8, 8 and 3."""
    monkeypatch.setattr("probes.latents.statistics.PERMUTATIONS", 19)
    monkeypatch.setattr("probes.latents.statistics.SHUFFLED", 8 * 4)
    assert best_axis_p(np.zeros((4, 1)), np.array([True, False, False, True])) == 1


def test_the_permutation_test_holds_its_level_on_noise():
    random = np.random.default_rng(0)
    p_values = [
        best_axis_p(random.normal(size=(20, 3)), random.permutation(np.arange(20) < 4)) for _ in range(60)
    ]
    assert sum(p < 0.05 for p in p_values) <= 8 and np.mean(p_values) == pytest.approx(0.5, abs=0.12)


def test_a_bootstrap_interval_contains_its_value_and_shrinks_with_more_puzzles():
    values = np.random.default_rng(1).normal(size=400)
    few, many = bootstrap(np.mean, values[:40]), bootstrap(np.mean, values)
    assert few.low < few.value < few.high
    assert many.high - many.low == pytest.approx(2 * 1.96 / 20, rel=0.15)  # of a mean of 400
    assert few.high - few.low > 2 * (many.high - many.low)


def test_sentences_contain_the_numbers(result):
    lines = sentences(result)
    assert lines[0].startswith(
        "2 of 4 puzzles are solved. On the median solved puzzle, the last update changes z by 0.0% of its norm; on the "
        "median unsolved puzzle, by 18.0% (95%: 16.4 to 19.6%)."
    )
    assert (
        "100.0% of the solved and 0.0% of the unsolved puzzles; the median solved puzzle converges at step 2"
        in lines[1]
    )
    edge = sentences(replace(result, p=0.05, solved=replace(result.solved, count=1)))[2]
    assert edge.startswith("No component") and edge.endswith("p = 0.05; 1 solved puzzle).")
    assert "p = 0.001)" in sentences(replace(result, p=0.001))[2]
    assert (
        lines[2]
        == "No component separates the two groups (best of 3 components, permutation test, p = 0.33; 2 solved puzzles)."
    )


def test_a_component_separates_them_only_where_it_is_significant(tiny_config):
    result = difference_of(tiny_config(), *apart(4))
    assert result.p is not None and result.p < 0.001
    assert sentences(result)[2] == (
        "Component 1 (60.0% of the variance) separates the two groups: its final value is 11.00 ± 1.00 for solved puzzles and -5.50 ± "
        "0.50 for unsolved ones; "
        "AUROC 1.000 (0.5 = chance; best of 3 components, permutation test, p < 0.001)."
    )


@pytest.mark.parametrize("right, words", [(True, "are solved.*harder"), (False, "are unsolved.*easier")])
def test_one_group_alone_is_not_compared(tiny_config, right, words):
    result = difference_of(tiny_config(), np.full((2, 2), right), np.ones((2, 2, 4)))
    (line,) = sentences(result)
    assert result.auroc is None
    import re

    assert re.search(f"All 2 puzzles {words}", line)


def test_small_shares_are_given_as_a_bound():
    assert percent(0.0) == "0.0%" and percent(0.0004) == "less than 0.05%" and percent(0.157) == "15.7%"
