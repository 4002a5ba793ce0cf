"""The Sudoku task: text formats, rules, and ratings of cases made by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trm.errors import PuzzleError, UserError
from trm.tasks import get_task
from trm.tasks.base import Difficulty
from trm.tasks.sudoku import Sudoku

SUDOKU = Sudoku()
SMALL = Sudoku(2, 2)

SOLVED = "534678912672195348198342567859761423426853791713924856961537284287419635345286179"
PUZZLE = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"

boards = st.sampled_from([SMALL, Sudoku(2, 3), Sudoku(3, 2), SUDOKU])


@st.composite
def any_tokens(draw):
    """A board and arbitrary tokens: blanks and digits that need not obey the rules."""
    task = draw(boards)
    tokens = draw(st.lists(st.integers(1, task.vocab_size - 1), min_size=task.cells, max_size=task.cells))
    return task, np.array(tokens, np.uint8)


@given(any_tokens())
def test_formatted_grids_parse_back(case):
    task, tokens = case
    assert (task.parse(task.format(tokens)) == tokens).all()
    assert (task.parse(task.pretty(tokens)) == tokens).all()


@given(any_tokens())
def test_conflicts_are_equal_digits_in_a_row_column_or_box(case):
    task, tokens = case
    grid = task.conflicts(tokens).reshape(task.rows, task.columns)
    for row in range(task.rows):
        for column in range(task.columns):
            digit = tokens[row * task.columns + column]
            seen = [
                tokens[r * task.columns + c]
                for r in range(task.rows)
                for c in range(task.columns)
                if (r, c) != (row, column)
                and (
                    r == row
                    or c == column
                    or (r // task.box_rows, c // task.box_columns)
                    == (row // task.box_rows, column // task.box_columns)
                )
            ]
            assert grid[row, column] == (digit > 1 and digit in seen)


def test_tokens_are_those_of_the_public_data_sets():
    assert SUDOKU.parse(PUZZLE)[:5].tolist() == [6, 4, 1, 1, 8]
    assert (SUDOKU.vocab_size, SUDOKU.cells, SUDOKU.rows, SUDOKU.columns) == (11, 81, 9, 9)
    assert "".join(SUDOKU.symbols) == "..123456789"
    assert SUDOKU.symbol_names[:3] == ("pad", "blank", "1")
    assert SUDOKU.format(np.zeros(81, np.uint8)) == "." * 81


@pytest.mark.parametrize(
    "text",
    [
        PUZZLE.replace(".", "0"),
        PUZZLE.replace(".", "_"),
        PUZZLE.replace(".", "*"),
        PUZZLE.replace(".", "x"),
        PUZZLE.replace(".", "-"),
        "\n".join(PUZZLE[at : at + 9] for at in range(0, 81, 9)),
        "\r\n".join(" ".join(PUZZLE[at : at + 9]) for at in range(0, 81, 9)),
        "┌───┐\n" + "\n".join("│" + PUZZLE[at : at + 9] + "│" for at in range(0, 81, 9)) + "\n└───┘",
        "\ufeff  " + PUZZLE + "\n\n",
    ],
)
def test_common_notations_of_grids_are_read(text):
    assert SUDOKU.format(SUDOKU.parse(text)) == PUZZLE


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            PUZZLE[:-1],
            "A 9x9 Sudoku has 81 cells, but this text has 80. Use digits 1-9 and . or 0 for blanks.",
        ),
        ("", "A 9x9 Sudoku has 81 cells, but this text has 0. Use digits 1-9 and . or 0 for blanks."),
        (
            "\n".join(["." * 9] * 3 + ["." * 8] + ["." * 9] * 5),
            "A 9x9 Sudoku has 81 cells, but this text has 80 (line 4 has 8). Use digits 1-9 and . or 0",
        ),
        (
            "\n".join(["." * 9] * 8),
            "A 9x9 Sudoku has 81 cells, but this text has 72 (8 rows of 9). Use digits 1-9 and . or 0",
        ),
        (
            "53..7....\n6..q95...",
            "Line 2, position 4: 'q' is not part of a 9x9 Sudoku. Use digits 1-9 and . or 0 for blanks.",
        ),
        (
            PUZZLE.replace("...", "_..", 1),
            "Position 6: '_' is not part of a 9x9 Sudoku. Use digits 1-9 and . or 0 for blanks.",
        ),
        ("." * 80 + "\x00", "Position 81: the character U+0000 is not part of a 9x9 Sudoku. "),
        ("." * 100_001, "This text has 100,001 characters; the maximum is 100,000. Paste one puzzle."),
    ],
)
def test_mistakes_are_reported_with_their_place(text, message):
    with pytest.raises(PuzzleError) as error:
        SUDOKU.parse(text)
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


def test_a_digit_too_large_for_the_board_is_reported():
    with pytest.raises(PuzzleError, match=r"Position 2: '5' is not part of a 4x4 Sudoku. Use digits 1-4"):
        SMALL.parse("15" + "." * 14)


def test_solved_means_complete_valid_and_with_the_givens():
    puzzle, solved = SUDOKU.parse(PUZZLE), SUDOKU.parse(SOLVED)
    other = SUDOKU.parse(SOLVED.translate(str.maketrans("12", "21")))
    assert SUDOKU.is_solved(puzzle, solved)
    assert not SUDOKU.is_solved(puzzle, puzzle)
    assert not SUDOKU.is_solved(puzzle, other)
    assert SUDOKU.is_solved(np.ones(81, np.uint8), other)
    assert not SUDOKU.is_solved(np.ones(81, np.uint8), np.full(81, 200, np.uint8))
    assert not SUDOKU.is_solved(np.ones(81, np.uint8), solved + 1)  # no digit is repeated, but 10 is none
    both = SUDOKU.is_solved(np.stack([puzzle, puzzle]), np.stack([solved, other]))
    assert both.tolist() == [True, False]


def test_conflicts_accept_any_leading_axes():
    tokens = np.stack([SUDOKU.parse(SOLVED), SUDOKU.parse("11" + "." * 79)]).reshape(2, 1, 81)
    assert SUDOKU.conflicts(tokens).sum(-1).tolist() == [[0], [2]]


@pytest.mark.parametrize(
    ("text", "solutions"),
    [
        (PUZZLE, 1),
        (SOLVED, 1),
        ("." * 81, 2),
        ("11" + "." * 79, 0),
        # No digit appears twice, but the first cell has none left.
        (".12345678" + "9" + "." * 71, 0),
        # Norvig's grid without a solution, on which searches by cells alone take many minutes.
        (".....5.8....6.1.43..........1.5........1.6...3.......553.....61........4.........", 0),
    ],
)
def test_finds_no_one_or_two_solutions(text, solutions):
    puzzle = SUDOKU.parse(text)
    solved = SUDOKU.solutions(puzzle)
    assert len(solved) == solutions
    assert all(SUDOKU.is_solved(puzzle, solution) for solution in solved)
    assert len({solution.tobytes() for solution in solved}) == solutions
    assert SUDOKU.rate(puzzle).solutions == solutions


def test_counts_all_solutions_of_the_small_board():
    assert len(SMALL.solutions(np.ones(16, np.uint8), limit=1000)) == 288


@pytest.mark.parametrize(
    ("text", "difficulty", "sentence"),
    [
        (PUZZLE, Difficulty.EASY, "Easy: naked and hidden singles suffice."),
        (SOLVED, Difficulty.EASY, "Easy: the puzzle is already solved; no cell is blank."),
        ("." * 81, None, "More than one solution: there are too few givens."),
        ("11" + "." * 79, None, "No solution: a digit occurs twice in a row, column or box."),
        (".12345678" + "9" + "." * 71, None, "No solution: the givens contradict each other."),
        (
            # Inkala 2012, published as a very hard one.
            "8..........36......7..9.2...5...7.......457.....1...3...1....68..85...1..9....4..",
            Difficulty.HARD,
            "Hard: singles, locked candidates and pairs do not suffice; a search makes ",
        ),
    ],
)
def test_ratings_give_a_reason(text, difficulty, sentence):
    rating = SUDOKU.rate(SUDOKU.parse(text))
    assert rating.difficulty is difficulty
    assert rating.sentence.startswith(sentence)
    assert (rating.search_nodes > 0) == (difficulty is Difficulty.HARD or rating.solutions == 2)


def test_errors_for_unknown_names_list_the_choices():
    with pytest.raises(UserError, match=r"Unknown task 'chess'. Choose one of: .*sudoku"):
        get_task("chess")
    with pytest.raises(PuzzleError, match=r"Unknown difficulty 'brutal'. Choose one of: easy, medium, hard."):
        Difficulty("brutal")
    for rows, columns in ((1, 9), (1, 2), (4, 2), (2, 1), (2, 4)):
        with pytest.raises(PuzzleError, match=rf"Sudokus with {rows}x{columns} boxes are not supported"):
            Sudoku(rows, columns)


def test_a_rating_gives_up_at_its_limit_of_guesses():
    hard = SUDOKU.generate(np.random.default_rng(0), "hard").inputs
    needed = SUDOKU.rate(hard).search_nodes
    assert SUDOKU.rate(hard, max_guesses=needed) == SUDOKU.rate(hard)
    with pytest.raises(PuzzleError, match=f"The search found no result within {needed - 1} guesses"):
        SUDOKU.rate(hard, max_guesses=needed - 1)


@pytest.mark.parametrize("task", [SMALL, SUDOKU], ids=["4x4", "9x9"])
def test_writable_tokens_are_a_blank_and_all_digits(task):
    written = "".join(task.symbols[token] for token in task.writable)
    assert written == "." + "".join(map(str, range(1, task.rows + 1)))


@pytest.mark.parametrize(
    ("task", "givens", "stratum"),
    [
        (SMALL, 5, "0-5 givens"),
        (SMALL, 6, "6-11 givens"),
        (SUDOKU, 29, "24-29 givens"),
        (SUDOKU, 30, "30-35 givens"),
    ],
)
def test_results_are_grouped_by_the_number_of_givens(task, givens, stratum):
    assert task.strata(np.where(np.arange(task.cells) < givens, 2, 1)[None].astype(np.uint8)) == [stratum]


def test_facts_about_cells_by_hand():
    facts = SMALL.cell_features(SMALL.parse("12..3...2.1....4"))
    assert facts["box"].tolist() == [1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4]
    assert facts["candidates"].tolist() == [-1, -1, 12, 4, -1, 8, 10, 3, -1, 12, -1, 4, 0, 5, 6, -1]
    assert facts["candidates_left"].tolist() == [-1, -1, 2, 1, -1, 1, 2, 2, -1, 2, -1, 1, 0, 2, 2, -1]
