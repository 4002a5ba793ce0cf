"""Targets of probes: what the task's own logic says of a cell or of a puzzle, to be looked for in the states.

A target says what it means, for which cells it is defined, and what chance is. Cells that show it openly are left out:
a given holds its digit for everyone to see, so a probe that reads it there has found nothing.
"""

from probes.linear.targets.base import Evidence, Kind, Level, Target, TargetError, Values, values_at
from probes.linear.targets.listed import target_of, targets_of

__all__ = [
    "Evidence",
    "Kind",
    "Level",
    "Target",
    "TargetError",
    "Values",
    "target_of",
    "targets_of",
    "values_at",
]
