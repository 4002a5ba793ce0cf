"""Fixtures of the intervention tests: a tiny model that computes in float32 on every machine, and six puzzles."""

import pytest
import torch
from small_runs import MLP, six_puzzles

from trm.data import PuzzleSet


@pytest.fixture
def model(tiny_model, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("probes.interventions.batched.training_dtype", lambda device: torch.float32)
    return tiny_model(**MLP)


@pytest.fixture(scope="module")
def puzzles() -> PuzzleSet:
    return six_puzzles()
