"""The Maze task: rules, text, solver and generator behind the `Task` interface."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from jaxtyping import Bool, Int, Shaped, UInt8

from trm.errors import PuzzleError
from trm.tasks.base import MAX_GUESSES, Difficulty, Puzzle, Rating, Symmetries, Task
from trm.tasks.maze import generator, rating, symmetry, text
from trm.tasks.maze.geometry import (
    GOAL,
    OPEN,
    PATH,
    START,
    WALL,
    Cells,
    board_of,
    members,
    neighbours,
    tokens_of,
    unpack,
)
from trm.tasks.maze.solver import MazeSearch, bfs_layers, on_simple_paths
from trm.tasks.puzzle_text import PuzzleText

SMALLEST_SIDE, LARGEST_SIDE = 3, 100


@dataclass(frozen=True)
class Maze(Task):
    """Mazes of `side` x `side` cells: find a shortest path from start to goal.

    Tokens (uint8): 0 padding, 1 wall, 2 open, 3 start, 4 goal, 5 path, as in the public datasets. A solution is the
    maze with the cells of one shortest path between start and goal marked as path. Raises `PuzzleError` for a side
    outside 3 to 100.
    """

    side: int = 15

    name = "maze"
    vocab_size = 6
    symbols = (".", "#", ".", "S", "G", "o")
    symbol_names = looks = ("pad", "wall", "open", "start", "goal", "path")
    scored_cells = "open"
    rule_score = "any_shortest_path"
    writable = (OPEN, WALL, START, GOAL)
    unique_tokens = (START, GOAL)
    generator_options = frozenset({"style", "min_path", "max_path", "loops"})

    def __post_init__(self) -> None:
        if not SMALLEST_SIDE <= self.side <= LARGEST_SIDE:
            raise PuzzleError(
                f"Mazes of {self.side}x{self.side} are not supported. Choose a side from {SMALLEST_SIDE} to {LARGEST_SIDE}."
            )

    @property
    def rows(self) -> int:
        return self.side

    @property
    def columns(self) -> int:
        return self.side

    def parse(self, puzzle: str, *, unfinished: bool = False) -> UInt8[np.ndarray, "cells"]:
        """Parse a maze (see `trm.tasks.maze.text`). With `unfinished`, starts and goals may be missing or repeated."""
        return text.parse(puzzle, self.side, any_ends=unfinished)

    def find_puzzles(self, lines: Iterable[str]) -> Iterator[PuzzleText]:
        return text.puzzle_texts(lines, self.side)

    def format(self, tokens: UInt8[np.ndarray, "cells"]) -> str:
        """One line with `.` for open cells, so that stripping or joining spaces loses nothing."""
        return "".join(self.symbols[token] for token in tokens)

    def public_text(self, tokens: UInt8[np.ndarray, "cells"]) -> str:
        """One line in the characters of the public datasets, with spaces for open cells."""
        return "".join(text.PUBLIC[token] for token in tokens)

    def pretty(self, tokens: UInt8[np.ndarray, "cells"]) -> str:
        return text.in_lines(self.public_text(tokens), self.side)

    def givens(self, inputs: UInt8[np.ndarray, "*batch cells"]) -> Bool[np.ndarray, "*batch cells"]:
        """Mask of walls, start and goal."""
        return (inputs == WALL) | (inputs == START) | (inputs == GOAL)

    def conflicts(self, tokens: UInt8[np.ndarray, "*batch cells"]) -> Bool[np.ndarray, "*batch cells"]:
        """Mask of the cells where the path ends, forks, or touches itself. A path cell must have two neighbours among path,
        start and goal; start and goal must have one. If there are several starts (goals), all of them conflict.

        Start and goal do not conflict while there are no path cells.
        """
        grid = tokens.reshape(*tokens.shape[:-1], self.side, self.side)
        on_path = (grid == PATH) | (grid == START) | (grid == GOAL)
        beside = np.zeros(grid.shape, np.uint8)
        beside[..., 1:, :] += on_path[..., :-1, :]
        beside[..., :-1, :] += on_path[..., 1:, :]
        beside[..., :, 1:] += on_path[..., :, :-1]
        beside[..., :, :-1] += on_path[..., :, 1:]
        drawn = (grid == PATH).any((-2, -1), keepdims=True)
        broken = on_path & drawn & (beside != np.where(grid == PATH, 2, 1))
        for end in (START, GOAL):
            ends = grid == end
            broken |= ends & (ends.sum((-2, -1), keepdims=True) > 1)
        return broken.reshape(tokens.shape)

    def is_solved(
        self, inputs: UInt8[np.ndarray, "*batch cells"], answer: UInt8[np.ndarray, "*batch cells"]
    ) -> Bool[np.ndarray, "*batch"]:
        """Whether the answer preserves the maze and its path is any shortest path.

        A path without dead ends or forks connects start and goal, but separate closed loops may exist. If there are as
        many path cells as in the shortest path, no cells are left for loops.
        """
        may_be_drawn = (answer == OPEN) | (answer == PATH)
        unchanged = np.where(self.givens(inputs), answer == inputs, may_be_drawn).all(-1)
        steps = (answer == PATH).sum(-1) + 1
        return np.asarray(unchanged & (steps == self._distances(inputs)) & ~self.conflicts(answer).any(-1))

    def _distances(self, inputs: UInt8[np.ndarray, "*batch cells"]) -> Int[np.ndarray, "*batch"]:
        """Length of each maze's shortest path in steps, -1 without a path. Identical mazes are searched only once."""
        distances: dict[bytes, int] = {}
        flat = inputs.reshape(-1, self.cells)
        for maze in flat:
            key = maze.tobytes()
            if key not in distances:
                distances[key] = MazeSearch.of(board_of(self.side, maze)).distance
        return np.array([distances[maze.tobytes()] for maze in flat], np.int64).reshape(inputs.shape[:-1])

    def solutions(
        self, inputs: UInt8[np.ndarray, "cells"], limit: int = 2
    ) -> list[UInt8[np.ndarray, "cells"]]:
        board = board_of(self.side, inputs)
        return [tokens_of(board, path) for path in islice(MazeSearch.of(board).shortest_paths(), limit)]

    def rate(self, inputs: UInt8[np.ndarray, "cells"], *, max_guesses: int = MAX_GUESSES) -> Rating:
        """Rate a maze. `max_guesses` has no effect: the search visits each cell once and never guesses."""
        return rating.rate(board_of(self.side, inputs))

    def generate(
        self,
        rng: np.random.Generator,
        difficulty: Difficulty | str = Difficulty.EASY,
        *,
        style: str = "depth-first",
        min_path: int | None = None,
        max_path: int | None = None,
        loops: int | None = None,
    ) -> Puzzle:
        """Generate a maze with a shortest path of `min_path` to `max_path` steps, within the range of its difficulty: 1 to 2
        sides (easy), 2 to 3 (medium), 3 or more (hard). On request, easy mazes may have paths shorter than a side.

        `style` is depth-first (a single path), loops (`loops` walls removed, by default a third of the side), or random
        (walls anywhere). If a maze with loops or random walls has several shortest paths, the labels hold the first of
        `solutions`, and `is_solved` accepts any. Raises `PuzzleError` if no such maze can be generated.
        """
        difficulty = Difficulty(difficulty)
        request = generator.MazeRequest.of(self.side, difficulty, style, min_path, max_path, loops)
        search = generator.generate(request, random.Random(int(rng.integers(2**63))))
        labels = tokens_of(search.board, next(search.shortest_paths()))
        return Puzzle(tokens_of(search.board), labels, difficulty)

    def strata(self, inputs: UInt8[np.ndarray, "count cells"]) -> list[str]:
        """Bands of shortest-path length, each as wide as a side of the maze."""
        lowest = self._distances(inputs) // self.side * self.side
        return ["no path" if low < 0 else f"{low}-{low + self.side - 1} steps" for low in lowest.tolist()]

    def symmetries(self, count: int, rng: np.random.Generator) -> Symmetries:
        return symmetry.random_symmetries(self.side, count, rng, vocab_size=self.vocab_size)

    def symmetry_key(self, solution: UInt8[np.ndarray, "cells"]) -> bytes:
        return symmetry.symmetry_key(self.side, solution)

    def cell_features(self, inputs: UInt8[np.ndarray, "cells"]) -> dict[str, Shaped[np.ndarray, "cells"]]:
        """Properties of each cell:

        - `wall`: is a wall
        - `on_path`: lies on a shortest path, including start and goal
        - `dead_end`: is passable, but not on any simple path (no cell visited twice) from start to goal
        - `dead_end_tip`: is a dead end with at most one passable neighbour
        - `distance_to_start`, `distance_to_goal`: steps; -1 for walls and unreachable cells
        """
        board = board_of(self.side, inputs)
        dead_end_cells = board.passable & ~on_simple_paths(board)
        tips = sum(
            1 << cell
            for cell in members(dead_end_cells)
            if (neighbours(1 << cell, board.stride) & board.passable).bit_count() <= 1
        )
        return {
            "wall": inputs == WALL,
            "on_path": unpack(self.side, MazeSearch.of(board).on_shortest_paths()),
            "dead_end": unpack(self.side, dead_end_cells),
            "dead_end_tip": unpack(self.side, tips),
            "distance_to_start": self._steps_from(board.start, board.passable),
            "distance_to_goal": self._steps_from(board.goal, board.passable),
        }

    def _steps_from(self, first: Cells, passable: Cells) -> Int[np.ndarray, "cells"]:
        steps = np.full((self.side, self.side + 1), -1)
        for number, layer in enumerate(bfs_layers(first, passable, self.side + 1)):
            steps.flat[members(layer)] = number
        return steps[:, : self.side].ravel()
