"""Reads ARC tasks from JSON files, with one file per collection or one file per task.

    <prefix>_challenges.json  {task: {"train": [{"input": grid, "output": grid}, ...], "test": [{"input": grid}, ...]}}
    <prefix>_solutions.json   {task: [grid, ...]}, one output per test input
    <task>.json               {"train": [...], "test": [...]}; each pair has an output

`trm.data.files.arc_json` lists the other supported layouts. Each file may be compressed (.json.gz, .bz2, or .xz).

A model predicts the output for a test input. It never sees the training pairs and knows the task only through the
embedding vector of the task's puzzle id. Without puzzle ids, it therefore cannot solve ARC tasks.
"""

from __future__ import annotations

import reprlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trm.data.files.arc_json import tasks_in
from trm.data.files.json_file import read_json
from trm.data.identifiers import FILE, with_puzzle_ids
from trm.data.puzzle_set import PuzzleSet
from trm.errors import DataError, PuzzleError
from trm.progress import Progress, no_progress
from trm.tasks.arc.grid import Grid, checked_grid, encode
from trm.tasks.base import Task

CHALLENGES, SOLUTIONS = "_challenges.json", "_solutions.json"
PACKED = ("", ".gz", ".bz2", ".xz")
"""Suffixes that may follow `.json`; "" means that the file is not compressed."""
TEST_PUZZLES = "test_puzzles.json"
"""Name of the file with the test tasks and their outputs in a dataset folder of the public TRM and HRM code."""

LARGEST_FILE = 64 << 20
MAX_PAIRS = 1000  # maximum number of pairs per task; published tasks have up to 10
MAX_FILES = 100_000
LONGEST_NAME = 1000


@dataclass(frozen=True, eq=False)
class ArcPair:
    """An input grid and its output grid. The output is None if the file does not contain it."""

    input: Grid
    output: Grid | None


@dataclass(frozen=True, eq=False)
class ArcTask:
    """An ARC task: the training pairs that demonstrate its rule, and the test pairs."""

    identifier: str
    train: tuple[ArcPair, ...]
    test: tuple[ArcPair, ...]


def arc_tasks(path: Path, *, skipped: list[str] | None = None) -> dict[str, ArcTask]:
    """Read the tasks in a folder or file and return them as a dictionary from name to task, in file order.

    In a dataset folder of the public code, only `test_puzzles.json` is read. In a folder with `_challenges.json` files,
    only these are read; the test outputs come from the `_solutions.json` files next to them. In any other folder, all
    JSON files are read. The name of a task is its identifier, or `<identifier>, <file>` if another file contains a
    different task with the same identifier (the two public evaluation sets have six identifiers in common).

    In a folder with one file per task, invalid files are skipped if at least one file is valid. A note about each
    skipped file is appended to `skipped`. Raises `DataError`, whose message names the file, the task and the pair.
    """
    tasks: dict[str, ArcTask] = {}
    mistakes: list[DataError] = []
    files = _files(path)
    for file in files:
        try:
            file_tasks = _tasks_of_file(file)
        except DataError as error:
            if len(files) == 1 or _collection(file) is not None:
                raise
            mistakes.append(error)
            continue
        for task in file_tasks:
            name = _unique_name(tasks, task, file)
            if name not in tasks or tasks[name].test[0].output is None:  # the same task, perhaps with outputs
                tasks[name] = task
    if mistakes and not tasks:
        raise mistakes[0]
    if skipped is not None:
        skipped += [f"skipped: {error}".removesuffix(".") for error in mistakes]
    return tasks


def _tasks_of_file(file: Path) -> list[ArcTask]:
    solutions = _solutions(file)
    contents = list(_task_contents(file))
    tasks = [
        _task(f"{file}, task {identifier}", identifier, content, solutions.get(identifier))
        for identifier, content in contents
    ]
    _check_solutions(file, solutions, contents)
    return tasks


