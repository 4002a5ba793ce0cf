"""Solve mazes: breadth-first search, all shortest paths, the cells on simple paths, and dead ends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from trm.tasks.maze.geometry import Board, Cells, members, neighbours


def bfs_layers(first: Cells, passable: Cells, stride: int, until: Cells = 0) -> list[Cells]:
    """Run a breadth-first search and return its layers. Layer k contains the cells at a distance of k steps.

    Distances are measured from the nearest cell of `first`. The search ends after a layer that contains a cell of
    `until`, or when it reaches no further cells.
    """
    layers, unseen = [first], passable & ~first
    while not layers[-1] & until:
        layer = neighbours(layers[-1], stride) & unseen
        if not layer:
            break
        unseen ^= layer
        layers.append(layer)
    return layers


class MazeSearch(NamedTuple):
    """A breadth-first search of a maze. It ends at the goal or, if this is unreachable, after all reachable cells."""

    board: Board
    layers: list[Cells]

    @classmethod
    def of(cls, board: Board) -> MazeSearch:
        """Search the maze `board` from its start."""
        return cls(board, bfs_layers(board.start, board.passable, board.stride, until=board.goal))

    @property
    def distance(self) -> int:
        """Length of the shortest path in steps, or -1 if there is no path or not exactly one start and one goal."""
        ends = (self.board.start.bit_count(), self.board.goal.bit_count())
        return len(self.layers) - 1 if ends == (1, 1) and self.layers[-1] & self.board.goal else -1

    @property
    def visited(self) -> int:
        """Number of cells that the search visits."""
        return sum(layer.bit_count() for layer in self.layers)

    def on_shortest_paths(self) -> Cells:
        """Return the cells on any shortest path, including start and goal, or an empty set if there is no path.

        The shortest path is unique if the set has exactly `distance + 1` cells.
        """
        if self.distance < 0:
            return 0
        cells = layer = self.board.goal
        for nearer in reversed(self.layers[:-1]):
            layer = neighbours(layer, self.board.stride) & nearer
            cells |= layer
        return cells

    def shortest_paths(self) -> Iterator[Cells]:
        """Yield every shortest path in a fixed order, as a set of cells that includes start and goal.

        Paths are traced back from the goal. Every neighbour in the previous layer is one step nearer to the start, so
        every choice leads to a path.
        """
        if self.distance < 0:
            return
        goal = self.board.goal
        pending = [(self.distance, goal, goal)]
        while pending:
            steps, cell, path = pending.pop()
            while steps:
                steps -= 1
                nearer = neighbours(cell, self.board.stride) & self.layers[steps]
                cell = nearer & -nearer
                pending += [(steps, 1 << other, path | 1 << other) for other in members(nearer ^ cell)]
                path |= cell
            yield path


def on_simple_paths(board: Board) -> Cells:
    """Return the cells on any simple path from start to goal, or an empty set if there is no path.

    A simple path visits no cell twice. If an edge is added between start and goal, these cells form the biconnected
    component of this edge. They are found by a depth-first search that takes this edge first: when the search leaves a
    cell, it removes every part that only this cell connects to the rest (Hopcroft and Tarjan 1973, Algorithm 447).
    """
    if MazeSearch.of(board).distance < 0:
        return 0
    passable = bytearray((board.side + 2) * board.stride)  # the last row is never passable, nor is index -1
    for cell in members(board.passable):
        passable[cell] = 1
    start, goal = board.start.bit_length() - 1, board.goal.bit_length() - 1
    steps = (1, -1, board.stride, -board.stride)
    discovered = {start: 0, goal: 1}  # number of each cell in the order of discovery
    lowest = {goal: 0}  # earliest cell that can be reached without passing the cell's predecessor
    component = [goal]  # cells that are discovered and not removed
    stack = [(goal, iter(steps), 0)]  # the last value is the length of `component` before the cell was added
    while stack:
        cell, steps_left, size_before = stack[-1]
        for step in steps_left:
            other = cell + step
            if not passable[other]:
                continue
            if other in discovered:
                lowest[cell] = min(lowest[cell], discovered[other])
                continue
            discovered[other] = lowest[other] = len(discovered)
            stack.append((other, iter(steps), len(component)))
            component.append(other)
            break
        else:
            stack.pop()
            if not stack:
                break
            parent = stack[-1][0]
            lowest[parent] = min(lowest[parent], lowest[cell])
            if lowest[cell] >= discovered[parent]:
                del component[size_before:]
    return sum(1 << cell for cell in component) | board.start


def dead_ends_along(board: Board, path: Cells, on_simple: Cells) -> int:
    """Count the dead ends that branch off `path`.

    A dead end is a connected group of passable cells outside `on_simple`, which holds the cells on any simple path.
    """
    dead_end_cells = board.passable & ~on_simple
    entrances = neighbours(path, board.stride) & dead_end_cells
    count = 0
    while entrances:
        group = sum(bfs_layers(entrances & -entrances, dead_end_cells, board.stride))
        entrances &= ~group
        count += 1
    return count
