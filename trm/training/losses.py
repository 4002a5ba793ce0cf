"""Training losses: cross-entropy over cells, and losses for the halting head.

Each loss is a mean over puzzles; the cell loss is first averaged over the cells of each puzzle. The loss of a batch is
therefore the mean of the losses of its parts if these contain equally many puzzles.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from trm.recursion import Heads

STABLEMAX_EPSILON = 1e-30


def log_stablemax(logits: Float[Tensor, "*batch vocab"]) -> Float[Tensor, "*batch vocab"]:
    """Compute log(s(x) / sum s), with s(x) = x + 1 for x >= 0 and 1 / (1 - x) for x < 0.

    The method is from Prieto et al. 2025 (arXiv 2501.04697). Softmax has exp in place of s. Because s grows only
    linearly, gradients do not vanish for confident cells. The computation uses float64, as in the public code.
    """
    x = logits.double()
    s = torch.where(x < 0, 1 / (1 - x + STABLEMAX_EPSILON), x + 1)
    return (s / s.sum(-1, keepdim=True)).log()


def cell_loss(
    logits: Float[Tensor, "batch cell vocab"],
    labels: Int[Tensor, "batch cell"],
    weights: Float[Tensor, "batch cell"],
    *,
    kind: str,
) -> Float[Tensor, ""]:
    """Compute the cross-entropy of the labels in nats: the weighted mean over cells, then the mean over puzzles.

    `kind` is "softmax" or "stablemax". A puzzle whose weights are all 0 contributes 0.
    """
    if kind == "stablemax":
        losses = -log_stablemax(logits).gather(-1, labels[..., None])[..., 0].float()
    else:
        losses = F.cross_entropy(logits.transpose(1, 2), labels, reduction="none")
    total = weights.sum(-1)
    return ((losses * weights).sum(-1) / torch.where(total > 0, total, 1)).mean()


def halt_loss(heads: Heads, right: Bool[Tensor, "batch"]) -> Float[Tensor, ""]:
    """Compute the binary cross-entropy of q_halt. The target is `right`: whether all scored cells are correct."""
    return F.binary_cross_entropy_with_logits(heads.q_halt, right.float())


def continue_loss(heads: Heads, after: Heads, last: Bool[Tensor, "batch"]) -> Float[Tensor, ""]:
    """Compute the Q-learning loss of q_continue (HRM): binary cross-entropy with the value of the better next action.

    `after` contains the outputs of the heads after one more supervision step. `last` marks the puzzles whose current
    supervision step is the last; for these puzzles, the target is the value of halting.
    """
    best = torch.where(last, after.q_halt, torch.maximum(after.q_halt, after.q_continue))
    return F.binary_cross_entropy_with_logits(heads.q_continue, best.sigmoid())
