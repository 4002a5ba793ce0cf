"""Generated mazes fit their options and take little time; symmetries preserve the rules; the bundled sets are as described."""

import time
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.build_test_sets import (
    LARGE_MAZE_STRATA,
    MAZE_STRATA,
    SetKind,
    large_maze_set,
    maze_set,
    without_twins,
)
from trm.data import bundled_test_set, load_puzzles, sets_for_task, write_csv
from trm.errors import DataError, PuzzleError
from trm.tasks.base import Difficulty
from trm.tasks.maze import Maze
from trm.tasks.maze.generator import STYLES, MazeRequest
from trm.tasks.sudoku import Sudoku

WALL, OPEN, START, GOAL, PATH = range(1, 6)
MAZE = Maze(15)

seeds = st.integers(0, 2**32)
styles = st.sampled_from(list(STYLES))


def steps(labels) -> np.ndarray:
    return (labels == PATH).sum(-1) + 1


@cache
def sample(style: str = "depth-first", side: int = 15):
    return Maze(side).generate_many(40, seed=11, style=style)


@given(st.integers(7, 40), styles, seeds)
def test_every_maze_has_a_path_of_the_requested_length(side, style, seed):
    task, rng = Maze(side), np.random.default_rng(seed)
    shortest = int(rng.integers(1, side + 1))
    longest = int(rng.integers(shortest, 2 * side)) if rng.random() < 0.5 else None
    puzzle = task.generate(rng, style=style, min_path=shortest, max_path=longest)
    assert shortest <= steps(puzzle.labels) <= (longest or 2 * side - 1)
    assert task.is_solved(puzzle.inputs, puzzle.labels)
    assert (task.solutions(puzzle.inputs)[0] == puzzle.labels).all()
    assert (task.parse(task.format(puzzle.inputs)) == puzzle.inputs).all()
    assert task.rate(puzzle.inputs).difficulty in (Difficulty.EASY, None)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(
    ("difficulty", "fewest", "most"), [("easy", 15, 29), ("medium", 30, 44), ("hard", 45, 224)]
)
def test_lengths_grow_with_the_difficulty(style, difficulty, fewest, most):
    inputs, labels = MAZE.generate_many(16, difficulty=difficulty, seed=3, style=style)
    assert fewest <= steps(labels).min() and steps(labels).max() <= most
    ratings = [MAZE.rate(maze) for maze in inputs]
    assert all(rating.difficulty == difficulty for rating in ratings if rating.solutions == 1)
    if style == "depth-first":
        assert all(rating.solutions == 1 for rating in ratings)


@given(st.integers(3, 30), seeds)
def test_depth_first_mazes_are_trees(side, seed):
    """The number of open cells is one more than that of connections between them: no loops, no unreachable cells."""
    task = Maze(side)
    inputs = task.generate(np.random.default_rng(seed), min_path=1).inputs
    grid = inputs.reshape(side, side) != WALL
    doors = (grid[1:] & grid[:-1]).sum() + (grid[:, 1:] & grid[:, :-1]).sum()
    assert grid.sum() == doors + 1
    assert (task.cell_features(inputs)["distance_to_start"] >= 0).sum() == grid.sum()
    if side % 2 and side > 3:
        assert not grid[[0, -1]].any() and not grid[:, [0, -1]].any()  # a border of walls


@pytest.mark.parametrize("loops", [1, 4, 9])
def test_mazes_with_loops_have_the_requested_number(loops):
    inputs, _ = MAZE.generate_many(8, seed=1, style="loops", loops=loops)
    grid = inputs.reshape(-1, 15, 15) != WALL
    doors = (grid[:, 1:] & grid[:, :-1]).sum((1, 2)) + (grid[:, :, 1:] & grid[:, :, :-1]).sum((1, 2))
    assert (doors + 1 - grid.sum((1, 2)) == loops).all()


@pytest.mark.parametrize(("side", "loops"), [(3, 1), (5, 1), (6, 2), (15, 5)])
def test_a_third_of_the_side_is_the_usual_number_of_loops(side, loops):
    assert MazeRequest.of(side, Difficulty.EASY, "loops", None, None, None).loops == loops


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("length", [1, 7, 29])
def test_a_path_may_have_exactly_the_requested_length(style, length):
    _, labels = MAZE.generate_many(4, seed=0, style=style, min_path=length, max_path=length)
    assert steps(labels).tolist() == [length] * 4


