"""Probe targets: properties of a cell or a puzzle that probes decode from latent states. The task computes the values.

A target has a meaning, a mask of the cells where it is defined, and a chance level. Most masks exclude cells whose input
shows the value, because decoding the digit of a given would prove nothing.
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
    """Return the targets of a task in display order. Their names are unique."""
    if task.name == "sudoku":
        from probes.linear.targets.sudoku import sudoku_targets

        return tuple(sudoku_targets(task))
    if task.name == "maze":
        from probes.linear.targets.maze import maze_targets

        return tuple(maze_targets(task))
    return (*symbol_targets(task, PADDING + 1, "symbol"), *correctness_targets(task), *run_targets())


def target_of(task: Task, name: str) -> Target:
    """Return the target called `name`. Raises TargetError with a list of all targets if the name is unknown."""
    targets = {target.name: target for target in targets_of(task)}
    if name not in targets:
        raise TargetError(f"There is no target {name!r} of {task.name}. Choose one of: {', '.join(targets)}.")
    return targets[name]
