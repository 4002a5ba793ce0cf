"""Definition of probe targets, and the data from which their values are computed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float32, Int16, Num, Shaped, UInt8

from trm.errors import UserError
from trm.tasks.base import Task

Tokens = UInt8[np.ndarray, "_ _"]
"""Tokens, shape [N, cells]. The axes are unnamed because `Evidence` checks the shapes with its own error messages."""


class TargetError(UserError):
    """Raised if a target does not exist or cannot be computed from the given data."""


class TargetKind(StrEnum):
    """Type of a target's values: yes or no, several classes, or numbers."""

    BINARY = "binary"
    CLASSES = "classes"
    NUMBER = "number"


class Level(StrEnum):
    """Whether a target has one value for each cell or one value for each puzzle."""

    CELL = "cell"
    PUZZLE = "puzzle"


@dataclass(frozen=True, eq=False)
class Evidence:
    """Data from which targets are computed: N puzzles at one time point of their runs. Unknown data is None.

    Raises TargetError if the arrays do not match the task or each other.
    """

    task: Task
    inputs: Tokens
    labels: Tokens | None = None  # the solutions; 0 in cells that are not scored
    now: Tokens | None = None  # answers at this time point
    end: Tokens | None = None  # answers after the last supervision step
    supervision_step: int | None = None  # number of the supervision step at this time point, from 1
    halts: Bool[np.ndarray, "_"] | None = None  # whether the model would halt after this step, shape [N]
    precomputed_facts: Mapping[str, Shaped[np.ndarray, "_ _"]] | None = None
    """Precomputed values of `facts`, for example from a trace store."""

    def __post_init__(self) -> None:
        if self.inputs.shape[1] != self.task.cells:
            raise TargetError(
                f"These puzzles have {self.inputs.shape[1]} cells, but this {self.task.name} task has {self.task.cells}. "
                "Use a task of the same size."
            )
        for name in ("labels", "now", "end"):
            tokens = getattr(self, name)
            if tokens is not None and tokens.shape != self.inputs.shape:
                raise TargetError(
                    f"{NEEDS[name].capitalize()} have the shape {tokens.shape}, but the puzzles have {self.inputs.shape}. "
                    "Give both for the same puzzles."
                )
        if self.halts is not None and len(self.halts) != len(self.inputs):
            raise TargetError(
                f"Halting decisions are given for {len(self.halts)} puzzles of {len(self.inputs)}. "
                "Give one per puzzle."
            )

    @property
    def givens(self) -> Bool[np.ndarray, "puzzle cell"]:
        """Mask of the given cells, shape [N, cells]."""
        return self.task.givens(self.inputs)

    @cached_property
    def facts(self) -> Mapping[str, Shaped[np.ndarray, "puzzle cell"]]:
        """`Task.cell_features` of all puzzles, keyed by name. Each array has the shape [N, cells]."""
        if self.precomputed_facts is not None:
            return self.precomputed_facts
        by_puzzle = [self.task.cell_features(puzzle) for puzzle in self.inputs]
        names = by_puzzle[0] if by_puzzle else ()
        return {name: np.stack([facts[name] for facts in by_puzzle]) for name in names}

    def of_inputs(self, rows: slice) -> "Evidence":
        """Return the evidence of some puzzles that their inputs alone give."""
        facts = {name: values[rows] for name, values in self.facts.items()}
        return Evidence(self.task, self.inputs[rows], precomputed_facts=facts)


NEEDS = {
    "labels": "the solutions",
    "now": "the current answers",
    "end": "the final answers",
    "supervision_step": "the supervision step",
    "halts": "the halting decisions",
}
"""Fields of `Evidence` that a target may need, with their names in messages."""
PER_TIME_POINT = frozenset({"now", "supervision_step", "halts"})


@dataclass(frozen=True, eq=False)
class Values:
    """Values of a target, and a mask that is True where the target is defined.

    Values are class indices or numbers, and 0 where the target is undefined. For binary targets, 1 means yes. `Target.of`
    returns the shape [N, cells] or, for puzzle-level targets, [N]. `values_at` returns [N, time points, cells].
    """

    values: Int16[np.ndarray, "*shape"] | Float32[np.ndarray, "*shape"]
    defined: Bool[np.ndarray, "*shape"]


RawValues = tuple[Num[np.ndarray, "*shape"] | Bool[np.ndarray, "*shape"], Bool[np.ndarray, "*shape"]]
"""Values before conversion to a common data type, and a mask that is True where they are defined."""


