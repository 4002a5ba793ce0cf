"""`trm data generate` and `trm data convert`: generate puzzle sets and convert them to other formats."""

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from trm.cli.options import FLAT, DataName
from trm.data import generate_dataset, load_puzzles, number_range, write_dataset
from trm.errors import UserError
from trm.progress import ProgressLine
from trm.tasks import get_task
from trm.tasks.base import Task


@FLAT
@dataclass(frozen=True, kw_only=True)
class SetToWrite:
    """Where and how a puzzle set is written."""

    out: Path
    """folder to write to"""
    format: Literal["official", "csv"] = "official"
    """output format"""
    split: Literal["train", "test"] = "test"
    """part of the dataset"""


@FLAT
@dataclass(frozen=True, kw_only=True)
class PuzzleShape:
    """What generated puzzles are like. A task supports some of these options."""

    givens: str | None = None
    """Sudoku: number of given cells, such as 24-40 (a range) or 30"""
    guesses: str | None = None
    """hard 9x9 Sudoku: minimal puzzles for which a search makes so many guesses, such as 20-1000"""
    style: str | None = None
    """maze: depth-first (a single path; default), loops, or random (random walls)"""
    min_path: int | None = None
    """maze: minimum length of the shortest path in steps (default: the side)"""
    max_path: int | None = None
    """maze: maximum length of the shortest path in steps"""
    loops: int | None = None
    """maze of style loops: number of walls to remove"""

    def options_for(self, task: Task) -> dict[str, Any]:
        """Return the given options. Raises UserError if the task does not support one of them."""
        given = {name: value for name, value in asdict(self).items() if value is not None}
        if unsupported := sorted(given.keys() - task.generator_options):
            raise UserError(
                f"--{unsupported[0].replace('_', '-')} is not an option for {task.name} puzzles. Leave it out."
            )
        return {
            name: number_range(value) if name in ("givens", "guesses") else value
            for name, value in given.items()
        }


def generate(
    task: str,
    /,
    *,
    count: int,
    size: int | None = None,
    difficulty: Literal["easy", "medium", "hard"] = "easy",
    shape: PuzzleShape = PuzzleShape(),
    seed: int = 0,
    written: SetToWrite,
) -> dict[str, Any]:
    """Generate puzzles, and return their number and where they are.

    Args:
        task: sudoku or maze
        count: number of puzzles
        size: rows of the grid: 4, 6 or 9 for Sudoku (default: 9), any for mazes (default: 15)
        difficulty: how hard the puzzles are
        seed: random seed
    """
    sized = _sized_task(task, size)
    with ProgressLine() as progress:
        path = generate_dataset(
            sized,
            count=count,
            difficulty=difficulty,
            seed=seed,
            **asdict(written),
            workers=os.cpu_count() or 1,
            progress=progress,
            **shape.options_for(sized),
        )
    return {"count": count, "written": str(path)}


def convert(task: str, /, *, data: DataName, size: int | None = None, written: SetToWrite) -> dict[str, Any]:
    """Convert a puzzle set, and return its number of puzzles and where it is.

    Args:
        task: sudoku, maze or arc
        size: rows of the grid, if not the usual size of the task
    """
    sized = _sized_task(task, size)
    with ProgressLine() as progress:
        puzzles = load_puzzles(data, sized, progress=progress, split=written.split)
    path = write_dataset(puzzles, written.out, sized, format=written.format, split=written.split)
    return {"count": len(puzzles), "written": str(path)}


def _sized_task(name: str, size: int | None) -> Task:
    """Return the task with the given number of rows. Raises UserError for an unknown task or size."""
    return get_task(name, None if size is None else size**2)
