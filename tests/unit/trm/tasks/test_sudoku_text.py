"""Sudokus as people, programs, websites and keyboards write them: all parse to the same puzzle, ambiguous text is rejected."""

# ruff: noqa: RUF001

import base64
import json

import numpy as np
import pytest

from trm.errors import PuzzleError
from trm.tasks.puzzle_text import PuzzleText, plain
from trm.tasks.sudoku import Sudoku
from trm.tasks.sudoku.links import decompress

NINE, SIX, FOUR = Sudoku(), Sudoku(2, 3), Sudoku(2, 2)
PUZZLE = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"
SOLVED = "534678912672195348198342567859761423426853791713924856961537284287419635345286179"
SMALL = "12..3...2.1....4"
MIDDLE = "1...5..3.2.6.4..1.5.2..63....4.2..1."
BY_SIZE = {9: (NINE, PUZZLE), 6: (SIX, MIDDLE), 4: (FOUR, SMALL)}
SIZES = pytest.mark.parametrize("side", BY_SIZE)


def grids_of(text: str, side: int) -> list[PuzzleText]:
    task, _ = BY_SIZE[side]
    return list(task.find_puzzles(text.splitlines(keepends=True)))


def rows(puzzle: str, blank: str = ".") -> list[str]:
    side = int(len(puzzle) ** 0.5)
    return [puzzle[at : at + side].replace(".", blank) for at in range(0, len(puzzle), side)]


def cells(puzzle: str, blank: object) -> list[list]:
    return [[blank if mark == "." else int(mark) for mark in row] for row in rows(puzzle)]


def lines(puzzle: str, blank: str, between: str) -> str:
    return "\n".join(between.join(blank if mark == "." else mark for mark in row) for row in rows(puzzle))


def framed(puzzle: str, columns: int, *, bar: str = "|", rule: str = "-") -> str:
    """A drawing with spaces for blanks, in boxes of `columns` columns."""
    drawn = []
    for row in rows(puzzle, " "):
        parts = [" ".join(row[at : at + columns]) for at in range(0, len(row), columns)]
        drawn.append(f"{bar} " + f" {bar} ".join(parts) + f" {bar}")
    return "\n".join([rule * len(drawn[0]), *drawn, rule * len(drawn[0])])


def packed(text: str) -> str:
    """Compress with lz-string to base64, as the apps do."""
    codes, new, word, width, room, bits = {}, set(), "", 2, 2, []

    def put(number: int, count: int) -> None:
        bits.extend(number >> at & 1 for at in range(count))

    def emit(word: str) -> None:
        nonlocal width, room
        for _ in range(1 + (word in new)):
            if word in new:
                put(0, width)
                put(ord(word), 8)
                new.discard(word)
            elif word in codes and not (len(word) == 1 and _ == 1):
                put(codes[word], width)
            room -= 1
            if room == 0:
                room, width = 2**width, width + 1

    for mark in text:
        if mark not in codes:
            codes[mark] = len(codes) + 3
            new.add(mark)
        if word + mark in codes:
            word += mark
            continue
        emit(word)
        codes[word + mark] = len(codes) + 3
        word = mark
    emit(word)
    put(2, width)
    bits += [0] * (-len(bits) % 8)
    return base64.b64encode(np.packbits(bits).tobytes()).decode()


@SIZES
@pytest.mark.parametrize("blank", ["-1", "None", "null", "nan", "", " ", "0", ".", "_", "*", "x", "-", "?"])
@pytest.mark.parametrize("between", [",", ";", "\t", ", ", " | "])
def test_one_cell_per_field(side, blank, between):
    task, puzzle = BY_SIZE[side]
    assert task.format(task.parse(lines(puzzle, blank, between))) == puzzle


@SIZES
@pytest.mark.parametrize("blank", [-1, 0, None, "", " ", ".", "-"])
def test_rows_in_brackets(side, blank):
    task, puzzle = BY_SIZE[side]
    grid = cells(puzzle, blank)
    braces = str(grid).replace("[", "{").replace("]", "}") + ";"
    for text in (
        json.dumps(grid),
        str(grid),
        f"board = {grid}\n",
        "grid = [\n" + "".join(f"    {row},\n" for row in grid) + "]\nprint(solve(grid))",
        f"int board[{side}][{side}] = {braces}",
        f"Here you are:\n```python\npuzzle = {grid}\n```\nGood luck!",
        str([cell for row in grid for cell in row]),
    ):
        assert task.format(task.parse(text)) == puzzle, text


