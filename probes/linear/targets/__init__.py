"""Probe targets: properties of a cell or a puzzle, computed by the task's own logic, that probes decode from the states.

A target has a meaning, a mask of the cells for which it is defined, and a chance level. Cells whose input shows the
value are left out: decoding the digit of a given would prove nothing.
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
    """A task's targets, in display order. Their names are unique."""
    if task.name == "sudoku":
        from probes.linear.targets.sudoku import sudoku_targets

        return tuple(sudoku_targets(task))
    if task.name == "maze":
        from probes.linear.targets.maze import maze_targets

        return tuple(maze_targets(task))
    return (*symbol_targets(task, PADDING + 1, "symbol"), *correctness_targets(task), *run_targets())


def target_of(task: Task, name: str) -> Target:
    """The target of this name. Raises TargetError, listing all targets, for an unknown name."""
    targets = {target.name: target for target in targets_of(task)}
    if name not in targets:
        raise TargetError(f"There is no target {name!r} of {task.name}. Choose one of: {', '.join(targets)}.")
    return targets[name]
