"""Training losses: cross-entropy over cells, and losses for the halting head.

Each loss is a mean over the cells in a puzzle, then over puzzles, so that the losses of equal parts of a batch average
to the loss of the whole batch.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from trm.recursion import Heads

STABLEMAX_EPSILON = 1e-30


def log_stablemax(logits: Float[Tensor, "*batch vocab"]) -> Float[Tensor, "*batch vocab"]:
    """log(s(x) / sum s), with s(x) = x + 1 for x >= 0 and 1 / (1 - x) for x < 0 (Prieto et al. 2025, arXiv 2501.04697).

    s grows linearly where softmax grows exponentially, so gradients do not vanish for confident cells. Computed in
    float64, as in the public code.
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
    """Cross-entropy of the labels in nats, as a weighted mean over cells. A puzzle with total weight 0 contributes 0.

    `kind` is softmax or stablemax.
    """
    if kind == "stablemax":
        losses = -log_stablemax(logits).gather(-1, labels[..., None])[..., 0].float()
    else:
        losses = F.cross_entropy(logits.transpose(1, 2), labels, reduction="none")
    total = weights.sum(-1)
    return ((losses * weights).sum(-1) / torch.where(total > 0, total, 1)).mean()


def halt_loss(heads: Heads, right: Bool[Tensor, "batch"]) -> Float[Tensor, ""]:
    """Binary cross-entropy of q_halt with the target "all cells are correct now"."""
    return F.binary_cross_entropy_with_logits(heads.q_halt, right.float())


def continue_loss(heads: Heads, after: Heads, last: Bool[Tensor, "batch"]) -> Float[Tensor, ""]:
    """Q-learning loss of q_continue (HRM): the target is the value of the better action one supervision step later.

    `after` are the heads' outputs one supervision step later; `last` marks puzzles for which that is the last step,
    where halting is the only action.
    """
    best = torch.where(last, after.q_halt, torch.maximum(after.q_halt, after.q_continue))
    return F.binary_cross_entropy_with_logits(heads.q_continue, best.sigmoid())
