"""Whether a state is used, on constructed models for which the answer is known."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from trm import registry
from trm.checkpoint import load_model
from trm.config import ModelConfig
from trm.inspection import inspect
from trm.inspection.state_use import StateUse, explained_by, measure_state_use
from trm.recursion import Heads, State

VOCAB, CELLS = 6, 16
RANDOM = np.random.default_rng(0)
LABELS = RANDOM.integers(2, VOCAB, (12, CELLS)).astype(np.uint8)
BLANK = RANDOM.random(LABELS.shape) < 0.6
INPUTS = np.where(BLANK, 1, LABELS).astype(np.uint8)
SOLUTION_OF = {tuple(row): labels for row, labels in zip(INPUTS.tolist(), LABELS.tolist(), strict=True)}


class Planted:
    """A recursion without weights: one-hot codes of tokens, and states that are what a subclass makes them."""

    device = torch.device("cpu")

    def __init__(self, config: ModelConfig):
        self.config = config
        self.noise = torch.Generator().manual_seed(0)

    def code(self, tokens) -> torch.Tensor:
        cells = F.one_hot(tokens, VOCAB).float()
        return F.pad(cells, (0, 0, self.config.prefix_length, 0))  # (B, P, V)

    def embed(self, inputs, puzzle_ids):
        self.solution = self.code(torch.tensor([SOLUTION_OF[tuple(row)] for row in inputs.tolist()]))
        return self.code(inputs)

    def initial_state(self, x):
        return State(torch.zeros_like(x), torch.zeros_like(x))

    def heads(self, y):
        return Heads(y[:, self.config.prefix_length :], y[:, 0, 0], y[:, 0, 0])


class EmbeddingAsZ(Planted):
    """z is x; y is the solution where it was the solution before, at first it comes from elsewhere."""

    def f_L(self, x, state, call):
        return State(state.y, x)

    def f_H(self, x, state):
        return State(self.solution + 0.1 * state.z, state.z)


class UnreadWalk(EmbeddingAsZ):
    """z is a random walk that nothing reads."""

    def f_L(self, x, state, call):
        return State(state.y, state.z + torch.randn(x.shape, generator=self.noise))

    def f_H(self, x, state):
        return State(self.solution, state.z)


class ReadWalk(UnreadWalk):
    """z is a random walk, and the answer is what it says."""

    def f_H(self, x, state):
        return State(state.z, state.z)


class SolutionAsZ(Planted):
    """z is a code of the solution, from which the answer is read."""

    def f_L(self, x, state, call):
        return State(state.y, self.solution)

    def f_H(self, x, state):
        return State(state.z, state.z)


class KeptAnswer(SolutionAsZ):
    """y holds what was found in the first step; z, which brought it, is told of it by y alone later."""

    def f_L(self, x, state, call):
        return State(state.y, state.y if bool(state.y.any()) else self.solution)


@pytest.fixture
def use(tiny_config):
    def of(planted: type[Planted], **options):
        return measure_state_use(planted(tiny_config(n=1, N_sup=2)), INPUTS, LABELS, BLANK, **options)

    return of


def test_states_explained_by_their_groups():
    random = np.random.default_rng(0)
    groups = random.integers(4, size=200)
    table = random.normal(size=(4, 3))
    assert explained_by(groups, table[groups]) == pytest.approx(1)
    assert explained_by(groups, random.normal(size=(200, 3))) < 0.1
    assert explained_by(groups, np.ones((200, 3))) == 0


def test_a_z_that_is_the_embedding_is_inert(use):
    found = use(EmbeddingAsZ)["z"]
    assert found.inert and found.changed == 0 and found.variance_by_token == pytest.approx(1)
    assert found.exact == found.exact_with_constant == 1


def test_a_random_walk_that_nothing_reads_is_inert_though_the_token_explains_nothing_of_it(use):
    found = use(UnreadWalk)["z"]
    assert found.inert and found.variance_by_token < 0.2


def test_a_random_walk_that_is_read_is_not_inert(use):
    found = use(ReadWalk)["z"]
    assert not found.inert and found.changed > 0.3


def test_a_z_that_codes_the_solution_is_not_inert(use):
    found = use(SolutionAsZ)["z"]
    assert not found.inert and found.changed > 0.5
    assert found.exact == 1 and found.exact_with_constant == 0
    assert 0.1 < found.variance_by_token < 0.9  # of a given cell the token tells all


@pytest.mark.parametrize("prefix", [1, 2])
def test_the_variance_is_that_of_the_cells_at_the_last_call_that_reads_the_state(tiny_config, prefix):
    """Of both states this is the solution; y was zeros when it was first read."""
    model = SolutionAsZ(tiny_config(n=1, N_sup=2, prefix_length=prefix))
    found = measure_state_use(model, INPUTS, LABELS, BLANK, batch=5)
    expected = explained_by(INPUTS.flatten(), np.eye(VOCAB)[LABELS.flatten()])
    assert [found[name].variance_by_token for name in "yz"] == pytest.approx([expected] * 2)


@pytest.mark.parametrize("changed, inert", [(0.0499, True), (0.05, False)])
def test_a_state_is_inert_below_five_percent_of_changed_answers(changed, inert):
    assert StateUse(0.5, changed, 1.0, 1.0).inert == inert


def test_a_y_that_carries_the_answer_is_not_inert_and_one_that_is_overwritten_is(use):
    assert not use(KeptAnswer)["y"].inert
    assert use(SolutionAsZ)["y"].inert


@pytest.mark.heavy
def test_real_models_of_every_kind_are_measured(tiny_model):
    kinds = [
        {},
        {"kind": "trm-two-nets", "H_layers": 1},
        {"kind": "trm-single-z", "latents": 0},
        {"kind": "trm-multi-z", "latents": 2},
        {"kind": "hrm", "H_layers": 1},
    ]
    for changes in kinds:
        found = measure_state_use(tiny_model(**changes), INPUTS, LABELS, BLANK, batch=5)
        assert list(found) == (["z"] if changes.get("kind") == "trm-single-z" else ["y", "z"])
        for state in found.values():
            assert 0 <= state.variance_by_token <= 1 + 1e-6 and 0 <= state.changed <= 1


@pytest.mark.heavy
@pytest.mark.parametrize(
    "name",
    [
        "sudoku-hrm",
        pytest.param("sudoku-trm", marks=pytest.mark.slow),
        pytest.param("maze-hrm", marks=pytest.mark.slow),
        pytest.param("maze-trm", marks=pytest.mark.slow),
    ],
)
def test_no_state_of_a_bundled_model_is_inert(monkeypatch, name):
    """As `states.json` beside the weights says, too, which pages show."""
    monkeypatch.setattr(inspect, "STATE_PUZZLES", 6)  # far from the bound, so few puzzles tell
    found = inspect.check_states(load_model(name))
    for states in (found, registry.measured_states(name)):
        assert not [state for state, use in states.items() if use["inert"]]


def test_progress_rises_to_1(use):
    told = []
    use(SolutionAsZ, batch=5, progress=lambda share, text: told.append(share))
    assert told == sorted(told) and told[-1] == pytest.approx(1)
