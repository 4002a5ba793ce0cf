"""The puzzle sets that come with the repository."""

from pathlib import Path

PUZZLES = Path(__file__).resolve().parents[2] / "assets" / "puzzles"
"""One folder a task, one CSV a set: `sudoku/test` is `sudoku/test.csv`."""


def bundled_sets() -> tuple[str, ...]:
    """Names of the bundled sets: `sudoku/test`, ..."""
    return tuple(sorted(f"{path.parent.name}/{path.stem}" for path in PUZZLES.glob("*/*.csv")))
