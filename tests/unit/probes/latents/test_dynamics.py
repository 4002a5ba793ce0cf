"""How states travel and spread, on paths and clouds whose numbers are known: lines, circles, spirals, Gaussians."""

import numpy as np
import pytest

from probes.comparison.dimensionality import effective_rank, moment_spectra, participation_ratio, spectrum
from probes.covariance import ROWS, StatesError, covariance
from probes.latents.dynamics import (
    critical_moments,
    distances_to_final,
    first_returns,
    flips,
    residuals,
    speeds,
    turning_angles,
)

CORNERS = np.array([[3.0, 0.0], [0.0, 4.0], [-3.0, 0.0]])  # 5, 5 and 6 apart


def circle(moments: int, *, per_turn: int, radius: float = 2.0) -> np.ndarray:
    """One puzzle on a circle around the origin."""
    angle = 2 * np.pi * np.arange(moments) / per_turn
    return radius * np.stack([np.cos(angle), np.sin(angle)], -1)[None]


def line(moments: int) -> np.ndarray:
    """One puzzle that moves by (3, 4) each moment, from (3, 4)."""
    return np.arange(1, moments + 1)[None, :, None] * np.array([3.0, 4.0])


def geometric(moments: int) -> np.ndarray:
    """One puzzle on the way to (8, 0) that goes half of what is left each moment, from the origin."""
    return np.stack([8 - 8 * 0.5 ** np.arange(moments), np.zeros(moments)], -1)[None]


def still(moments: int) -> np.ndarray:
    return np.full((1, moments, 2), 0.1)


# moves


def test_a_line_at_constant_speed():
    states = line(5)
    assert speeds(states).tolist() == [[5, 5, 5, 5]]
    assert residuals(states)[0] == pytest.approx([1 / 2, 1 / 3, 1 / 4, 1 / 5])
    assert turning_angles(states).tolist() == [[0, 0, 0]]
    assert distances_to_final(states).tolist() == [[20, 15, 10, 5, 0]]
    assert distances_to_final(states, relative=True)[0] == pytest.approx([0.8, 0.6, 0.4, 0.2, 0])


def test_a_circle():
    """Twelve moments a turn: every move is the chord 2 r sin(15 degrees), and turns by 30 degrees."""
    states = circle(13, per_turn=12)
    chord = 4 * np.sin(np.pi / 12)
    assert speeds(states) == pytest.approx(np.full((1, 12), chord))
    assert residuals(states) == pytest.approx(np.full((1, 12), chord / 2))
    assert turning_angles(states) == pytest.approx(np.full((1, 11), np.pi / 6))
    assert distances_to_final(states)[0, [0, 3, 6, 12]] == pytest.approx([0, 8**0.5, 4, 0])


def test_going_back_turns_by_pi():
    states = np.array([[[0.0], [3.0], [1.0]]])
    assert turning_angles(states).tolist() == [[np.pi]]


def test_angles_far_below_what_an_arc_cosine_resolves():
    """1e-9 is lost in 1 - cos, which is 5e-19."""
    states = np.array([[[0.0, 0.0], [1.0, 0.0], [2.0, 1e-9]]])
    assert turning_angles(states)[0] == pytest.approx([1e-9], rel=1e-6)


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
    """Constant input: zeros, and NaN only for the angle, which is said to be undefined."""
    for states in (still(4), np.zeros((1, 4, 2))):
        assert speeds(states).tolist() == residuals(states).tolist() == [[0, 0, 0]]
        assert np.isnan(turning_angles(states)).all() and turning_angles(states).shape == (1, 2)
        assert distances_to_final(states, relative=True).tolist() == [[0, 0, 0, 0]]
        critical = critical_moments(states)
        assert critical.moment.tolist() == [-1] and critical.share.tolist() == [0]


def test_moving_onto_the_origin_is_infinitely_much_of_nothing():
    states = np.array([[[1.0], [0.0], [0.0]]])
    assert residuals(states).tolist() == [[np.inf, 0]]
    assert distances_to_final(states, relative=True).tolist() == [[np.inf, 0, 0]]


@pytest.mark.parametrize("moments, critical", [(1, -1), (2, 1)])
def test_few_moments(moments, critical):
    states = line(moments)
    assert speeds(states).shape == residuals(states).shape == (1, moments - 1)
    assert turning_angles(states).shape == (1, 0)
    assert critical_moments(states).moment.tolist() == [critical]
    assert first_returns(states).moment.tolist() == [-1]


