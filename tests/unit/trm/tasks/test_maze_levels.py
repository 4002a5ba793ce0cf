"""At which path length and number of dead ends a maze becomes medium or hard."""

import pytest

from trm.tasks.base import Difficulty
from trm.tasks.maze import Maze
from trm.tasks.maze.deduction import deductions
from trm.tasks.maze.geometry import Board, board_of
from trm.tasks.maze.rating import difficulty_of, lengths, level, rate
from trm.tasks.maze.solver import MazeSearch, on_simple_paths


@pytest.mark.parametrize(
    ("side", "steps", "dead_ends", "difficulty"),
    [
        (5, 9, 1, "easy"),
        (5, 10, 0, "easy"),
        (5, 10, 1, "medium"),
        (5, 14, 1, "medium"),
        (5, 15, 1, "hard"),
        (15, 45, 2, "easy"),
        (15, 45, 3, "hard"),
        (16, 32, 3, "easy"),
        (16, 32, 4, "medium"),
    ],
)
def test_a_medium_path_has_two_sides_a_hard_one_three_and_both_a_dead_end_per_five_cells(
    side, steps, dead_ends, difficulty
):
    assert level(side, steps, dead_ends) == difficulty


@pytest.mark.parametrize(("goal", "difficulty"), [(9, "easy"), (10, "medium"), (14, "medium"), (15, "hard")])
def test_the_goal_in_a_corridor_with_one_dead_end_decides_the_difficulty(goal, difficulty):
    corridor = [0, 1, 2, 3, 4, 9, 14, 13, 12, 11, 10, 15, 20, 21, 22, 23, 24]
    marks = ["#"] * 25
    for cell in corridor:
        marks[cell] = "."
    marks[0], marks[corridor[goal]] = "S", "G"
    inputs = Maze(5).parse("".join(marks))
    assert difficulty_of(MazeSearch.of(board_of(5, inputs))) == difficulty
    assert Maze(5).rate(inputs).difficulty == difficulty


def test_generated_mazes_of_neighbouring_difficulties_have_neighbouring_lengths():
    assert [lengths(10, each) for each in Difficulty] == [(10, 19), (20, 29), (30, 99)]


def test_a_start_that_is_the_goal_is_a_path_without_steps():
    board = Board(3, passable=0b11, start=1, goal=1)
    search = MazeSearch.of(board)
    assert (search.distance, search.on_shortest_paths(), on_simple_paths(board)) == (0, 1, 1)
    assert list(search.shortest_paths()) == [1]
    assert [each and each.rule for each in deductions(board)] == [None, "dead_end", *[None] * 7]
    assert rate(board).sentence == "Easy: the maze has a single path, with no steps and 1 dead end along it."
