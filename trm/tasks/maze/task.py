"""The Maze task: rules, text formats, solver, and generator behind the `Task` interface."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from jaxtyping import Bool, Int, Shaped, UInt8

from trm.errors import PuzzleError
from trm.tasks.base import MAX_GUESSES, Deduction, Difficulty, Puzzle, Rating, Symmetries, Task
from trm.tasks.maze import deduction, generator, rating, symmetry, text
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

    Tokens (uint8) are 0 padding, 1 wall, 2 open, 3 start, 4 goal, and 5 path, as in the public datasets. A solution is
    the maze in which path tokens mark one shortest path between start and goal. Raises `PuzzleError` if `side` is not in
    the range 3 to 100.
    """

    side: int = 15

    name = "maze"
    blank = OPEN
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
        """Parse a maze in any format of `trm.tasks.maze.text`. `unfinished` allows any number of starts and goals."""
        return text.parse(puzzle, self.side, any_ends=unfinished)

    def find_puzzles(self, lines: Iterable[str]) -> Iterator[PuzzleText]:
        return text.puzzle_texts(lines, self.side)

    def format(self, tokens: UInt8[np.ndarray, "cells"]) -> str:
        """Format a maze as one line with `.` for open cells, so that no cell is lost if spaces are stripped."""
        return "".join(self.symbols[token] for token in tokens)

    def public_text(self, tokens: UInt8[np.ndarray, "cells"]) -> str:
        """Format a maze as one line in the characters of the public datasets, with spaces for open cells."""
        return "".join(text.PUBLIC[token] for token in tokens)

    def pretty(self, tokens: UInt8[np.ndarray, "cells"]) -> str:
        return text.in_lines(self.public_text(tokens), self.side)

    def givens(self, inputs: UInt8[np.ndarray, "*batch cells"]) -> Bool[np.ndarray, "*batch cells"]:
        """Mask of the cells that are walls, start, or goal."""
        return (inputs == WALL) | (inputs == START) | (inputs == GOAL)

    def conflicts(self, tokens: UInt8[np.ndarray, "*batch cells"]) -> Bool[np.ndarray, "*batch cells"]:
        """Mask of the cells where the path breaks off, forks, or touches itself.

        Each path cell must have two neighbours that are path, start, or goal, and start and goal must have one each. This
        rule applies only if the maze has path cells. Several starts or several goals always conflict.
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
        """Whether each answer preserves the maze and marks a shortest path. Any shortest path is accepted.

        An answer without conflicts has a path from start to goal, but may also have separate closed loops. Loops are ruled
        out if the number of path cells equals the number in a shortest path.
        """
        may_be_drawn = (answer == OPEN) | (answer == PATH)
        unchanged = np.where(self.givens(inputs), answer == inputs, may_be_drawn).all(-1)
        steps = (answer == PATH).sum(-1) + 1
        return np.asarray(unchanged & (steps == self._distances(inputs)) & ~self.conflicts(answer).any(-1))

    def _distances(self, inputs: UInt8[np.ndarray, "*batch cells"]) -> Int[np.ndarray, "*batch"]:
        """Return the length of each maze's shortest path in steps, or -1 without a path. Search equal mazes once."""
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
        """Rate a maze. `max_guesses` has no effect, because the search visits each cell once and never guesses."""
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
        """Generate a maze whose shortest path has `min_path` to `max_path` steps.

        The path length also stays in the range of the difficulty: 1 to 2 sides (easy), 2 to 3 sides (medium), 3 sides or
        more (hard). On request, the path of an easy maze may be shorter than a side. `style` is depth-first (a single
        path), loops (`loops` walls removed, by default a third of the side), or random (walls anywhere). If a maze has
        several shortest paths, the labels mark the first path that `solutions` returns, and `is_solved` accepts any of
        them. Raises `PuzzleError` if no such maze can be generated.
        """
        difficulty = Difficulty(difficulty)
        request = generator.MazeRequest.of(self.side, difficulty, style, min_path, max_path, loops)
        search = generator.generate(request, random.Random(int(rng.integers(2**63))))
        labels = tokens_of(search.board, next(search.shortest_paths()))
        return Puzzle(tokens_of(search.board), labels, difficulty)

    def strata(self, inputs: UInt8[np.ndarray, "count cells"]) -> list[str]:
        """Return the range of each maze's path length, such as "30-44 steps". Ranges are as wide as the maze."""
        lowest = self._distances(inputs) // self.side * self.side
        return ["no path" if low < 0 else f"{low}-{low + self.side - 1} steps" for low in lowest.tolist()]

    def symmetries(self, count: int, rng: np.random.Generator) -> Symmetries:
        return symmetry.random_symmetries(self.side, count, rng, vocab_size=self.vocab_size)

    def symmetry_key(self, solution: UInt8[np.ndarray, "cells"]) -> bytes:
        return symmetry.symmetry_key(self.side, solution)

    def deductions(self, inputs: UInt8[np.ndarray, "cells"]) -> tuple[Deduction | None, ...]:
        """Why each open cell is or is not on the path; None where several shortest paths leave it open."""
        return deduction.deductions(board_of(self.side, inputs))

    def cell_features(self, inputs: UInt8[np.ndarray, "cells"]) -> dict[str, Shaped[np.ndarray, "cells"]]:
        """Return properties of each cell, keyed by name:

        - `wall`: whether the cell is a wall
        - `on_path`: whether the cell lies on a shortest path, including start and goal
        - `dead_end`: whether the cell is passable but lies on no path from start to goal that visits each cell only once
        - `dead_end_tip`: whether the cell lies in a dead end and has at most one passable neighbour
        - `distance_to_start`, `distance_to_goal`: distance in steps, or -1 for walls and unreachable cells
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