def load_arc(
    path: Path,
    task: Task,
    *,
    limit: int | None = None,
    progress: Progress = no_progress,
    identifiers: Path | None = None,
    split: str = "test",
) -> PuzzleSet:
    """Load the first `limit` test pairs that have an output, or the training pairs if `split` is "train".

    Each pair becomes one puzzle, named `<task>, <split> <number>`. Padding in labels is not scored. `identifiers` is
    the `identifiers.json` of the dataset that the model was trained on, or the folder that contains this file. If it is
    None, an `identifiers.json` next to the tasks is used. Without such a file, all puzzle ids are 0 (the blank id), and
    ARC models score 0.

    Raises `DataError` if a file is invalid, no pair has an output, or a task has no puzzle id in `identifiers`.
    """
    skipped: list[str] = []
    pairs = [
        (f"{name}, {split} {number}", pair)
        for name, arc_task in arc_tasks(path, skipped=skipped).items()
        for number, pair in enumerate(arc_task.train if split == "train" else arc_task.test, 1)
        if pair.output is not None
    ][:limit]
    if not pairs:
        raise DataError(
            f"{path} has no test pair with an output. Put the file that ends in {SOLUTIONS} next to it."
        )
    inputs, labels = np.zeros((2, len(pairs), task.cells), np.uint8)
    for row, (_, pair) in enumerate(pairs):
        inputs[row], labels[row] = encode(pair.input), encode(pair.output)
        progress(0.0, f"{row + 1:,} puzzles read")
    puzzles = PuzzleSet.of(
        str(path), task, inputs, labels, names=tuple(name for name, _ in pairs), notes=tuple(skipped)
    )
    neighbour = (path if path.is_dir() else path.parent) / FILE
    if identifiers is None and neighbour.is_file():
        identifiers = neighbour
    return puzzles if identifiers is None else with_puzzle_ids(puzzles, identifiers)


def _files(path: Path) -> list[Path]:
    """Return the files in a folder that may contain tasks. Raises `DataError` if there are none or too many."""
    if not path.is_dir():
        return [path]
    if (path / TEST_PUZZLES).is_file():
        return [path / TEST_PUZZLES]
    json_files = [file for file in sorted(path.iterdir()) if _stem(file) is not None]
    files = [file for file in json_files if _collection(file) is not None] or [
        file for file in json_files if file.name != FILE and not f"{_stem(file)}.json".endswith(SOLUTIONS)
    ]
    if not files:
        below = sorted({file.parent.name for file in path.glob("*/*.json")})
        instead = (
            f"Give one of its subfolders, such as {path / below[0]}"
            if below
            else "Give a folder of ARC tasks"
        )
        raise DataError(f"{path} has no JSON file. {instead}.")
    if len(files) > MAX_FILES:
        raise DataError(f"{path} has over {MAX_FILES:,} JSON files. Give a smaller folder.")
    return files


def _stem(file: Path) -> str | None:
    """Return the name of a JSON file without its suffixes, or None for any other file."""
    return next(
        (file.name.removesuffix(f".json{end}") for end in PACKED if file.name.endswith(f".json{end}")), None
    )


def _collection(file: Path) -> str | None:
    """Return the collection name of a challenges file, or None for any other file."""
    name = f"{_stem(file)}.json"
    return name.removesuffix(CHALLENGES) if name.endswith(CHALLENGES) else None


def _task_contents(file: Path) -> Iterator[tuple[str, Any]]:
    content = read_json(file, LARGEST_FILE)
    contents = list(tasks_in(content, _stem(file) or file.stem))
    if not contents:
        raise DataError(f"{file} contains no ARC tasks. It should be an object of tasks, or one task.")
    for identifier, task in contents:
        if not (identifier.isprintable() and 0 < len(identifier) <= LONGEST_NAME and "," not in identifier):
            raise DataError(
                f"{file}: {reprlib.repr(identifier)} is not a valid name of an ARC task: it has a comma, an unprintable "
                f"character, or more than {LONGEST_NAME:,} characters. Rename the task."
            )
        yield identifier, task


