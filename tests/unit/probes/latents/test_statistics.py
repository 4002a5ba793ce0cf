"""How states travel, on paths whose numbers are known, and how solved and unsolved walks differ."""

import numpy as np
import pytest
from fake_trajectories import fake_trajectories

from probes.latents.statistics import (
    Banded,
    banded,
    difference,
    distances_to_final,
    ordered,
    parted_by_chance,
    percent,
    residuals,
    sentences,
    speeds,
)

# moves


def circle(time_points: int, *, per_turn: int, radius: float = 2.0) -> np.ndarray:
    """One puzzle on a circle around the origin."""
    angle = 2 * np.pi * np.arange(time_points) / per_turn
    return radius * np.stack([np.cos(angle), np.sin(angle)], -1)[None]


def line(time_points: int) -> np.ndarray:
    """One puzzle that moves by (3, 4) each moment, from (3, 4)."""
    return np.arange(1, time_points + 1)[None, :, None] * np.array([3.0, 4.0])


def geometric(time_points: int) -> np.ndarray:
    """One puzzle on the way to (8, 0) that goes half of what is left each moment, from the origin."""
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
    """Twelve moments a turn: every move is the chord 2 r sin(15 degrees),."""
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


def test_puzzles_keep_apart():
    states = np.concatenate([line(4), np.full((1, 4, 2), np.nan), still(4)])
    assert np.isnan(speeds(states)[1]).all() and np.isnan(residuals(states)[1]).all()
    assert speeds(states)[[0, 2]].tolist() == [[5, 5, 5], [0, 0, 0]]


def test_standing_still():
    for states in (still(4), np.zeros((1, 4, 2))):
        assert speeds(states).tolist() == residuals(states).tolist() == [[0, 0, 0]]
        assert distances_to_final(states, relative=True).tolist() == [[0, 0, 0, 0]]


def test_moving_onto_the_origin_is_infinitely_much_of_nothing():
    states = np.array([[[1.0], [0.0], [0.0]]])
    assert residuals(states).tolist() == [[np.inf, 0]]
    assert distances_to_final(states, relative=True).tolist() == [[np.inf, 0, 0]]


@pytest.mark.parametrize("time_points", [1, 2])
def test_few_moments(time_points):
    states = line(time_points)
    assert speeds(states).shape == residuals(states).shape == (1, time_points - 1)


def test_half_precision_is_widened_before_it_overflows():
    """300 squared exceeds float16, and so does the sum of two numbers near its end."""
    states = np.array([[[-60000.0, 300.0], [60000.0, 300.0]]], np.float16)
    expected = 2 * float(np.float16(60000))
    assert speeds(states).tolist() == distances_to_final(states)[:, :1].tolist() == [[expected]]


# solved against unsolved


def difference_of(config, right, z, axes=None):
    trajectories = fake_trajectories(config, {"z": z, "y": z}, right=right)
    components = z[..., :3] if axes is None else axes
    return difference(trajectories, "z", components, np.array([0.6, 0.3, 0.1]))


def apart(copies: int) -> tuple[np.ndarray, np.ndarray]:
    """`copies` of four puzzles: two solved come to rest at once at 10 and 12, two unsolved go on by a fifth, and end at -5 and -6."""
    z = np.zeros((4, 4, 4))
    z[..., 3] = 1.0  # so that no state is the origin
    z[0, :, 0] = [0, 10, 10, 10]
    z[1, :, 0] = [0, 4, 12, 12]
    z[2, :, 0] = [0, -3, -4, -5]
    z[3, :, 0] = [0, -4, -5, -6]
    right = np.repeat([[True], [True], [False], [False]], 4, axis=1)
    return np.tile(right, (copies, 1)), np.tile(z, (copies, 1, 1))


@pytest.fixture
def found(tiny_config):
    return difference_of(tiny_config(), *apart(1))


def test_moves_rests_and_ends(found):
    solved, unsolved = found.solved, found.unsolved
    assert (solved.count, unsolved.count) == (2, 2)
    assert solved.moved.value == 0 and solved.at_rest == Banded(1.0, 1.0, 1.0)
    assert unsolved.moved.value == pytest.approx((1 / 26**0.5 + 1 / 37**0.5) / 2)
    assert unsolved.at_rest == Banded(0.0, 0.0, 0.0) and unsolved.rests_from is None
    assert unsolved.moved.low == pytest.approx(1 / 37**0.5) and unsolved.moved.high == pytest.approx(
        1 / 26**0.5
    )
    # T = 2: moments are 1.1, 1.2, 2.1, 2.2. The first rests with the move to 2.1, the second with that to 2.2.
    assert solved.rests_from == 2
    assert (solved.end, solved.spread) == (11, 1) and unsolved.end == -5.5
    assert (found.axis, found.share) == (1, 0.6)
    assert found.ordered == Banded(1.0, 1.0, 1.0)


