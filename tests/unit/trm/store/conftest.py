"""Fixtures for trace stores: ten puzzles, a model that halts at different steps, and a way to record them."""

import pytest
from stores import model_that_halts, recorder, ten_puzzles

from trm.data import PuzzleSet


@pytest.fixture(scope="module")
def puzzles() -> PuzzleSet:
    return ten_puzzles()


@pytest.fixture
def model(tiny_model):
    return model_that_halts(tiny_model)


@pytest.fixture
def recorded(tmp_path, model, puzzles):
    """Records the ten puzzles with settings replaced as asked for; returns the folder."""
    return recorder(tmp_path, model, puzzles)
