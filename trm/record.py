"""Record a run as a trace. A hook collects the states of each supervision step, and they are then decoded together."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float, Int, Num, UInt8
from torch import Tensor

from trm.coordinates import F_H, Coordinates, Depth
from trm.errors import PuzzleError
from trm.model import Model
from trm.provenance import Provenance
from trm.recursion import Hook, State, deep_supervision, unchanged
from trm.resume import ResumePoint, SkippingModel, resumed_supervision
from trm.tasks.base import Task
from trm.trace import Trace, quantised


@dataclass(frozen=True)
class ResumedRun:
    """A run to resume: its trace so far, the resume point, and the states already computed in the unfinished step."""

    trace: Trace | None  # at the depth of the resumed run; anything after `point` is ignored
    point: ResumePoint
    before: State  # the state at the start of the unfinished step
    states: tuple[tuple[Coordinates, State], ...]  # the state after each call completed in that step


def unique_solution(task: Task, inputs: UInt8[np.ndarray, "cells"]) -> UInt8[np.ndarray, "cells"] | None:
    """Return the unique solution, or None if there is no solution or more than one, or if the search gives up."""
    try:
        solutions = task.solutions(inputs, limit=2)
    except PuzzleError:
        return None
    return solutions[0] if len(solutions) == 1 else None


def record(model: Model, task: Task, inputs: UInt8[np.ndarray, "cells"], **options) -> Trace:
    """Run a model on one puzzle and return the complete trace. The options are those of `growing_trace`."""
    *_, trace = growing_trace(model, task, inputs, **options)
    return trace


def growing_trace(
    model: Model,
    task: Task,
    inputs: UInt8[np.ndarray, "cells"],
    *,
    depth: Depth | None = None,
    recorded: date | None = None,
    puzzle_id: int = 0,
    labels: UInt8[np.ndarray, "cells"] | None = None,
    before_call: Hook = unchanged,
    after_call: Hook = unchanged,
    skips: Callable[[Coordinates], bool] | None = None,
    changes: str = "",
    resumed: ResumedRun | None = None,
) -> Iterator[Trace]:
    """Run a model on one puzzle and yield the trace so far after every supervision step.

    `depth` defaults to the model's own. `recorded` is the date stored in the trace. `puzzle_id` is a row of the model's
    puzzle table. `labels` is the published solution; without it, a solver searches for the unique solution. An
    intervention passes hooks (the trace records the states that they return), `skips` (true for calls to skip) and
    `changes` (a description of both). With `resumed`, only the calls after its resume point are executed.

    Raises PuzzleError if the puzzle or its id does not fit the model, and ConfigError if the model cannot run at this
    depth.
    """
    config = model.config
    config.check_puzzles(len(inputs), task.vocab_size)
    config.check_puzzle_id(puzzle_id)
    depth = config.with_depth(**vars(depth)).depth if depth else config.depth
    provenance = Provenance.of(model, recorded=recorded, changes=changes or None)
    tokens, puzzle_ids = one_puzzle(model, inputs, puzzle_id)
    start = resumed.before if resumed else initial_state(model, tokens, puzzle_ids)
    recorder = Recorder(model, blank=~task.givens(inputs), start=start)
    if resumed:
        recorder.resume(resumed)
    if labels is None:
        labels = unique_solution(task, inputs)
    net = SkippingModel(model, skips, before_call) if skips else model
    supervision = partial(resumed_supervision, resume=resumed.point) if resumed else deep_supervision
    steps = supervision(
        net,
        tokens,
        puzzle_ids,
        depth=depth,
        before_call=net.before_call if skips else before_call,
        after_call=lambda at, state: recorder(at, after_call(at, state)),
    )
    for step in steps:
        arrays = recorder.after_step(model.halt_probability(step.heads))
        yield Trace(provenance, depth, config.depth, inputs, labels=labels, **arrays)


def one_puzzle(
    model: Model, inputs: UInt8[np.ndarray, "cells"], puzzle_id: int
) -> tuple[Int[Tensor, "1 cells"], Int[Tensor, "1"]]:
    """Create a batch with one puzzle and its puzzle id, on the model's device."""
    tokens = torch.from_numpy(inputs.astype(np.int64))[None].to(model.device)
    return tokens, torch.tensor([puzzle_id], device=model.device)