@SIZES
@pytest.mark.parametrize("dtype", [int, float])
@pytest.mark.parametrize("blank", [0, -1])
def test_printed_numpy_arrays(side, dtype, blank):
    task, puzzle = BY_SIZE[side]
    grid = np.array(cells(puzzle, blank), dtype)
    for text in (str(grid), repr(grid), f"puzzle:\n{grid}", str(grid.ravel())):
        assert task.format(task.parse(text)) == puzzle, text


@SIZES
def test_strings_in_source_code(side):
    task, puzzle = BY_SIZE[side]
    for text in (
        str(rows(puzzle)),
        json.dumps(rows(puzzle, "0"), indent=1),
        "\n".join(f'"{row}",' for row in rows(puzzle)),
        "\\n".join(rows(puzzle)),
        f'grid = "{puzzle}"',
        f"```\n{chr(10).join(rows(puzzle))}\n```",
    ):
        assert task.format(task.parse(text)) == puzzle, text


@pytest.mark.parametrize("blank", "_*xX?-~·•∙⋅●○□⬜◻–—−＿．０")
def test_marks_for_blanks(blank):
    for task, puzzle in BY_SIZE.values():
        for text in (puzzle.replace(".", blank), "\n".join(rows(puzzle, blank))):
            assert task.format(task.parse(text)) == puzzle


@pytest.mark.parametrize("first", ["0", "٠", "۰", "०", "０", "𝟎", "௦"])
def test_digits_of_other_scripts(first):
    digits = str.maketrans({str(at): chr(ord(first) + at) for at in range(10)})
    for task, puzzle in BY_SIZE.values():
        text = puzzle.replace(".", "0").translate(digits)
        assert plain(text) == puzzle.replace(".", "0")
        assert task.format(task.parse(text)) == puzzle


def test_substitutes_for_digits_and_dots():
    circled = str.maketrans({str(at): chr(ord("①") + at - 1) for at in range(1, 10)})
    keycaps = {str(at): f"{at}\ufe0f\u20e3" for at in range(1, 10)}
    for text in (
        PUZZLE.replace("...", "…"),
        "\n".join(row.replace("...", "…") for row in rows(PUZZLE)),
        PUZZLE.replace("..", "‥"),
        "\n".join(rows(PUZZLE, "□")).translate(circled),
        "\n".join(rows(PUZZLE, "⬜")).translate(str.maketrans(keycaps)),
        PUZZLE[:40] + "\u200b\ufeff" + PUZZLE[40:],
    ):
        assert NINE.format(NINE.parse(text)) == PUZZLE


@pytest.mark.parametrize(
    ("side", "columns", "bar", "rule"),
    [(9, 3, "|", "-"), (9, 3, "│", "─"), (9, 3, "║", "═"), (9, 1, "|", "-"), (4, 2, "|", "="), (4, 1, "┃", "━"), (6, 3, "|", "-")],
)  # fmt: skip
def test_blanks_as_spaces_in_boxes(side, columns, bar, rule):
    task, puzzle = BY_SIZE[side]
    drawn = framed(puzzle, columns, bar=bar, rule=rule)
    for text in (drawn, f"Puzzle {side}x{side}\n{drawn}\n", drawn.replace("\n", "  \n")):
        assert task.format(task.parse(text)) == puzzle, text


@SIZES
def test_drawings_with_row_and_column_labels(side):
    task, puzzle = BY_SIZE[side]
    drawn = [" ".join(row) for row in rows(puzzle)]
    heading = "  " + " ".join(map(str, range(1, side + 1)))
    for text in (
        "\n".join([heading, *(f"{chr(65 + at)} {row}" for at, row in enumerate(drawn))]),
        "\n".join(f"{at + 1} | {row}" for at, row in enumerate(drawn)),
        "\n".join(
            ["   " + " ".join(map(str, range(side))), *(f"{at}  {row}" for at, row in enumerate(drawn))]
        ),
    ):
        assert task.format(task.parse(text)) == puzzle, text


