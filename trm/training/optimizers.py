"""Optimisers not in torch: Adam-atan2, and sign-SGD for the puzzle embeddings used by a batch."""

from collections.abc import Iterable
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn


class AdamAtan2(torch.optim.Optimizer):
    """Adam without an epsilon: the step is atan2(m, sqrt(v)), which is invariant to the scale of the gradient.

    Everett et al. 2024 (arXiv 2407.05872), with decoupled weight decay as in the public TRM and HRM code.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        *,
        lr: float,
        betas: tuple[float, float],
        weight_decay: float,
    ):
        super().__init__(parameters, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state["step"] = torch.zeros(())
                    state["exp_avg"] = torch.zeros_like(parameter)
                    state["exp_avg_sq"] = torch.zeros_like(parameter)
                state["step"] += 1
                count = state["step"].item()
                mean, square = state["exp_avg"], state["exp_avg_sq"]
                mean.lerp_(parameter.grad, 1 - beta1)
                square.lerp_(parameter.grad.square(), 1 - beta2)
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                direction = torch.atan2(mean / (1 - beta1**count), (square / (1 - beta2**count)).sqrt())
                parameter.sub_(direction, alpha=group["lr"])


def sign_step(
    table: Float[Tensor, "ids dim"],
    puzzle_ids: Int[Tensor, "batch"],
    gradient: Float[Tensor, "batch dim"],
    *,
    rate: float,
    decay: float,
) -> None:
    """One step of sign-SGD, in place, for the rows that a batch uses; gradients for the same row are summed first.

    All other rows, up to a million, are left unchanged (as in the sparse embedding of the public code).
    """
    rows, place = puzzle_ids.unique(return_inverse=True)
    summed = gradient.new_zeros(len(rows), gradient.shape[1]).index_add_(0, place, gradient)
    rows = rows.to(table.device)
    table[rows] = table[rows] * (1 - rate * decay) - rate * summed.sign().to(table)
