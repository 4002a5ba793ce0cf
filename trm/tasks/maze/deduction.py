"""Say why each open cell of a maze is on the path or not.

    path          on the only shortest path: rests on its neighbours on the path, and on the walls beside it
    dead_end      on no path that visits each cell once: rests on the walls beside it
    detour        on paths from start to goal, but on no shortest one
    unreachable   not connected to the start

A cell on one of several shortest paths is not decided.
"""

from trm.tasks.base import Deduction
from trm.tasks.maze.geometry import OPEN, PATH, Board, Cells, members, neighbours
from trm.tasks.maze.solver import MazeSearch, bfs_layers, on_simple_paths


def deductions(board: Board) -> tuple[Deduction | None, ...]:
    """Return how each open cell is decided; None for walls, start, goal, and undecided cells.

    Without a path from start to goal, no cell is decided.
    """
    found: list[Deduction | None] = [None] * board.side**2
    search = MazeSearch.of(board)
    if search.distance < 0:
        return tuple(found)
    shortest, simple = search.on_shortest_paths(), on_simple_paths(board)
    is_unique = shortest.bit_count() == search.distance + 1
    grid = sum(((1 << board.side) - 1) << row * board.stride for row in range(board.side))
    layers = bfs_layers(board.start, board.passable, board.stride)
    steps = {cell: number for number, layer in enumerate(layers) for cell in members(layer)}

    def numbers(cells: Cells) -> tuple[int, ...]:
        """Return the cells as indices of the grid, row by row."""
        return tuple(
            divmod(cell, board.stride)[0] * board.side + cell % board.stride for cell in members(cells)
        )

    for cell in members(board.passable & ~(board.start | board.goal)):
        here = 1 << cell
        beside = neighbours(here, board.stride) & grid
        walls = beside & ~board.passable
        if here & shortest:
            if not is_unique:
                continue
            rule, token, rests_on = "path", PATH, beside & shortest | walls
        elif cell not in steps:
            rule, token, rests_on = "unreachable", OPEN, walls
        elif here & simple:
            rule, token, rests_on = "detour", OPEN, 0
        else:
            rule, token, rests_on = "dead_end", OPEN, walls
        (number,) = numbers(here)
        found[number] = Deduction(rule, steps.get(cell, 0), token, 1, numbers(rests_on))
    return tuple(found)