@SIZES
def test_in_candidate_grids_cells_with_one_digit_are_givens(side):
    task, puzzle = BY_SIZE[side]
    every = "".join(map(str, range(1, side + 1)))
    marks = [
        [every[at % 2 :] if mark == "." else mark for at, mark in enumerate(row)] for row in rows(puzzle)
    ]
    table = "\n".join("| " + " ".join(mark.ljust(side) for mark in row) + "|" for row in marks)
    rule = "." + "-" * (len(table.split("\n")[0]) - 2) + "."
    braces = "\n".join(" ".join(f"{{{mark}}}" for mark in row) for row in marks)
    flat = "".join(
        "".join(digit if digit in mark else "." for digit in every) for row in marks for mark in row
    )
    for text in (f"{rule}\n{table}\n{rule}", table, braces, flat, flat.replace(".", "0")):
        assert task.format(task.parse(text)) == puzzle, text


@pytest.mark.parametrize(
    "link",
    [
        "https://www.sudokuwiki.org/sudoku.htm?bd={zeros}",
        "https://sudokuexchange.com/play/?s={zeros}&d=3",
        "https://example.org/sudoku/{dots}/play",
        "sudoku://load#{dots}",
        "<a href='https://example.org/?puzzle={zeros}'>play</a>",
    ],
)
def test_links_that_contain_the_digits(link):
    for task, puzzle in BY_SIZE.values():
        text = link.format(zeros=puzzle.replace(".", "0"), dots=puzzle)
        assert task.format(task.parse(text)) == puzzle


def run_lengths(puzzle: str, first: str, between: str) -> str:
    """Encode runs of blanks as letters, with `between` between adjacent digits."""
    text, blanks = "", 0
    for mark in puzzle + "!":
        if mark == ".":
            blanks += 1
            continue
        if blanks:
            text += chr(ord(first) + blanks - 1)
        elif text and mark != "!":
            text += between
        blanks = 0
        text += mark.strip("!")
    return text


@SIZES
def test_codes_of_puzzle_collections(side):
    task, puzzle = BY_SIZE[side]
    boxes = {9: "3x3", 6: "2x3", 4: "2x2"}[side]
    grid = [
        [{"value": int(mark), "given": True} if mark != "." else {} for mark in row] for row in rows(puzzle)
    ]
    grid[0][2] = {"value": 1, "given": False} if puzzle[2] == "." else grid[0][2]
    code = packed(json.dumps({"size": side, "grid": grid}))
    for text in (
        f"https://puzz.link/p?sudoku/{side}/{side}/{run_lengths(puzzle, 'g', '')}",
        f"https://pzv.jp/p.html?sudoku/{side}/{side}/{run_lengths(puzzle, 'g', '')}",
        f"{boxes}:{run_lengths(puzzle, 'a', '_')}",
        f"https://f-puzzles.com/?load={code}",
        f"https://sudokupad.app/fpuzzles{code}",
        f"https://app.crackingthecryptic.com/sudoku/?puzzleid=fpuzzles{code.replace('+', '%2B')}",
    ):
        assert task.format(task.parse(text)) == puzzle, text


@pytest.mark.parametrize("text", ["", "a", "aaaaaaaaaa", "ababababab" * 30, json.dumps(list(range(400)))])
def test_compressed_links_of_apps_are_decompressed(text):
    assert decompress(packed(text)) == text if text else True
    code = packed(text or "x")
    for broken in (code[: len(code) // 2], "AAAA" + code, "!" * 9):
        try:
            decompress(broken)
        except ValueError:
            continue


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("https://f-puzzles.com/?load=N4Ig", "This f-puzzles link cannot be read. Open it and paste the digits."),
        ("https://f-puzzles.com/?id=abc", "This f-puzzles.com link does not contain its puzzle"),
        ("https://example.org/sudoku/1234", "This link does not contain the digits of a puzzle"),
        ("https://puzz.link/p?sudoku/6/6/1g2", "This is a 6x6 Sudoku, but 9x9 was expected. Choose a model of its size."),
        ("3x3:5_3b7", "This code has 5 cells, but a 9x9 Sudoku has 81. Copy it again."),
        ("2x2:1_2b3c2a1d4", "This is a 4x4 Sudoku, but 9x9 was expected."),
        ("\n".join(["0 -1 3 4 5 6 7 8 2"] * 9), "This text has both 0 and -1, so either may be a blank."),
        ("\n".join(["5 3 -1 -1 7 -1 -1 -1"] * 9), "This text contains -1 but does not have 9 cells per row."),
        ("5,3,,,7,,,\n" * 9, "A 9x9 Sudoku has 81 cells, but this text has 27 (line 1 has 3"),
        (f"{PUZZLE}\n{PUZZLE[::-1]}", "A 9x9 Sudoku has 81 cells, but this text has 162"),
        (str(cells(PUZZLE, 0)[:8]), "A 9x9 Sudoku has 9 rows in brackets, but this text has 8."),
        (str([*cells(PUZZLE, 0)[:8], [1, 2, 3, 4, 5, 6, 7, 8]]), "Line 1: not all of the 8 fields of this row are cells"),
        ("53  7\n6  195\n 98    6", "A 9x9 Sudoku has 81 cells, but this text has 10"),
    ],
)  # fmt: skip
def test_ambiguous_or_unreadable_text_is_rejected(text, says):
    with pytest.raises(PuzzleError) as error:
        NINE.parse(text)
    assert str(error.value).startswith(says) and "\n" not in str(error.value)


