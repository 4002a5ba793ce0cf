"""Generated puzzles fit their options; symmetries preserve the rules; logic never rules out a solution."""

import random
from functools import cache
from itertools import islice
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trm.errors import PuzzleError
from trm.tasks.base import Difficulty
from trm.tasks.maze import Maze
from trm.tasks.sudoku import Sudoku
from trm.tasks.sudoku.generator import by_search, by_singles, random_solution, remove_clues
from trm.tasks.sudoku.geometry import geometry, members
from trm.tasks.sudoku.logic import locked_candidates, pairs
from trm.tasks.sudoku.solver import Search, from_tokens, place_singles, start, to_tokens

SUDOKU = Sudoku()
BOARD = geometry(3, 3)
BOARDS = (Sudoku(2, 2), Sudoku(2, 3), Sudoku(3, 2), SUDOKU)

seeds = st.integers(0, 2**32)
boards = st.sampled_from(BOARDS)


@cache
def sample(task: Sudoku):
    return task.generate_many(40, seed=11)


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("difficulty", "fewest", "most"),
    [("easy", 24, 24), ("easy", 31, 31), ("easy", 45, 45), ("medium", 25, 29), ("hard", 23, 27)],
)
def test_generates_the_requested_difficulty_and_givens(difficulty, fewest, most):
    rng = np.random.default_rng(5)
    for _ in range(4):
        puzzle = SUDOKU.generate(rng, difficulty, givens=(fewest, most))
        rating = SUDOKU.rate(puzzle.inputs)
        assert (rating.solutions, rating.difficulty) == (1, difficulty)
        assert fewest <= SUDOKU.givens(puzzle.inputs).sum() <= most
        assert (SUDOKU.solutions(puzzle.inputs)[0] == puzzle.labels).all()


@pytest.mark.parametrize("task", BOARDS, ids=lambda task: f"{task.box_rows}x{task.box_columns}")
def test_every_box_shape_gets_puzzles_with_one_solution(task):
    inputs, labels = sample(task)
    assert task.is_solved(inputs, labels).all()
    assert all(task.rate(puzzle).difficulty is Difficulty.EASY for puzzle in inputs)


@pytest.mark.heavy
def test_numbers_of_givens_are_uniform():
    inputs, _ = SUDOKU.generate_many(600, givens=(36, 41), seed=2)
    counts = np.bincount(SUDOKU.givens(inputs).sum(-1), minlength=42)[36:]
    # Six equal shares of 600; 5 standard deviations are 46.
    assert counts.sum() == 600
    assert abs(counts - 100).max() < 46


@pytest.mark.heavy
def test_the_result_depends_on_the_seed_but_not_on_the_workers():
    options = {"givens": (36, 40), "seed": 4}
    alone, heard = SUDOKU.generate_many(80, **options), []
    together = SUDOKU.generate_many(
        80, workers=2, progress=lambda share, text: heard.append(share), **options
    )
    assert all((one == other).all() for one, other in zip(alone, together, strict=True))
    assert heard == [32 / 80, 64 / 80, 1]
    assert (SUDOKU.generate_many(40, **options)[0] == alone[0][:40]).all()
    assert not (SUDOKU.generate_many(40, givens=(36, 40), seed=5)[0] == alone[0][:40]).all(-1).any()


def test_few_puzzles_or_one_worker_need_no_processes(monkeypatch):
    monkeypatch.setattr("trm.tasks.base.ProcessPoolExecutor", None)
    task, heard = BOARDS[0], []
    task.generate_many(40, progress=lambda *step: heard.append(step))
    assert heard == [(32 / 40, "32 of 40 puzzles generated"), (1, "40 of 40 puzzles generated")]
    assert len(task.generate_many(32, workers=2)[0]) == 32


