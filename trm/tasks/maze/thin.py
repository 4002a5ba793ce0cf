"""Convert mazes with thin walls, as printed in contests and by most generators, to mazes whose walls are cells.

    +--+--+        o---o---o       _ _ _
    |     |        |       |      |  _  |      ┌──┬──┐
    +  +--+        o   o---o      |_|_  |      │  │  │
    |     |        |       |

A maze of n x n cells becomes a maze of (2n + 1) x (2n + 1) cells. If start and goal are not marked and the outer wall has
two openings, the openings become start and goal.
"""

from __future__ import annotations

from collections.abc import Sequence

from trm.errors import PuzzleError

UPRIGHT = "|│┃║!I"
DRAWN = frozenset("|-_+=│┃║─━═" + "".join(map(chr, range(0x2500, 0x2580))))
WALL, OPEN = "#", "."
Cells = list[list[str]]


def is_thin(lines: Sequence[str]) -> bool:
    """Whether the walls of a drawing are lines rather than cells."""
    text = "".join(lines)
    return (
        any(bar in text for bar in "|│┃║")
        and any(line in text for line in "-_─━═=")
        and "#" not in text
        and "█" not in text
    )


def widened(lines: Sequence[str], side: int) -> list[str]:
    """Return the rows of the maze with walls as cells. At least three lines are not blank.

    Raises `PuzzleError` for a faulty drawing or a wrong size.
    """
    lines = [line.rstrip() for line in lines if line.strip()]
    left = min(len(line) - len(line.lstrip()) for line in lines)
    underscored = not any(mark in "".join(lines) for mark in "-─━═=")
    if not underscored:
        lines = [line[left:] for line in lines]
    count = len(lines) - 1 if underscored else (len(lines) - 1) // 2
    width = max(map(len, lines))
    pitch = 2 if underscored else (width - 1) // count
    fits = width <= 2 * count + 1 if underscored else (
        len(lines) % 2 == 1 and pitch >= 2 and pitch * count + 1 == width
    )  # fmt: skip
    if not fits:
        raise PuzzleError(
            f"A maze with thin walls has 2n + 1 lines for n rows of cells; this one has {len(lines)} lines of up to {width} "
            "characters. Give a square maze, or write # for walls."
        )
    if 2 * count + 1 != side:
        raise PuzzleError(
            f"This maze has {count}x{count} cells between thin walls, {2 * count + 1}x{2 * count + 1} with its walls as "
            f"cells, but {side}x{side} was expected. Choose a model of its size."
        )
    grid = _from_underscores(lines, count) if underscored else _from_bars(lines, count, pitch)
    _mark_openings(grid)
    return ["".join(row) for row in grid]


def _from_bars(lines: Sequence[str], count: int, pitch: int) -> Cells:
    """Convert a drawing with one cell per `pitch` characters. A corner is a wall if it has a character."""
    padded = [line.ljust(count * pitch + 1) for line in lines]
    side = 2 * count + 1
    grid = [[OPEN] * side for _ in range(side)]
    for row, line in enumerate(padded):
        for column in range(side):
            at = column // 2 * pitch
            inside = line[at + 1 : at + pitch]
            if row % 2 == 0 and column % 2 == 1:
                grid[row][column] = WALL if inside.strip() else OPEN
            elif row % 2 == 1 and column % 2 == 0:
                grid[row][column] = OPEN if line[at].isspace() else WALL
            elif row % 2 == 1:
                grid[row][column] = inside.strip()[:1] or OPEN
    for row in range(0, side, 2):
        for column in range(0, side, 2):
            grid[row][column] = WALL if padded[row][column // 2 * pitch].strip() else OPEN
    return grid


def _from_underscores(lines: Sequence[str], count: int) -> Cells:
    """Convert a drawing with two characters per cell: the cell's floor, and the wall to its right."""
    side = 2 * count + 1
    padded = [line.ljust(side) for line in lines]
    grid = [[OPEN if row % 2 and column % 2 else WALL for column in range(side)] for row in range(side)]
    for cell in range(count):
        grid[0][2 * cell + 1] = WALL if padded[0][2 * cell + 1] == "_" else OPEN
    for row in range(count):
        line = padded[row + 1]
        grid[2 * row + 1][0] = WALL if line[0] in UPRIGHT else OPEN
        for cell in range(count):
            floor, right = line[2 * cell + 1], line[2 * cell + 2]
            if floor not in " _":
                grid[2 * row + 1][2 * cell + 1] = floor
            grid[2 * row + 2][2 * cell + 1] = WALL if floor == "_" else OPEN
            grid[2 * row + 1][2 * cell + 2] = WALL if right in UPRIGHT else OPEN
    return grid


def _mark_openings(grid: Cells) -> None:
    """If no cell is marked and the outer wall has two openings, mark the first as the start, the second as the goal."""
    last = len(grid) - 1
    if any(mark.isalpha() and mark != "o" for row in grid for mark in row):
        return
    openings = [
        (row, column)
        for row in range(last + 1)
        for column in range(last + 1)
        if (row in (0, last) or column in (0, last)) and grid[row][column] == OPEN
    ]
    if len(openings) == 2:
        for (row, column), mark in zip(openings, "SG", strict=True):
            grid[row][column] = mark
