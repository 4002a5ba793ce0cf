"""The training losses, computed by hand."""

import math

import pytest
import torch

from trm.recursion import Heads
from trm.training.losses import cell_loss, continue_loss, halt_loss, log_stablemax


def test_the_losses_by_hand():
    """Two puzzles of two cells, three tokens; with equal weights, without the last cell, and with a small weight."""
    logits = torch.tensor([[[2.0, 0.0, 0.0], [0.0, 2.0, 0.0]], [[2.0, 0.0, 0.0], [0.0, 2.0, 0.0]]])
    labels = torch.tensor([[0, 1], [0, 2]])
    scale = math.log(math.exp(2) + 2)
    weights = torch.tensor([[[1.0, 1.0], [1.0, 1.0]], [[1.0, 1.0], [1.0, 0.0]], [[1.0, 1.0], [1.0, 0.25]]])
    losses = [cell_loss(logits, labels, each, kind="softmax").item() for each in weights]
    light = (scale - 2 + (scale - 2 + scale / 4) / 1.25) / 2
    assert losses == pytest.approx([(3 * (scale - 2) + scale) / 4, scale - 2, light], rel=1e-5)
    assert cell_loss(logits, labels, torch.zeros(2, 2), kind="softmax") == 0
    heads = Heads(logits, torch.tensor([0.0, 1.0]), torch.tensor([1.0, -1.0]))
    halting = halt_loss(heads, torch.tensor([True, False])).item()
    assert halting == pytest.approx((math.log(2) + math.log(1 + math.e)) / 2, rel=1e-5)


def test_stablemax_by_hand():
    """s is 3, 1 and 1/2 at 2, 0 and -1, with sum 4.5."""
    shares = log_stablemax(torch.tensor([2.0, 0.0, -1.0])).exp()
    assert shares.tolist() == pytest.approx([3 / 4.5, 1 / 4.5, 0.5 / 4.5])
    logits, labels = torch.tensor([[[2.0, 0.0, -1.0]]]), torch.tensor([[1]])
    loss = cell_loss(logits, labels, torch.ones(1, 1), kind="stablemax")
    assert loss.item() == pytest.approx(math.log(4.5), rel=1e-6)


def test_the_continue_loss_by_hand():
    """The target is the larger of the next step's two values; at the last step, only halting is possible."""
    now = Heads(torch.zeros(2, 1, 1), torch.zeros(2), torch.tensor([0.5, 0.5]))
    after = Heads(torch.zeros(2, 1, 1), torch.tensor([-1.0, -1.0]), torch.tensor([2.0, 2.0]))
    loss = continue_loss(now, after, torch.tensor([False, True]))
    targets = [1 / (1 + math.exp(-2)), 1 / (1 + math.exp(1))]
    p = 1 / (1 + math.exp(-0.5))
    expected = [-(t * math.log(p) + (1 - t) * math.log(1 - p)) for t in targets]
    assert loss.item() == pytest.approx(sum(expected) / 2, rel=1e-5)