@SIZES
def test_a_row_that_lacks_a_cell_is_never_padded(side):
    task, puzzle = BY_SIZE[side]
    for written in (lambda row: row, " ".join, ",".join, " | ".join):
        drawn = [written(row) for row in rows(puzzle.replace(".", "1"))]
        drawn[2] = written(rows(puzzle.replace(".", "1"))[2][:-1])
        with pytest.raises(PuzzleError, match=f"this text has {side * side - 1}"):
            task.parse("\n".join(drawn))


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("Grid 01\n{a}\nGrid 02\n{b}\n", ["lines 2 to 10", "lines 12 to 20"]),
        ("{a}\n========\n{b}\n", ["lines 1 to 9", "lines 11 to 19"]),
        ("2\n{a}\n{b}\n", ["lines 2 to 10", "lines 11 to 19"]),
        ("1.\n{a}\n2.\n{b}\n", ["lines 2 to 10", "lines 12 to 20"]),
        ("% easy\n{a}\n\n% hard\n{b}\n", ["lines 2 to 10", "lines 13 to 21"]),
        ("Nº 1 (leicht)\r\n{a}\r\nNº 2 (schwer)\r\n{b}\r\n", ["lines 2 to 10", "lines 12 to 20"]),
        ("[Puzzle]\n{a}\n[Puzzle]\n{b}\n", ["lines 2 to 10", "lines 12 to 20"]),
        ("#1\n{a}\n#2\n{b}\n", ["lines 2 to 10", "lines 12 to 20"]),
        ("問題１\n{a}\n問題２\n{b}\n", ["lines 2 to 10", "lines 12 to 20"]),
        ("{a}{b}", None),
    ],
)
def test_several_grids_in_a_text(text, places):
    other = SOLVED[:40] + "." * 41
    text = text.format(a="\n".join(rows(PUZZLE)), b="\n".join(rows(other, "0")))
    grids = grids_of(text, 9)
    if places is None:
        assert [NINE.format(NINE.parse(grid.text)) for grid in grids if len(grid.text) == 81] != [
            PUZZLE,
            other,
        ]
        return
    assert [grid.place for grid in grids] == places
    assert [grid.text for grid in grids] == [PUZZLE, other]


