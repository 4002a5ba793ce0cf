"""Run a net in bfloat16, as the public code of TRM and HRM does on a GPU."""

from copy import deepcopy

import torch
from jaxtyping import Float
from torch import Tensor, nn

from trm.layers import Linear, Net


class Bfloat16Net(Net):
    """A net that takes the place of `net`, with the same layers, and computes in bfloat16.

    Weights and activations inside the net are in bfloat16, which has three significant digits. The states that it reads
    and writes, and their sums, stay in float32. Where a gradient is needed, the net computes in float32.
    """

    def __init__(self, net: Net):
        nn.Module.__init__(self)
        self.layers = net.layers
        cast = deepcopy(net.layers)
        for module in cast.modules():
            if isinstance(
                module, Linear | nn.Conv1d
            ):  # not the norms, which compute in the dtype of their weights
                module.to(torch.bfloat16)
        self._cast = (cast,)  # a tuple, so that the copies are not parameters of the model

    def forward(self, x: Float[Tensor, "batch position dim"]) -> Float[Tensor, "batch position dim"]:
        if torch.is_grad_enabled() and x.requires_grad:
            return super().forward(x)
        (blocks,) = self._cast
        state = x.bfloat16()
        for block in blocks:
            state = block(state)
        return state.to(x.dtype)
