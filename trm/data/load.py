"""Reading a puzzle set by name or path: what is found there decides which reader takes it."""

from __future__ import annotations

import os
from pathlib import Path

from trm.config import SHORT
from trm.data.arc import load_arc
from trm.data.bundled import PUZZLES, bundled_sets
from trm.data.identifiers import numbered
from trm.data.official import load_official
from trm.data.puzzle_set import PuzzleSet
from trm.data.table import load_csv, load_text
from trm.errors import DataError
from trm.tasks.base import Progress, Task


def load_puzzles(
    spec: str | Path,
    task: Task,
    *,
    limit: int | None = None,
    progress: Progress | None = None,
    identifiers: Path | None = None,
    split: str = "test",
) -> PuzzleSet:
    """Read a puzzle set; only its first `limit` puzzles, if given.

    `spec` is, in this order: the name of a bundled set (`./sudoku/test` is a folder of that name); a
    dataset folder in the official format (its part `split`), or one of its splits; a folder with `<split>.csv`; for
    ARC a folder with task files in JSON (their test or train pairs), or one of these; a `.csv` file
    (`source,q,a,rating` or `question,answer`, with its header); any other file: text with puzzles a line each, or drawn in lines.
    A puzzle without an answer is solved by the task; `progress` hears of it.

    `identifiers` is the `identifiers.json` of the data set that a model was trained on: the puzzles get the ids that
    their names have there. It matters to sets that name their puzzles only, which are ARC's.

    Raises `DataError` naming the file and the line at fault.
    """
    if limit is not None and limit < 1:
        raise DataError(f"A limit of {limit} leaves no puzzle. Give 1 or more.")
    if spec in bundled_sets():
        owner = str(spec).partition("/")[0]
        if owner != task.name:
            raise DataError(
                f"The set {spec} holds {owner} puzzles, not {task.name}. Choose a set of this task."
            )
        return load_csv(PUZZLES / f"{spec}.csv", task, name=str(spec), limit=limit, progress=progress)
    path = Path(spec)
    if not os.path.exists(path):  # noqa: PTH110 (unlike Path.exists, false for a text that can be no path)
        raise DataError(
            f"There is no puzzle set {SHORT.repr(str(spec))}. Bundled are: {', '.join(bundled_sets())}. "
            "Or give a CSV file, a text file with one puzzle a line, or a dataset folder."
        )
    if path.is_dir() and not _is_official(path, split) and (path / f"{split}.csv").is_file():
        path = path / f"{split}.csv"
    if task.name == "arc" and _is_arc(path):
        return load_arc(path, task, limit=limit, progress=progress, identifiers=identifiers, split=split)
    if path.is_dir():
        puzzles = load_official(path, task, limit=limit, split=split)
        return puzzles if identifiers is None else numbered(puzzles, identifiers)
    load = load_csv if path.suffix.lower() == ".csv" else load_text
    return load(path, task, name=path.name, limit=limit, progress=progress)


def _is_official(folder: Path, split: str) -> bool:
    return any((folder / part / "dataset.json").is_file() for part in ("", split))


def _is_arc(path: Path) -> bool:
    """A JSON file, or a folder that is no dataset folder."""
    if path.is_dir():
        return not (path / "dataset.json").is_file() and not any(path.glob("*/dataset.json"))
    return path.suffix.lower() == ".json"
