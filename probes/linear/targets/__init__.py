"""Targets of probes: what the task's own logic says of a cell or of a puzzle, to be looked for in the states.

A target says what it means, for which cells it is defined, and what chance is. Cells that show it openly are left out:
a given holds its digit for everyone to see, so a probe that reads it there has found nothing.
"""

from probes.linear.targets.base import Evidence, Level, Target, TargetError, TargetKind, Values, values_at
from probes.linear.targets.common import correctness_targets, run_targets, symbol_targets
from trm.tasks.base import PADDING, Task

__all__ = [
    "Evidence",
    "Level",
    "Target",
    "TargetError",
    "TargetKind",
    "Values",
    "target_of",
    "targets_of",
    "values_at",
]


def targets_of(task: Task) -> tuple[Target, ...]:
    """All targets that apply to this task, in the order of their listing; their names are unique."""
    if task.name == "sudoku":
        from probes.linear.targets.sudoku import sudoku_targets

        return tuple(sudoku_targets(task))
    if task.name == "maze":
        from probes.linear.targets.maze import maze_targets

        return tuple(maze_targets(task))
    return (*symbol_targets(task, PADDING + 1, "symbol"), *correctness_targets(task), *run_targets())


def target_of(task: Task, name: str) -> Target:
    """The target of this name. Raises TargetError naming those there are."""
    targets = {target.name: target for target in targets_of(task)}
    if name not in targets:
        raise TargetError(f"There is no target {name!r} of {task.name}. Choose one of: {', '.join(targets)}.")
    return targets[name]
