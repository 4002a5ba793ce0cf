"""Robustness of linear probes to noise on the states.

A linear probe can decode information from a component with a thousandth of the state's norm. Information that a network
uses must survive some noise. The probe of the current answer is therefore fitted on clean states and tested with
Gaussian noise of increasing scale. `dies_at` is the noise level at which half of the gain over the majority class is
lost.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8

LEVELS = (
    0.001,
    0.003,
    0.01,
    0.03,
    0.1,
    0.3,
    1.0,
    3.0,
)  # in units of the root mean square of the state's elements
INVERSE_PENALTY = 100.0  # weak regularisation, so that low-variance directions are used too
MOST_ITERATIONS = 300


@dataclass(frozen=True)
class NoiseCurve:
    """Accuracy of a probe of the current answer at each noise level, on cells that are not given."""

    clean: float
    majority: float  # accuracy of always predicting the most frequent training answer
    levels: tuple[float, ...]
    accuracy: tuple[float, ...]

    @property
    def dies_at(self) -> float | None:
        """The lowest noise level that removes at least half of the gain over the majority class; None if no level does."""
        floor = (self.clean + self.majority) / 2
        dead = (
            level for level, accuracy in zip(self.levels, self.accuracy, strict=True) if accuracy <= floor
        )
        return next(dead, None)


def probe_under_noise(
    states: Mapping[str, Float[np.ndarray, "puzzle cell dim"]],
    answers: UInt8[np.ndarray, "puzzle cell"],
    blank: Bool[np.ndarray, "puzzle cell"],
    *,
    seed: int = 0,
) -> dict[str, NoiseCurve]:
    """Fit a probe of the current answer on each state and return its noise curve.

    The first half of the puzzles is for training, the second half for testing. Raises ValueError if there are fewer
    than two puzzles, or if the training half has only one answer class.
    """
    if len(answers) < 2:
        raise ValueError("One half of the puzzles is for training, the other for testing: use two or more")
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    random = np.random.default_rng(seed)
    train, test = slice(None, len(answers) // 2), slice(len(answers) // 2, None)
    train_answers, test_answers = answers[train][blank[train]], answers[test][blank[test]]
    values, counts = np.unique(train_answers, return_counts=True)
    majority = float((test_answers == values[counts.argmax()]).mean())
    curves = {}
    for name, state in states.items():
        train_states, test_states = state[train][blank[train]], state[test][blank[test]]
        probe = make_pipeline(
            StandardScaler(), LogisticRegression(C=INVERSE_PENALTY, max_iter=MOST_ITERATIONS)
        )
        probe.fit(train_states, train_answers)
        size = float(np.sqrt(np.square(train_states).mean()))
        noisy = [test_states + level * size * random.standard_normal(test_states.shape) for level in LEVELS]
        clean, *accuracy = (float(probe.score(each, test_answers)) for each in (test_states, *noisy))
        curves[name] = NoiseCurve(clean, majority, LEVELS, tuple(accuracy))
    return curves
