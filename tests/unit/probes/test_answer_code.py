"""The code in which a model writes symbols into y, and other answers written in that code."""

import numpy as np
import pytest
import torch

from probes.answer_code import AnswerCode


@pytest.fixture
def model(tiny_model):
    return tiny_model()


def states(model, *, puzzles: int = 5, cells: int = 16) -> tuple[torch.Tensor, np.ndarray]:
    """Random y of cells, and a mask of the given ones."""
    generator = torch.Generator().manual_seed(0)
    y = torch.randn(puzzles, cells, model.config.hidden_size, generator=generator)
    return y, np.random.default_rng(0).random((puzzles, cells)) < 0.4


def test_the_code_of_a_symbol_is_the_mean_state_of_its_cells(model):
    y, given = states(model)
    code = AnswerCode.of(model, y, given)
    symbols = model.lm_head(y).argmax(-1).numpy()
    for kind in (False, True):
        for symbol in np.unique(symbols[given == kind]):
            mean = y[torch.from_numpy((symbols == symbol) & (given == kind))].mean(0)
            torch.testing.assert_close(code.vectors[int(kind), symbol], mean)


def test_a_symbol_that_occurs_in_one_kind_of_cell_has_the_same_code_in_the_other(model):
    y, given = states(model)
    code = AnswerCode.of(model, y, given & False)
    assert code.occurs.sum() > 1 and code.vectors[0, code.occurs].abs().sum() > 0
    assert torch.equal(code.vectors[1], code.vectors[0])


def test_the_head_decodes_an_answer_in_the_models_own_code(model):
    y, given = states(model)
    code = AnswerCode.of(model, y, given)
    occurring = code.occurs.nonzero().flatten()
    answer = occurring[torch.arange(5 * 16) % len(occurring)].view(5, 16)
    old = torch.randn(5, 1 + 16, model.config.hidden_size)
    new = code.write(old, answer, given)
    assert (model.decode(new).argmax(-1) == answer).all()
    assert torch.equal(new[:, 0], old[:, 0])  # the prefix


def test_a_symbol_without_a_code_leaves_the_cell_unchanged(model):
    y, given = states(model)
    code = AnswerCode.of(model, y[:1, :1].expand(5, 16, -1), given)  # all cells have the same symbol
    (occurring,) = code.occurs.nonzero().flatten().tolist()
    other = (occurring + 1) % model.config.vocab_size
    old = torch.randn(5, 1 + 16, model.config.hidden_size)
    new = code.write(old, torch.full((5, 16), other), given)
    assert torch.equal(new, old)
