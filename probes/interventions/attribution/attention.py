"""Attention maps of one call of a run, for every layer and head.

A run does not store its attention, so the call is executed again from the state before it. The input of each block
gives the queries and keys, and the attention weights are softmax(q k^T / sqrt(head_dim)). A position's output is the
weighted sum of all values, mapped by o_proj. A large weight on a small value has little effect, so a map shows where a
call attends, but not how much each position contributes to the output.
"""

from copy import copy
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from probes.interventions.fork import CachedRun, last_of
from probes.interventions.sites import InterventionError, Site
from trm.coordinates import F_L, Coordinates
from trm.layers import Net
from trm.model import Model
from trm.record import one_puzzle
from trm.recursion import State


@dataclass(frozen=True, eq=False)
class AttentionMaps:
    """Attention weights of one call. Element [layer, head, a, b] is the attention of position a to position b.

    Each row sums to 1. Positions are the prefix, followed by the cells.
    """

    at: Coordinates
    weights: Float[np.ndarray, "layer head position position"]


def attention_of(run: CachedRun, at: Coordinates) -> AttentionMaps:
    """Compute the attention maps of one call of a run.

    Raises InterventionError if the model uses MLP mixing or the run has no such call.
    """
    if run.model.config.mixing != "attention":
        raise InterventionError(
            "This model mixes positions by an MLP and has no attention. Use its mixing weights instead."
        )
    depth = run.depth
    if at.supervision_step not in range(1, depth.N_sup + 1) or at not in depth.calls(at.supervision_step):
        raise InterventionError(
            f"There is no call {Site.of(at)}: the run has {depth.N_sup} supervision steps of {depth.T} cycles of "
            f"{depth.n + 1} calls."
        )
    tokens, ids = one_puzzle(run.model, run.inputs, run.puzzle_id)
    with torch.no_grad():
        maps = _maps(run.model, run.model.embed(tokens, ids), _state_before(run, at), at)
    return AttentionMaps(at, torch.stack(maps).cpu().numpy())


def _state_before(run: CachedRun, at: Coordinates) -> State:
    """Return the state that the call reads."""
    step, calls = at.supervision_step, list(run.depth.calls(at.supervision_step))
    index = calls.index(at)
    if index:
        return run.state_after(calls[index - 1])
    return run.state_after(last_of(step - 1, run.depth)) if step > 1 else run.start


def _maps(
    model: Model, x: Tensor, state: State, at: Coordinates
) -> list[Float[Tensor, "head position position"]]:
    """Return the attention of every block in the call.

    A shallow copy of the model records the attention, because other threads may be using the model.
    """
    maps: list[Tensor] = []
    recording = copy(model)
    recording._modules = {
        name: _AttentionRecorder(part, maps) if isinstance(part, Net) else part
        for name, part in model._modules.items()
    }
    if at.kind == F_L:
        recording.f_L(x, state, at.call)
    else:
        recording.f_H(x, state)
    return maps


class _AttentionRecorder(nn.Module):
    """A net that records the attention of its blocks."""

    def __init__(self, net: Net, maps: list[Tensor]):
        super().__init__()
        self.net, self.maps = net, maps

    def forward(self, x: Float[Tensor, "1 position dim"]) -> Float[Tensor, "1 position dim"]:
        for block in self.net.layers:
            self.maps.append(block.self_attn.weights(block.attention_input(x))[0])
            x = block(x)
        return x
