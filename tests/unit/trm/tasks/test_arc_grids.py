"""The ARC task: encoding and decoding grids, text formats, and no claims about answers that cannot be checked."""

import json
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from trm.data import load_presets
from trm.errors import PuzzleError
from trm.tasks import get_task
from trm.tasks.arc import Arc, decode, encode
from trm.tasks.base import Difficulty

ARC = Arc()

sides = st.integers(1, 30)
grids = st.tuples(sides, sides).flatmap(
    lambda shape: arrays.arrays(np.uint8, shape, elements=st.integers(0, 9))
)
any_tokens = arrays.arrays(np.uint8, 900, elements=st.integers(0, 12), fill=st.integers(0, 12))


def tokens_of(*rows: str) -> np.ndarray:
    """Tokens drawn from the top left corner: digits, | for border, . for padding (the rest of the 30x30)."""
    tokens = np.zeros((30, 30), np.uint8)
    for number, row in enumerate(rows):
        tokens[number, : len(row)] = [ARC.symbols.index(symbol) for symbol in row]
    return tokens.ravel()


# tokens


@given(grids)
def test_every_grid_encodes_and_decodes_to_itself(grid):
    tokens = encode(grid)
    assert tokens.shape == (900,) and tokens.dtype == np.uint8
    assert np.array_equal(decode(tokens), grid)
    rows, columns = grid.shape
    assert (tokens >= 2).sum() == grid.size
    assert (tokens == 1).sum() == columns * (rows < 30) + rows * (columns < 30)


@given(grids)
def test_formatted_grids_parse_back(grid):
    tokens = encode(grid)
    for text in (ARC.format(tokens), ARC.pretty(tokens), json.dumps(grid.tolist())):
        assert np.array_equal(ARC.parse(text), tokens)


@given(grids)
def test_a_clean_grid_has_no_conflict_and_there_is_no_eleventh_colour(grid):
    assert not ARC.conflicts(encode(grid)).any()
    with pytest.raises(PuzzleError, match=r"Row 1, column 1: 10 is not a colour"):
        encode([[10, *row[1:]] for row in grid.tolist()])


def test_the_border_is_below_and_to_the_right_without_the_corner():
    assert np.array_equal(encode([[0, 1], [2, 3]]), tokens_of("01|", "23|", "||"))
    assert np.array_equal(encode([[9]]), tokens_of("9|", "|"))


@pytest.mark.parametrize(
    ("rows", "columns", "border"), [(30, 30, 0), (30, 29, 30), (29, 30, 30), (29, 29, 58)]
)
def test_a_border_outside_the_tokens_is_omitted(rows, columns, border):
    tokens = encode(np.full((rows, columns), 4, np.uint8))
    assert (tokens == 1).sum() == border
    assert decode(tokens).shape == (rows, columns)


def largest_crop(tokens: np.ndarray) -> tuple[int, int]:
    """The crop by trying all rectangles in the corner, those with fewer rows first."""
    board = tokens.reshape(30, 30)
    best, size = 0, (0, 0)
    for rows, columns in product(range(1, 31), range(1, 31)):
        part = board[:rows, :columns]
        if rows * columns > best and ((part >= 2) & (part <= 11)).all():
            best, size = rows * columns, (rows, columns)
    return size


@given(any_tokens)
def test_an_answer_is_the_largest_rectangle_of_colours_in_the_corner(tokens):
    size = largest_crop(tokens)
    grid = decode(tokens)
    assert grid.shape == size
    assert np.array_equal(grid + 2, tokens.reshape(30, 30)[: size[0], : size[1]])


@pytest.mark.parametrize(
    ("tokens", "answer"),
    [
        (tokens_of("12.", "34.", "5"), "12/34"),
        (tokens_of("123", "4"), "123"),
        (tokens_of("12", "3."), "12"),  # as large as 1/3, with fewer rows
        (tokens_of("1|2", "3|4", "||"), "1/3"),
        (tokens_of(".1", "23"), ""),
        (tokens_of(), ""),
        (np.full(900, 12, np.uint8), ""),
    ],
)
def test_an_unclean_answer_is_formatted_as_its_crop(tokens, answer):
    assert ARC.format(tokens) == answer
    assert ARC.pretty(tokens) == answer.replace("/", "\n")


def test_conflicts_are_missing_border_tokens_around_the_crop():
    def marked(*rows: str) -> list[tuple[int, int]]:
        return [divmod(int(cell), 30) for cell in np.flatnonzero(ARC.conflicts(tokens_of(*rows)))]

    assert marked("12|", "34|", "||") == []
    assert marked("12|..5", "34|..|", "||5", "7") == []  # nothing beyond the border is scored
    assert marked("12|", "34.", "|7") == [(1, 2), (2, 1)]
    assert marked("12", "3|", "||") == [(0, 2), (1, 0)]  # the crop is 1x2
    assert marked(".") == [(0, 0)]  # no answer at all
    batch = np.stack([tokens_of("12|", "||"), tokens_of("12", "||")])[None]
    assert ARC.conflicts(batch).sum(-1).tolist() == [[0, 1]]


