"""The raw outputs of a forward pass: which inputs are accepted up to which size, and how products are computed."""

import numpy as np
import pytest
import torch
from limits import check_largest

from trm.errors import DataError
from trm.inspection.forward import forward_file, numpy_sums
from trm.layers import Linear, numpy_product

TOKENS = np.array([[0, 1, 2, 3, 4, 5] * 2 + [1] * 4, [5, 4] * 8], np.uint8)  # every token of 4x4, from 0


@pytest.fixture
def run(tmp_path, tiny_model):
    """Runs a tiny model on arrays, and returns the shapes of the outputs."""

    def of(model=None, **arrays):
        np.savez(tmp_path / "in.npz", **arrays)
        return forward_file(model or tiny_model(), tmp_path / "in.npz", tmp_path / "out.npz")

    return of


def test_all_tokens_and_puzzle_ids_from_0_are_accepted(run, tiny_model):
    table = tiny_model(puzzle_ids=2, puzzle_embedding_size=8)
    shapes = run(table, inputs=TOKENS, puzzle_identifiers=np.array([0, 1]))
    assert shapes["logits"] == [3, 2, 16, 6] and shapes["step1_call_output"] == [6, 2, 17, 8]
    for inputs, ids, words in (
        (TOKENS + 1, [0, 1], "outside 0 to 5"),
        (TOKENS, [0, 2], "must be below 2"),
        (TOKENS, [-1, 0], "integers from 0"),
    ):
        with pytest.raises(DataError, match=words):
            run(table, inputs=inputs, puzzle_identifiers=np.array(ids))


def test_the_calls_of_the_first_step_are_in_order(run, tiny_model, tmp_path):
    model, calls = tiny_model(), []
    run(model, inputs=TOKENS)
    x = model.embed(torch.from_numpy(TOKENS.astype(int)), torch.zeros(2, dtype=int))
    state = model.initial_state(x)
    for call in (1, 2):
        state = model.f_L(x, state, call)
        calls.append(state.z)
    calls.append(model.f_H(x, state).y)
    with np.load(tmp_path / "out.npz") as out:
        assert np.allclose(out["step1_call_output"][:3], torch.stack(calls), atol=1e-5)


def test_arrays_of_other_names_are_not_read(run):
    assert run(inputs=TOKENS, notes=np.array([None, "x"]))["logits"] == [3, 2, 16, 6]


@pytest.mark.parametrize(
    "limit, size",
    [
        ("MAX_INPUT", 2 * 16),  # bytes of the tokens
        (
            "MAX_OUTPUT",
            2 * 4 * (3 * 16 * 6 + 6 * 17 * 8),
        ),  # of two puzzles: logits, and states after six calls
    ],
)
def test_all_of_a_limit_may_be_used(run, monkeypatch, limit, size):
    check_largest(monkeypatch, f"trm.inspection.forward.{limit}", size, lambda: run(inputs=TOKENS))


@pytest.mark.parametrize("dtype, by_numpy", [(torch.float32, True), (torch.bfloat16, False)])
def test_numpy_computes_the_products_of_a_float32_model_on_a_cpu(tiny_model, dtype, by_numpy):
    model = tiny_model()
    model.compute_dtype = dtype
    linears = [module for module in model.modules() if isinstance(module, Linear)]
    usual = [module.product for module in linears]
    with numpy_sums(model):
        assert {module.product is numpy_product for module in linears} == {by_numpy}
    assert linears and [module.product for module in linears] == usual and numpy_product not in usual
