"""Ways through a maze: breadth-first search, all shortest ways, and the cells that lie on no way at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from trm.tasks.maze.geometry import Board, Cells, members, neighbours


def bfs_layers(first: Cells, passable: Cells, stride: int, until: Cells = 0) -> list[Cells]:
    """Breadth-first search: entry k holds the cells k steps from the nearest of `first`.

    Ends with the ring that meets `until`, or with the last one.
    """
    found, unseen = [first], passable & ~first
    while not found[-1] & until:
        layer = neighbours(found[-1], stride) & unseen
        if not layer:
            break
        unseen ^= layer
        found.append(layer)
    return found


class MazeSearch(NamedTuple):
    """A maze after a breadth-first search from its start that ended at the goal, or with nothing left to see."""

    board: Board
    bfs_layers: list[Cells]

    @classmethod
    def of(cls, board: Board) -> MazeSearch:
        return cls(board, bfs_layers(board.start, board.passable, board.stride, until=board.goal))

    @property
    def distance(self) -> int:
        """Steps of the shortest way; -1 where there is none, or not exactly one start and one goal."""
        ends = (self.board.start.bit_count(), self.board.goal.bit_count())
        return len(self.bfs_layers) - 1 if ends == (1, 1) and self.bfs_layers[-1] & self.board.goal else -1

    @property
    def seen(self) -> int:
        """Cells that the search reached."""
        return sum(layer.bit_count() for layer in self.bfs_layers)

    def on_shortest_paths(self) -> Cells:
        """Cells of all shortest ways together, ends included. So many more than `distance + 1` cells, so many
        choices: with exactly `distance + 1` there is one shortest way."""
        if self.distance < 0:
            return 0
        found = layer = self.board.goal
        for nearer in reversed(self.bfs_layers[:-1]):
            layer = neighbours(layer, self.board.stride) & nearer
            found |= layer
        return found

    def shortest_paths(self) -> Iterator[Cells]:
        """Every shortest way, ends included; always in the same order.

        Followed back from the goal. Any neighbour in the ring before is one step nearer, so no choice fails.
        """
        if self.distance < 0:
            return
        goal = self.board.goal
        pending = [(self.distance, goal, goal)]
        while pending:
            steps, cell, path = pending.pop()
            while steps:
                steps -= 1
                nearer = neighbours(cell, self.board.stride) & self.bfs_layers[steps]
                cell = nearer & -nearer
                pending += [(steps, 1 << other, path | 1 << other) for other in members(nearer ^ cell)]
                path |= cell
            yield path


def on_simple_paths(board: Board) -> Cells:
    """Cells on some way from start to goal that visits no cell twice; none where there is no way.

    With start and goal joined by one more edge, these are the cells in the same biconnected component as
    that edge. A depth-first search that takes it first finds them: whatever hangs on a single cell is cut
    off when the search leaves it (Hopcroft and Tarjan 1973, Algorithm 447).
    """
    if MazeSearch.of(board).distance < 0:
        return 0
    passable = bytearray((board.side + 2) * board.stride)  # the last row is never passable, nor is index -1
    for cell in members(board.passable):
        passable[cell] = 1
    start, goal = board.start.bit_length() - 1, board.goal.bit_length() - 1
    steps = (1, -1, board.stride, -board.stride)
    found = {start: 0, goal: 1}  # order of discovery
    lowest = {goal: 0}  # earliest cell that can be reached without the cell's own predecessor
    component = [goal]  # discovered and not cut off
    stack = [(goal, iter(steps), 0)]  # with the length of `component` before the cell came
    while stack:
        cell, steps_left, before = stack[-1]
        for step in steps_left:
            other = cell + step
            if not passable[other]:
                continue
            if other in found:
                lowest[cell] = min(lowest[cell], found[other])
                continue
            found[other] = lowest[other] = len(found)
            stack.append((other, iter(steps), len(component)))
            component.append(other)
            break
        else:
            stack.pop()
            if not stack:
                break
            above = stack[-1][0]
            lowest[above] = min(lowest[above], lowest[cell])
            if lowest[cell] >= found[above]:
                del component[before:]
    return sum(1 << cell for cell in component) | board.start


def dead_ends_along(board: Board, path: Cells, on_simple: Cells) -> int:
    """Connected groups of cells on no way at all, entered from a cell of `path`: wrong turnings without a return."""
    dead_end_cells = board.passable & ~on_simple
    entrances = neighbours(path, board.stride) & dead_end_cells
    count = 0
    while entrances:
        group = sum(bfs_layers(entrances & -entrances, dead_end_cells, board.stride))
        entrances &= ~group
        count += 1
    return count
