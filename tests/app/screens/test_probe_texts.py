"""Sentences of the Probes page."""

from types import SimpleNamespace

import pytest

from app.screens.probes.texts import causal


@pytest.mark.parametrize(
    "low, high, verdict",
    [
        (0.01, 0.2, "larger than"),
        (0.0, 0.2, "not distinguishable from"),
        (-0.1, 0.2, "not distinguishable from"),
        (-0.2, 0.0, "not distinguishable from"),
        (-0.2, -0.01, "smaller than"),
    ],
)
def test_an_interval_that_reaches_zero_distinguishes_nothing(low, high, verdict):
    excess = {"changed_end": {"value": (low + high) / 2, "low": low, "high": high}}
    text = causal(SimpleNamespace(excess=excess, distance=0.5, puzzles=20))
    assert f"**{verdict}** that of random directions" in text