def test_half_precision_is_widened_before_it_overflows():
    """300 squared exceeds float16, and so does the sum of two numbers near its end."""
    states = np.array([[[-60000.0, 300.0], [60000.0, 300.0]]], np.float16)
    expected = 2 * float(np.float16(60000))
    assert speeds(states).tolist() == distances_to_final(states)[:, :1].tolist() == [[expected]]


# the critical moment


def test_critical_moment_of_a_jump():
    """Distances 10, 9, 1, 0: the largest drop is the 8 of the second move."""
    states = np.array([[[0.0], [1.0], [9.0], [10.0]]])
    critical = critical_moments(states)
    assert critical.moment.tolist() == [2] and critical.share == pytest.approx([0.8])


def test_critical_moment_of_a_steady_walk_and_of_a_convergence():
    assert critical_moments(line(5)).moment.tolist() == [1]  # all alike: the first
    assert critical_moments(line(5)).share == pytest.approx([1 / 4])
    assert critical_moments(geometric(4)).moment.tolist() == [1]
    assert critical_moments(geometric(4)).share == pytest.approx([4 / 7])


def test_critical_moment_after_wandering_off():
    """It starts where it ends: the share is of the largest distance, 6, not of the first, 0."""
    states = np.array([[[0.0], [6.0], [3.0], [3.0], [0.0]]])
    critical = critical_moments(states)
    assert critical.moment.tolist() == [2] and critical.share.tolist() == [0.5]


# loops


def test_a_loop_of_period_three():
    states = CORNERS[np.arange(10) % 3][None]
    loop = first_returns(states)
    assert (loop.moment.tolist(), loop.period.tolist(), loop.held.tolist()) == ([3], [3], [7])
    assert loop.found.tolist() == [True]


def test_a_loop_that_is_entered_and_left():
    """Two states before it, one and a third of a turn in it, then away."""
    before, after = np.array([[50.0, 0.0], [9.0, 9.0]]), np.array([[0.0, 30.0], [0.0, 60.0]])
    states = np.concatenate([before, CORNERS, CORNERS[:1], after])[None]
    loop = first_returns(states)
    assert (loop.moment.tolist(), loop.period.tolist(), loop.held.tolist()) == ([5], [3], [1])


def test_a_circle_returns_after_one_turn():
    """48 steps a turn are 0.13 radii apart: neighbours are not within 0.05, and the first return is the full turn."""
    loop = first_returns(circle(60, per_turn=48))
    assert (loop.moment.tolist(), loop.period.tolist(), loop.held.tolist()) == ([48], [48], [12])


def test_the_shortest_period_of_the_first_return():
    """It stands at a for two moments, goes to b, and is back: two moments after it left, not three."""
    loop = first_returns(CORNERS[[0, 0, 1, 0]][None])
    assert (loop.moment.tolist(), loop.period.tolist(), loop.held.tolist()) == ([3], [2], [1])


def test_a_loop_that_misses_a_beat_is_held_until_then():
    """a b c, a b a, a: the sixth moment breaks it, the seventh is as three moments before again."""
    loop = first_returns(CORNERS[[0, 1, 2, 0, 1, 0, 0]][None])
    assert (loop.moment.tolist(), loop.period.tolist(), loop.held.tolist()) == ([3], [3], [2])


@pytest.mark.parametrize(
    "states",
    [still(20), np.zeros((1, 20, 2)), line(20), geometric(20), circle(40, per_turn=48), 10 + still(20)],
    ids=["still", "origin", "line", "converging", "most of a turn", "still elsewhere"],
)
def test_what_is_no_loop(states):
    loop = first_returns(states)
    assert (loop.moment.tolist(), loop.period.tolist(), loop.held.tolist()) == ([-1], [0], [0])


def test_noise_around_a_fixed_point_is_no_loop():
    """It stays within 2 epsilon of every state, however often it comes within epsilon of one."""
    noise = np.random.default_rng(0).uniform(-0.03, 0.03, (1, 60, 2))
    states = np.array([1.0, 0.0]) + noise
    assert first_returns(states).moment.tolist() == [-1]
    assert first_returns(states, epsilon=0.005).found.all()  # as far as it is asked to look, it does return


def test_loops_of_many_puzzles_at_once(monkeypatch):
    """Puzzles are worked through in parts; a part's end changes nothing."""
    states = np.concatenate([line(10), CORNERS[np.arange(10) % 3][None], still(10), circle(10, per_turn=4)])
    states = states.astype(np.float16)
    together = first_returns(states)
    assert together.moment.tolist() == [-1, 3, -1, 4]
    monkeypatch.setattr("probes.latents.dynamics.PAIRS", 250)
    apart = first_returns(states)
    assert apart.moment.tolist() == [-1, 3, -1, 4] and apart.held.tolist() == together.held.tolist()


