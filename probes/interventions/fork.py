"""A cached clean run, and intervened runs that fork from it.

A fork starts at the first call that an intervention affects. The states and trace arrays before that call are taken
from the cached run, so only the remaining calls are executed. An intervention without effect reproduces the clean trace
bit for bit.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property, partial

import numpy as np
import torch
from jaxtyping import UInt8

from probes.answer_code import AnswerCode
from probes.interventions.hooks import InterventionHooks
from probes.interventions.spec import Intervention, as_text
from trm.coordinates import F_H, Coordinates, Depth
from trm.model import Model
from trm.progress import Progress, no_progress
from trm.record import ANSWERS, CALLS, ResumedRun, growing_trace, initial_state, one_puzzle
from trm.recursion import State, deep_supervision
from trm.resume import ResumePoint, resumed_supervision
from trm.tasks.base import Task
from trm.trace import Trace

MAX_CACHED_BYTES = 96 << 20  # bytes of states; a larger run caches only the last state of each step
MAX_OTHER_RUNS = 2  # runs on other puzzles that a cached run keeps, each as large as itself


@dataclass(eq=False)
class CachedRun:
    """A clean run on one puzzle, with the states from which it can be resumed. Use `cache_run` to create it."""

    model: Model
    task: Task
    inputs: UInt8[np.ndarray, "cells"]
    puzzle_id: int
    trace: Trace
    start: State
    states: dict[Coordinates, State]
    _other_runs: dict[str, "CachedRun"] = field(default_factory=dict)  # puzzle text -> run on that puzzle

    @property
    def depth(self) -> Depth:
        return self.trace.depth

    @cached_property
    def code(self) -> AnswerCode:
        """The vectors that encode each symbol in y after the last supervision step of this run."""
        y = self.states[last_of(self.depth.N_sup, self.depth)].y[:, self.model.config.prefix_length :]
        return AnswerCode.of(self.model, y, self.task.givens(self.inputs)[None])

    def decoded_share(self, answer: UInt8[np.ndarray, "cells"]) -> float:
        """Return the fraction of cells that the output head decodes correctly after an answer is written into y.

        The answer is written with `code`, the encoding of this run.
        """
        tokens = torch.from_numpy(answer.astype(np.int64))[None].to(self.model.device)
        with torch.no_grad():
            y = self.code.write(self.start.y, tokens, self.task.givens(self.inputs)[None])
            return float((self.model.decode(y).argmax(-1) == tokens).float().mean())

    def state_after(self, at: Coordinates, puzzle: str = "") -> State:
        """Return the state after a call of this run or, if `puzzle` is given as text, of a clean run on that puzzle.

        Raises PuzzleError if the puzzle is invalid.
        """
        if puzzle:
            if puzzle not in self._other_runs:
                inputs = self.task.parse(puzzle, unfinished=True)
                while len(self._other_runs) >= MAX_OTHER_RUNS:
                    del self._other_runs[next(iter(self._other_runs))]
                self._other_runs[puzzle] = cache_run(
                    self.model, self.task, inputs, depth=self.depth, puzzle_id=self.puzzle_id
                )
            return self._other_runs[puzzle].state_after(at)
        if at in self.states:
            return self.states[at]
        return self._recomputed(at)

    def _recomputed(self, at: Coordinates) -> State:
        """Recompute the state after a call from the end of the previous supervision step.

        Large runs need this, because they cache only the last state of each step.
        """
        states: list[State] = []

        def after_call(here: Coordinates, state: State) -> State:
            if here == at:
                states.append(state)
            return state

        step = at.supervision_step
        supervision = deep_supervision
        if step > 1:
            end = last_of(step - 1, self.depth)
            supervision = partial(resumed_supervision, resume=ResumePoint(self.states[end], end))
        tokens, ids = one_puzzle(self.model, self.inputs, self.puzzle_id)
        steps = supervision(self.model, tokens, ids, depth=self.depth, after_call=after_call)
        next(steps)
        steps.close()
        return states[0]

    def fork(self, interventions: Sequence[Intervention], *, recorded: date | None = None) -> Iterator[Trace]:
        """Run with interventions, and yield the trace so far after each supervision step from the fork onwards.

        Without interventions, yield only the complete clean trace. `recorded` is the date to store in the trace. Raises
        UserError before the first trace if an intervention cannot be applied.
        """
        if not interventions:
            return iter([replace(self.trace)])
        hooks = self.hooks(interventions)
        return growing_trace(
            self.model,
            self.task,
            self.inputs,
            depth=hooks.depth,
            recorded=recorded,
            puzzle_id=self.puzzle_id,
            labels=self.trace.labels,
            before_call=hooks.before_call,
            after_call=hooks.after_call,
            skips=hooks.skips,
            changes=as_text(interventions),
            resumed=self._resume_point(hooks),
        )

    def hooks(self, interventions: Sequence[Intervention]) -> InterventionHooks:
        """Return the hooks that apply interventions to this run. Raises UserError if one cannot be applied."""
        return InterventionHooks(
            interventions=interventions,
            model=self.model,
            task=self.task,
            run_depth=self.depth,
            state_after=self.state_after,
            givens=self.task.givens(self.inputs),
            code=self.code,
            start=self.start,
        )

    def _resume_point(self, hooks: InterventionHooks) -> ResumedRun | None:
        """Return the point at which the fork resumes the clean run, or None if it starts from the initial state."""
        at, before = hooks.first_change
        depth, same_calls = hooks.depth, (hooks.depth.n, hooks.depth.T) == (self.depth.n, self.depth.T)
        if same_calls and not before and at in self.states:
            hooks.reused[at] = self.states[at]
        step = min(at.supervision_step, self.depth.N_sup + 1)
        made = [call for call in depth.calls(step) if call < at] if same_calls else []
        states = tuple((call, self.states[call]) for call in made if call in self.states)
        if len(states) != len(made):  # a large run: start the step again
            states = ()
        if step == 1 and not states:
            return None
        before_step = self.states[last_of(step - 1, self.depth)] if step > 1 else self.start
        at, state = states[-1] if states else (last_of(step - 1, depth), before_step)
        trace = self.trace if same_calls else at_depth(self.trace, depth)
        return ResumedRun(trace, ResumePoint(state, at), before_step, states)


def cache_run(
    model: Model,
    task: Task,
    inputs: UInt8[np.ndarray, "cells"],
    *,
    depth: Depth | None = None,
    puzzle_id: int = 0,
    labels: UInt8[np.ndarray, "cells"] | None = None,
    progress: Progress = no_progress,
) -> CachedRun:
    """Run a model on a puzzle and cache its states.

    Raises PuzzleError and ConfigError as `growing_trace` does. An exception raised by `progress` stops the run.
    """
    depth = depth or model.config.depth
    states: dict[Coordinates, State] = {}
    latents = max(model.config.latents, 1)
    size = model.config.length * model.config.hidden_size * 4 * latents * depth.calls_per_step * depth.N_sup
    cache_all = size <= MAX_CACHED_BYTES

    def after_call(at: Coordinates, state: State) -> State:
        if cache_all or at == last_of(at.supervision_step, depth):
            states[at] = state
        return state

    traces = growing_trace(
        model, task, inputs, depth=depth, puzzle_id=puzzle_id, labels=labels, after_call=after_call
    )
    trace = last_trace(traces, depth, progress, "running the model")
    tokens, ids = one_puzzle(model, inputs, puzzle_id)
    return CachedRun(model, task, inputs, puzzle_id, trace, initial_state(model, tokens, ids), states)


def last_trace(traces: Iterator[Trace], depth: Depth, progress: Progress, message: str) -> Trace:
    """Iterate over the traces of a run, report progress after every step, and return the complete trace."""
    trace = None
    for trace in traces:
        progress(trace.steps / depth.N_sup, f"{message}: step {trace.steps} of {depth.N_sup}")
    if trace is None:
        raise ValueError("a run has at least one supervision step")
    return trace


def last_of(step: int, depth: Depth) -> Coordinates:
    """Return the last call of a supervision step, which is the f_H call of its last cycle."""
    return Coordinates(step, depth.T, depth.n + 1, F_H)


def at_depth(trace: Trace, depth: Depth) -> Trace:
    """Express a trace in the calls of a deeper run.

    A call that the trace lacks repeats the values of the previous call in its step, with a residual of 0.
    """
    indices = {at: number for number, at in enumerate(trace.depth.calls(1))}
    calls, answers, own = [], [], trace.depth
    for step in range(trace.steps):
        latest = 0
        for at in depth.calls(1):
            there = replace(at, call=own.n + 1) if at.kind == F_H else at
            latest = indices.get(there, latest)
            calls.append((step * own.calls_per_step + latest, there in indices))
            if at.kind == F_H:
                answers.append((step * own.T + min(at.cycle, own.T) - 1, there in indices))

    def spread(name: str) -> np.ndarray | None:
        array = getattr(trace, name)
        if array is None:
            return None
        rows, made = (np.array(column) for column in zip(*(calls if name in CALLS else answers), strict=True))
        return (
            np.where(made, array[rows], 0).astype(array.dtype) if name.startswith("residual") else array[rows]
        )

    deeper = replace(depth, N_sup=max(depth.N_sup, trace.steps))
    return replace(trace, depth=deeper, **{name: spread(name) for name in (*CALLS, *ANSWERS)})
