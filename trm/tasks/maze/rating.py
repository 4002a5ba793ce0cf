"""Rates a maze by the length of its shortest path, in units of the maze's side, and by the dead ends along it.

- easy: shorter than two sides, or with fewer than one dead end per five cells of side length
- medium: shorter than three sides
- hard: three sides or longer

At 15x15, medium mazes start at 30 steps and hard mazes at 45, both with at least 3 dead ends. The public Maze-Hard set
(30x30, paths of over 110 steps) is hard because of its path lengths. A corridor without dead ends is easy, regardless
of its length.
"""

from __future__ import annotations

from trm.tasks.base import Difficulty, Rating
from trm.tasks.maze.geometry import Board
from trm.tasks.maze.solver import MazeSearch, dead_ends_along, on_simple_paths

SIDES = {Difficulty.EASY: 1, Difficulty.MEDIUM: 2, Difficulty.HARD: 3}
"""Usual minimum path length for each difficulty, in sides of the maze. On request, easy mazes may have shorter paths."""
DEAD_ENDS_PER_CELL = 1 / 5
"""Minimum number of dead ends along the path of a maze that is not easy, per cell of side length."""


def level(side: int, distance: int, dead_ends: int) -> Difficulty:
    """The difficulty of a maze whose path has `distance` steps and `dead_ends` dead ends along it."""
    if distance < SIDES[Difficulty.MEDIUM] * side or dead_ends < DEAD_ENDS_PER_CELL * side:
        return Difficulty.EASY
    return Difficulty.MEDIUM if distance < SIDES[Difficulty.HARD] * side else Difficulty.HARD


def lengths(side: int, difficulty: Difficulty) -> tuple[int, int]:
    """Minimum and maximum path length, in steps, of generated mazes with this difficulty."""
    longer = SIDES[difficulty] + 1
    return SIDES[difficulty] * side, longer * side - 1 if longer in SIDES.values() else side**2 - 1


def difficulty_of(search: MazeSearch) -> Difficulty:
    """The difficulty of a solvable maze. Dead ends are counted only if they can matter."""
    board = search.board
    if search.distance < SIDES[Difficulty.MEDIUM] * board.side:
        return Difficulty.EASY
    dead_ends = dead_ends_along(board, search.on_shortest_paths(), on_simple_paths(board))
    return level(board.side, search.distance, dead_ends)


def rate(board: Board) -> Rating:
    """Rate a maze; `search_nodes` is the number of cells that the breadth-first search reaches."""
    search = MazeSearch.of(board)
    steps = search.distance
    mistakes = [
        f"{number} {name}s" if number else f"no {name}"
        for name, number in (("start", board.start.bit_count()), ("goal", board.goal.bit_count()))
        if number != 1
    ]
    if mistakes:
        return Rating(None, f"No solution: this maze has {' and '.join(mistakes)}.", search.visited, 0)
    if steps < 0:
        return Rating(None, "No path leads from start to goal.", search.visited, 0)
    path, on_simple = search.on_shortest_paths(), on_simple_paths(board)
    dead_ends = dead_ends_along(board, path, on_simple)
    size = f"{_count(steps, 'step')}, {_count(dead_ends, 'dead end')} along"
    if path.bit_count() > steps + 1:
        return Rating(None, f"More than one shortest path, {size} them.", search.visited, 2)
    difficulty = level(board.side, steps, dead_ends)
    uniqueness = "a single path" if path == on_simple else "several paths but a single shortest one"
    return Rating(difficulty, f"{difficulty.capitalize()}: {uniqueness}, {size} it.", search.visited, 1)


def _count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"
