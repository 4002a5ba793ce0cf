"""What training minimises: cross-entropy of the cells, and what the halting head should have said.

Every loss is a mean over the cells of each puzzle, then over puzzles, so that halves of a batch on two machines
average to the loss of the whole.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from trm.recursion import Heads

STABLEMAX_EPSILON = 1e-30


def log_stablemax(logits: Float[Tensor, "*batch vocab"]) -> Float[Tensor, "*batch vocab"]:
    """log of s(x) / sum s, where s(x) = x + 1 from 0 on and 1 / (1 - x) below (Prieto et al. 2025, arXiv 2501.04697).

    It grows linearly where soft-max grows exponentially, so gradients of sure cells do not vanish. In float64, as in
    the public code.
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
    """Cross-entropy in nats of the labels, a weighted mean over cells; a puzzle without any weight counts as zero."""
    if kind == "stablemax":
        found = -log_stablemax(logits).gather(-1, labels[..., None])[..., 0].float()
    else:
        found = F.cross_entropy(logits.transpose(1, 2), labels, reduction="none")
    total = weights.sum(-1)
    return ((found * weights).sum(-1) / torch.where(total > 0, total, 1)).mean()


def halt_loss(heads: Heads, right: Bool[Tensor, "batch"]) -> Float[Tensor, ""]:
    """Binary cross-entropy of q_halt against "every cell is right now"."""
    return F.binary_cross_entropy_with_logits(heads.q_halt, right.float())


def continue_loss(heads: Heads, after: Heads, last: Bool[Tensor, "batch"]) -> Float[Tensor, ""]:
    """Q-learning of going on (HRM): its value is that of the better choice one step later.

    `after` are the heads one supervision step on, `last` tells who has no choice then but to halt.
    """
    best = torch.where(last, after.q_halt, torch.maximum(after.q_halt, after.q_continue))
    return F.binary_cross_entropy_with_logits(heads.q_continue, best.sigmoid())
