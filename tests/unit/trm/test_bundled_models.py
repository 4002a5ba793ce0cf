"""The bundled models solve puzzles because of their weights, not by chance."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from trm.checkpoint import load_model
from trm.data import bundled_test_set, load_puzzles
from trm.evaluate import predict
from trm.inspection import flops
from trm.models import new_model
from trm.registry import model_config, model_names
from trm.tasks import task_of

pytestmark = pytest.mark.heavy

MOST_OPERATIONS = 50e9  # of a run: what a core does in about two seconds


def by_size(name: str):
    """A model's name, marked where its runs take long."""
    slow = flops.run(model_config(name)) > MOST_OPERATIONS
    return pytest.param(name, marks=pytest.mark.slow if slow else ())


bundled = pytest.mark.parametrize("name", [by_size(name) for name in model_names()])

EASIEST, SPARSE = slice(0, 4), slice(4, 8)


def some_puzzles(task):
    """Of the easy test puzzles, or of all where none is, the four with the most givens, then the four of all with the fewest."""
    puzzles = load_puzzles(bundled_test_set(task), task)
    is_easy = np.array(puzzles.difficulty) == "easy"
    by_givens = np.argsort(-puzzles.givens, kind="stable")
    easy = by_givens[is_easy[by_givens]] if is_easy.any() else by_givens
    return puzzles.take(np.concatenate((easy[:4], by_givens[-4:])))


def test_there_is_a_bundled_model():
    assert "sudoku-trm" in model_names()


@pytest.fixture(scope="module")
def answers():
    """A few puzzles and a bundled model's predictions on them, by name."""

    @cache
    def make(name: str):
        puzzles = some_puzzles(task_of(model_config(name)))
        return puzzles, predict(load_model(name, device=torch.device("cpu")), puzzles.inputs)

    return make


@bundled
def test_a_bundled_model_solves_easy_puzzles(name, answers):
    """Of a set that has only hard ones, some of them."""
    puzzles, predictions = answers(name)
    right = (predictions.answers[-1] == puzzles.labels).all(-1)
    assert right[EASIEST].sum() >= 3 if "easy" in puzzles.difficulty else right.any()


@bundled
def test_it_uses_its_steps(name, answers):
    """On sparse puzzles the answer moves from step to step, and more cells are right after the last than the first."""
    puzzles, predictions = answers(name)
    found, labels = predictions.answers[:, SPARSE], puzzles.labels[SPARSE]
    assert (found[0] != found[-1]).any()
    right = (found == labels).mean((1, 2))
    assert right[-1] > right[0]


@bundled
def test_another_puzzle_gets_another_answer(name, answers):
    """All answers differ, also in the cells whose solutions do: in a maze the walls around it are the same in all."""
    puzzles, predictions = answers(name)
    last = predictions.answers[-1]
    assert len({answer.tobytes() for answer in last}) == 8
    differs = (puzzles.labels != puzzles.labels[:1]).any(0)
    assert differs.mean() > 0.4 and (last != last[:1]).any(0)[differs].all()
    assert np.ptp(predictions.q_halt[-1]) > 0


@pytest.mark.parametrize("name", ["sudoku-trm", "maze-trm"])
def test_noise_solves_nothing(name):
    """The same architecture with random weights: what is right above is the training's doing."""
    model = new_model(model_config(name)).requires_grad_(False)
    model.initialise(0)
    puzzles = some_puzzles(task_of(model.config)).take(np.arange(4))
    predictions = predict(model, puzzles.inputs, depth=replace(model.config.depth, N_sup=2))
    assert not (predictions.answers == puzzles.labels).all(-1).any()
    assert (predictions.answers == puzzles.labels).mean() < 0.3