# grids that are none


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[0] * 30] * 31, "This grid has 31 rows; the maximum is 30"),
        ([[0] * 31], "Row 1 has 31 cells; the maximum is 30"),
        ([[1, 2], [3]], "Row 2 has 1 cells, but row 1 has 2"),
        ([[1, 2], [3, 10]], "Row 2, column 2: 10 is not a colour"),
        ([[-1]], "Row 1, column 1: -1 is not a colour"),
        ([[1.0]], "Row 1, column 1: 1.0 is not a colour"),
        ([[True]], "Row 1, column 1: True is not a colour"),
        ([[None]], "Row 1, column 1: None is not a colour"),
        ([["1\n"]], "Row 1, column 1: '1\\n' is not a colour"),
        ([[[[1]]]], "is not a colour"),
        ([], "Not a grid. Give a list of rows"),
        ([[]], "Row 1 is empty"),
        ([[1], 2], "Not a grid. Give a list of rows"),
    ],
)
def test_an_invalid_grid_is_rejected_with_one_line(rows, message):
    for read in (encode, lambda rows: ARC.parse(json.dumps(rows))):
        with pytest.raises(PuzzleError) as error:
            read(rows)
        assert "\n" not in str(error.value)
        assert message in str(error.value).replace("true", "True").replace("null", "None")


@pytest.mark.parametrize(
    "text",
    ["01/23", "01\n23", " 0 1 \n\n 2 3\n", "0,1\r\n2,3", "[[0,1],[2,3]]", "\ufeff[[0, 1],\n [2, 3]]\n"],
)
def test_grids_as_people_paste_them(text):
    assert np.array_equal(ARC.parse(text), encode([[0, 1], [2, 3]]))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "This text contains no grid"),
        (" \n/ ", "This text contains no grid"),
        ("01/2x", "Row 2, column 2: 'x' is not a colour"),
        ("01/2²", "Row 2, column 2: '²' is not a colour"),
        ("01/2\x00", "Row 2, column 2: U+0000 is not a colour"),
        ("0" * 900, "Row 1 has 900 cells; the maximum is 30"),
        ("01/234", "Row 2 has 3 cells, but row 1 has 2"),
        ("[[0,1],[2,3]", "Line 1, position 13: not JSON"),
        ('{"input": [[1]]}', "Not a grid. Give a list of rows"),
        ("[" * 90_000, "not a grid"),
        (f"[[{'9' * 5000}]]", "not a grid"),
        ("0" * 100_001, "This text has 100,001 characters"),
    ],
)
def test_a_mistake_in_a_text_is_reported_with_its_place(text, message):
    with pytest.raises(PuzzleError) as error:
        ARC.parse(text)
    assert message in str(error.value)
    assert "\n" not in str(error.value) and len(str(error.value)) < 250


# what the task can and cannot say


def test_the_task_is_selected_by_name_and_describes_its_tokens():
    assert get_task("arc") == get_task("arc", 900) == ARC
    assert (ARC.cells, ARC.vocab_size) == (900, 12)
    assert len(ARC.symbols) == len(ARC.symbol_names) == len(ARC.looks) == len(set(ARC.symbols)) == 12
    assert len(set(ARC.symbol_names)) == len(set(ARC.looks)) == 12
    assert ARC.symbols[2:] == tuple("0123456789")
    assert ARC.looks[:4] == ("pad", "border", "#000000", "#0074D9")


def test_arc_answers_cannot_be_checked_solved_or_generated():
    inputs = encode([[1, 2], [3, 4]])
    assert not ARC.givens(inputs).any()
    assert ARC.solutions(inputs) == []
    assert not ARC.is_solved(inputs, inputs)
    assert ARC.is_solved(*[np.stack([inputs] * 3)] * 2).tolist() == [False] * 3
    rating = ARC.rate(inputs)
    assert (rating.difficulty, rating.solutions) == (None, 0)
    assert "A 2x2 grid with 4 colours" in rating.sentence
    assert "can only be checked against the published output of its task" in rating.sentence
    assert ARC.rule_score is None and not ARC.checkable_by_rules and ARC.needs_puzzle_id
    with pytest.raises(PuzzleError, match=r"ARC puzzles cannot be generated"):
        ARC.generate_many(1, difficulty=Difficulty.EASY)


def test_arc_has_only_the_identity_symmetry():
    inputs, labels = encode([[1, 2]])[None], encode([[3], [4]])[None]
    for before, after in zip(
        (inputs, labels), ARC.random_symmetries(inputs, labels, np.random.default_rng(0)), strict=True
    ):
        assert np.array_equal(before, after)
    assert ARC.symmetry_key(labels[0]) != ARC.symmetry_key(encode([[4], [3]]))
    assert ARC.symmetry_key(labels[0]) == ARC.symmetry_key(labels[0].copy())


def test_results_are_grouped_by_the_longer_side_wherever_the_grid_lies():
    moved = np.zeros((30, 30), np.uint8)
    moved[20:, 15:18] = 5
    inputs = np.stack(
        [encode(np.zeros(shape, np.uint8)) for shape in ((1, 1), (10, 3), (3, 11), (20, 20), (30, 1))]
        + [moved.ravel()]
    )
    assert ARC.strata(inputs) == [
        "side 1-10", "side 1-10", "side 11-20", "side 11-20", "side 21-30", "side 1-10",
    ]  # fmt: skip


def test_presets_state_that_an_answer_is_meaningless_without_its_puzzle_id():
    presets = load_presets("arc")
    assert len(presets) == 4
    for preset in presets:
        assert ARC.format(ARC.parse(preset.puzzle)) == preset.puzzle
        assert "puzzle id" in preset.sentence and "meaningless" in preset.sentence
    assert decode(ARC.parse(presets[-1].puzzle)).shape == (30, 30)