def test_the_axis_that_parts_them_best_is_found(tiny_config):
    z = np.ones((4, 2, 4))
    z[:, -1, 0] = [1, 2, 1, 2]
    z[:, -1, 1] = [5, 6, -5, -6]
    right = np.repeat([[True], [True], [False], [False]], 2, axis=1)
    found = difference_of(tiny_config(), right, z)
    assert (found.axis, found.share) == (2, 0.3)


def test_order_by_hand():
    """Pairs (1, 2) (1, 1) (3, 2) (3, 1): one below, one tie, two above: 1.5 of 4 in one order."""
    assert ordered(np.array([1.0, 3.0]), np.array([2.0, 1.0])) == pytest.approx(1 - 1.5 / 4)
    assert ordered(np.array([1.0, 2.0]), np.array([1.0, 2.0])) == 0.5
    assert ordered(np.array([5.0]), np.array([1.0, 2.0])) == 1


def test_the_best_axis_is_tested_against_the_best_axis_of_shuffled_puzzles():
    """By hand: of the six ways to choose two of four puzzles, two have all pairs of one axis in order."""
    line = np.arange(4.0)[:, None]
    solved = np.array([True, True, False, False])
    assert parted_by_chance(line, solved) == pytest.approx(1 / 3, abs=0.02)
    other = np.array([[0.0], [2], [1], [3]])  # a second axis, on which two other choices are in order
    assert parted_by_chance(np.hstack([line, other]), solved) == pytest.approx(2 / 3, abs=0.02)
    far = np.arange(30.0)[:, None]
    assert parted_by_chance(far, far[:, 0] < 15) == 1e-4  # none of 9999 shufflings


def test_noise_has_its_best_axis_below_the_limit_as_often_as_the_limit_says():
    random = np.random.default_rng(0)
    found = [
        parted_by_chance(random.normal(size=(20, 3)), random.permutation(np.arange(20) < 4))
        for _ in range(60)
    ]
    assert sum(p < 0.05 for p in found) <= 8 and np.mean(found) == pytest.approx(0.5, abs=0.12)


def test_a_band_holds_its_value_and_shrinks_with_more_puzzles():
    values = np.random.default_rng(1).normal(size=400)
    few, many = banded(values[:40], np.mean), banded(values, np.mean)
    assert few.low < few.value < few.high
    assert many.high - many.low == pytest.approx(2 * 1.96 / 20, rel=0.15)  # of a mean of 400
    assert few.high - few.low > 2 * (many.high - many.low)


def test_sentences_say_the_numbers(found):
    lines = sentences(found)
    assert lines[0].startswith(
        "2 of 4 puzzles end solved. In its last recorded move z changes by 0.0 % of its length where the puzzle is solved, by "
        "18.0 % where it is not (95 %: 16.4 to 19.6 %); medians."
    )
    assert (
        "100.0 % of the solved and 0.0 % of the unsolved puzzles, the solved ones from step 2 on" in lines[1]
    )
    assert (
        lines[2] == "No axis tells them apart (best of 3 axes, permutation test, p = 0.33; 2 solved puzzles)."
    )


def test_an_axis_is_said_to_tell_them_apart_only_where_chance_seldom_does(tiny_config):
    found = difference_of(tiny_config(), *apart(4))
    assert found.p is not None and found.p < 0.001
    assert sentences(found)[2] == (
        "Along axis 1, which holds 60.0 % of the variance, the solved end at 11.00 ± 1.00 and the unsolved at -5.50 ± 0.50: of "
        "all pairs of one and the other, 100.0 % lie in that order (best of 3 axes, permutation test, p < 0.001)."
    )


@pytest.mark.parametrize("right, words", [(True, "end solved.*harder"), (False, "end unsolved.*easier")])
def test_one_group_alone_is_no_comparison(tiny_config, right, words):
    found = difference_of(tiny_config(), np.full((2, 2), right), np.ones((2, 2, 4)))
    (line,) = sentences(found)
    assert found.ordered is None
    import re

    assert re.search(f"All 2 puzzles {words}", line)


def test_small_shares_are_said_as_small():
    assert percent(0.0) == "0.0 %" and percent(0.0004) == "less than 0.05 %" and percent(0.157) == "15.7 %"
