"""Generator: draw the walls in a style, then place start and goal so that the way between them is as wished.

- depth-first: rooms on every second row and column, joined by a random walk that goes on where it can and
  turns back where it must. Exactly one way between any two cells, with long windings.
- loops: the same, with some walls between rooms taken out again, so that there is more than one way.
- random: each cell is a wall with the same chance. Many ways, open places and pockets nobody can reach; such are
  the mazes of the public Maze-Hard.

The goal is drawn evenly from the cells at a fitting distance from a random start. Where there is none, the
farthest cell becomes the start, which gives the longest way or nearly so, before new walls are drawn.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NamedTuple

from trm.errors import PuzzleError
from trm.tasks.base import Difficulty
from trm.tasks.maze.geometry import Board, Cells, members
from trm.tasks.maze.rating import difficulty_of, lengths
from trm.tasks.maze.solver import MazeSearch, bfs_layers

TRIES, MAX_CELLS = 5000, 2_000_000
"""Mazes, and cells of them all, that are drawn before a wish is given up: at most about 5 seconds."""
WALL_SHARE = (0.3, 0.42)
"""Share of walls of a random maze. With fewer there is nothing to find, with more hardly two cells are joined."""


class MazeRequest(NamedTuple):
    """What to make. Ways have `shortest` to `longest` steps; `loops` walls are taken out of a maze with loops."""

    side: int
    difficulty: Difficulty
    style: str
    shortest: int
    longest: int
    loops: int

    @classmethod
    def of(
        cls,
        side: int,
        difficulty: Difficulty,
        style: str,
        min_path: int | None,
        max_path: int | None,
        loops: int | None,
    ) -> MazeRequest:
        """With everything left open filled in. Raises `PuzzleError` for what no maze can be."""
        if style not in STYLES:
            raise PuzzleError(f"There is no style {style!r} of mazes. Choose one of: {', '.join(STYLES)}.")
        if loops is not None and style != "loops":
            raise PuzzleError(
                f"A {style} maze takes no number of loops. Ask for the style loops, or drop it."
            )
        most_loops = (_rooms_in_a_row(side) - 1) ** 2  # walls between rooms that a tree leaves standing
        if loops is not None and not 1 <= loops <= most_loops:
            raise PuzzleError(f"A {side}x{side} maze has room for 1 to {most_loops} loops, not for {loops}.")
        fewest, most = lengths(side, difficulty)
        longest = most if max_path is None else min(most, max_path)
        if difficulty is Difficulty.EASY:  # a shorter way is easy too, if unusual
            fewest = min(fewest, longest) if min_path is None else min_path
        shortest = max(fewest, min_path or 0)
        if not 1 <= shortest <= longest:
            raise PuzzleError(_no_such_length(side, difficulty, min_path, max_path))
        return cls(side, difficulty, style, shortest, longest, loops or max(1, side // 3))


def depth_first(request: MazeRequest, rng: random.Random) -> Cells:
    return _carve(request.side, _rooms(request.side, rng), rng)


def with_loops(request: MazeRequest, rng: random.Random) -> Cells:
    rooms, stride = _rooms(request.side, rng), request.side + 1
    passable = _carve(request.side, rooms, rng)
    room_set = set(rooms)
    between = [room + step for room in rooms for step in (1, stride) if room + 2 * step in room_set]
    walls = [cell for cell in between if not passable >> cell & 1]
    return passable | sum(1 << cell for cell in rng.sample(walls, request.loops))


def random_walls(request: MazeRequest, rng: random.Random) -> Cells:
    side = request.side
    walls = round(rng.uniform(*WALL_SHARE) * side**2)
    passable = rng.sample(range(side**2), side**2 - walls)
    return sum(1 << cell + cell // side for cell in passable)  # a row has one bit more than cells


STYLES: dict[str, Callable[[MazeRequest, random.Random], Cells]] = {
    "depth-first": depth_first,
    "loops": with_loops,
    "random": random_walls,
}


def generate(request: MazeRequest, rng: random.Random) -> MazeSearch:
    """A maze as wished, of exactly this difficulty. Raises `PuzzleError` when none turns up."""
    tries = min(TRIES, MAX_CELLS // request.side**2)
    for _ in range(tries):
        board = _place_ends(request, STYLES[request.style](request, rng), rng)
        if board:
            search = MazeSearch.of(board)
            if difficulty_of(search) is request.difficulty:
                return search
    raise PuzzleError(
        f"No {request.difficulty} {request.style} maze of {request.side}x{request.side} with a way of {request.shortest} to "
        f"{request.longest} steps turned up in {tries:,} tries. Ask for a shorter way or another style."
    )


def _no_such_length(side: int, difficulty: Difficulty, min_path: int | None, max_path: int | None) -> str:
    """What the lengths of this difficulty are, and which difficulty has those wished for."""
    least, greatest = min_path or 1, side**2 if max_path is None else max_path
    others = [
        other
        for other in Difficulty
        if least <= lengths(side, other)[1] and lengths(side, other)[0] <= greatest
    ]
    shortest, longest = lengths(side, difficulty)
    wished = f"{least} and more" if max_path is None else f"{least} to {max_path}"
    fits = others and others[0] is not difficulty and least <= greatest
    remedy = f"Ask for {others[0]} ones" if fits else "Change the lengths"
    return (
        f"{difficulty.capitalize()} mazes of {side}x{side} have ways of {shortest} to {longest} steps, "
        f"not {wished}. {remedy}."
    )


def _rooms_in_a_row(side: int) -> int:
    return 2 if side == 3 else side // 2


def _rooms(side: int, rng: random.Random) -> list[int]:
    """Cells that become rooms: in every second row and column, within a border of walls where the side is odd.

    An even side leaves room for the border on one side only: which one is drawn.
    """
    border = 0 if side == 3 else 1  # with a border, 3x3 would be a single room
    rows, columns = (
        range(first, first + 2 * _rooms_in_a_row(side), 2)
        for first in (border if side % 2 else rng.randrange(2) for _ in range(2))
    )
    return [row * (side + 1) + column for row in rows for column in columns]


def _carve(side: int, rooms: list[int], rng: random.Random) -> Cells:
    """Join all rooms to a tree, depth first."""
    steps = (2, -2, 2 * (side + 1), -2 * (side + 1))
    unvisited = set(rooms)
    stack = [rooms[rng.randrange(len(rooms))]]
    unvisited.remove(stack[0])
    passable = 1 << stack[0]
    while stack:
        room = stack[-1]
        unvisited_neighbours = [room + step for step in steps if room + step in unvisited]
        if not unvisited_neighbours:
            stack.pop()
            continue
        next_room = unvisited_neighbours[int(rng.random() * len(unvisited_neighbours))]
        unvisited.remove(next_room)
        passable |= 1 << next_room | 1 << (room + next_room) // 2
        stack.append(next_room)
    return passable


def _place_ends(request: MazeRequest, passable: Cells, rng: random.Random) -> Board | None:
    """Start and goal at a fitting distance, None where these walls have no such cells."""
    stride = request.side + 1
    start = 1 << rng.choice(members(passable))
    for _ in range(2):
        found = bfs_layers(start, passable, stride)
        goals = members(sum(found[request.shortest : request.longest + 1]))
        if goals:
            return Board(request.side, passable, start, 1 << rng.choice(goals))
        start = found[-1] & -found[-1]
    return None
