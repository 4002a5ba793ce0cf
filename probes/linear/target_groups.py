"""Target groups, the units that an experiment reports. A target group has one or several targets.

For example, the candidates of a cell are nine binary targets. A probe is fitted for each target, and the nine probes
are scored together over all cells and digits.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from probes.linear.experiment.summary import TargetSummary
from probes.linear.probe import main_score
from probes.linear.targets import Target, TargetError, targets_of
from trm.tasks.base import Task

CANDIDATES = "candidates"


@dataclass(frozen=True)
class TargetGroup:
    """Targets whose probes are fitted separately and scored together. Most groups have a single target."""

    name: str
    meaning: str
    members: tuple[Target, ...]

    @property
    def first(self) -> Target:
        """The first member, whose kind, level, classes and needs are those of all members."""
        return self.members[0]

    @property
    def score(self) -> str:
        """The name of the group's main score."""
        return main_score(self.first.classes)

    def summary(self) -> TargetSummary:
        """Return a description of the group."""
        first = self.first
        return TargetSummary(
            name=self.name,
            meaning=self.meaning,
            kind=first.kind.value,
            level=first.level.value,
            classes=tuple(first.classes),
            members=tuple(member.name for member in self.members),
            score=self.score,
            chance=first.chance,
            chance_note=first.chance_note,
        )


def groups_of(task: Task) -> tuple[TargetGroup, ...]:
    """Return all target groups of a task, without pooled targets (whose value depends only on the time point)."""
    groups: dict[str, TargetGroup] = {}
    for target in targets_of(task):
        if target.pooled:
            continue
        if target.name.startswith("candidate_"):
            members = groups[CANDIDATES].members if CANDIDATES in groups else ()
            groups[CANDIDATES] = TargetGroup(
                CANDIDATES,
                "For each digit, whether the givens of its row, column and box allow it in this blank cell.",
                (*members, target),
            )
        else:
            groups[target.name] = TargetGroup(target.name, target.meaning, (target,))
    return tuple(groups.values())


def groups_named(task: Task, names: Sequence[str]) -> tuple[TargetGroup, ...]:
    """Return the groups with these names, in this order. Raises TargetError for an unknown name or without names."""
    groups = {group.name: group for group in groups_of(task)}
    for name in names:
        if name not in groups:
            raise TargetError(
                f"There is no target {name!r} of {task.name}. Choose from: {', '.join(groups)}."
            )
    if not names:
        raise TargetError(f"No target was chosen. Choose from: {', '.join(groups)}.")
    return tuple(groups[name] for name in dict.fromkeys(names))


def default_targets(task: Task) -> tuple[str, ...]:
    """Return the names of a task's default targets, which are informative and cheap to fit."""
    return {
        "sudoku": ("solution", "candidates_left", "right_now"),
        "maze": ("on_path", "dead_end", "distance_to_goal"),
    }.get(task.name, ("answer_now", "right_now"))


def recorded_targets(task: Task) -> tuple[str, ...]:
    """Return the names of the targets in a task's recorded experiments."""
    return {
        "sudoku": (
            "solution", "answer_now", "candidates", "candidates_left", "naked_single", "naked_single_now",
            "conflict_now", "singles_round", "right_now", "right_at_end", "given",
        ),
        "maze": (
            "on_path", "dead_end", "distance_to_start", "distance_to_goal", "next_direction", "reached_within_16",
            "right_now", "right_at_end",
        ),
    }.get(task.name, default_targets(task))  # fmt: skip
