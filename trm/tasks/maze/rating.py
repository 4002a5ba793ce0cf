"""Rate mazes by the length of the shortest path, in multiples of the maze's side, and by the dead ends along it.

- easy: The path is shorter than two sides, or has fewer than one dead end per five cells of the side.
- medium: The path is shorter than three sides.
- hard: The path has a length of three sides or more.

In a 15x15 maze, a medium path has at least 30 steps and a hard path at least 45, and both have at least 3 dead ends. The
30x30 mazes of the public Maze-Hard set are hard because their paths have over 110 steps. A corridor without dead ends
is easy, regardless of its length.
"""

from __future__ import annotations

from trm.tasks.base import Difficulty, Rating
from trm.tasks.maze.geometry import Board
from trm.tasks.maze.solver import MazeSearch, dead_ends_along, on_simple_paths

SIDES = {Difficulty.EASY: 1, Difficulty.MEDIUM: 2, Difficulty.HARD: 3}
"""Default minimum path length by difficulty, in multiples of the side. On request, easy mazes have shorter paths."""
DEAD_ENDS_PER_CELL = 1 / 5
"""Minimum number of dead ends along the path of a medium or hard maze, per cell of the side."""


def level(side: int, distance: int, dead_ends: int) -> Difficulty:
    """Return the difficulty of a maze whose shortest path has `distance` steps and `dead_ends` dead ends."""
    if distance < SIDES[Difficulty.MEDIUM] * side or dead_ends < DEAD_ENDS_PER_CELL * side:
        return Difficulty.EASY
    return Difficulty.MEDIUM if distance < SIDES[Difficulty.HARD] * side else Difficulty.HARD


def lengths(side: int, difficulty: Difficulty) -> tuple[int, int]:
    """Return the minimum and maximum path length of generated mazes with this difficulty, in steps."""
    longer = SIDES[difficulty] + 1
    return SIDES[difficulty] * side, longer * side - 1 if longer in SIDES.values() else side**2 - 1


def difficulty_of(search: MazeSearch) -> Difficulty:
    """Return the difficulty of a solvable maze. Dead ends are counted only if the path is too long for an easy maze."""
    board = search.board
    if search.distance < SIDES[Difficulty.MEDIUM] * board.side:
        return Difficulty.EASY
    dead_ends = dead_ends_along(board, search.on_shortest_paths(), on_simple_paths(board))
    return level(board.side, search.distance, dead_ends)


def rate(board: Board) -> Rating:
    """Rate a maze. The rating's `search_nodes` is the number of cells that the breadth-first search visits."""
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
    size = f"{_count(steps, 'step')} and {_count(dead_ends, 'dead end')} along"
    if path.bit_count() > steps + 1:
        return Rating(None, f"The maze has more than one shortest path, with {size} them.", search.visited, 2)
    difficulty = level(board.side, steps, dead_ends)
    uniqueness = "a single path" if path == on_simple else "several paths but a single shortest path"
    return Rating(
        difficulty,
        f"{difficulty.capitalize()}: the maze has {uniqueness}, with {size} it.",
        search.visited,
        1,
    )


def _count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"
