"""Fixtures of comparisons: ten puzzles, and the comparison of two tiny models on them."""

import pytest
from comparison_models import HRM, TASK

from probes.comparison.files import make_comparison
from probes.comparison.measure import measure
from trm.data import PuzzleSet


@pytest.fixture(scope="module")
def puzzles() -> PuzzleSet:
    inputs, labels = TASK.generate_many(10, difficulty="easy", seed=0)
    return PuzzleSet.of("tiny", TASK, inputs, labels)


@pytest.fixture(scope="module")
def both(tiny_model, puzzles):
    trm, hrm = tiny_model(), tiny_model(seed=1, **HRM)
    hrm.name, hrm.fingerprint = "other", "1" * 16
    return make_comparison(*(measure(model, TASK, puzzles, near_limit=3) for model in (trm, hrm)))
