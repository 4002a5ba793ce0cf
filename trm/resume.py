"""Runs that do not execute every call: resumed runs, and runs that skip calls."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from jaxtyping import Int
from torch import Tensor

from trm.coordinates import Coordinates, Depth
from trm.recursion import Hook, RecursiveModel, State, SupervisionStep, deep_supervision, unchanged


@dataclass(frozen=True)
class ResumePoint:
    """The point at which to resume a run: the coordinates of a call, and the state after this call."""

    state: State
    after: Coordinates


class SkippingModel:
    """Wrapper that skips calls of a model in one run: where `skips` is true, f_L and f_H return the state unchanged.

    Pass the wrapper's `before_call` to the recursion as its hook: the wrapper gets the current coordinates from it. The
    constructor's `before_call` hook does not receive skipped calls. An `after_call` hook receives every call.
    """

    def __init__(
        self, model: RecursiveModel, skips: Callable[[Coordinates], bool], before_call: Hook = unchanged
    ):
        self.model = model
        self.embed, self.initial_state, self.heads = model.embed, model.initial_state, model.heads
        self._skips = skips
        self._before_call = before_call
        self._skipping = False

    def before_call(self, at: Coordinates, state: State) -> State:
        self._skipping = self._skips(at)
        return state if self._skipping else self._before_call(at, state)

    def f_L(self, x: Tensor, state: State, call: int) -> State:
        return state if self._skipping else self.model.f_L(x, state, call)

    def f_H(self, x: Tensor, state: State) -> State:
        return state if self._skipping else self.model.f_H(x, state)


def resumed_supervision(
    model: RecursiveModel,
    inputs: Int[Tensor, "batch cell"],
    puzzle_ids: Int[Tensor, "batch"],
    resume: ResumePoint,
    *,
    depth: Depth,
    before_call: Hook = unchanged,
    after_call: Hook = unchanged,
) -> Iterator[SupervisionStep]:
    """Run `deep_supervision` from a resume point. Calls up to and including this point are skipped with their hooks.

    The first step yielded is the unfinished step, or the next step if the point is at the end of a supervision step.
    """
    done = resume.after
    rest = SkippingModel(model, lambda at: at <= done, before_call)
    whole = (done.cycle, done.call) >= (depth.T, depth.n + 1)
    return deep_supervision(
        rest,
        inputs,
        puzzle_ids,
        depth=depth,
        start=lambda initial: resume.state,
        first_step=done.supervision_step + whole,
        before_call=rest.before_call,
        after_call=lambda at, state: after_call(at, state) if at > done else state,
    )
