"""Tests of the optimisers against hand-worked updates, and of a puzzle embedding that trains only the rows in use."""

import math
from dataclasses import replace

import pytest
import torch

from tests.unit.trm.training.test_parallel import PRESET, trainer
from trm.training.optimizers import AdamAtan2, sign_step


def test_adam_atan2_by_hand():
    """In the first step, m / (1 - b1) is the gradient and the root of v / (1 - b2) its magnitude: the angle is 45 degrees."""
    weight = torch.nn.Parameter(torch.tensor([1.0, -2.0]))
    optimizer = AdamAtan2([weight], lr=0.1, betas=(0.9, 0.95), weight_decay=0.5)
    weight.grad = torch.tensor([3.0, -1e-12])
    optimizer.step()
    step = 0.1 * math.pi / 4
    assert weight.tolist() == pytest.approx([0.95 - step, -1.9 + step])
    weight.grad = torch.tensor([-3.0, 0.0])
    optimizer.step()
    mean, square = (0.9 * 0.3 - 0.3) / (1 - 0.81), (0.95 * 0.45 + 0.45) / (1 - 0.9025)
    assert weight[0].item() == pytest.approx(
        0.95 * (0.95 - step) - 0.1 * math.atan2(mean, math.sqrt(square)), rel=1e-5
    )


def test_adam_atan2_is_scale_invariant():
    """A gradient a million times larger gives the same step."""
    weights = []
    for scale in (1.0, 1e6):
        weight = torch.nn.Parameter(torch.zeros(3))
        optimizer = AdamAtan2([weight], lr=0.1, betas=(0.9, 0.95), weight_decay=0.0)
        for gradient in ([1.0, -2.0, 0.5], [0.3, 0.1, -4.0]):
            weight.grad = scale * torch.tensor(gradient)
            optimizer.step()
        weights.append(weight.detach().clone())
    assert torch.allclose(*weights)


def test_sign_step_by_hand():
    """Row 2 is used twice, so its gradients are summed first; row 0 is not used."""
    table = torch.tensor([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]])
    gradient = torch.tensor([[1.0, -1.0], [0.5, 0.5], [-3.0, 0.1]])
    sign_step(table, torch.tensor([2, 1, 2]), gradient, rate=0.1, decay=0.5)
    assert table[0].tolist() == [1.0, 1.0]
    assert table[1].tolist() == pytest.approx([1.9 - 0.1, 1.9 - 0.1])
    assert table[2].tolist() == pytest.approx([2.85 + 0.1, 2.85 + 0.1])


def test_only_used_rows_of_the_embedding_are_trained():
    model = replace(PRESET.model, puzzle_ids=6, puzzle_embedding_size=16)
    made = trainer(preset=replace(PRESET, model=model, table_rate=0.01))
    made.streams[16].puzzles = replace(
        made.streams[16].puzzles, puzzle_ids=torch.arange(40).numpy() % 2 * 4 + 1
    )
    before = made.model.puzzle_emb.weights.clone()
    made.one_update(0.5)
    changed = (made.model.puzzle_emb.weights != before).any(1)
    assert changed.tolist() == [False, True, False, False, False, True]
    assert torch.equal(made.averaged_model().puzzle_emb.weights, made.model.puzzle_emb.weights)