# flips


def test_flips():
    answers = np.array([[[1, 5, 2], [2, 5, 2], [1, 5, 2], [1, 5, 9]]], np.uint8)
    result = flips(answers)
    assert result.count.tolist() == [[2, 0, 1]]
    assert result.last.tolist() == [[2, 0, 3]]


def test_flips_of_one_moment():
    result = flips(np.ones((2, 1, 3), np.int64))
    assert result.count.tolist() == result.last.tolist() == [[0, 0, 0]] * 2


# dimensions


def test_spectrum_by_hand():
    """Points (+-2, 0) and (0, +-1): variances 8 / 3 and 2 / 3."""
    points = np.array([[2.0, 0], [-2, 0], [0, 1], [0, -1]]) + 100
    values = spectrum(points)
    assert values == pytest.approx([8 / 3, 2 / 3])
    assert participation_ratio(values) == pytest.approx(10**2 / (8**2 + 2**2))  # 100 / 68
    shares = np.array([2 / 3, 1 / 3])  # singular values 2 : 1
    assert effective_rank(values) == pytest.approx(np.exp(-(shares * np.log(shares)).sum()))


def test_an_isotropic_gaussian_fills_its_space():
    points = np.random.default_rng(0).normal(size=(20_000, 16))
    assert participation_ratio(spectrum(points)) == pytest.approx(16, rel=0.01)
    assert effective_rank(spectrum(points)) == pytest.approx(16, rel=0.01)


@pytest.mark.parametrize("shape", [(500, 8), (5, 40)], ids=["more points", "more dimensions"])
def test_rank_one(shape):
    rng = np.random.default_rng(0)
    points = 7 + rng.normal(size=(shape[0], 1)) * rng.normal(size=shape[1])
    values = spectrum(points)
    assert values.shape == (min(shape),) and (values[1:] == 0).all()
    assert participation_ratio(values) == pytest.approx(1, abs=1e-12)
    assert effective_rank(values) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("count", [1, 3, 50])
def test_equal_points_have_no_dimension(count):
    values = spectrum(np.full((count, 7), 0.1))
    assert (values == 0).all()
    assert participation_ratio(values) == effective_rank(values) == 0


def test_a_spectrum_is_the_same_from_either_side():
    """5 points in 8 dimensions, by their Gram matrix, against the covariance written out."""
    points = np.random.default_rng(1).normal(3, 2, (5, 8))
    expected = np.linalg.eigvalsh(np.cov(points.T))[::-1][:5]
    assert spectrum(points) == pytest.approx(expected, abs=1e-12)


def test_moment_spectra():
    """A cloud of puzzles that is a line at first, then equal points, then a square."""
    square = np.array([[1.0, 1], [1, -1], [-1, 1], [-1, -1]])
    states = np.stack([square * [1, 0], square * 0, square], axis=1).astype(np.float16)
    values = moment_spectra(states)
    assert values == pytest.approx(np.array([[4 / 3, 0], [0, 0], [4 / 3, 4 / 3]]))
    assert participation_ratio(values) == pytest.approx([1, 0, 2])
    assert effective_rank(values) == pytest.approx([1, 0, 2])
    assert participation_ratio(spectrum(states)) == pytest.approx(36 / 20)  # variances 2 : 1


def test_covariance_in_chunks_is_that_of_the_whole():
    """Also where the mean is a million times the spread, which a sum of squares would not survive in float32."""
    points = np.random.default_rng(2).normal(1e6, 1, (ROWS + 100, 3))
    cloud = covariance(iter([points[:1], points[1:2000].reshape(-1, 1, 3), points[:0], points[2000:]]))
    assert cloud.count == len(points)
    assert cloud.mean == pytest.approx(points.mean(0), rel=1e-14)
    assert cloud.covariance == pytest.approx(np.cov(points.T), abs=1e-9)


@pytest.mark.parametrize(
    "chunks, message",
    [
        ([], "no states"),
        ([np.ones((2, 3)), np.ones((2, 4))], "of 3 and of 4"),
        ([np.array([[1.0, np.inf]])], "infinite or not a number"),
        ([np.ones((1, 5000), np.float16)], "5000 numbers are too wide"),
    ],
)
def test_clouds_that_are_refused(chunks, message):
    with pytest.raises(StatesError, match=message) as error:
        covariance(iter(chunks))
    assert "\n" not in str(error.value)
