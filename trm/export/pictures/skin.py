"""Define skins: the marks and texts of each type of grid, as in the player. A task's looks determine its skin."""

from dataclasses import dataclass

from trm.tasks.base import Task


@dataclass(frozen=True)
class Skin:
    """The marks of a type of grid (text, maze, or colours), and the names of its texts in trm/player/text/english.js."""

    name: str
    marks: tuple[str, ...]  # marks in the legend
    conflict: str  # the conflict mark
    conflicts: str  # the number of conflicts
    no_conflicts: str  # an answer without conflicts that does not count as solved
    captions: dict[str, str]  # what the cells show, by mode
    fades: str = ""  # the look of cells that fade out after an answer drops them


def _captions(probabilities: str, confidence: str, change: str) -> dict[str, str]:
    return {
        "answer": "y_caption",
        "probabilities": probabilities,
        "confidence": confidence,
        "change": change,
    }


TEXT = Skin(
    "text",
    ("given", "changed", "conflict", "wrong"),
    "mark_conflict",
    "cells_in_conflict",
    "no_rule_broken",
    _captions("symbol_size", "shade_caption", "large_small"),
)
MAZE = Skin(
    "maze",
    ("changed", "dropped", "conflict", "wrong"),
    "path_broken",
    "path_broken_at",
    "no_path",
    _captions("dot_size", "shade_caption", "bright_small"),
    fades="path",
)
COLOURS = Skin(
    "colours",
    ("changed", "conflict", "wrong"),
    "border_broken",
    "border_broken_at",
    "border_closed",
    _captions("inner_square", "square_size", "bright_small"),
)


def skin_of(task: Task) -> Skin:
    """The skin of a task: COLOURS if a token looks like a colour, MAZE if a token looks like a path, else TEXT."""
    if any(look.startswith("#") for look in task.looks):
        return COLOURS
    return MAZE if "path" in task.looks else TEXT
