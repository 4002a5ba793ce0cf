"""The Maze task: rules, text, solver and generator behind the common interface."""

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
    """Mazes of `side` x `side` cells: find a shortest way from start to goal.

    Tokens (uint8): 0 padding, 1 wall, 2 open, 3 start, 4 goal, 5 path, as in the public data sets. A solution
    is the maze with the cells between start and goal on one shortest way marked as path.
    Raises `PuzzleError` for a side outside 3 to 100.
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
                f"No mazes of {self.side}x{self.side}. Choose a side from {SMALLEST_SIDE} to {LARGEST_SIDE}."
            )

    @property
    def rows(self) -> int:
        return self.side

    @property
    def columns(self) -> int:
        return self.side

    def parse(self, puzzle: str, *, unfinished: bool = False) -> UInt8[np.ndarray, "cells"]:
        """`unfinished`: start and goal may be missing, or there may be several."""
        return text.parse(puzzle, self.side, any_ends=unfinished)

    def find_puzzles(self, lines: Iterable[str]) -> Iterator[PuzzleText]:
        return text.puzzle_texts(lines, self.side)

    def format(self, tokens: UInt8[np.ndarray, "cells"]) -> str:
        """With `.` for open cells: no character of it is lost where spaces are stripped or joined."""
        return "".join(self.symbols[token] for token in tokens)

    def public_text(self, tokens: UInt8[np.ndarray, "cells"]) -> str:
        """One line in the characters of the public data sets, with spaces for open cells."""
        return "".join(text.PUBLIC[token] for token in tokens)

    def pretty(self, tokens: UInt8[np.ndarray, "cells"]) -> str:
        return text.in_lines(self.public_text(tokens), self.side)

    def givens(self, inputs: UInt8[np.ndarray, "*batch cells"]) -> Bool[np.ndarray, "*batch cells"]:
        """Walls, start and goal."""
        return (inputs == WALL) | (inputs == START) | (inputs == GOAL)

    def conflicts(self, tokens: UInt8[np.ndarray, "*batch cells"]) -> Bool[np.ndarray, "*batch cells"]:
        """Cells where the drawn path ends, forks or closes in on itself: a path cell has two neighbours among
        path, start and goal, start and goal have one. Every start (goal) where there are several.

        Nothing is said of start and goal before any path is drawn.
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
        """Whether the path drawn is a shortest way, any of them, and the maze is kept.

        A path without ends and forks is a way from start to goal and perhaps some closed loops; with as many
        cells as the shortest way has, there is no cell left for a loop.
        """
        may_be_drawn = (answer == OPEN) | (answer == PATH)
        kept = np.where(self.givens(inputs), answer == inputs, may_be_drawn).all(-1)
        steps = (answer == PATH).sum(-1) + 1
        return np.asarray(kept & (steps == self._distances(inputs)) & ~self.conflicts(answer).any(-1))

    def _distances(self, inputs: UInt8[np.ndarray, "*batch cells"]) -> Int[np.ndarray, "*batch"]:
        """Steps of the shortest way of each maze, -1 without one. Equal mazes are searched once."""
        distances: dict[bytes, int] = {}
        flat = inputs.reshape(-1, self.cells)
        for maze in flat:
            key = maze.tobytes()
            if key not in distances:
                distances[key] = MazeSearch.of(board_of(self.side, maze)).distance
        found = np.array([distances[maze.tobytes()] for maze in flat], np.int64)
        return found.reshape(inputs.shape[:-1])

    def solutions(
        self, inputs: UInt8[np.ndarray, "cells"], limit: int = 2
    ) -> list[UInt8[np.ndarray, "cells"]]:
        board = board_of(self.side, inputs)
        return [tokens_of(board, path) for path in islice(MazeSearch.of(board).shortest_paths(), limit)]

    def rate(self, inputs: UInt8[np.ndarray, "cells"], *, max_guesses: int = MAX_GUESSES) -> Rating:
        """Nothing is guessed: a search through a maze sees each cell once."""
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
        """A maze with a way of `min_path` to `max_path` steps, within the lengths of its difficulty: 1 to 2 sides
        (easy), 2 to 3 (medium), 3 and more (hard). An easy one may be asked for with less than a side.

        `style` is depth-first (one way), loops (with `loops` walls taken out, usually a third of the side) or
        random (walls anywhere). Of several shortest ways in a maze with loops or random walls the labels show
        the first of `solutions`; `is_solved` accepts any. Raises `PuzzleError` when none is found.
        """
        difficulty = Difficulty(difficulty)
        request = generator.MazeRequest.of(self.side, difficulty, style, min_path, max_path, loops)
        search = generator.generate(request, random.Random(int(rng.integers(2**63))))
        labels = tokens_of(search.board, next(search.shortest_paths()))
        return Puzzle(tokens_of(search.board), labels, difficulty)

    def strata(self, inputs: UInt8[np.ndarray, "count cells"]) -> list[str]:
        """Bands of the shortest way's length, one side wide."""
        lowest = self._distances(inputs) // self.side * self.side
        return ["no way" if low < 0 else f"{low}-{low + self.side - 1} steps" for low in lowest.tolist()]

    def symmetries(self, count: int, rng: np.random.Generator) -> Symmetries:
        return symmetry.random_symmetries(self.side, count, rng, vocab_size=self.vocab_size)

    def symmetry_key(self, solution: UInt8[np.ndarray, "cells"]) -> bytes:
        return symmetry.symmetry_key(self.side, solution)

    def cell_features(self, inputs: UInt8[np.ndarray, "cells"]) -> dict[str, Shaped[np.ndarray, "cells"]]:
        """Of every cell:

        - `wall`: whether it is one
        - `on_path`: whether it lies on a shortest way, ends included
        - `dead_end`: open, but on no way from start to goal that visits no cell twice
        - `dead_end_tip`: a dead end with at most one open neighbour, where one has to turn back
        - `distance_to_start`, `distance_to_goal`: steps, -1 for walls and what cannot be reached
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