@pytest.mark.parametrize(
    "text",
    [
        "[Puzzle]\n{p}\n[Solution]\n{s}\n",
        "{p}\n\nSolution:\n\n{s}\n",
        "Aufgabe\n{p}\nLösung\n{s}\n",
        "Here is one:\n```\n{p}\n```\nand its answer:\n```\n{s}\n```\n",
        "{p}\n---------\n{s}",
    ],
)
def test_an_answer_below_its_puzzle_is_joined_to_it(text):
    (grid,) = grids_of(text.format(p="\n".join(rows(PUZZLE)), s="\n".join(rows(SOLVED))), 9)
    assert (grid.text, grid.answer) == (PUZZLE, SOLVED) and grid.note
    text = text.format(p="\n".join(rows(PUZZLE)), s="\n".join(rows(SOLVED)))
    assert NINE.format(NINE.parse(text)) == PUZZLE


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("{p} # puzzle 0", ""),
        ("d9324c4339db {z}  1.2", ""),
        ("{p};9.0;1.2;1.2;easy", ""),
        ("{p} ED=7.1/1.2/1.2", ""),
        ("{p}\t7.1\t0", ""),
        ("1. {p}", ""),
        (":0000:x:{p}:::", ""),
        ("{p},{s}", SOLVED),
        ("{s} {z}", SOLVED),
        ("{z};{s};hard", SOLVED),
        ("{p} | {s} | 25", SOLVED),
        ('"{z}"\t"{s}"', SOLVED),
        ("17,{u},{s}", SOLVED),
        ("No 3: {p} (sehr schwer, von Hans)", ""),
    ],
)
def test_other_fields_on_the_line_of_a_puzzle(line, answer):
    line = line.format(p=PUZZLE, z=PUZZLE.replace(".", "0"), s=SOLVED, u=PUZZLE.replace(".", "_"))
    (grid,) = grids_of(line, 9)
    assert (grid.text, grid.answer, grid.place) == (PUZZLE, answer, "line 1")
    assert NINE.format(NINE.parse(line)) == PUZZLE


@SIZES
def test_more_notations_of_rows(side):
    task, puzzle = BY_SIZE[side]
    drawn = rows(puzzle)
    latex = (
        "\\begin{sudoku}\n"
        + "\n".join("|" + "|".join(row.replace(".", " ")) + "|." for row in drawn)
        + "\n\\end{sudoku}"
    )
    markdown = "\n".join(["|" + "|".join(row.replace(".", " ")) + "|" for row in drawn])
    bands = (
        "\n\n".join("\n".join(drawn[at : at + side // 2]) for at in (0, side // 2))
        + "\n"
        + "\n".join(drawn[side // 2 * 2 :])
    )
    for text in (
        puzzle.replace(".", " "),
        f'<game data="{puzzle.replace(".", "0")}" level="1"/>',
        latex,
        markdown.replace("\n", "\n" + "|---" * side + "|\n", 1),
        "\n".join(f"{row}  # a row of mine" for row in drawn),
        "\n".join(f"{row} // number {at}" for at, row in enumerate(drawn)),
        "\n".join(f"> {row}" for row in drawn),
        f"{puzzle.replace('.', ' ')}\n",
        bands.strip(),
    ):
        assert task.format(task.parse(text)) == puzzle, text


@SIZES
def test_lines_with_spaces_for_blanks_are_separate_puzzles(side):
    _, puzzle = BY_SIZE[side]
    other = puzzle[::-1]
    text = f"{puzzle}\n{other}\n".replace(".", " ")
    assert [grid.text for grid in grids_of(text, side)] == [puzzle, other]


def test_all_following_grids_that_answer_a_puzzle_belong_to_it():
    started = SOLVED[:20] + PUZZLE[20:]
    sections = {"Puzzle": PUZZLE, "State": started, "Solution": SOLVED, "Second solution": SOLVED}
    text = "".join(f"[{name}]\n{chr(10).join(rows(grid))}\n" for name, grid in sections.items())
    other = SOLVED[:9] + PUZZLE[9:40] + "." * 41
    first, second = grids_of(f"{text}[Puzzle]\n{chr(10).join(rows(other))}\n", 9)
    assert (first.text, first.answer, second.text, second.answer) == (PUZZLE, SOLVED, other, "")


@pytest.mark.parametrize(
    "text", ["[[5 3 0 ... 0 0 0]\n ...\n [0 0 0 ... 0 7 9]]", "[[1, 2, 3, 4],\n ...,\n [4, 3, 2, 1]]"]
)
def test_an_incomplete_array_is_reported(text):
    for task in (NINE, FOUR):
        with pytest.raises(PuzzleError, match="This array is incomplete"):
            task.parse(text)


@SIZES
def test_a_printed_data_frame(side):
    task, puzzle = BY_SIZE[side]
    heading = "     " + "    ".join(map(str, range(side)))
    for blank in ("NaN", "0.0", "None"):
        drawn = [
            f"{at}  " + "  ".join(blank if mark == "." else f"{mark}.0" for mark in row)
            for at, row in enumerate(rows(puzzle))
        ]
        assert task.format(task.parse("\n".join([heading, *drawn]))) == puzzle
