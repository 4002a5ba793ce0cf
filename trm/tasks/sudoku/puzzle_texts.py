"""Locate the Sudokus in a text of any length. A Sudoku may be a field of a line or a drawing of several lines.

A line of words is a heading and is skipped. A line that is almost a row is part of a faulty drawing. The mistake is
reported when this drawing is parsed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache

from trm.tasks.puzzle_text import PuzzleText, numbered_lines, plain
from trm.tasks.sudoku.links import cells_in_link
from trm.tasks.sudoku.rows import (
    DRAWN,
    OTHER_BLANKS,
    Row,
    fields,
    grids_in,
    has_minus_one,
    is_rule,
    spaces_are_blanks,
)

MAX_LINES = 60
"""Maximum number of lines in a paragraph that may contain drawings, in multiples of a grid's rows."""
MAX_IN_BANDS = 4
"""Maximum number of lines in a drawing with empty lines between its boxes, in multiples of a grid's rows."""
ROW_CHARACTERS = 4
"""Maximum number of characters per cell in a drawing."""
COMMENTS = ("#", "%", "//", "<!--")
REMARK = re.compile(r"(?<=\S)\s+(?:#|//|<-).*[^\W\d_]{2}.*$")
"""Pattern of a comment after a row."""
QUOTED = re.compile(r"^\s*>[> ]*(?=\S)")
"""Pattern of the quotation marks at the start of lines in e-mails and chats."""
ANSWER_HEADING = re.compile(
    r"\b(solutions?|solved|solves?|answers?|results?|state|l[öo]sung(en)?|soluci[óo]n(es)?|soluzion[ei]|r[ée]solu\w*"
    r"|solu[çc][ãa]o|oplossing|rozwi[ąa]zani[ae]|решени[ея]|ответ\w*|解答?|答え|答案|정답|풀이)",
    re.IGNORECASE,
)

Line = tuple[int, str]


def puzzle_texts(lines: Iterable[str], side: int) -> Iterator[PuzzleText]:
    """Yield the puzzles in a text, in order, each with its answer if the answer is below or next to the puzzle."""
    return join_answers(_grids_with_headings(lines, side))


def join_answers(grids: Iterable[tuple[PuzzleText, str]]) -> Iterator[PuzzleText]:
    """Attach each answer to the puzzle before it; omit partly filled answers. `grids` holds (grid, heading) pairs."""
    waiting: PuzzleText | None = None
    for grid, heading in grids:
        if waiting is not None and is_answer(waiting.text, grid.text, heading):
            if "." not in grid.text and not waiting.answer:
                note = waiting.note or f"{grid.place}: read as the answer of {waiting.place}"
                waiting = replace(waiting, answer=grid.text, note=note)
            continue
        if waiting is not None:
            yield waiting
        waiting = grid
    if waiting is not None:
        yield waiting


def is_answer(puzzle: str, other: str, heading: str = "") -> bool:
    """Whether `other` preserves the givens of `puzzle` and is complete or has the heading of an answer."""
    if len(puzzle) != len(other) or "." not in puzzle or puzzle == other:
        return False
    keeps_givens = all(one in (".", two) for one, two in zip(puzzle, other, strict=True))
    return keeps_givens and ("." not in other or bool(ANSWER_HEADING.search(heading)))


def _grids_with_headings(lines: Iterable[str], side: int) -> Iterator[tuple[PuzzleText, str]]:
    """Yield each grid with the heading above it."""
    drawing: list[Line] = []
    paragraph: list[Line] = []
    heading = note = ""
    for number, raw in numbered_lines(lines):
        line = plain(raw)
        whole = puzzle_on_line(line, side, number)
        if whole is None:
            line = REMARK.sub("", QUOTED.sub("", line))
        if whole is None and _belongs_to_drawing(line, side):
            paragraph.append((number, line))
            if len(drawing) + len(paragraph) <= MAX_LINES * side:
                continue
        grids, drawing = _resolve(drawing, paragraph, side, at_end=bool(line.strip()))
        paragraph = []
        for grid in [*grids, *([whole] if whole else [])]:
            yield grid.with_note(note), heading
            note = ""
        if whole is None and line.strip():
            heading = line
            note = note or f"line {number}: {line.strip()[:40]!r} skipped"
    grids, _ = _resolve(drawing, paragraph, side, at_end=True)
    for grid in grids:
        yield grid.with_note(note), heading
        note = ""


def _resolve(
    drawing: list[Line], paragraph: list[Line], side: int, *, at_end: bool
) -> tuple[list[PuzzleText], list[Line]]:
    """Return the grids in the lines so far, and the lines that need further lines to form a grid.

    A paragraph may be a part of a drawing, because a drawing may have empty lines between its boxes.
    """
    together = _grids([*drawing, *paragraph], side)
    if together or not paragraph + drawing:
        return together, []
    alone = _grids(paragraph, side) if drawing else []
    if alone:
        return [*_faulty_drawing(drawing, side), *alone], []
    lines = [*drawing, *paragraph]
    return (_faulty_drawing(lines, side), []) if at_end or len(lines) > MAX_IN_BANDS * side else ([], lines)


