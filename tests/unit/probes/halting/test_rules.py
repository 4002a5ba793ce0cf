"""Halting rules, on runs small enough to work out by hand."""

import numpy as np
import pytest
from halting_stand_in import flags, logits, random_runs

from probes.halting.by_step import regressions
from probes.halting.calibration import (
    reliability,
    roc,
    roc_by_step,
)
from probes.halting.rules import (
    OUTCOMES,
    changed_cells,
    fixed_depth_curve,
    halting_bands,
    outcomes,
    threshold_curve,
    unchanged_answer_curve,
)
from probes.stats import Resampling, RunsError

FEW = Resampling(resamples=50)


# outcomes


@pytest.mark.parametrize(
    "name, halts, right, delay",
    [
        ("early", "x...", "..xx", -2),
        ("early", "x.x.", "..x.", -2),
        ("on_time", ".x..", ".xxx", 0),
        ("on_time", "...x", "...x", 0),
        ("late", "...x", ".xxx", 2),
        ("late", "...x", "x..x", 3),
        ("breaks", ".x..", ".xx.", 0),
        ("breaks", "..x.", "xxx.", 2),
        ("breaks", ".x..", ".x.x", 0),
        ("lost", "..x.", "xx.x", 2),
        ("lost", "...x", "x...", 3),
        ("never_halts", "....", "..x.", None),
        ("never_halts", "....", "xxxx", None),
        ("never_right", "x...", "....", None),
        ("neither", "....", "....", None),
    ],
)
def test_outcomes_by_hand(name, halts, right, delay):
    found = outcomes(logits(halts), flags(right))
    assert [list(OUTCOMES)[index] for index in found.outcome] == [name]
    assert found.counts == {**dict.fromkeys(OUTCOMES, 0), name: 1}
    assert (found.halts[0], found.right[0]) == (halts.find("x") + 1, right.find("x") + 1)
    assert np.isnan(found.delay[0]) if delay is None else found.delay[0] == delay


def test_a_logit_of_zero_does_not_halt():
    assert outcomes(np.zeros((2, 1)), flags("xx")).counts["never_halts"] == 1


def test_every_run_has_one_outcome():
    """All 2^4 halting patterns with all 2^4 patterns of correct answers, checked against the definitions of OUTCOMES."""
    patterns = np.array(np.meshgrid(*[[False, True]] * 8)).reshape(8, -1)
    halts, right = patterns[:4], patterns[4:]
    found = outcomes(np.where(halts, 2.0, -2.0), right)
    for puzzle, index in enumerate(found.outcome):
        h, r = (next(iter(np.flatnonzero(row[:, puzzle])), None) for row in (halts, right))
        after = None if h is None else right[h:, puzzle]
        expected = {
            "early": h is not None and r is not None and h < r,
            "on_time": h is not None and h == r and after.all(),
            "late": h is not None and r is not None and h > r and after.all(),
            "breaks": h is not None and after[0] and not after.all(),
            "lost": h is not None and r is not None and h > r and not after[0],
            "never_halts": h is None and r is not None,
            "never_right": h is not None and r is None,
            "neither": h is None and r is None,
        }
        assert [name for name, holds in expected.items() if holds] == [list(OUTCOMES)[index]]
    assert sum(found.counts.values()) == 256
    assert min(found.counts.values()) > 0


# accuracy vs compute


def stopped(halting: np.ndarray, right: np.ndarray, threshold: float) -> tuple[float, float]:
    """Mean steps and accuracy, puzzle by puzzle."""
    taken, hits = [], []
    for mine, hit in zip(halting.T, right.T, strict=True):
        above = [step for step, value in enumerate(mine) if value > threshold]
        stop = above[0] if above else len(mine) - 1
        taken.append(stop + 1)
        hits.append(hit[stop])
    return np.mean(taken), np.mean(hits)


@pytest.mark.parametrize("steps, levels", [(1, 9), (2, 9), (6, 9), (6, 1000)])
@pytest.mark.parametrize("seed", range(5))
def test_the_threshold_curve_is_complete(seed, steps, levels):
    """At each setting, between settings and at every logit, the curve matches a plain loop."""
    halting, right = random_runs(seed, steps=steps, levels=levels)
    curve = threshold_curve(halting, right)
    assert (np.diff(curve.setting) > 0).all()
    assert (np.diff(curve.mean_steps) > 0).all()  # no duplicate points
    tried = np.unique(np.concatenate((curve.setting, halting.ravel(), halting.ravel() + 0.5, [-1e9, 1e9])))
    for threshold in tried:
        point = np.searchsorted(curve.setting, threshold, side="right") - 1
        assert (curve.mean_steps[point], curve.accuracy[point]) == pytest.approx(
            stopped(halting, right, threshold), abs=1e-12
        )
    learned = curve.mean_steps[curve.learned], curve.accuracy[curve.learned]
    assert learned == pytest.approx(stopped(halting, right, 0.0), abs=1e-12)


