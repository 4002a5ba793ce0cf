"""Synthetic states that encode given labels, for tests of probes."""

import numpy as np

from probes.linear.probe import ProbeSettings
from probes.linear.targets import Values

FEW = ProbeSettings(C=(1e-2, 1.0), alpha=(1e2, 1.0), resamples=200)
DIGITS = ("1", "2", "3", "4")


def whole(values, defined=None) -> Values:
    """Values that are defined everywhere, unless a mask is given."""
    values = np.asarray(values)
    dtype = np.float32 if values.dtype.kind == "f" else np.int16
    return Values(values.astype(dtype), np.ones(values.shape, bool) if defined is None else defined)


def planted(puzzles=120, time_points=3, cells=6, dim=16, classes=4, seed=0, strength=4.0):
    """States that encode random labels along random directions, more strongly at later time points: (states, values)."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(classes, size=(puzzles, 1, cells))
    directions = rng.normal(size=(classes, dim))
    grows = np.linspace(0, strength, time_points)[:, None, None]
    states = rng.normal(size=(puzzles, time_points, cells, dim)) + grows * directions[labels]
    return (states * 3 + 5).astype(np.float16), whole(labels)


def symbols(puzzles=120, cells=6, seed=5):
    return np.random.default_rng(seed).integers(1, 4, size=(puzzles, cells)).astype(np.uint8)