def _grids(lines: list[Line], side: int) -> list[PuzzleText]:
    """Return the grids in a drawing, or [] if it cannot be parsed. A number alone on a line is a heading."""
    texts = [line for _, line in lines]
    grids = grids_in(texts, side)
    if grids is None:
        lines = [(number, line) for number, line in lines if not _is_number(line, side)]
        grids = grids_in([line for _, line in lines], side) if len(lines) < len(texts) else None
    if grids is None:
        one_each = bool(texts) and all(spaces_are_blanks(line, side) for line in texts)
        return [PuzzleText(line.replace(" ", "."), number) for number, line in lines] if one_each else []
    rows = [number for number, line in lines if not is_rule(line)]
    if len(rows) != side * len(grids):  # some rows look like dividing lines
        rows = [number for number, _ in lines][: side * len(grids)]
    return [
        PuzzleText(_text(grid), rows[at * side], rows[at * side + side - 1] - rows[at * side] + 1)
        for at, grid in enumerate(grids)
    ]


def _faulty_drawing(lines: list[Line], side: int) -> list[PuzzleText]:
    """Return a faulty drawing as one unparsed puzzle, so that parsing reports the mistake, or [] if there are too few
    cells for a drawing.
    """
    rows = [line for line in lines if not is_rule(line[1])]
    cells = sum(_cell_count(line, side) for _, line in rows)
    if cells <= side and len(rows) < 2:
        return []
    text = "\n".join(line for _, line in lines)
    return [PuzzleText(text, lines[0][0], lines[-1][0] - lines[0][0] + 1)]


def _belongs_to_drawing(line: str, side: int) -> bool:
    """Whether a line is a dividing line, or is short enough for a row and has few characters that are not cells. Some
    of these characters may be mistakes.
    """
    stripped = line.strip()
    if not stripped or stripped.startswith(COMMENTS):
        return False
    if is_rule(line):
        return True
    if len(line) > _longest_row(side, line):
        return False
    # without or with a row number
    if fields(line, side) is not None or fields(line.partition(" ")[2], side) is not None:
        return True
    foreign = sum(
        not (mark in OTHER_BLANKS or mark in DRAWN or mark in ".0123456789 \t") for mark in stripped
    )
    return foreign * 4 <= len(stripped) and _cell_count(line, side) > 0


def _longest_row(side: int, line: str) -> int:
    return 12 * side if any(wide in line for wide in ("|", ",", "{", "  ")) else ROW_CHARACTERS * side + 1


def _cell_count(line: str, side: int) -> int:
    return sum(mark in "0123456789." or mark in OTHER_BLANKS for mark in line)


def _is_number(line: str, side: int) -> bool:
    """Whether a line is only a number, such as the number of puzzles that follow or the index of a puzzle."""
    match = re.fullmatch(r"\s*[#(\[]?(\d{1,3})[.):\]]?\s*", line)
    return match is not None and len(match[1]) <= max(1, side // 3)


def puzzle_on_line(line: str, side: int, number: int = 1) -> PuzzleText | None:
    """Return the puzzle on a line, with its answer if the line has one, or None if the line has no whole puzzle.

    A line with two unrelated puzzles is returned unchanged, so that parsing rejects it.
    """
    if len(line) <= 2 * side or line.lstrip().startswith(COMMENTS):
        return None
    runs = _runs(line, side)
    if not runs:
        return _other_whole(line, side, number)
    if len(runs) == 1:
        return PuzzleText(runs[0], number)
    puzzle = next((run for run in runs if "." in run), runs[0])
    answer = next((run for run in runs if run != puzzle and is_answer(puzzle, run)), "")
    unexplained = {run for run in runs if run not in (puzzle, answer) and not is_answer(puzzle, run, "state")}
    return PuzzleText(line.strip() if unexplained else puzzle, number, answer="" if unexplained else answer)


def _other_whole(line: str, side: int, number: int) -> PuzzleText | None:
    cells = side * side
    if is_rule(line):
        return None
    puzzle = cells_in_link(line, side) or fields(line, cells, side)
    if puzzle is None and not has_minus_one([line]):
        marks = [mark for mark in line if not mark.isspace() and mark not in DRAWN]
        if len(marks) == cells and set(marks) <= {*map(str, range(1, side + 1)), ".", "0"}:
            puzzle = "".join(marks).replace("0", ".")
    if puzzle is not None:
        return PuzzleText("".join(puzzle), number)
    foreign = sum(
        not (mark.isdigit() or mark in OTHER_BLANKS or mark in DRAWN or mark in ". \t") for mark in line
    )
    is_almost_puzzle = (
        len(line) > _longest_row(side, line)
        and foreign * 4 <= len(line)
        and _cell_count(line, side) > 2 * side
    )
    return PuzzleText(line, number) if is_almost_puzzle else None


def _runs(line: str, side: int) -> list[str]:
    """Return the parts of a line that hold all cells of a grid in adjacent characters, with dots for blanks."""
    runs = []
    for blanks, pattern in _patterns(side):
        for run in pattern.findall(line):
            plain_run = "".join("." if mark in blanks else mark for mark in run)
            if plain_run not in runs and any(mark != "." for mark in plain_run) | (blanks == ".0"):
                runs.append(plain_run)
        if any("." in run for run in runs):
            break
    return runs


@cache
def _patterns(side: int) -> list[tuple[str, re.Pattern[str]]]:
    cells = side * side
    return [
        (blanks, re.compile(rf"(?<![0-9A-Za-z.])[1-{side}{re.escape(blanks)}]{{{cells}}}(?![0-9A-Za-z.])"))
        for blanks in (".0", *OTHER_BLANKS)
    ]


def _text(grid: list[Row]) -> str:
    return "".join(cell for row in grid for cell in row)