def _solutions(file: Path) -> Mapping[str, Any]:
    """Read the test outputs of each task from the solutions file next to a challenges file, if there is one."""
    name = _collection(file)
    others = [file.with_name(f"{name}{SOLUTIONS}{end}") for end in PACKED]
    path = next((other for other in others if name is not None and other.is_file()), None)
    if path is None:
        return {}
    solutions = read_json(path, LARGEST_FILE)
    if not isinstance(solutions, dict):
        raise DataError(f"{path} contains no solutions. It should be an object of lists of grids.")
    return solutions


def _check_solutions(file: Path, solutions: Mapping[str, Any], contents: list[tuple[str, Any]]) -> None:
    """Raise `DataError` unless every solution belongs to a task."""
    extra = sorted(solutions.keys() - {identifier for identifier, _ in contents})
    if extra:
        raise DataError(
            f"{file} has no task {reprlib.repr(extra[0])}, but its solutions file has. Copy both files of the same collection."
        )


def _task(where: str, identifier: str, content: Any, solutions: Any) -> ArcTask:
    if not isinstance(content, dict):
        raise DataError(f'{where}: not an object with "train" and "test". Copy the file again.')
    test_alone = content.get("train") == [] and bool(content.get("test"))
    train = () if test_alone else _pairs(where, "train", content.get("train"))
    test = _pairs(where, "test", content.get("test"))
    if solutions is not None:
        if not isinstance(solutions, list) or len(solutions) != len(test):
            raise DataError(
                f"{where}: there are {len(test)} test inputs, but the solutions are not {len(test)} grids."
                " Copy both files of the same collection."
            )
        test = tuple(
            ArcPair(pair.input, _grid(f"{where}, test pair {number}, solution", grid))
            for number, (pair, grid) in enumerate(zip(test, solutions, strict=True), 1)
        )
    for number, pair in enumerate(train, 1):
        if pair.output is None:
            raise DataError(f"{where}, train pair {number} has no output. Copy the file again.")
    return ArcTask(identifier, train, test)


def _pairs(where: str, part: str, content: Any) -> tuple[ArcPair, ...]:
    if not isinstance(content, list) or not 1 <= len(content) <= MAX_PAIRS:
        raise DataError(f'{where}: "{part}" is not a list of 1 to {MAX_PAIRS} pairs. Copy the file again.')
    pairs = []
    for number, pair in enumerate(content, 1):
        here = f"{where}, {part} pair {number}"
        if not isinstance(pair, dict) or "input" not in pair:
            raise DataError(f"{here} has no input. Copy the file again.")
        output = pair.get("output")
        pairs.append(
            ArcPair(
                _grid(f"{here}, input", pair["input"]),
                None if output is None else _grid(f"{here}, output", output),
            )
        )
    return tuple(pairs)


def _grid(where: str, rows: Any) -> Grid:
    try:
        return checked_grid(rows)
    except PuzzleError as error:
        raise DataError(f"{where}: {error}") from None


def _unique_name(tasks: Mapping[str, ArcTask], task: ArcTask, file: Path) -> str:
    """Return the identifier of a task, followed by its file name if a different task already has this identifier."""
    other = tasks.get(task.identifier)
    if other is None or _same(other, task):
        return task.identifier
    return f"{task.identifier}, {_collection(file) or _stem(file)}"


def _same(one: ArcTask, other: ArcTask) -> bool:
    """Return whether two tasks have equal pairs, except for test outputs, which some collections lack."""

    def grids(task: ArcTask) -> list[Grid | None]:
        return [grid for pair in task.train for grid in (pair.input, pair.output)] + [
            pair.input for pair in task.test
        ]

    mine, others = grids(one), grids(other)
    return len(mine) == len(others) and all(map(np.array_equal, mine, others))
