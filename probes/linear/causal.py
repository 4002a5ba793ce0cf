"""Tests whether the model uses what a probe decodes, by changing a state along the probe's direction.

At one time point of the run, the state of every cell is moved along the direction, or its component along the direction
is erased (set to the training mean). Any change to a state can do harm, so each test is repeated along random
directions, with every cell moved by the same distance. Only an effect larger than the effect of random directions is
evidence of use (Elazar et al. 2021, arXiv:2006.00995; Ravichander et al. 2021, arXiv:2005.00719).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float32, Float64
from torch import Tensor

from probes.linear.apply import check_fit
from probes.linear.directions import direction_of
from probes.linear.experiment.summary import CausalSummary
from probes.linear.files import SavedProbe
from probes.linear.probe import ProbeError
from probes.states import StateSource
from probes.stats import BY_PUZZLE
from trm.coordinates import Coordinates, Depth
from trm.data import PuzzleSet
from trm.model import Model
from trm.progress import Progress, no_progress, part_of
from trm.recursion import Hook, State
from trm.tasks.base import PADDING, Task

HOWS = ("move", "erase")
SYMBOL_TARGETS = ("solution", "answer_now")
"""Targets whose classes are answer symbols, so that the answers equal to the chosen class can be counted."""


@dataclass(frozen=True)
class CausalSettings:
    """Settings of a causal test. Raises ProbeError if a setting is invalid."""

    how: str = "move"
    """move: steer along the direction; erase: project it out, to the training mean"""
    strength: float = 4.0
    """for move: standard deviations of the states along the direction"""
    randoms: int = 4
    """number of random directions to compare with"""
    seed: int = 0
    """seed of the random directions"""

    def __post_init__(self) -> None:
        if self.how not in HOWS:
            raise ProbeError(f"There is no intervention {self.how!r}. Choose move or erase.")
        if not (np.isfinite(self.strength) and self.strength and 1 <= self.randoms <= 100 and self.seed >= 0):
            raise ProbeError(
                "Give a strength other than 0, 1 to 100 random directions, and a seed of 0 or more."
            )


@dataclass(frozen=True, eq=False)
class Outcome:
    """The outcome of clean or intervened runs.

    Each array of numbers holds the fraction of every puzzle's blank cells, 0 to 1, to which its comment applies.
    """

    changed_now: Float64[np.ndarray, "puzzle"]  # answer after the time point differs from the clean run
    changed_end: Float64[np.ndarray, "puzzle"]  # final answer differs from the clean run
    right_end: Float64[np.ndarray, "puzzle"]  # final answer is correct
    of_class: Float64[np.ndarray, "puzzle"] | None  # final answer is the class steered to
    solved: Bool[np.ndarray, "puzzle"]  # whether the final answer is correct in every blank cell

    def summary(self) -> dict[str, float]:
        """Return the mean of each quantity over the puzzles."""
        means = {
            "changed_now": float(self.changed_now.mean()),
            "changed_end": float(self.changed_end.mean()),
            "right_end": float(self.right_end.mean()),
            "solved": float(self.solved.mean()),
        }
        return means | ({} if self.of_class is None else {"of_class": float(self.of_class.mean())})


@dataclass(frozen=True, eq=False)
class CausalResult:
    """The outcomes of the clean runs, and of runs changed along the probe's direction and along random directions."""

    probe: SavedProbe
    at: Coordinates
    class_name: str  # "" for numeric targets
    settings: CausalSettings
    distance: float  # mean distance that a cell's state is moved, as a fraction of the state's norm
    clean: Outcome
    along: Outcome
    random: tuple[Outcome, ...]

    def excess(self, name: str) -> tuple[float, float, float]:
        """Return the effect of the probe's direction minus the mean effect of the random directions.

        `name` is a field of `Outcome`. Returns the mean over puzzles and the bounds of its 95 % confidence interval.
        """
        own = getattr(self.along, name)
        difference = own - np.mean([getattr(outcome, name) for outcome in self.random], axis=0)
        sums = BY_PUZZLE.sums(difference[:, None].astype(np.float64))
        low, high = BY_PUZZLE.band(sums / len(difference))[:, 0]
        return float(difference.mean()), float(low), float(high)

    def summary(self) -> CausalSummary:
        """Return the means over the puzzles."""
        names = ["changed_now", "changed_end", "right_end"]
        names += ["of_class"] if self.along.of_class is not None else []
        return CausalSummary(
            target=self.probe.target,
            state=self.probe.state,
            class_name=self.class_name,
            at=self.at,
            how=self.settings.how,
            strength=self.settings.strength if self.settings.how == "move" else None,
            puzzles=len(self.clean.right_end),
            distance=self.distance,
            clean=self.clean.summary(),
            along=self.along.summary(),
            random=tuple(outcome.summary() for outcome in self.random),
            excess={
                name: dict(zip(("value", "low", "high"), self.excess(name), strict=True)) for name in names
            },
        )