def test_the_threshold_curve_ends_at_the_fixed_depths():
    """Lowest: one step for all. Highest: all steps for all."""
    halting, right = random_runs(3)
    curve, fixed = threshold_curve(halting, right), fixed_depth_curve(right)
    assert (curve.mean_steps[0], curve.accuracy[0]) == (1, right[0].mean())
    assert (curve.mean_steps[-1], curve.accuracy[-1]) == (6, right[-1].mean())
    assert fixed.setting.tolist() == fixed.mean_steps.tolist() == [1, 2, 3, 4, 5, 6]
    assert fixed.accuracy.tolist() == right.mean(1).tolist()


def test_a_constant_head_has_two_depths():
    curve = threshold_curve(np.full((4, 3), 0.7), flags("x...", ".xxx", "...x"))
    assert curve.setting.tolist() == [-np.inf, 0.7]
    assert curve.mean_steps.tolist() == [1, 4]
    assert curve.accuracy == pytest.approx([1 / 3, 2 / 3])
    assert curve.learned == 0
    assert threshold_curve(np.full((4, 1), -0.7), flags("...x")).learned == 1


def test_stopping_when_the_answer_is_unchanged():
    """Puzzle 1 is unchanged from step 2 on (so it stops after steps 3, 4, 5 for m = 1, 2, 3); puzzle 2 changes until the end."""
    answers = np.array([[[1, 5]], [[2, 5]], [[2, 5]], [[2, 5]], [[2, 5]]], np.uint8)
    restless = np.array([[[1, 1]], [[2, 1]], [[1, 1]], [[1, 2]], [[2, 2]]], np.uint8)
    right = flags("..xx.", "....x")
    curve = unchanged_answer_curve(changed_cells(np.concatenate((answers, restless), axis=1)), right)
    assert curve.setting.tolist() == [1, 2, 3, 4]
    assert curve.mean_steps.tolist() == [(3 + 5) / 2, (4 + 5) / 2, 5, 5]
    assert curve.accuracy.tolist() == [1, 1, 0.5, 0.5]


def test_changed_cells_by_hand():
    """All cells at the first step; then one cell of the first puzzle and none of the second; then two and one."""
    answers = np.array([[[1, 5], [3, 3]], [[2, 5], [3, 3]], [[1, 4], [3, 4]]], np.uint8)
    assert changed_cells(answers).tolist() == [[2, 2], [1, 0], [2, 1]]


def test_a_change_resets_the_count_of_unchanged_steps():
    """Two unchanged steps with a change in between are not two in a row."""
    answers = np.array([1, 1, 2, 2, 2, 3], np.uint8)[:, None, None]
    curve = unchanged_answer_curve(changed_cells(answers), flags("......"))
    assert curve.mean_steps.tolist() == [2, 5, 6, 6, 6]


# depth beyond training


def test_regressions_by_hand():
    right = flags("xxxx", ".x.x", "x.x.", "....", "..x.")
    found = regressions(right)
    assert found.first.tolist() == [0, 3, 2, 0, 4]
    assert found.times.tolist() == [0, 1, 2, 0, 1]
    assert found.recovered.tolist() == [False, True, False, False, False]
    assert found.lost.tolist() == [0, 1, 1, 2]
    assert found.gained.tolist() == [0, 1, 2, 1]


@pytest.mark.parametrize("after", [1, 16, 64])
def test_regressions_beyond_the_depth_of_training(after):
    right = np.random.default_rng(0).random((64, 50)) < 0.5
    found = regressions(right, after=after)
    assert right[after - 1].sum() + found.gained.sum() - found.lost.sum() == right[-1].sum()
    assert found.lost[:after].sum() == found.gained[:after].sum() == 0
    assert found.times.sum() == found.lost.sum()
    for puzzle, first in enumerate(found.first):
        steps = [s for s in range(after + 1, 65) if right[s - 2, puzzle] and not right[s - 1, puzzle]]
        assert first == (steps[0] if steps else 0)


@pytest.mark.parametrize("after", [0, 3])
def test_no_such_step(after):
    with pytest.raises(RunsError, match=r"no step .* 1 to 2"):
        regressions(np.ones((2, 1), bool), after=after)


# nothing to analyse

ALL = {
    "bands": halting_bands,
    "reliability": reliability,
    "roc": roc,
    "roc by step": roc_by_step,
    "outcomes": outcomes,
    "thresholds": threshold_curve,
}
WITHOUT_HEAD = {
    "fixed depth": fixed_depth_curve,
    "unchanged": lambda right: unchanged_answer_curve(np.zeros(right.shape, np.uint16), right),
    "regressions": regressions,
}


@pytest.mark.parametrize("shape", [(4, 0), (0, 4)])
@pytest.mark.parametrize("name", [*ALL, *WITHOUT_HEAD])
def test_an_empty_set_gives_a_clear_error(name, shape):
    right = np.zeros(shape, bool)
    with pytest.raises(RunsError, match="Take at least one puzzle and one step") as caught:
        WITHOUT_HEAD[name](right) if name in WITHOUT_HEAD else ALL[name](np.zeros(shape), right)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("name", ALL)
def test_logits_that_are_not_finite(name, value):
    with pytest.raises(RunsError, match="infinite or NaN"):
        ALL[name](np.array([[0.0, value]]), np.array([[True, False]]))
