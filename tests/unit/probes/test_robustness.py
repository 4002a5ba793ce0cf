"""Robustness to noise, on states for which it is known."""

import numpy as np
import pytest

from probes.robustness import LEVELS, NoiseCurve, probe_under_noise

PUZZLES, CELLS, DIM, DIGITS = 24, 16, 12, 4
RANDOM = np.random.default_rng(1)
ANSWERS = RANDOM.integers(2, 2 + DIGITS, (PUZZLES, CELLS)).astype(np.uint8)
BLANK = RANDOM.random(ANSWERS.shape) < 0.8
CODE = RANDOM.standard_normal((DIGITS, DIM))


def state(of_code: float, of_rest: float) -> np.ndarray:
    """The sum of the code of the answer and of a constant vector, with these weights."""
    rest = np.full(DIM, 1.0)
    return of_code * CODE[ANSWERS - 2] + of_rest * rest


def test_a_state_that_is_only_code_survives_noise_of_a_third_of_its_size():
    curve = probe_under_noise({"z": state(1, 0)}, ANSWERS, BLANK)["z"]
    assert curve.clean == 1 and curve.accuracy[0] == 1
    assert curve.dies_at is None or curve.dies_at >= 1


def test_a_code_in_a_thousandth_of_the_state_is_decoded_but_not_robust():
    curve = probe_under_noise({"z": state(0.001, 1)}, ANSWERS, BLANK)["z"]
    assert curve.clean > 0.95 and curve.dies_at <= 0.01


def test_a_larger_code_survives_more_noise():
    curves = probe_under_noise({"small": state(0.01, 1), "large": state(0.3, 1)}, ANSWERS, BLANK)
    assert curves["small"].dies_at < curves["large"].dies_at
    assert curves["small"].levels == LEVELS


def test_a_state_without_the_answer_is_no_better_than_the_majority_class():
    curve = probe_under_noise({"z": RANDOM.standard_normal((PUZZLES, CELLS, DIM))}, ANSWERS, BLANK)["z"]
    assert abs(curve.clean - curve.majority) < 0.2


def test_a_probe_dies_where_half_of_its_gain_is_lost():
    """Half of the gain of 0.5 over the majority class is left at 0.75."""
    curve = NoiseCurve(1.0, 0.5, (0.1, 0.3, 1.0), (0.8, 0.75, 0.5))
    assert curve.dies_at == 0.3 and NoiseCurve(1.0, 0.5, (0.1,), (0.8,)).dies_at is None


def test_noise_is_relative_to_the_size_of_the_state():
    states = {"small": state(0.03, 1), "large": 100 * state(0.03, 1)}
    curves = probe_under_noise(states, ANSWERS, BLANK)
    assert curves["small"].dies_at == curves["large"].dies_at


def test_two_puzzles_are_enough_and_one_is_too_few():
    assert probe_under_noise({"z": state(1, 0)[:2]}, ANSWERS[:2], BLANK[:2])["z"].clean == 1
    with pytest.raises(ValueError, match="use two"):
        probe_under_noise({"z": state(1, 0)[:1]}, ANSWERS[:1], BLANK[:1])
