"""How hard a maze is: by the length of its shortest way, in sides of the maze, and by the wrong turnings on it.

- easy: shorter than two sides, or hardly a wrong turning: under one dead end on the way per five cells of a side
- medium: shorter than three sides
- hard: three sides and more

At 15x15 that is 30 steps for medium and 45 for hard, with 3 dead ends for either; the public Maze-Hard (30x30,
ways of over 110 steps) is hard by its length. A long corridor without a turning is easy whatever its length.
"""

from __future__ import annotations

from trm.tasks.base import Difficulty, Rating
from trm.tasks.maze.geometry import Board
from trm.tasks.maze.solver import MazeSearch, dead_ends_along, on_simple_paths

SIDES = {Difficulty.EASY: 1, Difficulty.MEDIUM: 2, Difficulty.HARD: 3}
"""Shortest ways of each level start at so many sides. An easy maze may have a shorter one; it is not usual."""
DEAD_ENDS_PER_CELL = 1 / 5
"""Fewest dead ends on the way of a maze that is not easy, per cell of a side."""


def level(side: int, distance: int, dead_ends: int) -> Difficulty:
    if distance < SIDES[Difficulty.MEDIUM] * side or dead_ends < DEAD_ENDS_PER_CELL * side:
        return Difficulty.EASY
    return Difficulty.MEDIUM if distance < SIDES[Difficulty.HARD] * side else Difficulty.HARD


def lengths(side: int, difficulty: Difficulty) -> tuple[int, int]:
    """Shortest and longest of the ways that mazes of this difficulty are made with."""
    longer = SIDES[difficulty] + 1
    return SIDES[difficulty] * side, longer * side - 1 if longer in SIDES.values() else side**2 - 1


def difficulty_of(search: MazeSearch) -> Difficulty:
    """The level of a maze that has a way. Dead ends are counted only where they can matter."""
    board = search.board
    if search.distance < SIDES[Difficulty.MEDIUM] * board.side:
        return Difficulty.EASY
    dead_ends = dead_ends_along(board, search.on_shortest_paths(), on_simple_paths(board))
    return level(board.side, search.distance, dead_ends)


def rate(board: Board) -> Rating:
    """Rating with a sentence; `search_nodes` counts the cells that a breadth-first search reaches."""
    search = MazeSearch.of(board)
    steps = search.distance
    amiss = [
        f"{number} {name}s" if number else f"no {name}"
        for name, number in (("start", board.start.bit_count()), ("goal", board.goal.bit_count()))
        if number != 1
    ]
    if amiss:
        return Rating(None, f"No solution: this maze has {' and '.join(amiss)}.", search.seen, 0)
    if steps < 0:
        return Rating(None, "No way leads from start to goal.", search.seen, 0)
    path, on_simple = search.on_shortest_paths(), on_simple_paths(board)
    dead_ends = dead_ends_along(board, path, on_simple)
    tail = f"{_count(steps, 'step')}; {_count(dead_ends, 'dead end')} on the way"
    if path.bit_count() > steps + 1:
        return Rating(None, f"More than one shortest way, {tail}.", search.seen, 2)
    difficulty = level(board.side, steps, dead_ends)
    ways = "one way through" if path == on_simple else "one shortest way among several"
    return Rating(difficulty, f"{difficulty.capitalize()}: {ways}, {tail}.", search.seen, 1)


def _count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"