@dataclass(frozen=True)
class Target:
    """A property of a cell or a puzzle that a latent state may encode."""

    name: str
    meaning: str  # one sentence
    kind: TargetKind
    level: Level
    classes: tuple[str, ...]  # class names; ("no", "yes") for binary targets, () for numeric targets
    compute: Callable[[Evidence], RawValues]
    needs: frozenset[str] = frozenset()  # keys of NEEDS

    @property
    def varies(self) -> bool:
        """Whether the value can change between time points."""
        return bool(self.needs & PER_TIME_POINT)

    @property
    def pooled(self) -> bool:
        """Whether all puzzles have the same value at a time point, so that one probe must cover all time points."""
        return self.needs == {"supervision_step"}

    @property
    def chance(self) -> float:
        """Chance level: AUROC or balanced accuracy of guesses that ignore the state, or R² of predicting the mean."""
        return 0.0 if self.kind is TargetKind.NUMBER else 1 / len(self.classes)

    @property
    def chance_note(self) -> str:
        """A sentence that states the chance level."""
        if self.kind is TargetKind.NUMBER:
            return "Chance: R² = 0, for always predicting the mean."
        if len(self.classes) == 2:
            return "Chance is AUROC 0.5: a random guess ranks a positive above a negative half the time."
        return f"Chance: balanced accuracy 1/{len(self.classes)}; accuracy equal to the share of the majority class."

    def of(self, evidence: Evidence) -> Values:
        """Compute the values, shape [N, cells] or, at puzzle level, [N]. Raises TargetError if data is missing."""
        for name in sorted(self.needs):
            if getattr(evidence, name) is None:
                raise TargetError(
                    f"The target {self.name} needs {NEEDS[name]}. Provide them, or choose another target."
                )
        values, defined = self.compute(evidence)
        dtype = np.float32 if self.kind is TargetKind.NUMBER else np.int16
        return Values(np.where(defined, values, 0).astype(dtype), defined)


def values_at(
    target: Target,
    evidence: Evidence,
    *,
    now: UInt8[np.ndarray, "puzzle time cell"] | None = None,
    supervision_steps: Sequence[int] | None = None,
    halts: Bool[np.ndarray, "puzzle time"] | None = None,
) -> Values:
    """Compute the values at several time points for `fit_probe`, shape [N, time points, cells].

    Puzzle-level targets have a single cell. `now`, `supervision_steps` and `halts` hold the data of all time points and
    replace the fields of `evidence`. Targets whose value cannot change have a single time point. Raises TargetError if
    needed data is missing or the numbers of time points differ.
    """
    if target.varies:
        given = {"now": now, "supervision_step": supervision_steps, "halts": halts}
        for name in sorted(target.needs & PER_TIME_POINT):
            if given[name] is None:
                raise TargetError(f"The target {target.name} needs {NEEDS[name]} at every time point.")
        time_points = {
            len(part) if name == "supervision_step" else part.shape[1]
            for name, part in given.items()
            if name in target.needs
        }
        if len(time_points) > 1:
            raise TargetError(
                f"The data for the target {target.name} have different numbers of time points: {sorted(time_points)}."
            )
        at_each = [
            target.of(
                replace(
                    evidence,
                    now=None if now is None or "now" not in target.needs else now[:, time_point],
                    supervision_step=None if supervision_steps is None else supervision_steps[time_point],
                    halts=None if halts is None or "halts" not in target.needs else halts[:, time_point],
                )
            )
            for time_point in range(time_points.pop())
        ]
    else:
        at_each = [target.of(evidence)]
    values = np.stack([one.values for one in at_each], axis=1)
    defined = np.stack([one.defined for one in at_each], axis=1)
    if target.level is Level.PUZZLE:
        values, defined = values[..., None], defined[..., None]
    return Values(values, defined)


def binary(
    name: str,
    meaning: str,
    compute: Callable[[Evidence], RawValues],
    *needs: str,
    level: Level = Level.CELL,
) -> Target:
    """Create a target with the classes no and yes. `needs` holds keys of `NEEDS`."""
    return Target(name, meaning, TargetKind.BINARY, level, ("no", "yes"), compute, frozenset(needs))


def number(
    name: str,
    meaning: str,
    compute: Callable[[Evidence], RawValues],
    *needs: str,
    level: Level = Level.CELL,
) -> Target:
    """Create a target whose values are numbers. `needs` holds keys of `NEEDS`."""
    return Target(name, meaning, TargetKind.NUMBER, level, (), compute, frozenset(needs))


def classes(
    name: str,
    meaning: str,
    names: Sequence[str],
    compute: Callable[[Evidence], RawValues],
    *needs: str,
    level: Level = Level.CELL,
) -> Target:
    """Create a target with the classes `names`. `needs` holds keys of `NEEDS`."""
    return Target(name, meaning, TargetKind.CLASSES, level, tuple(names), compute, frozenset(needs))