def test_random_mazes_have_walls_anywhere_and_open_edges():
    inputs, _ = Maze(30).generate_many(32, seed=1, style="random")
    shares = (inputs == WALL).mean(-1)
    assert shares.min() >= 0.29 and shares.max() <= 0.43 and np.ptp(shares) > 0.05
    assert (inputs[:, :30] == OPEN).any()


def test_start_and_goal_are_anywhere():
    inputs, _ = MAZE.generate_many(1000, seed=2)
    for token in (START, GOAL):
        met = (inputs == token).any(0).reshape(15, 15)
        assert met[1:-1:2, 1:-1:2].all() and not met[::2, ::2].any()


@pytest.mark.parametrize("style", STYLES)
def test_mazes_as_long_as_the_public_hard_ones(style):
    began = time.process_time()
    task = Maze(30)
    _, labels = task.generate_many(3, difficulty="hard", seed=0, style=style, min_path=110)
    assert steps(labels).min() >= 110
    assert time.process_time() - began < 5


@pytest.mark.parametrize("style", STYLES)
def test_a_thousand_mazes_in_seconds(style):
    """10,000 mazes take 2 seconds on an idle machine; the bound allows for a busy one."""
    began = time.process_time()
    MAZE.generate_many(1000, difficulty="easy", seed=0, style=style)
    assert time.process_time() - began < 6


@pytest.mark.heavy
def test_the_result_depends_on_the_seed_but_not_on_the_workers():
    alone = MAZE.generate_many(80, seed=4)
    together = MAZE.generate_many(80, workers=2, seed=4)
    assert all((one == other).all() for one, other in zip(alone, together, strict=True))
    assert (MAZE.generate_many(40, seed=4)[0] == alone[0][:40]).all()
    assert not (MAZE.generate_many(40, seed=5)[0] == alone[0][:40]).all(-1).any()


@pytest.mark.parametrize(
    ("side", "options", "message"),
    [
        (
            15,
            {"style": "prim"},
            "Unknown maze style 'prim'. Choose one of: depth-first, loops, random.",
        ),
        (
            15,
            {"loops": 3},
            "The option loops does not apply to depth-first mazes. Choose the style loops, or omit the option.",
        ),
        (15, {"style": "loops", "loops": 37}, "A 15x15 maze can have 1 to 36 loops, not 37."),
        (15, {"style": "loops", "loops": 0}, "A 15x15 maze can have 1 to 36 loops, not 0."),
        (
            30,
            {"min_path": 110},
            "Easy 30x30 mazes have paths of 30 to 59 steps, not 110 or more. Choose difficulty hard.",
        ),
        (
            15,
            {"difficulty": "hard", "max_path": 20},
            "Hard 15x15 mazes have paths of 45 to 224 steps, not 1 to 20. Choose difficulty easy.",
        ),
        *(
            (
                15,
                {"difficulty": "hard", "min_path": path, "max_path": path},
                f"not {path} to {path}. {remedy}.",
            )
            for path, remedy in [
                (14, "Change the lengths"),
                (15, "Choose difficulty easy"),
                (29, "Choose difficulty easy"),
                (30, "Choose difficulty medium"),
                (44, "Choose difficulty medium"),
            ]
        ),
        (
            15,
            {"min_path": 20, "max_path": 16},
            "Easy 15x15 mazes have paths of 15 to 29 steps, not 20 to 16. Change the lengths.",
        ),
        (15, {"min_path": -4}, "not -4 or more. Change the lengths."),
        (15, {"difficulty": "hard", "min_path": 225}, "not 225 or more. Change the lengths."),
        (
            5,
            {"difficulty": "hard", "style": "random", "min_path": 23},
            "No hard random 5x5 maze with a path of 23 to 24 steps was found in 5,000 tries. "
            "Choose a shorter path or another style.",
        ),
    ],
)
def test_impossible_options_are_rejected(side, options, message):
    began = time.process_time()
    with pytest.raises(PuzzleError) as error:
        Maze(side).generate(np.random.default_rng(0), **options)
    assert message in str(error.value)
    assert time.process_time() - began < 10


@given(styles, st.sampled_from([4, 15]), seeds)
def test_symmetries_keep_puzzle_solution_and_key(style, side, seed):
    task, (inputs, labels) = Maze(side), sample(style, side)
    moved_inputs, moved_labels = task.random_symmetries(inputs, labels, np.random.default_rng(seed))
    assert task.is_solved(moved_inputs, moved_labels).all()
    assert (np.sort(moved_inputs) == np.sort(inputs)).all()
    assert [task.symmetry_key(grid) for grid in moved_labels] == [task.symmetry_key(grid) for grid in labels]


