"""Parse the rows of a drawn Sudoku: find the cells among the characters drawn between and around them.

A drawing is parsed as a whole by several common conventions:

- characters: Each cell is one character, and one character marks all blanks. Any lines may be drawn between cells.
- fields: Tabs, commas, semicolons, vertical bars, or spaces separate the cells. An empty field, `-1`, `None`, or a
  similar word is a blank.
- columns: Cells are in columns of equal width, and blanks are spaces.
- candidates: Each field lists all digits that the cell may hold. A cell with one digit is a given.

If two conventions yield different grids, the drawing is rejected.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache, lru_cache

Row = tuple[str, ...]
"""The cells of a row. Each cell is a digit, or . for a blank."""
Convention = Callable[[Sequence[str], int], "list[Row] | None"]
"""Function that maps lines to rows. It returns None if any line is neither a row nor a dividing line."""

BARS = "|│┃║¦"
DRAWN = "|-+=,;:'\"`[](){}\\/" + "".join(map(chr, range(0x2500, 0x2580)))
"""Characters drawn between cells, if each cell is one character."""
BLANKS = ".0"
OTHER_BLANKS = "_*xX?-~oO·•∙⋅・●○◦□⬜▢☐◻◽▫■⬛▪🔲🔳🟦"
BLANK_WORDS = frozenset(
    ("", ".", "0", "0.", "0.0", "-1", "-1.", "-1.0", "none", "null", "nan", "na", "n/a", "nil", *OTHER_BLANKS)
)
MINUS_ONE = re.compile(r"(?<![\w.\-])-1(?:\.0*)?(?![\w\-])")
"""Pattern of a separate -1, which programs write for a blank."""
RULE = re.compile(r"[\s|+\-=_~*:.'`,oO#" + "".join(map(chr, range(0x2500, 0x2580))) + r"]*")
LATEX_END, NO_END = re.compile(r"\|\.\s*$"), re.compile(r"(?!)")
"""Pattern of a row's end in the LaTeX package sudoku, and a pattern that never matches."""
LONGEST_RULE = 400
DRAWN_LINE = re.compile(r"[-=_~*─━═┄┈]{2}|[+:|─━═│║┼]")


def grids_in(lines: Sequence[str], side: int) -> list[list[Row]] | None:
    """Return the grids of a drawing from top to bottom, or None if the drawing is invalid or ambiguous.

    `lines` are non-empty lines from one or more paragraphs, normalised by `plain`.
    """
    if len(lines) < side:
        return None
    readings: list[list[Row]] = []
    for convention in (*_characters_of(lines), _in_fields, _in_columns, _as_candidates):
        rows = convention(lines, side)
        if rows and len(rows) % side == 0 and rows not in readings:
            readings.append(rows)
    if len(readings) != 1:
        unlabelled = _without_labels(lines, side) if not readings else None
        return grids_in(unlabelled, side) if unlabelled else None
    (rows,) = readings
    return [rows[at : at + side] for at in range(0, len(rows), side)]


def is_rule(line: str) -> bool:
    """Whether a line is a dividing line between rows, with dashes and similar marks but no cells."""
    return len(line) <= LONGEST_RULE and _is_rule(line)


@lru_cache(maxsize=4096)
def _is_rule(line: str) -> bool:
    return RULE.fullmatch(line) is not None and DRAWN_LINE.search(line) is not None


def spaces_are_blanks(text: str, side: int) -> bool:
    """Whether a text is one line of all cells with spaces for blanks, no other blanks, and some adjacent digits."""
    return (
        len(text) == side * side
        and set(text) <= {*_digits(side), " "}
        and " " in text
        and re.search(r"\d\d", text) is not None
    )


def has_minus_one(lines: Sequence[str]) -> bool:
    """Whether the rows contain -1 and no other dash. If so, -1 is a blank, and a dash is neither a line nor a blank."""
    rows = [line for line in lines if not is_rule(line)]
    return any(MINUS_ONE.search(row) for row in rows) and not any(
        "-" in MINUS_ONE.sub("", row) for row in rows
    )


def _characters_of(lines: Sequence[str]) -> Iterator[Convention]:
    """Yield a convention with one character per cell for plain blanks and for each other blank mark in the lines."""
    if has_minus_one(lines):
        return
    yield lambda lines, side: _in_characters(lines, side, BLANKS)
    for mark in OTHER_BLANKS:
        if any(mark in line for line in lines):
            yield lambda lines, side, mark=mark: _in_characters(lines, side, mark)


def _in_characters(lines: Sequence[str], side: int, blanks: str) -> list[Row] | None:
    digits = _digits(side)
    rows = []
    for line in lines:
        cells = [
            "." if character in blanks else character
            for character in line
            if not character.isspace() and (character in blanks or character not in DRAWN)
        ]
        if len(cells) == side and all(cell in digits or cell == "." for cell in cells):
            rows.append(tuple(cells))
        elif not is_rule(line):
            return None
    return rows


def _in_fields(lines: Sequence[str], side: int) -> list[Row] | None:
    rows = []
    for line in lines:
        row = fields(line, side)
        if row is not None:
            rows.append(row)
        elif not is_rule(line):
            return None
    return rows


