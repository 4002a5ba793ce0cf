"""Scores of a study: the sentence follows the band of the least difference, and differences have bands of their own."""

import numpy as np
import pytest

from probes.linear.experiment.scores import gains, scored
from probes.linear.fit import fit_probe
from probes.linear.probe import ProbeSettings
from probes.linear.splits import Split
from probes.linear.target_groups import chosen_families
from probes.linear.targets import Values
from probes.reports.linear import verdict
from trm.tasks.sudoku import Sudoku

FEW = ProbeSettings(C=(1e-2, 1.0), alpha=(1e2, 1.0), resamples=50)
TASK = Sudoku(2, 2)


@pytest.mark.parametrize(
    "low, high, words",
    [
        (0.1, 0.3, "z holds more than any baseline (+20.0, +10.0 to +30.0, against the input)"),
        (-0.1, 0.3, "z holds no more than the best baseline"),
        (-0.3, -0.1, "z holds less than the best baseline"),
    ],
)
def test_the_verdict_follows_the_band_of_the_least_difference(low, high, words):
    least = {"value": [0.2], "low": [low], "high": [high]}
    more = {"value": [0.9], "low": [0.8], "high": [0.95]}
    finding = {
        "target": "t",
        "source": "z",
        "moments": [0],
        "scores": {"above input": least, "above majority": more, "above y": {**least, "value": [-1.0]}},
    }
    target = {"name": "t", "score": "accuracy"}
    summary = {
        "moments": [{"supervision_step": 1, "cycle": 1, "call": 1}],
        "settings": {"states": ["z"]},
        "findings": [finding],
    }
    assert words in verdict(summary, target, 0)


def test_a_difference_between_sources_has_a_band_of_its_own():
    """Puzzles that are hard for both fall out of it: here z is better by one cell in every puzzle, whatever the puzzle."""
    rng = np.random.default_rng(0)
    right = rng.random((40, 1, 10)) < rng.random((40, 1, 1))
    right[..., 0] = False
    better = right.copy()
    better[..., 0] = True
    split = Split(np.arange(40, 80), np.arange(80, 90), np.arange(40))
    true = Values(np.ones((90, 1, 10), np.int16), np.ones((90, 1, 10), bool))
    (family,) = chosen_families(TASK, ["right_now"])
    labels = Values(rng.integers(0, 2, (90, 1, 10)).astype(np.int16), true.defined)
    states = rng.normal(size=(90, 1, 10, 2)).astype(np.float32)
    probe = fit_probe(states, labels, split, classes=("no", "yes"), settings=FEW)
    z, other = (
        scored(family, [probe], [true], [read.astype(np.int16)], split, FEW) for read in (better, right)
    )
    gain = gains(z, {"input": other})["above input"]
    assert gain.value[0] == pytest.approx(0.1) and gain.low[0] == pytest.approx(0.1)
    assert z.scores["accuracy"].high[0] - z.scores["accuracy"].low[0] > 0.05