def run_causal_test(
    model: Model,
    task: Task,
    puzzles: PuzzleSet,
    probe: SavedProbe,
    *,
    time_point: int,
    class_name: str = "",
    settings: CausalSettings | None = None,
    depth: Depth | None = None,
    progress: Progress = no_progress,
) -> CausalResult:
    """Run the puzzles unchanged, changed along the probe's direction, and changed along random directions.

    `time_point` is an index into the probe's time points. A change to z after the last call of the last supervision
    step has no effect, because no later call uses z. Raises ProbeError or ProbeFileError if the probe does not fit the
    model or has no such time point or class, and PuzzleError if the puzzles do not fit the model.
    """
    settings, depth = settings or CausalSettings(), depth or model.config.depth
    check_fit(probe, model, depth)
    if not 0 <= time_point < len(probe.time_points):
        raise ProbeError(
            f"There is no time point {time_point}: this probe has {len(probe.time_points)}, counted from 0."
        )
    if probe.state == "z" and model.config.latents > 1:
        raise ProbeError("This model has several z states. Choose a probe of y.")
    at, direction = probe.time_points[time_point], direction_of(probe, time_point, class_name)
    run_count = 2 + settings.randoms

    def run(number: int, message: str, change: Hook) -> StateSource:
        return StateSource.compute(
            model,
            task,
            puzzles,
            depth=depth,
            time_points=(at,),
            states=(probe.state,),
            change=change,
            progress=part_of(progress, number / run_count, (number + 1) / run_count),
            message=message,
        )

    clean = run(0, "clean run", lambda where, state: state)
    before = clean.states(probe.state, at)  # (puzzle, cell, dim)
    along = before @ direction
    spread = float(along.std())
    steering = Steering(
        probe, at, direction, float(probe.result.mean[time_point] @ direction), settings, spread
    )
    changed = run(
        1, "run changed along the probe's direction", steering.hook(direction, model.config.prefix_length)
    )
    others = []
    rng = np.random.default_rng(settings.seed)
    for number in range(settings.randoms):
        random = rng.normal(size=len(direction)).astype(np.float32)
        hook = steering.hook(random / np.linalg.norm(random), model.config.prefix_length)
        others.append(
            run(2 + number, f"run changed along random direction {number + 1} of {settings.randoms}", hook)
        )
    token = None
    if probe.target in SYMBOL_TARGETS and class_name:
        token = task.symbol_names.index(class_name)
    distance = np.abs(steering.lengths(along)) / np.linalg.norm(before, axis=-1)

    def outcome(source: StateSource) -> Outcome:
        return outcome_of(source, clean, at, token)

    return CausalResult(
        probe,
        at,
        class_name,
        settings,
        float(distance.mean()),
        outcome(clean),
        outcome(changed),
        tuple(map(outcome, others)),
    )


@dataclass(frozen=True, eq=False)
class Steering:
    """An intervention that moves each cell's state along the probe's direction or equally far along a random direction."""

    probe: SavedProbe
    at: Coordinates
    direction: Float32[np.ndarray, "dim"]  # the probe's direction, a unit vector
    mean: float  # mean coordinate of the training puzzles along the direction
    settings: CausalSettings
    spread: float  # standard deviation of the states along the direction

    def lengths(self, along: Any) -> Any:
        """Return the signed distance to move each cell, given its coordinate `along` the probe's direction."""
        if self.settings.how == "erase":
            return self.mean - along
        return 0 * along + self.settings.strength * self.spread

    def hook(self, towards: Float32[np.ndarray, "dim"], prefix: int) -> Hook:
        """Return an `after_call` hook that moves every cell along the unit vector `towards`.

        Each cell is moved by the distance that it would be moved along the probe's direction. The first `prefix`
        positions do not change.
        """

        def moved(state: Tensor) -> Tensor:
            own = torch.from_numpy(self.direction).to(state)
            unit = torch.from_numpy(towards).to(state)
            result = state.clone()
            lengths = self.lengths(state[:, prefix:] @ own)
            result[:, prefix:] += lengths[..., None] * unit
            return result

        def after_call(where: Coordinates, state: State) -> State:
            if where != self.at:
                return state
            if self.probe.state == "y":
                return State(moved(state.y), state.z)
            return State(state.y, moved(state.z))

        return after_call


def outcome_of(
    changed: StateSource, clean: StateSource, at: Coordinates, token: int | None = None
) -> Outcome:
    """Compare runs with the clean runs and with the solutions in `labels`.

    `right_end` is a fraction of the blank cells whose label is not padding. `of_class` counts the token `token`.
    """
    labels, blank = clean.puzzles.labels, ~clean.task.givens(clean.puzzles.inputs)
    end = changed.final_answers()
    scored = blank & (labels != PADDING)
    return Outcome(
        changed_now=_share(changed.answers(at) != clean.answers(at), blank),
        changed_end=_share(end != clean.final_answers(), blank),
        right_end=_share(end == labels, scored),
        of_class=None if token is None else _share(end == token, blank),
        solved=((end == labels) | ~scored).all(-1),
    )


def _share(
    flags: Bool[np.ndarray, "puzzle cell"], of: Bool[np.ndarray, "puzzle cell"]
) -> Float64[np.ndarray, "puzzle"]:
    return (flags & of).sum(-1) / np.maximum(of.sum(-1), 1)


def readable_result(result: CausalResult) -> dict[str, Any]:
    """Format a result for the terminal: the clean runs, the probe's direction, and the range of random directions."""
    lines: dict[str, Any] = {
        "change": f"{result.settings.how} {result.probe.state} after step {result.at.supervision_step} along "
        f"{result.probe.target} {result.class_name}".strip(),
        "mean move, share of the norm": result.distance,
    }
    labels = {
        "changed_now": "answers changed immediately",
        "changed_end": "final answers changed",
        "right_end": "final answers correct",
        "of_class": f"final answers equal to {result.class_name}",
        "solved": "puzzles solved",
    }
    for name in result.along.summary():
        random = [outcome.summary()[name] for outcome in result.random]
        lines[labels[name]] = (
            f"clean {result.clean.summary()[name]:.4f}, along the probe {result.along.summary()[name]:.4f}, "
            f"random {min(random):.4f} to {max(random):.4f}"
        )
    return lines