def initial_state(
    model: Model, tokens: Int[Tensor, "batch cells"], puzzle_ids: Int[Tensor, "batch"]
) -> State:
    """Compute the initial state for a run on these puzzles."""
    with torch.no_grad():
        return model.initial_state(model.embed(tokens, puzzle_ids))


# Arrays of a trace by their first axis: f_H calls, or all calls. halt_probability has a value per supervision step.
ANSWERS = ("answers", "probabilities", "entropy", "residual_y", "y_reverse")
CALLS = ("z_answers", "z_confidence", "residual_z", "z_reverse")


class Recorder:
    """An `after_call` hook for a run on one puzzle. It collects states; `after_step` decodes them together."""

    def __init__(self, model: Model, blank: np.ndarray, start: State):
        self.model = model
        self.blank = blank
        self.before = start
        self.states: list[tuple[Coordinates, State]] = []  # states after the calls of this supervision step
        self.parts: dict[
            str, list[np.ndarray]
        ] = {}  # arrays of finished supervision steps, by field of Trace

    def __call__(self, at: Coordinates, state: State) -> State:
        self.states.append((at, state))
        return state

    def resume(self, run: ResumedRun) -> None:
        """Start from an unfinished run.

        The unfinished step is decoded as a whole, so the trace is bit-identical to the trace of an uninterrupted run.
        """
        self.states = list(run.states)
        if run.trace is None:
            return
        depth = run.trace.depth
        whole = run.point.after.supervision_step - bool(run.states)
        counts = dict.fromkeys(ANSWERS, whole * depth.T) | dict.fromkeys(CALLS, whole * depth.calls_per_step)
        counts["halt_probability"] = whole
        self.parts = {name: [getattr(run.trace, name)[:count]] for name, count in counts.items()}

    def after_step(self, halt_probability: Tensor) -> dict[str, np.ndarray]:
        """Decode the supervision step that has just ended. Returns the arrays of the trace so far, by field."""
        states = [(None, self.before), *self.states]
        latent = self.model.latent
        z_before = torch.cat([latent(was, at) for (_, was), (at, _) in pairwise(states)])  # (calls, P, D)
        z = torch.cat([latent(state, at) for at, state in self.states])
        y = torch.cat(
            [self.before.y, *(state.y for at, state in self.states if at.kind == F_H)]
        )  # (1 + f_H, P, D)
        self.before = self.states[-1][1]
        self.states = []
        with torch.no_grad():
            probabilities = self.model.decode(y[1:]).softmax(-1).cpu().numpy()
            z_probabilities = self.model.decode(z).softmax(-1).cpu().numpy()
            step = {
                "answers": probabilities.argmax(-1).astype(np.uint8),
                "probabilities": quantised(probabilities),
                "entropy": mean_entropy(probabilities[:, self.blank]),
                "z_answers": z_probabilities.argmax(-1).astype(np.uint8),
                "z_confidence": (z_probabilities.max(-1) * 255).round().astype(np.uint8),
                "halt_probability": halt_probability.cpu().numpy(),
                "residual_y": relative_residuals(y[:-1], y[1:]),
                "residual_z": relative_residuals(z_before, z),
                "z_reverse": self.model.reverse_embed(z).argmax(-1).cpu().numpy().astype(np.uint8),
                "y_reverse": self.model.reverse_embed(y[1:]).argmax(-1).cpu().numpy().astype(np.uint8),
            }
        for name, part in step.items():
            self.parts.setdefault(name, []).append(part)
        return {name: np.concatenate(parts) for name, parts in self.parts.items()}


def mean_entropy(probabilities: Float[np.ndarray, "frames cells vocab"]) -> Float[np.ndarray, "frames"]:
    """Entropy in bits for each frame, averaged over cells; 0 if there are no cells."""
    if not probabilities.shape[1]:
        return np.zeros(len(probabilities), np.float32)
    bits = -(probabilities * np.log2(np.maximum(probabilities, 1e-12))).sum(-1)
    return bits.mean(-1).astype(np.float32)


def relative_residuals(
    before: Num[Tensor, "moves position dim"], after: Num[Tensor, "moves position dim"]
) -> Float[np.ndarray, "moves"]:
    """Relative residual ||after - before|| / ||after|| for each update, with norms over all positions and channels."""
    before, after = before.float().flatten(1), after.float().flatten(1)
    return ((after - before).norm(dim=1) / after.norm(dim=1)).cpu().numpy()
