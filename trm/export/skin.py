"""Kinds of grids: which marks they bear, and the words for a broken rule. The looks of a task's tokens say which it is."""

from dataclasses import dataclass

from trm.tasks.base import Task


@dataclass(frozen=True)
class Skin:
    """A grid is drawn as text (Sudoku), as a maze, or in colours (ARC)."""

    name: str
    marks: tuple[str, ...]  # worth a place in the legend
    breaks: str  # what a hatched cell does
    broken: str  # how many cells break a rule; {cells} is their number
    unbroken: str  # none does, and it is not known to be solved


TEXT = Skin(
    "text",
    ("given", "changed", "conflict", "wrong"),
    "breaks a rule",
    "{cells} in conflict",
    "no rule broken",
)
MAZE = Skin(
    "maze", ("changed", "conflict", "wrong"), "path broken", "path broken at {cells}", "no shortest path yet"
)
COLOURS = Skin(
    "colours", ("changed", "conflict", "wrong"), "border broken", "border broken at {cells}", "border closed"
)


def skin_of(task: Task) -> Skin:
    """Colours where a token is one, a maze where one is a path, else text."""
    if any(look.startswith("#") for look in task.looks):
        return COLOURS
    return MAZE if "path" in task.looks else TEXT
