"""Skins: the marks for a type of grid and their texts, equal to the player's. A task's looks determine its skin."""

from dataclasses import dataclass

from trm.tasks.base import Task


@dataclass(frozen=True)
class Skin:
    """A type of grid: text (Sudoku), maze, or colours (ARC)."""

    name: str
    marks: tuple[str, ...]  # in the legend
    conflict: str  # label of the conflict mark
    conflicts: str  # sentence on the number of conflicts; {cells} is their count
    no_conflicts: str  # sentence if there are no conflicts and it is unknown whether the puzzle is solved
    captions: dict[str, str]  # what the cells show, by mode
    fades: str = ""  # the look whose cells fade out after they are dropped


TEXT = Skin(
    "text",
    ("given", "changed", "conflict", "wrong"),
    "conflict",
    "{cells} in conflict",
    "no conflicts",
    {
        "answer": "y decoded with the output head.",
        "probabilities": "Symbol size: probability.",
        "confidence": "Shade: highest probability in the cell.",
        "change": "Large: current answer. Small: answer after the previous f_H call.",
    },
)
MAZE = Skin(
    "maze",
    ("changed", "dropped", "conflict", "wrong"),
    "path broken",
    "path broken at {cells}",
    "no shortest path yet",
    {
        "answer": "y decoded with the output head.",
        "probabilities": "Dot size: probability of path.",
        "confidence": "Shade: highest probability in the cell.",
        "change": "Bright: changed cells. Small: answer after the previous f_H call.",
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
        "answer": "y decoded with the output head.",
        "probabilities": "Inner square: second most probable colour, with area proportional to its probability.",
        "confidence": "Square size: highest probability in the cell.",
        "change": "Bright: changed cells. Small: answer after the previous f_H call.",
    },
)


def skin_of(task: Task) -> Skin:
    """Colours if a token is a colour, a maze if one is a path, else text."""
    if any(look.startswith("#") for look in task.looks):
        return COLOURS
    return MAZE if "path" in task.looks else TEXT
