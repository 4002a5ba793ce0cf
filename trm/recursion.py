"""The recursion of a tiny recursive model. This is the only loop over calls in the project.

    latent recursion    n times z <- f_L(x, y, z), then once y <- f_H(y, z)
    deep recursion      T latent recursions; a gradient, if any, reaches only the last calls
    deep supervision    N_sup deep recursions, with (y, z) detached in between and an answer read after each

x is the embedded question, y the current answer, z the latent state of the reasoning (Jolicoeur-Martineau 2025,
arXiv 2510.04871; HRM calls y z_H and z z_L: Wang et al. 2025, arXiv 2506.21734). A model brings x, the initial
state, f_L, f_H and the heads; recording, training and interventions are clients that pass `watch`, which sees the state
after a call, and `ahead`, which sees it before.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from trm.coordinates import F_H, F_L, Coordinates, Depth


class State(NamedTuple):
    """What is carried from call to call: the answer y and the latent z, each (B, P, D); K latents are (B, K, P, D)."""

    y: Tensor
    z: Tensor

    def detach(self) -> "State":
        return State(self.y.detach(), self.z.detach())


@runtime_checkable
class RecursiveModel(Protocol):
    """What the recursion needs of a model."""

    def embed(self, inputs: Int[Tensor, "batch cell"], puzzle_ids: Int[Tensor, "batch"]) -> Tensor: ...
    def initial_state(self, x: Float[Tensor, "batch position dim"]) -> State: ...
    def f_L(self, x: Float[Tensor, "batch position dim"], state: State, call: int) -> State: ...
    def f_H(self, x: Float[Tensor, "batch position dim"], state: State) -> State: ...
    def heads(self, y: Float[Tensor, "batch position dim"]) -> "Heads": ...
    def gradient_calls(self, n: int) -> int: ...


class Heads(NamedTuple):
    """What is read from y: logits of every cell (B, L, V) and two logits for halting (B,)."""

    logits: Tensor
    q_halt: Tensor
    q_continue: Tensor


@dataclass(frozen=True)
class SupervisionStep:
    """The state after a supervision step, and what the heads read from it."""

    number: int  # from 1
    state: State
    heads: Heads


Watch = Callable[[Coordinates, State], State]
"""Called after a call with the state that it left; what it returns is gone on with."""

Ahead = Callable[[Coordinates, State], State | None]
"""Called before a call with the state as it is; what it returns is what the call reads. None: the call is left out."""


@dataclass(frozen=True)
class Begun:
    """A run that was left after a call, to be gone on with."""

    state: State  # as that call left it
    after: Coordinates


def only_pass_on(at: Coordinates, state: State) -> State:
    """The watch that neither records nor changes anything, and the `ahead` that lets every call be made."""
    return state


def latent_recursion(
    model: RecursiveModel,
    x: Tensor,
    state: State,
    *,
    depth: Depth,
    at: tuple[int, int],
    watch: Watch,
    learn: bool,
    gradient_calls: int | None,
    ahead: Ahead = only_pass_on,
) -> State:
    """n calls of f_L think (z changes), one call of f_H updates the answer (y changes).

    `at` is (supervision step, cycle). A call that `ahead` leaves out is watched like any other. With `learn`, a gradient is
    kept for the last calls of the supervision step only: as many as the model's `gradient_calls`, or as asked for.
    """
    with_gradient = (gradient_calls or model.gradient_calls(depth.n)) if learn else 0
    without_gradient = depth.calls_per_step - with_gradient
    done = (at[1] - 1) * (depth.n + 1)  # calls of this supervision step made before this cycle
    for call in range(1, depth.n + 1):
        here = Coordinates(*at, call, F_L)
        if (read := ahead(here, state)) is not None:
            state = read
            with torch.set_grad_enabled(done + call > without_gradient):
                state = model.f_L(x, state, call)
        state = watch(here, state)
    here = Coordinates(*at, depth.n + 1, F_H)
    if (read := ahead(here, state)) is not None:
        state = read
        with torch.set_grad_enabled(done + depth.n + 1 > without_gradient):
            state = model.f_H(x, state)
    return watch(here, state)


def deep_recursion(
    model: RecursiveModel,
    x: Tensor,
    state: State,
    *,
    depth: Depth,
    supervision_step: int = 1,
    watch: Watch = only_pass_on,
    learn: bool = False,
    gradient_calls: int | None = None,
    ahead: Ahead = only_pass_on,
) -> State:
    """One supervision step: T latent recursions. To train, `learn`; `gradient_calls` replaces the model's own number."""
    for cycle in range(1, depth.T + 1):
        state = latent_recursion(
            model,
            x,
            state,
            depth=depth,
            at=(supervision_step, cycle),
            watch=watch,
            learn=learn,
            gradient_calls=gradient_calls,
            ahead=ahead,
        )
    return state


def deep_supervision(
    model: RecursiveModel,
    inputs: Int[Tensor, "batch cell"],
    puzzle_ids: Int[Tensor, "batch"],
    *,
    depth: Depth,
    watch: Watch = only_pass_on,
    ahead: Ahead = only_pass_on,
    start: Callable[[State], State] | None = None,
    begun: Begun | None = None,
) -> Iterator[SupervisionStep]:
    """Run all N_sup supervision steps, yielding after each. Nothing halts early: that is how both papers evaluate.

    `start` makes the state to begin from out of the model's initial one, such as one that holds the solution.
    With `begun` the run is gone on with: calls up to that one are not made, and neither `ahead` nor `watch` hears of
    them; the first step that is yielded is the one that was left, or the next where it was whole.
    Gradients are not kept. Close the iterator to stop before the last step.
    """
    with torch.no_grad():
        x = model.embed(inputs, puzzle_ids)
        state = model.initial_state(x) if begun is None else begun.state
        if start is not None:
            state = start(state)
    first = 1 if begun is None else begun.after.supervision_step
    if begun is not None:
        ahead, watch = _after(begun.after, ahead, watch)
        if (begun.after.cycle, begun.after.call) >= (depth.T, depth.n + 1):
            first += 1
    for number in range(first, depth.N_sup + 1):
        with torch.no_grad():
            state = deep_recursion(
                model, x, state, depth=depth, supervision_step=number, watch=watch, ahead=ahead
            ).detach()
            step = SupervisionStep(number, state, model.heads(state.y))
        yield step


def _after(left: Coordinates, ahead: Ahead, watch: Watch) -> tuple[Ahead, Watch]:
    """The same hooks, for the calls after the one that a run was left at; those before are left out."""
    return (
        lambda at, state: ahead(at, state) if at > left else None,
        lambda at, state: watch(at, state) if at > left else state,
    )
