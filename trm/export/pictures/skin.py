"""Kinds of grids: which marks they bear, and the words for them. The looks of a task's tokens say which it is."""

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
    captions: dict[str, str]  # what the cells show, by mode
    fades: str = ""  # the look whose cells fade out where they are no more


TEXT = Skin(
    "text",
    ("given", "changed", "conflict", "wrong"),
    "breaks a rule",
    "{cells} in conflict",
    "no rule broken",
    {
        "answer": "y through the output head.",
        "probabilities": "Size of a symbol: its probability.",
        "confidence": "Shade: the highest probability in the cell.",
        "change": "Large: now. Small: at the f_H call before.",
    },
)
MAZE = Skin(
    "maze",
    ("changed", "dropped", "conflict", "wrong"),
    "path broken",
    "path broken at {cells}",
    "no shortest path yet",
    {
        "answer": "y through the output head.",
        "probabilities": "Size of a dot: the probability of path.",
        "confidence": "Shade: the highest probability in the cell.",
        "change": "Bright: changed. Small: at the f_H call before.",
    },
    fades="path",
)
COLOURS = Skin(
    "colours",
    ("changed", "conflict", "wrong"),
    "border broken",
    "border broken at {cells}",
    "border closed",
    {
        "answer": "y through the output head.",
        "probabilities": "Inner square: the second most probable, its area its probability.",
        "confidence": "Size of a square: the highest probability in the cell.",
        "change": "Bright: changed. Small: at the f_H call before.",
    },
)


def skin_of(task: Task) -> Skin:
    """Colours where a token is one, a maze where one is a path, else text."""
    if any(look.startswith("#") for look in task.looks):
        return COLOURS
    return MAZE if "path" in task.looks else TEXT
