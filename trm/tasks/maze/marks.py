"""The meaning of each character in a drawn maze. Some meanings depend on other characters in the text:

- `X` is a wall in a text without `#`; otherwise, it is a path.
- `E` and `B` are goals in a text without `G`, and `A` is a start in a text without `S`.
- `.` is the path if spaces are open cells and the dots lead from start to goal; otherwise, it is an open cell.
- If a text has `0` and `1`, the character that forms the border is the wall.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from trm.errors import PuzzleError
from trm.tasks.maze.geometry import GOAL, OPEN, PATH, START, WALL

MARKS = {"#": WALL, " ": OPEN, "\xa0": OPEN, ".": OPEN, "_": OPEN, "S": START, "G": GOAL, "o": PATH}
"""Tokens for the characters of the public datasets and for common substitutes for spaces."""
WALLS = "█▓▉■⬛🧱%"
OTHER_WALL = "X"
"""Character for walls in a text without other wall characters."""
FLOORS = "·░⬜□"
PATHS = "+*Xx•O^v<>"
STARTS, GOALS = "A@", "EBFT"
"""Characters for start and goal in a text without S or G. The first character that occurs in the text is used."""
NUMBERS = {"2": START, "3": GOAL}
"""Tokens for the digits that mark start and goal in a grid of 0 and 1."""
ALL = frozenset([*MARKS, *WALLS, OTHER_WALL, *FLOORS, *PATHS, *STARTS, *GOALS, "0", "1", *NUMBERS])


def character_tokens(characters: Sequence[str], side: int) -> dict[str, int]:
    """Return the token of each character that may occur in a maze with these characters.

    Raises `PuzzleError` if both 0 and 1 could be the wall.
    """
    present = set(characters)
    if present & {"0", "1"} and not present & {"#", *WALLS, "."}:
        return _of_numbers(characters, side)
    token_of = MARKS | dict.fromkeys(WALLS, WALL) | dict.fromkeys(FLOORS, OPEN)
    if present & {"#", *WALLS}:
        # A letter that occurs once in a maze without a start or goal may be that start or goal.
        lacks = not present & {"S", *STARTS} or not present & {"G", *GOALS}
        path = [mark for mark in PATHS if not (lacks and mark.isalpha() and characters.count(mark) == 1)]
        token_of |= dict.fromkeys(path, PATH)
    else:
        token_of[OTHER_WALL] = WALL
    return token_of | _ends(present)


def _ends(present: set[str]) -> dict[str, int]:
    """Return the tokens of alternative characters for start and goal if S or G is missing."""
    ends = {}
    for usual, others, token in (("S", STARTS, START), ("G", GOALS, GOAL)):
        other = next((mark for mark in others if mark in present), None)
        if usual not in present and other is not None:
            ends[other] = token
    return ends


def _of_numbers(characters: Sequence[str], side: int) -> dict[str, int]:
    ends = {"S": START, "G": GOAL, "o": PATH, **NUMBERS, **_ends(set(characters))}
    if len(characters) != side * side:
        return {"0": OPEN, "1": WALL, **ends}
    rows = [characters[at : at + side] for at in range(0, side * side, side)]
    border = {*rows[0], *rows[-1], *(row[0] for row in rows), *(row[-1] for row in rows)} & {"0", "1"}
    if len(border) != 1:
        raise PuzzleError(
            "The border of this maze has both 0 and 1, so either may be the wall. Write # for walls and . for open cells."
        )
    wall = border.pop()
    return {wall: WALL, "0" if wall == "1" else "1": OPEN, **ends}


def dots_lead_from_start_to_goal(tokens: Iterable[int], characters: Sequence[str], side: int) -> bool:
    """Whether the maze has spaces and its dots form a path from start to goal, without gaps or forks."""
    if "." not in characters or " " not in characters or "o" in characters:
        return False
    grid = list(tokens)
    ends = [at for at, token in enumerate(grid) if token in (START, GOAL)]
    on_path = {at for at, mark in enumerate(characters) if mark == "."} | set(ends)

    def beside(at: int) -> int:
        around = (at - side, at + side, at - 1 if at % side else -1, at + 1 if (at + 1) % side else -1)
        return sum(other in on_path for other in around)

    return len(ends) == 2 and all(beside(at) == (1 if at in ends else 2) for at in on_path)
