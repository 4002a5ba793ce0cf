"""How solved and unsolved walks differ, on walks whose numbers are known."""

import numpy as np
import pytest
from fake_walks import fake_walks

from probes.latents.statistics import Banded, banded, difference, ordered, percent, sentences


def difference_of(config, right, z, axes=None):
    walks = fake_walks(config, {"z": z, "y": z}, right=right)
    components = z[..., :3] if axes is None else axes
    return difference(walks, "z", components, np.array([0.6, 0.3, 0.1]))


@pytest.fixture
def found(tiny_config):
    """Four puzzles: two solved come to rest at once at 10 and 12, two unsolved go on by a fifth, and end at -5 and -6."""
    z = np.zeros((4, 4, 4))
    z[..., 3] = 1.0  # so that no state is the origin
    z[0, :, 0] = [0, 10, 10, 10]
    z[1, :, 0] = [0, 4, 12, 12]
    z[2, :, 0] = [0, -3, -4, -5]
    z[3, :, 0] = [0, -4, -5, -6]
    right = np.repeat([[True], [True], [False], [False]], 4, axis=1)
    return difference_of(tiny_config(), right, z)


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
    assert "axis 1, which holds 60.0 % of the variance" in lines[2]
    assert (
        "11.00 ± 1.00" in lines[2] and "-5.50 ± 0.50" in lines[2] and "100.0 % lie in that order" in lines[2]
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
