"""Targets as they are asked for: one, or several that say one thing together.

The candidates of a cell are nine binary targets. They are fitted apart, but what a state holds of them is scored
together, over all cells and digits.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from probes.linear.probe import main_score
from probes.linear.targets import Target, TargetError, targets_of
from trm.tasks.base import Task

CANDIDATES = "candidates"


@dataclass(frozen=True)
class TargetGroup:
    """Targets that are fitted apart and scored together; usually one."""

    name: str
    meaning: str
    members: tuple[Target, ...]

    @property
    def first(self) -> Target:
        """TargetKind, level, classes and needs are those of every member."""
        return self.members[0]

    @property
    def score(self) -> str:
        """The score that it is judged by."""
        return main_score(self.first.classes)

    def facts(self) -> dict:
        """What it is, for JSON."""
        first = self.first
        return {
            "name": self.name,
            "meaning": self.meaning,
            "kind": first.kind.value,
            "level": first.level.value,
            "classes": list(first.classes),
            "members": [member.name for member in self.members],
            "score": self.score,
            "chance": first.chance,
            "chance_says": first.chance_note,
        }


def groups_of(task: Task) -> tuple[TargetGroup, ...]:
    """All there are for a task. Targets of whole runs, that every puzzle shares at a time point, are left out."""
    found: dict[str, TargetGroup] = {}
    for target in targets_of(task):
        if target.pooled:
            continue
        if target.name.startswith("candidate_"):
            before = found[CANDIDATES].members if CANDIDATES in found else ()
            found[CANDIDATES] = TargetGroup(
                CANDIDATES,
                "For each digit, whether the givens of its row, column and box leave it to this blank cell.",
                (*before, target),
            )
        else:
            found[target.name] = TargetGroup(target.name, target.meaning, (target,))
    return tuple(found.values())


def groups_named(task: Task, names: Sequence[str]) -> tuple[TargetGroup, ...]:
    """Those of these names, in that order. Raises TargetError naming all there are."""
    known = {group.name: group for group in groups_of(task)}
    for name in names:
        if name not in known:
            raise TargetError(f"There is no target {name!r} of {task.name}. Choose from: {', '.join(known)}.")
    if not names:
        raise TargetError(f"No target is chosen. Choose from: {', '.join(known)}.")
    return tuple(known[name] for name in dict.fromkeys(names))


def usual_targets(task: Task) -> tuple[str, ...]:
    """A few that are cheap to fit and say most."""
    return {
        "sudoku": ("solution", "candidates_left", "right_now"),
        "maze": ("on_path", "dead_end", "distance_to_goal"),
    }.get(task.name, ("answer_now", "right_now"))


def recorded_targets(task: Task) -> tuple[str, ...]:
    """Those that the recorded result of a model shows."""
    return {
        "sudoku": (
            "solution", "answer_now", "candidates", "candidates_left", "naked_single", "naked_single_now",
            "conflict_now", "singles_round", "right_now", "right_at_end", "given",
        ),
        "maze": (
            "on_path", "dead_end", "distance_to_start", "distance_to_goal", "next_direction", "reached_within_16",
            "right_now", "right_at_end",
        ),
    }.get(task.name, usual_targets(task))  # fmt: skip
