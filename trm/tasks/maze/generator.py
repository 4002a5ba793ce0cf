"""Generate mazes: draw walls in one of three styles, then place start and goal at the requested distance.

- depth-first: A randomised depth-first search joins rooms on every second row and column. Exactly one path connects any
  two cells, and this path is long and winding.
- loops: This is a depth-first maze with some walls between rooms removed, so that there are several paths.
- random: Each cell is a wall with the same probability. There are many paths, open areas, and unreachable pockets, as
  in the public Maze-Hard set.

The goal is drawn uniformly from the cells at a suitable distance from a random start. If there is no such cell, the
cell farthest from the start becomes the new start, because the longest path from there is close to the longest in
the maze. If this also fails, new walls are generated.
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
"""Maximum number of mazes that `generate` tries, and of cells in all these mazes: about 5 seconds at most."""
WALL_SHARE = (0.3, 0.42)
"""Range of the wall fraction in a random maze. Fewer walls make the path trivial; more walls connect too few cells."""


class MazeRequest(NamedTuple):
    """Properties of a maze to generate.

    The shortest path has `shortest` to `longest` steps. The style "loops" removes `loops` walls.
    """

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
        """Replace options that are None with defaults. Raises `PuzzleError` if no maze can have these options."""
        if style not in STYLES:
            raise PuzzleError(f"Unknown maze style {style!r}. Choose one of: {', '.join(STYLES)}.")
        if loops is not None and style != "loops":
            raise PuzzleError(
                f"The option loops does not apply to {style} mazes. Choose the style loops, or omit the option."
            )
        most_loops = (_rooms_in_a_row(side) - 1) ** 2  # walls between rooms that remain in a spanning tree
        if loops is not None and not 1 <= loops <= most_loops:
            raise PuzzleError(f"A {side}x{side} maze can have 1 to {most_loops} loops, not {loops}.")
        fewest, most = lengths(side, difficulty)
        longest = most if max_path is None else min(most, max_path)
        if difficulty is Difficulty.EASY:  # shorter paths are also easy, but are generated only on request
            fewest = min(fewest, longest) if min_path is None else min_path
        shortest = max(fewest, min_path or 0)
        if not 1 <= shortest <= longest:
            raise PuzzleError(_no_such_length(side, difficulty, min_path, max_path))
        return cls(side, difficulty, style, shortest, longest, loops or max(1, side // 3))


def depth_first(request: MazeRequest, rng: random.Random) -> Cells:
    """Generate a depth-first maze and return its passable cells."""
    return _carve(request.side, _rooms(request.side, rng), rng)


def with_loops(request: MazeRequest, rng: random.Random) -> Cells:
    """Generate a depth-first maze, remove `request.loops` walls, and return the passable cells."""
    rooms, stride = _rooms(request.side, rng), request.side + 1
    passable = _carve(request.side, rooms, rng)
    room_set = set(rooms)
    between = [room + step for room in rooms for step in (1, stride) if room + 2 * step in room_set]
    walls = [cell for cell in between if not passable >> cell & 1]
    return passable | sum(1 << cell for cell in rng.sample(walls, request.loops))


def random_walls(request: MazeRequest, rng: random.Random) -> Cells:
    """Generate a maze with random walls and return its passable cells."""
    side = request.side
    walls = round(rng.uniform(*WALL_SHARE) * side**2)
    passable = rng.sample(range(side**2), side**2 - walls)
    return sum(1 << cell + cell // side for cell in passable)  # a row has one bit more than it has cells


STYLES: dict[str, Callable[[MazeRequest, random.Random], Cells]] = {
    "depth-first": depth_first,
    "loops": with_loops,
    "random": random_walls,
}


def generate(request: MazeRequest, rng: random.Random) -> MazeSearch:
    """Generate a maze with exactly the requested difficulty. Raises `PuzzleError` after too many failed tries."""
    tries = min(TRIES, MAX_CELLS // request.side**2)
    for _ in range(tries):
        board = _place_ends(request, STYLES[request.style](request, rng), rng)
        if board:
            search = MazeSearch.of(board)
            if difficulty_of(search) is request.difficulty:
                return search
    raise PuzzleError(
        f"No {request.difficulty} {request.style} {request.side}x{request.side} maze with a path of {request.shortest} to "
        f"{request.longest} steps was found in {tries:,} tries. Choose a shorter path or another style."
    )


def _no_such_length(side: int, difficulty: Difficulty, min_path: int | None, max_path: int | None) -> str:
    """Return the error message for a path length outside the range of this difficulty, with advice."""
    least, greatest = min_path or 1, side**2 if max_path is None else max_path
    others = [
        other
        for other in Difficulty
        if least <= lengths(side, other)[1] and lengths(side, other)[0] <= greatest
    ]
    shortest, longest = lengths(side, difficulty)
    requested = f"{least} or more" if max_path is None else f"{least} to {max_path}"
    fits = others and others[0] is not difficulty and least <= greatest
    remedy = f"Choose difficulty {others[0]}" if fits else "Change the lengths"
    return (
        f"{difficulty.capitalize()} {side}x{side} mazes have paths of {shortest} to {longest} steps, "
        f"not {requested}. {remedy}."
    )


def _rooms_in_a_row(side: int) -> int:
    return 2 if side == 3 else side // 2


def _rooms(side: int, rng: random.Random) -> list[int]:
    """Return the cells that become rooms, in every second row and column.

    If the side is odd, a border of walls surrounds them. An even side has space for the border at one end only, and this
    end is chosen at random.
    """
    border = 0 if side == 3 else 1  # with a border, a 3x3 maze would have a single room
    rows, columns = (
        range(first, first + 2 * _rooms_in_a_row(side), 2)
        for first in (border if side % 2 else rng.randrange(2) for _ in range(2))
    )
    return [row * (side + 1) + column for row in rows for column in columns]


def _carve(side: int, rooms: list[int], rng: random.Random) -> Cells:
    """Join all rooms into a spanning tree by a randomised depth-first search. Returns the passable cells."""
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
    """Place start and goal at a distance in the requested range. Returns None if the walls do not allow it."""
    stride = request.side + 1
    start = 1 << rng.choice(members(passable))
    for _ in range(2):
        layers = bfs_layers(start, passable, stride)
        goals = members(sum(layers[request.shortest : request.longest + 1]))
        if goals:
            return Board(request.side, passable, start, 1 << rng.choice(goals))
        start = layers[-1] & -layers[-1]
    return None