def test_symmetries_are_the_eight_of_the_square():
    inputs, labels = (np.repeat(part[:1], 400, 0) for part in sample())
    moved, _ = MAZE.random_symmetries(inputs, labels, np.random.default_rng(1))
    versions, counts = np.unique(moved, axis=0, return_counts=True)
    grid = inputs[0].reshape(15, 15)
    expected = {np.rot90(one, turn).tobytes() for one in (grid, grid.T) for turn in range(4)}
    assert {version.tobytes() for version in versions} == expected and len(versions) == 8
    assert counts.min() > 20  # 50 on average, 5 standard deviations are 33


def test_keys_distinguish_mazes():
    _, labels = sample()
    assert len({MAZE.symmetry_key(solution) for solution in labels}) == len(labels)
    assert MAZE.symmetry_key(labels[0]) != MAZE.symmetry_key(np.where(labels[0] == PATH, OPEN, labels[0]))


def test_excluded_solutions_do_not_occur():
    _, labels = MAZE.generate_many(40, seed=1)
    keys = {MAZE.symmetry_key(solution) for solution in labels}
    _, others = MAZE.generate_many(40, seed=1, exclude=keys)
    assert not keys & {MAZE.symmetry_key(solution) for solution in others}


def test_the_bundled_test_set_has_its_strata_and_correct_ratings():
    puzzles = load_puzzles("maze/test", MAZE)
    assert len(puzzles) == 500 and puzzles.labelled.all()
    assert MAZE.is_solved(puzzles.inputs, puzzles.labels).all()
    assert len({MAZE.symmetry_key(solution) for solution in puzzles.labels}) == 500
    for number, (difficulty, shortest, longest) in enumerate(MAZE_STRATA):
        part = puzzles.take(np.arange(number * 100, number * 100 + 100))
        assert set(part.difficulty) == {difficulty}
        assert shortest <= steps(part.labels).min() and steps(part.labels).max() <= longest
    for row in range(0, 500, 7):
        rating = MAZE.rate(puzzles.inputs[row])
        assert (rating.solutions, rating.difficulty) == (1, puzzles.difficulty[row])
        assert rating.search_nodes == puzzles.rating[row]
    again = maze_set(per_stratum=4)
    assert (again.inputs.reshape(5, 4, 225) == puzzles.inputs.reshape(5, 100, 225)[:, :4]).all()
    assert np.array_equal(again.labels.reshape(5, 4, 225), puzzles.labels.reshape(5, 100, 225)[:, :4])


def test_the_bundled_set_of_large_mazes_is_as_described():
    large = Maze(30)
    assert (bundled_test_set(large), bundled_test_set(MAZE)) == ("maze/test-30x30", "maze/test")
    assert sets_for_task(Maze(9)) == ["maze/test"], "of another size, which is reported on reading"
    puzzles = load_puzzles("maze/test-30x30", large)
    assert len(puzzles) == 200 and large.is_solved(puzzles.inputs, puzzles.labels).all()
    for number, (_, shortest, longest) in enumerate(LARGE_MAZE_STRATA):
        part = puzzles.labels[number * 40 : number * 40 + 40]
        assert shortest <= steps(part).min() and steps(part).max() <= longest
    again = large_maze_set(per_stratum=1)
    assert (again.inputs == puzzles.inputs[::40]).all() and (again.labels == puzzles.labels[::40]).all()


def test_a_set_with_open_corners_is_read_back(tmp_path):
    task = Maze(9)
    kind = SetKind(20, Difficulty.EASY, 0, {"style": "random"})
    puzzles = without_twins(task, [kind])
    assert (puzzles.inputs[:, 0] == OPEN).any() and (puzzles.inputs[:, -1] == OPEN).any()
    write_csv(puzzles, tmp_path / "set.csv", task)
    again = load_puzzles(tmp_path / "set.csv", task)
    assert (again.inputs == puzzles.inputs).all() and (again.labels == puzzles.labels).all()
    assert np.array_equal(again.rating, puzzles.rating)


def test_symmetric_puzzles_within_a_kind_are_rejected():
    with pytest.raises(DataError, match=r"Two easy puzzles of seed 0 have the same symmetry key"):
        without_twins(Sudoku(2, 2), [SetKind(30, Difficulty.EASY, 0, {})])