def fields(line: str, count: int, side: int = 0) -> Row | None:
    """Return the cells of a line with exactly `count` fields that are digits or blanks, or None for other lines."""
    digits = _digits(side or count)
    for between in ("\t", ";", ",", "|", None):
        if between is not None and between not in line:
            continue
        end = LATEX_END if between == "|" else NO_END
        parts = end.sub("|", line.rstrip("\r\n")).split(between)
        if len(parts) == count + 1 and between in (",", ";", "\t") and not parts[-1].strip():
            parts = parts[:-1]
        if len(parts) == count + 2 and between == "|" and not (parts[0] + parts[-1]).strip():
            parts = parts[1:-1]
        cells = [_cell(field, digits) for field in parts]
        if len(cells) == count and None not in cells:
            return tuple(cell for cell in cells if cell is not None)
    return None


def _cell(field: str, digits: frozenset[str]) -> str | None:
    word = field.strip().strip("\"'").strip()
    if word.lower() in BLANK_WORDS or word in OTHER_BLANKS:
        return "."
    word = re.sub(r"\.0*$", "", word)
    return word if word in digits else None


def _in_columns(lines: Sequence[str], side: int) -> list[Row] | None:
    """Parse rows with spaces for blanks, in which cells between two bars are a constant one to four columns apart."""
    digits = _digits(side)
    rows = [line for line in lines if not is_rule(line) or _is_empty_row(line)]
    divided = [_segments(row) for row in rows]
    counts = {len(segments) for segments in divided}
    if len(rows) % side or len(counts) != 1 or side % (count := counts.pop()):
        return None
    cells = side // count
    width = len(divided[0][0])
    # A segment that is too short may lack a cell. Only the last segment of a row may have lost trailing spaces.
    if width > 4 * cells + 1 or any(
        len(segment) > width or (len(segment) < width and not (at == count - 1 > 0))
        for segments in divided
        for at, segment in enumerate(segments)
    ):
        return None
    readings = []
    for pitch in (1, 2, 3, 4):
        for first in range(pitch):
            last = first + pitch * (cells - 1)
            if last < width <= last + pitch + (1 if count > 1 else 0):
                read = [_at(segments, width, range(first, last + 1, pitch), digits) for segments in divided]
                if None not in read and read not in readings:
                    readings.append(read)
    return [row for row in readings[0] if row is not None] if len(readings) == 1 else None


def _is_empty_row(line: str) -> bool:
    """Whether a line has only bars and spaces, and so is a row of blanks."""
    return not line.strip().strip(BARS + " ") and len(line.strip()) > 2


def _segments(line: str) -> list[str]:
    """Return the parts of a line between vertical bars, without the empty parts outside the outer bars."""
    parts = re.split(f"[{re.escape(BARS)}]", line)
    if len(parts) > 2 and not parts[0].strip():
        parts = parts[1:]
        if not parts[-1].strip() and line.rstrip().endswith(tuple(BARS)):
            parts = parts[:-1]
    return parts


def _at(segments: list[str], width: int, columns: range, digits: frozenset[str]) -> Row | None:
    cells = []
    for segment in segments:
        padded = segment.ljust(width)
        if any(not character.isspace() and at not in columns for at, character in enumerate(padded)):
            return None
        cells += ["." if padded[at].isspace() else padded[at] for at in columns]
    written = {segment_cell for segment in segments for segment_cell in segment if not segment_cell.isspace()}
    return tuple(cells) if written <= digits else None


def _as_candidates(lines: Sequence[str], side: int) -> list[Row] | None:
    """Parse rows whose fields list a cell's candidates in ascending order. At least one field must list several."""
    rows, several = [], False
    for line in lines:
        words = re.sub(r"[|│┃║{}()\[\],;]", " ", line).split()
        if len(words) == side and all(is_candidates(word, side) for word in words):
            several |= any(len(word) > 1 for word in words)
            rows.append(tuple(word if len(word) == 1 else "." for word in words))
        elif not is_rule(line):
            return None
    return rows if several else None


def is_candidates(word: str, side: int) -> bool:
    """Whether a word is a set of candidates: distinct digits in ascending order."""
    return set(word) <= _digits(side) and list(word) == sorted(set(word))


def _without_labels(lines: Sequence[str], side: int) -> list[str] | None:
    """Return the drawing without its row and column labels (numbers or letters), or None if it has no labels."""
    rows = [line for line in lines if not is_rule(line)]
    names = [[str(at) for at in range(start, start + side)] for start in (0, 1)]
    names += [[chr(ord(first) + at) for at in range(side)] for first in "Aa"]
    names.append([f"R{at}" for at in range(1, side + 1)])
    for heading in (1, 0):
        labelled = rows[heading:]
        words = [re.match(r"[\s|│║]*(\w+)[:.)]?[\s|│║]+(.*)", row) for row in labelled]
        if len(labelled) == side and all(words):
            labels = [word[1].upper() if word else "" for word in words]
            if any(labels == [name.upper() for name in row] for row in names) and (
                not heading or len(re.findall(r"\w", rows[0])) >= side
            ):
                return [word[2] for word in words if word]
    heading = re.findall(r"\w+", rows[0]) if len(rows) == side + 1 else []
    if any([word.upper() for word in heading] == [name.upper() for name in row] for row in names):
        return rows[1:]
    return None


@cache
def _digits(side: int) -> frozenset[str]:
    return frozenset(map(str, range(1, side + 1)))
