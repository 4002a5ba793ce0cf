"""What a target is, and what it is computed from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float32, Int16, Num, Shaped, UInt8

from trm.errors import UserError
from trm.tasks.base import Task

Tokens = UInt8[np.ndarray, "_ _"]
"""Symbols, `puzzle cell`. Shapes are checked in `Evidence`, with messages for people."""


class TargetError(UserError):
    """A target that cannot be computed from what is there."""


class TargetKind(StrEnum):
    """What the values of a target are."""

    BINARY = "binary"
    CLASSES = "classes"
    NUMBER = "number"


class Level(StrEnum):
    """What a target has one value of."""

    CELL = "cell"
    PUZZLE = "puzzle"


@dataclass(frozen=True, eq=False)
class Evidence:
    """Some puzzles at one time point of their runs: all that a target may be computed from. What is not known is None.

    Raises TargetError where arrays do not fit the task or each other.
    """

    task: Task
    inputs: Tokens
    labels: Tokens | None = None  # 0 in cells that are not scored, as all_cells
    now: Tokens | None = None  # answers read at this time point
    end: Tokens | None = None  # answers after the last supervision step
    supervision_step: int | None = None  # of this time point, from 1
    halts: Bool[np.ndarray, "_"] | None = None  # of each puzzle, whether the model would halt after that step
    known_facts: Mapping[str, Shaped[np.ndarray, "_ _"]] | None = None
    """`Task.facts` of every puzzle, where they have been computed before: those of a trace store."""

    def __post_init__(self) -> None:
        if self.inputs.shape[1] != self.task.cells:
            raise TargetError(
                f"These puzzles have {self.inputs.shape[1]} cells, those of {self.task.name} here have "
                f"{self.task.cells}. Choose the task in their size."
            )
        for name in ("labels", "now", "end"):
            tokens = getattr(self, name)
            if tokens is not None and tokens.shape != self.inputs.shape:
                raise TargetError(
                    f"{NEEDS[name].capitalize()} have the shape {tokens.shape}, the puzzles {self.inputs.shape}. "
                    "Give both for the same puzzles."
                )
        if self.halts is not None and len(self.halts) != len(self.inputs):
            raise TargetError(
                f"Whether the model halts is given for {len(self.halts)} puzzles of {len(self.inputs)}. "
                "Give it for each."
            )

    @property
    def givens(self) -> Bool[np.ndarray, "puzzle cell"]:
        """Cells that the puzzle fixes."""
        return self.task.givens(self.inputs)

    @cached_property
    def facts(self) -> Mapping[str, Shaped[np.ndarray, "puzzle cell"]]:
        """`Task.facts` of every puzzle, stacked by name."""
        if self.known_facts is not None:
            return self.known_facts
        found = [self.task.facts(puzzle) for puzzle in self.inputs]
        names = found[0] if found else ()
        return {name: np.stack([facts[name] for facts in found]) for name in names}


NEEDS = {
    "labels": "the solutions",
    "now": "the answers now",
    "end": "the answers at the end",
    "supervision_step": "the supervision step",
    "halts": "whether the model would halt",
}
"""What a target may need, as it is called in messages."""
PER_TIME_POINT = frozenset({"now", "supervision_step", "halts"})


@dataclass(frozen=True, eq=False)
class Values:
    """Values of a target: a class (from 0; binary: 1 is yes) or a number, and 0 wherever it is not defined.

    One axis of puzzles, then one of time points where there are several, then one of cells for a target of cells.
    """

    values: Int16[np.ndarray, "*shape"] | Float32[np.ndarray, "*shape"]
    defined: Bool[np.ndarray, "*shape"]


RawValues = tuple[Num[np.ndarray, "*shape"] | Bool[np.ndarray, "*shape"], Bool[np.ndarray, "*shape"]]
"""Values as they come, and where they are defined."""


@dataclass(frozen=True)
class Target:
    """Something that a state may hold."""

    name: str
    meaning: str  # one sentence
    kind: TargetKind
    level: Level
    classes: tuple[str, ...]  # their names; ("no", "yes") for binary ones, () for numbers
    compute: Callable[[Evidence], RawValues]
    needs: frozenset[str] = frozenset()  # of NEEDS

    @property
    def varies(self) -> bool:
        """Whether it may change from time point to time point."""
        return bool(self.needs & PER_TIME_POINT)

    @property
    def pooled(self) -> bool:
        """Whether it is the same for all puzzles of a time point, so that only one probe over all time points makes sense."""
        return self.needs == {"supervision_step"}

    @property
    def chance(self) -> float:
        """The score that knowing nothing gets: AUROC or balanced accuracy of any guess that does not look, R^2 of the mean."""
        return 0.0 if self.kind is TargetKind.NUMBER else 1 / len(self.classes)

    @property
    def chance_note(self) -> str:
        """What chance is, in words."""
        if self.kind is TargetKind.NUMBER:
            return "R^2 is 0 for whoever always says the mean."
        if len(self.classes) == 2:
            return "AUROC is 0.5 for whoever does not look: a yes is rated above a no as often as below."
        return (
            f"Balanced accuracy is 1/{len(self.classes)} for whoever does not look; accuracy is the share of the most "
            "frequent class."
        )

    def of(self, evidence: Evidence) -> Values:
        """Values for these puzzles at this time point, `puzzle cell` or `puzzle`. Raises TargetError where something is missing."""
        for name in sorted(self.needs):
            if getattr(evidence, name) is None:
                raise TargetError(
                    f"The target {self.name} needs {NEEDS[name]}. Give them, or choose another."
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
    """Values at several time points, `puzzle time point cell`, as `fit_probe` takes them; a single cell for targets of puzzles.

    `now`, `supervision_steps` and `halts` are what `evidence` holds of one time point. A target that does not change gets a
    single time point. Raises TargetError where something is missing.
    """
    if target.varies:
        given = {"now": now, "supervision_step": supervision_steps, "halts": halts}
        for name in sorted(target.needs & PER_TIME_POINT):
            if given[name] is None:
                raise TargetError(
                    f"The target {target.name} needs {NEEDS[name]} at every time point. Give them."
                )
        time_points = {
            len(part) if name == "supervision_step" else part.shape[1]
            for name, part in given.items()
            if name in target.needs
        }
        if len(time_points) > 1:
            raise TargetError(
                f"The target {target.name} was given numbers of time points that differ: {sorted(time_points)}."
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
    values = np.stack([found.values for found in at_each], axis=1)
    defined = np.stack([found.defined for found in at_each], axis=1)
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
    """A target that is true or not."""
    return Target(name, meaning, TargetKind.BINARY, level, ("no", "yes"), compute, frozenset(needs))


def number(
    name: str,
    meaning: str,
    compute: Callable[[Evidence], RawValues],
    *needs: str,
    level: Level = Level.CELL,
) -> Target:
    """A target that is counted or measured."""
    return Target(name, meaning, TargetKind.NUMBER, level, (), compute, frozenset(needs))


def classes(
    name: str,
    meaning: str,
    names: Sequence[str],
    compute: Callable[[Evidence], RawValues],
    *needs: str,
    level: Level = Level.CELL,
) -> Target:
    """A target that is one of several things."""
    return Target(name, meaning, TargetKind.CLASSES, level, tuple(names), compute, frozenset(needs))
