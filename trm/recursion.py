"""The recursion of a tiny recursive model: the project's only loop over model calls.

    latent recursion    n times z <- f_L(x, y, z), then once y <- f_H(y, z)
    deep recursion      T latent recursions: one supervision step
    deep supervision    up to N_sup supervision steps, with (y, z) detached in between
                        and an answer decoded after each

x is the embedded input, y the current answer, z the latent state (Jolicoeur-Martineau
2025, arXiv 2510.04871). In HRM, y is z_H and z is z_L (Wang et al. 2025, arXiv
2506.21734). A model supplies x, the initial state, f_L, f_H, and the heads. Recording
and interventions use hooks, which replace the state before or after a call.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from trm.coordinates import F_H, F_L, Coordinates, Depth


class State(NamedTuple):
    """The answer y and latent z, each (B, P, D). With K latents, z is (B, K, P, D)."""

    y: Tensor
    z: Tensor

    def detach(self) -> "State":
        return State(self.y.detach(), self.z.detach())


class Heads(NamedTuple):
    """Head outputs for y: logits of all cells (B, L, V) and two halting logits (B,)."""

    logits: Tensor
    q_halt: Tensor
    q_continue: Tensor


@runtime_checkable
class RecursiveModel(Protocol):
    """The methods that the recursion requires of a model."""

    def embed(self, inputs: Int[Tensor, "batch cell"], puzzle_ids: Int[Tensor, "batch"]) -> Tensor: ...
    def initial_state(self, x: Float[Tensor, "batch position dim"]) -> State: ...
    def f_L(self, x: Float[Tensor, "batch position dim"], state: State, call: int) -> State: ...
    def f_H(self, x: Float[Tensor, "batch position dim"], state: State) -> State: ...
    def heads(self, y: Float[Tensor, "batch position dim"]) -> Heads: ...


@dataclass(frozen=True)
class SupervisionStep:
    """The state after a supervision step, and the head outputs for this state."""

    number: int  # from 1
    state: State
    heads: Heads


Hook = Callable[[Coordinates, State], State]
"""Function that maps the state before or after a call to the state that replaces it."""


def unchanged(at: Coordinates, state: State) -> State:
    """Hook that returns the state unchanged."""
    return state


def latent_recursion(
    model: RecursiveModel,
    x: Tensor,
    state: State,
    *,
    depth: Depth,
    at: tuple[int, int],
    before_call: Hook = unchanged,
    after_call: Hook = unchanged,
    gradient_calls: int = 0,
) -> State:
    """Run n f_L calls, which update z, and then one f_H call, which updates y.

    `at` is (supervision step, cycle). Gradients are computed only for the last
    `gradient_calls` calls of the supervision step.
    """
    for call in range(1, depth.n + 1):
        here = Coordinates(*at, call, F_L)
        state = before_call(here, state)
        with torch.set_grad_enabled(depth.calls_left(here) <= gradient_calls):
            state = model.f_L(x, state, call)
        state = after_call(here, state)
    here = Coordinates(*at, depth.n + 1, F_H)
    state = before_call(here, state)
    with torch.set_grad_enabled(depth.calls_left(here) <= gradient_calls):
        state = model.f_H(x, state)
    return after_call(here, state)


def deep_recursion(
    model: RecursiveModel,
    x: Tensor,
    state: State,
    *,
    depth: Depth,
    step: int = 1,
    **options: Hook | int,
) -> State:
    """Run one supervision step: T latent recursions with the same `options`."""
    for cycle in range(1, depth.T + 1):
        at = (step, cycle)
        state = latent_recursion(model, x, state, depth=depth, at=at, **options)
    return state


def deep_supervision(
    model: RecursiveModel,
    inputs: Int[Tensor, "batch cell"],
    puzzle_ids: Int[Tensor, "batch"],
    *,
    depth: Depth,
    start: Callable[[State], State] | None = None,
    first_step: int = 1,
    **hooks: Hook,
) -> Iterator[SupervisionStep]:
    """Run supervision steps `first_step` to N_sup without gradients; yield each step.

    Nothing halts early, as in both papers' evaluations. `start` maps the initial state
    to the first state of the run. To stop before the last step, close the iterator.
    """
    with torch.no_grad():
        x = model.embed(inputs, puzzle_ids)
        state = model.initial_state(x)
        state = start(state) if start else state
    for number in range(first_step, depth.N_sup + 1):
        with torch.no_grad():
            state = deep_recursion(model, x, state, depth=depth, step=number, **hooks)
            state = state.detach()
            step = SupervisionStep(number, state, model.heads(state.y))
        yield step
