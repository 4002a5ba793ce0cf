"""Optimisers that torch does not provide: Adam-atan2, and sign-SGD for the puzzle embedding."""

from collections.abc import Iterable
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn


class AdamAtan2(torch.optim.Optimizer):
    """Adam-atan2 (Everett et al. 2024, arXiv 2407.05872), with decoupled weight decay as in the public code.

    The update direction is atan2(m, sqrt(v)), where m and v are the bias-corrected moments of the gradient. This needs
    no epsilon and is invariant to the scale of the gradient.
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
        """Update all parameters that have a gradient. `closure` is ignored."""
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
    """Apply one step of sign-SGD with weight decay, in place, to the rows of `table` that a batch uses.

    Gradients for the same row are summed before the sign is taken. All other rows stay unchanged, as in the sparse
    embedding of the public TRM and HRM code.
    """
    rows, place = puzzle_ids.unique(return_inverse=True)
    summed = gradient.new_zeros(len(rows), gradient.shape[1]).index_add_(0, place, gradient)
    rows = rows.to(table.device)
    table[rows] = table[rows] * (1 - rate * decay) - rate * summed.sign().to(table)
