"""How much noise the reading of a state survives.

A linear probe finds whatever is linearly there, be it a thousandth of the state's length. What a net could use of it must survive
some noise. So a probe of the answer now is fitted to the states as they are, and read again with Gaussian noise on states of
puzzles that it has not seen, of growing size. The reading dies at the size at which half of what it is better by than the most
frequent class is lost.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8

LEVELS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)  # of the root mean square of a state's numbers
INVERSE_PENALTY = 100.0  # weak: small directions have to be found, too
MOST_ITERATIONS = 300


@dataclass(frozen=True)
class NoiseCurve:
    """Accuracy of a probe of the answer now, on cells that are not given, by the size of the noise."""

    clean: float
    majority: float  # of the most frequent answer
    levels: tuple[float, ...]
    accuracy: tuple[float, ...]

    @property
    def dies_at(self) -> float | None:
        """The smallest of the levels with half of the gain over the majority, or less; None where it survives all."""
        floor = (self.clean + self.majority) / 2
        dead = (level for level, found in zip(self.levels, self.accuracy, strict=True) if found <= floor)
        return next(dead, None)


def probe_under_noise(
    states: Mapping[str, Float[np.ndarray, "puzzle cell dim"]],
    answers: UInt8[np.ndarray, "puzzle cell"],
    blank: Bool[np.ndarray, "puzzle cell"],
    *,
    seed: int = 0,
) -> dict[str, NoiseCurve]:
    """The curve of each state. The first half of the puzzles trains, the other is read.

    Raises ValueError where there are fewer than two puzzles, or the training half has one answer only.
    """
    if len(answers) < 2:
        raise ValueError("One half of the puzzles trains, the other is read: take two at least")
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    random = np.random.default_rng(seed)
    train, test = slice(None, len(answers) // 2), slice(len(answers) // 2, None)
    known, wanted = answers[train][blank[train]], answers[test][blank[test]]
    values, counts = np.unique(known, return_counts=True)
    majority = float((wanted == values[counts.argmax()]).mean())
    found = {}
    for name, state in states.items():
        seen, read = state[train][blank[train]], state[test][blank[test]]
        probe = make_pipeline(
            StandardScaler(), LogisticRegression(C=INVERSE_PENALTY, max_iter=MOST_ITERATIONS)
        )
        probe.fit(seen, known)
        size = float(np.sqrt(np.square(seen).mean()))
        noisy = [read + level * size * random.standard_normal(read.shape) for level in LEVELS]
        clean, *accuracy = (float(probe.score(each, wanted)) for each in (read, *noisy))
        found[name] = NoiseCurve(clean, majority, LEVELS, tuple(accuracy))
    return found
