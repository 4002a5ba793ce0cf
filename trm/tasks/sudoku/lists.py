"""Parse bracketed Sudokus from Python, NumPy, JSON, and C: `[[5, 3, 0, ...], ...]`, `["53..7....", ...]`, `{{5,3,...}}`.

The text is never evaluated as code. Only innermost brackets are parsed. If they hold no row or grid, they are skipped.
"""

from __future__ import annotations

import re

from trm.errors import PuzzleError
from trm.tasks.puzzle_text import PuzzleText
from trm.tasks.sudoku.puzzle_texts import join_answers
from trm.tasks.sudoku.rows import fields

INNERMOST = re.compile(r"[\[({]([^\[\](){}]*)[\])}]")
QUOTED = re.compile(r"""(["'])(.*?)\1""")


def grids_in_brackets(text: str, side: int) -> list[PuzzleText]:
    """Return the bracketed grids in a text, or an empty list if no brackets hold a row or a grid.

    Raises `PuzzleError` if a row is faulty or the rows do not form whole grids.
    """
    grids: list[PuzzleText] = []
    rows: list[tuple[str, int]] = []
    odd: tuple[int, int] | None = None
    line, before = 1, 0
    for bracket in INNERMOST.finditer(text):
        line += text.count("\n", before, bracket.start())
        before = bracket.start()
        for cells in _contents(bracket[1], side):
            if len(cells) == side:
                rows.append((cells, line))
            else:
                grids.append(PuzzleText(cells, line, bracket[0].count("\n") + 1))
        if rows and not _contents(bracket[1], side) and odd is None and _count(bracket[1]) > side // 2:
            odd = line, _count(bracket[1])
    if odd is not None:
        raise PuzzleError(
            f"Line {odd[0]}: not all of the {odd[1]} fields of this row are cells; a row has {side} cells. Correct it."
        )
    if len(rows) % side:
        if grids or len(rows) < side // 2 + 1:
            return grids
        raise PuzzleError(
            f"A {side}x{side} Sudoku has {side} rows in brackets, but this text has {len(rows)}. Give all rows."
        )
    for at in range(0, len(rows), side):
        grid = rows[at : at + side]
        grids.append(
            PuzzleText("".join(cells for cells, _ in grid), grid[0][1], grid[-1][1] - grid[0][1] + 1)
        )
    return list(join_answers((grid, "") for grid in grids))


def _contents(inside: str, side: int) -> list[str]:
    """Return the rows and grids in a pair of brackets, each as a string of cells."""
    quoted = [match[2] for match in QUOTED.finditer(inside)]
    strings = [string for string in quoted if len(string.strip()) > 1]
    if strings and len(strings) == len(quoted):
        whole = ["".join(string.split()) for string in strings]
        sizes = {len(string) for string in whole}
        if sizes <= {side * side} or (sizes == {side} and len(whole) % side == 0):
            return [string.replace("0", ".") for string in whole if re.fullmatch(r"[\d.]+", string)]
        return []
    for count in (side, side * side):
        cells = fields(" ".join(inside.split()), count, side)
        if cells is not None:
            return ["".join(cells)]
    return []


def _count(inside: str) -> int:
    return len(inside.split(",") if "," in inside else inside.split())


def zero_and_minus_one(text: str) -> bool:
    """Whether both 0 and -1 occur as fields in a text, so that either could be the blank."""
    numbers = set(re.findall(r"(?<![\w.\-])-?\d+(?:\.0*)?(?![\w.])", text))
    return bool({"0", "0.", "0.0"} & numbers) and bool({"-1", "-1.", "-1.0"} & numbers)


def is_shortened(text: str) -> bool:
    """Whether a text is an abbreviated NumPy array, in which dots replace rows or cells."""
    return re.search(r"\[[^\[\]]*\d[ ,]+\.\.\.[ ,]*[\d\]]|\][\s,]*\.\.\.[\s,]*\[", text) is not None