@pytest.mark.parametrize("task", BOARDS[1:], ids=lambda task: f"{task.box_rows}x{task.box_columns}")
def test_the_boxes_on_the_diagonal_are_filled_first(monkeypatch, task):
    filled = []

    def begin(board, givens):
        filled.append([given % board.cells for given in givens])
        return start(board, givens)

    monkeypatch.setattr("trm.tasks.sudoku.generator.start", begin)
    random_solution(geometry(task.box_rows, task.box_columns), random.Random(1))
    places = (divmod(cell, task.columns) for cell in filled[0])
    assert {(row // task.box_rows, column // task.box_columns) for row, column in places} == {
        (box, box) for box in range(min(task.box_rows, task.box_columns))
    }
    assert len(set(filled[0])) == task.rows * min(task.box_rows, task.box_columns)


def test_excluded_solutions_do_not_occur():
    task = Sudoku(2, 2)
    _, labels = task.generate_many(200, seed=1)
    keys = sorted({task.symmetry_key(solution) for solution in labels})
    assert len(keys) > 1
    _, rest = task.generate_many(100, seed=1, exclude={keys[0]})
    assert {task.symmetry_key(solution) for solution in rest} == set(keys[1:])
    with pytest.raises(PuzzleError, match=r"symmetric versions of excluded ones"):
        task.generate_many(1, exclude=keys)


def test_impossible_options_are_rejected():
    rng = np.random.default_rng(0)
    with pytest.raises(PuzzleError, match=r"Givens 40-24 is not a range within 0-81"):
        SUDOKU.generate(rng, "easy", givens=(40, 24))
    with pytest.raises(
        PuzzleError,
        match=r"No easy puzzle with 2 givens was found in 1,000 tries. The default is 4-8 givens.",
    ):
        Sudoku(2, 2).generate(rng, "easy", givens=(2, 2))


@given(boards, seeds)
def test_removing_clues_by_blocks_equals_removing_them_one_by_one(task, seed):
    board, rng = geometry(task.box_rows, task.box_columns), random.Random(seed)
    order = random_solution(board, rng)
    rng.shuffle(order)
    floor = rng.randrange(task.cells // 2)
    one_by_one = set(order)
    for candidate in order:
        if len(one_by_one) > floor and by_singles(board, list(one_by_one - {candidate}), 1 << candidate):
            one_by_one.remove(candidate)
    givens, removed = remove_clues(board, order, by_singles, floor)
    assert givens == sorted(one_by_one)
    assert sorted(givens + removed) == sorted(order)


@given(boards, seeds)
def test_logic_never_rules_out_the_solution(task, seed):
    board, rng = geometry(task.box_rows, task.box_columns), random.Random(seed)
    solution = random_solution(board, rng)
    rng.shuffle(solution)
    givens, _ = remove_clues(board, solution, by_search, 0)
    true = sum(1 << candidate for candidate in solution)
    position = start(board, givens)
    while place_singles(board, position):
        assert position.placed & ~true == 0
        ruled_out = locked_candidates(board, position.possible) | pairs(board, position.possible)
        assert ruled_out & true == 0
        if not ruled_out & position.possible:
            break
        position.possible &= ~ruled_out
    assert position.possible & true == true


def test_locked_candidates_by_hand():
    """Digit 1 of the first box must be in its first row, so it is eliminated from the rest of that row."""
    board = geometry(3, 3)
    possible = board.all_candidates
    for cell in (9, 10, 11, 18, 19, 20):
        possible &= ~(1 << cell)
    assert members(locked_candidates(board, possible)) == [3, 4, 5, 6, 7, 8]


def test_locked_candidates_by_hand_in_reverse():
    """Digit 1 of the first row must be in its first box, so it is eliminated from the rest of that box."""
    board = geometry(3, 3)
    possible = board.all_candidates
    for cell in range(3, 9):
        possible &= ~(1 << cell)
    assert members(locked_candidates(board, possible)) == [9, 10, 11, 18, 19, 20]


def test_naked_pairs_by_hand():
    """Cells 0 and 1 can only be 1 or 2, so both are eliminated from the rest of their row and box."""
    board = geometry(3, 3)
    possible = board.all_candidates
    for digit in range(2, 9):
        possible &= ~(0b11 << digit * 81)
    others = [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 18, 19, 20]
    assert members(pairs(board, possible)) == [digit * 81 + cell for digit in (0, 1) for cell in others]


def test_hidden_pairs_by_hand():
    """Digits 1 and 2 of the first row only fit cells 0 and 8, so all other digits are eliminated there."""
    board = geometry(3, 3)
    possible = board.all_candidates
    for cell in range(1, 8):
        possible &= ~(1 << cell | 1 << 81 + cell)
    assert members(pairs(board, possible)) == [digit * 81 + cell for digit in range(2, 9) for cell in (0, 8)]


@given(boards, seeds)
def test_symmetries_keep_puzzle_solution_and_key(task, seed):
    inputs, labels = sample(task)
    moved_inputs, moved_labels = task.random_symmetries(inputs, labels, np.random.default_rng(seed))
    assert task.is_solved(moved_inputs, moved_labels).all()
    assert (task.givens(moved_inputs).sum(-1) == task.givens(inputs).sum(-1)).all()
    assert [task.symmetry_key(grid) for grid in moved_labels] == [task.symmetry_key(grid) for grid in labels]


@pytest.mark.parametrize("task", [SUDOKU, Maze(7)], ids=["sudoku", "maze"])
def test_symmetries_can_be_inverted(task):
    inputs, labels = sample(task) if task is SUDOKU else task.generate_many(4, seed=1)
    drawn = task.symmetries(len(inputs), np.random.default_rng(2))
    moved = drawn.apply(labels)
    assert (moved != labels).any() and np.array_equal(drawn.undo(moved), labels)
    assert np.array_equal(moved, task.random_symmetries(inputs, labels, np.random.default_rng(2))[1])


def test_symmetries_reach_every_digit_and_cell():
    inputs, labels = (np.repeat(part[:1], 3000, 0) for part in sample(SUDOKU))
    moved, _ = SUDOKU.random_symmetries(inputs, labels, np.random.default_rng(1))
    assert len(np.unique(moved, axis=0)) == 3000
    assert (SUDOKU.givens(moved).any(0)).all() and (moved == 1).any(0).all()
    shares = np.stack([(moved == digit).sum(0) for digit in range(2, 11)]) / 3000
    # Each cell holds each digit equally often: givens / 81 / 9, and 5 standard deviations are below 0.02.
    expected = SUDOKU.givens(inputs[0]).sum() / 81 / 9
    assert abs(shares - expected).max() < 0.02


def test_padding_stays_padding():
    inputs, labels = sample(SUDOKU)
    _, moved = SUDOKU.random_symmetries(inputs, np.zeros_like(labels), np.random.default_rng(1))
    assert not moved.any()


def test_keys_distinguish_unrelated_solutions():
    _, labels = SUDOKU.generate_many(400, givens=(40, 40), seed=9)
    keys = {SUDOKU.symmetry_key(solution) for solution in labels}
    assert len(keys) > 395


@pytest.fixture
def uncompiled(monkeypatch) -> ModuleType:
    """The module of hard puzzles as Python code: numba compiles it for ten seconds."""
    from trm.tasks.sudoku import hardest

    for name, value in vars(hardest).items():
        if hasattr(value, "py_func"):
            monkeypatch.setattr(hardest, name, value.py_func)
    return hardest


@pytest.mark.parametrize("seed", range(3))
def test_the_search_of_a_climb_makes_the_guesses_of_the_solver(uncompiled, seed):
    ((puzzle,), (solution,)) = SUDOKU.generate_many(1, difficulty="hard", givens=(23, 26), seed=seed)
    search = Search(BOARD)
    assert len(list(search.solutions(start(BOARD, from_tokens(BOARD, puzzle))))) == 1
    found = np.zeros((2, 81), np.uint8)
    assert uncompiled.search(puzzle - SUDOKU.blank, found) == (1, search.nodes) and search.nodes > 0
    assert (found[0] == solution - SUDOKU.blank).all()


def test_a_search_finds_no_more_solutions_than_requested_and_none_of_a_contradiction(uncompiled):
    empty, clash = np.zeros(81, np.uint8), np.zeros(81, np.uint8)
    clash[:2] = 5
    found = np.zeros((2, 81), np.uint8)
    assert uncompiled.search(empty, found, shuffle=True)[0] == 2
    assert not SUDOKU.conflicts(found + SUDOKU.blank).any() and (found > 0).all()
    assert (found[0] != found[1]).any()
    assert uncompiled.search(clash, found)[0] == 0
    first = (int(found[0, 0]) - 1) * 81  # the digit in the first cell, of a grid without that cell
    assert uncompiled.search(np.r_[0, found[0, 1:]], found, forbidden=first) == (0, 0)


def test_a_search_is_given_up_after_many_guesses(uncompiled, monkeypatch):
    monkeypatch.setattr(uncompiled, "NODE_LIMIT", 5)
    assert uncompiled.search(np.zeros(81, np.uint8), np.zeros((1, 81), np.uint8)) == (-1, 6)


@pytest.mark.heavy
def test_a_climb_goes_from_minimal_puzzle_to_minimal_puzzle(uncompiled, monkeypatch):
    monkeypatch.setattr(uncompiled, "STEPS", 3)
    puzzles, solutions, guesses = uncompiled.climb(0)
    assert len(puzzles) == len(solutions) == len(guesses) > 1 and (np.diff(guesses) >= 0).all()
    for puzzle, solution in zip(puzzles, solutions, strict=True):
        tokens = puzzle + SUDOKU.blank
        assert (puzzle == solution * (puzzle > 0)).all()
        assert [tuple(found) for found in SUDOKU.solutions(tokens)] == [tuple(solution + SUDOKU.blank)]
        for cell in np.flatnonzero(puzzle):
            assert len(SUDOKU.solutions(np.where(np.arange(81) == cell, SUDOKU.blank, tokens))) == 2


@pytest.mark.parametrize(
    ("steps", "kept"),
    [
        ([(1, 5), (2, 5), (3, 4), (2, 9), (7, 0), (4, 9)], [(1, 5), (2, 5), (4, 9)]),
        ([(1, 1), (2, 2)], [(1, 1), (2, 2)]),
    ],
)
def test_a_climb_keeps_a_new_puzzle_unless_it_needs_fewer_guesses(uncompiled, monkeypatch, steps, kept):
    """Each step makes a puzzle of one given, a digit in the first cell, that needs so many guesses."""
    made, digit, guesses = iter(steps), 0, 0

    def search(grid, solutions, shuffle=False):
        nonlocal digit, guesses
        if shuffle:
            digit, guesses = next(made)
            solutions[0] = digit
        return (-1 if digit == 7 and shuffle else 1), guesses

    def add_givens(puzzle, solution, two):
        puzzle[0] = solution[0]
        return True

    monkeypatch.setattr(uncompiled, "STEPS", len(steps))
    monkeypatch.setattr(uncompiled, "search", search)
    monkeypatch.setattr(uncompiled, "_add_givens", add_givens)
    monkeypatch.setattr(uncompiled, "_minimise", lambda puzzle, one: None)
    puzzles, solutions, needed = uncompiled.climb(0)
    assert list(zip(puzzles[:, 0].tolist(), needed.tolist(), strict=True)) == kept
    assert np.array_equal(puzzles[:, 0], solutions[:, 0]) and not puzzles[:, 1:].any()


@pytest.mark.parametrize("given", [slice(40, 41), slice(0, 81, 4), slice(0, 81, 5), slice(2, 81, 6)], ids=str)
def test_a_search_of_a_climb_finds_the_solution_that_the_solver_finds_first(uncompiled, given):
    grid, found = np.full(81, SUDOKU.blank, np.uint8), np.zeros((1, 81), np.uint8)
    grid[given] = sample(SUDOKU)[1][0, given]
    search = Search(BOARD)
    first = next(search.solutions(start(BOARD, from_tokens(BOARD, grid))))
    assert uncompiled.search(grid - SUDOKU.blank, found) == (1, search.nodes)
    assert np.array_equal(found[0] + SUDOKU.blank, to_tokens(BOARD, first))


@pytest.mark.slow  # compiles for ten seconds, and what is compiled cannot have its annotations checked
def test_puzzles_with_many_guesses_are_minimal_and_rated_by_the_solver():
    """The compiled search makes the guesses of `Search`. A prefix of the puzzles is the same, whatever their number."""
    inputs, labels = SUDOKU.generate_many(6, difficulty="hard", guesses=(20, 300), seed=3)
    for puzzle, solution in zip(inputs, labels, strict=True):
        search = Search(BOARD)
        assert len(list(search.solutions(start(BOARD, from_tokens(BOARD, puzzle))))) == 1
        assert 20 <= search.nodes <= 300
        assert (SUDOKU.solutions(puzzle)[0] == solution).all()
        assert SUDOKU.rate(puzzle).difficulty is Difficulty.HARD
        for cell in np.flatnonzero(SUDOKU.givens(puzzle)):
            fewer = puzzle.copy()
            fewer[cell] = SUDOKU.blank
            assert len(SUDOKU.solutions(fewer)) == 2
    shorter, _ = SUDOKU.generate_many(3, difficulty="hard", guesses=(20, 300), seed=3)
    assert (shorter == inputs[:3]).all()


@pytest.mark.parametrize(
    ("task", "options"),
    [
        (SUDOKU, {"difficulty": "easy"}),
        (SUDOKU, {"difficulty": "hard", "givens": (24, 28)}),
        (Sudoku(2, 3), {"difficulty": "hard"}),
    ],
)
def test_only_hard_sudokus_of_the_usual_size_have_a_number_of_guesses(task, options):
    with pytest.raises(PuzzleError, match="hard 9x9 Sudokus"):
        task.generate_many(1, guesses=(20, 300), **options)


def test_a_range_of_guesses_begins_with_the_smaller_number():
    with pytest.raises(PuzzleError, match="Guesses 300-20 is not a range"):
        SUDOKU.generate_many(1, difficulty="hard", guesses=(300, 20))


@pytest.fixture
def climbs(uncompiled, monkeypatch) -> list[int]:
    """The seeds of climbs that all pass the same five puzzles, with 10 to 50 guesses, the third an easy one."""
    seeds: list[int] = []
    options = [("hard", (23, 26))] * 2 + [("easy", (30, 30))] + [("hard", (23, 26))] * 2
    made = [SUDOKU.generate_many(1, difficulty=level, givens=givens, seed=4) for level, givens in options]
    puzzles, solutions = (np.concatenate(arrays) - SUDOKU.blank for arrays in zip(*made, strict=True))

    def climb(seed: int):
        seeds.append(seed)
        return puzzles, solutions, np.arange(10, 60, 10)

    monkeypatch.setattr(uncompiled, "climb", climb)
    return seeds


def test_only_hard_puzzles_with_the_number_of_guesses_are_taken_from_climbs(climbs):
    puzzles = list(islice(SUDOKU.puzzles(np.random.default_rng(1), "hard", guesses=(20, 40)), 4))
    assert len(set(climbs)) == 2  # two of five puzzles each: with 20 and with 40 guesses
    assert all(puzzle.difficulty is Difficulty.HARD for puzzle in puzzles)
    assert all(SUDOKU.is_solved(puzzle.inputs, puzzle.labels) for puzzle in puzzles)


def test_a_range_of_guesses_may_be_one_number(climbs):
    puzzles = list(islice(SUDOKU.puzzles(np.random.default_rng(1), "hard", guesses=(20, 20)), 2))
    assert len(climbs) == 2 and np.array_equal(puzzles[0].inputs, puzzles[1].inputs)


def test_a_number_of_guesses_that_no_puzzle_needs(climbs, monkeypatch):
    monkeypatch.setattr("trm.tasks.sudoku.task.CLIMBS", 2)
    with pytest.raises(PuzzleError, match="90000-90001 guesses was found in 2 attempts"):
        SUDOKU.generate_many(1, difficulty="hard", guesses=(90_000, 90_001))
    assert len(climbs) == 2
