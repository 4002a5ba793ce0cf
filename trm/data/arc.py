"""Reader of ARC tasks as they are published, in one JSON file a collection or one a task.

    <prefix>_challenges.json  {task: {"train": [{"input": grid, "output": grid}, ...], "test": [{"input": grid}, ...]}}
    <prefix>_solutions.json   {task: [grid, ...]}, an output for each test input
    <task>.json               {"train": [...], "test": [...]}, the outputs inside

Other shapes are in `trm.data.files.arc_json`; each file may be packed (.json.gz).

A model is asked for the output of a test input. It never sees the training pairs: what it knows of the task is the
vector of its puzzle id, so a set without puzzle ids can be looked at and not be solved.
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
from trm.tasks.arc.grid import Grid, checked_grid, encode
from trm.tasks.base import PuzzleProgress, Task

CHALLENGES, SOLUTIONS = "_challenges.json", "_solutions.json"
PACKED = ("", ".gz", ".bz2", ".xz")
"""Endings of a file that is packed alone."""
TEST_PUZZLES = "test_puzzles.json"
"""In a dataset folder of the public code: its test tasks, the outputs inside."""

LARGEST_FILE = 64 << 20
MAX_PAIRS = 1000  # of a task; published ones have up to 10
MAX_FILES = 100_000
LONGEST_NAME = 1000


@dataclass(frozen=True, eq=False)
class ArcPair:
    """An input and its output; None where the output is not published here."""

    input: Grid
    output: Grid | None


@dataclass(frozen=True, eq=False)
class ArcTask:
    """The pairs that show a rule, and those that ask for it."""

    identifier: str
    train: tuple[ArcPair, ...]
    test: tuple[ArcPair, ...]


def arc_tasks(path: Path, *, skipped: list[str] | None = None) -> dict[str, ArcTask]:
    """The tasks of a folder or a single file, by name, in file order.

    A folder with `_challenges.json` files is read from these (their outputs from the `_solutions.json` beside), a
    dataset folder of the public code from its `test_puzzles.json`, any other from all its JSON files. The name is the
    task's identifier; where another file has a different task of the same identifier (the two public evaluation sets
    share six), `<identifier>, <file>`.

    Of a folder with a file a task, one that is none is left out as long as others are, and said in `skipped`.
    Raises `DataError` naming file, task and pair.
    """
    tasks: dict[str, ArcTask] = {}
    mistakes: list[DataError] = []
    files = _files(path)
    for file in files:
        try:
            found = _tasks_of_file(file)
        except DataError as error:
            if len(files) == 1 or _collection(file) is not None:
                raise
            mistakes.append(error)
            continue
        for task in found:
            name = _unique_name(tasks, task, file)
            if name not in tasks or tasks[name].test[0].output is None:  # again, perhaps with outputs now
                tasks[name] = task
    if mistakes and not tasks:
        raise mistakes[0]
    if skipped is not None:
        skipped += [f"left out: {error}".removesuffix(".") for error in mistakes]
    return tasks


def _tasks_of_file(file: Path) -> list[ArcTask]:
    solutions = _solutions(file)
    found = list(_tasks_of(file))
    tasks = [
        _task(f"{file}, task {identifier}", identifier, content, solutions.get(identifier))
        for identifier, content in found
    ]
    _check_known(file, solutions, found)
    return tasks


def load_arc(
    path: Path,
    task: Task,
    *,
    limit: int | None = None,
    progress: PuzzleProgress | None = None,
    identifiers: Path | None = None,
    split: str = "test",
) -> PuzzleSet:
    """Every test pair with a published output, named `<task>, test 1`; or, of the split `train`, every train pair.

    The label's padding is not scored.

    `identifiers` is the `identifiers.json` of the dataset that the model was trained on, or its folder; one beside
    the tasks is taken by itself. Without any, all puzzle ids are 0, the blank one, with which no ARC model answers
    anything: such a set is for looking at.

    Raises `DataError`; also for a task that has no puzzle id there.
    """
    skipped: list[str] = []
    pairs = [
        (f"{name}, {split} {number}", pair)
        for name, found in arc_tasks(path, skipped=skipped).items()
        for number, pair in enumerate(found.train if split == "train" else found.test, 1)
        if pair.output is not None
    ][:limit]
    if not pairs:
        raise DataError(
            f"{path} has no test pair with its output. Put the file that ends in {SOLUTIONS} beside it."
        )
    inputs, labels = np.zeros((2, len(pairs), task.cells), np.uint8)
    for row, (_, pair) in enumerate(pairs):
        inputs[row], labels[row] = encode(pair.input), encode(pair.output)
        if progress:
            progress(row + 1)
    puzzles = PuzzleSet.of(
        str(path), task, inputs, labels, names=tuple(name for name, _ in pairs), notes=tuple(skipped)
    )
    beside = (path if path.is_dir() else path.parent) / FILE
    if identifiers is None and beside.is_file():
        identifiers = beside
    return puzzles if identifiers is None else with_puzzle_ids(puzzles, identifiers)


def _files(path: Path) -> list[Path]:
    """The files that hold tasks."""
    if not path.is_dir():
        return [path]
    if (path / TEST_PUZZLES).is_file():
        return [path / TEST_PUZZLES]
    known = [file for file in sorted(path.iterdir()) if _stem(file) is not None]
    files = [file for file in known if _collection(file) is not None] or [
        file for file in known if file.name != FILE and not f"{_stem(file)}.json".endswith(SOLUTIONS)
    ]
    if not files:
        below = sorted({file.parent.name for file in path.glob("*/*.json")})
        instead = (
            f"Name a folder in it, such as {path / below[0]}" if below else "Give a folder with ARC tasks"
        )
        raise DataError(f"{path} has no JSON file. {instead}.")
    if len(files) > MAX_FILES:
        raise DataError(f"{path} has over {MAX_FILES:,} JSON files. Give a smaller folder.")
    return files


def _stem(file: Path) -> str | None:
    """The name of a JSON file without its endings, None for another file."""
    return next(
        (file.name.removesuffix(f".json{end}") for end in PACKED if file.name.endswith(f".json{end}")), None
    )


def _collection(file: Path) -> str | None:
    """The name of a collection whose challenges a file holds; None for another file."""
    name = f"{_stem(file)}.json"
    return name.removesuffix(CHALLENGES) if name.endswith(CHALLENGES) else None


def _tasks_of(file: Path) -> Iterator[tuple[str, Any]]:
    content = read_json(file, LARGEST_FILE)
    found = list(tasks_in(content, _stem(file) or file.stem))
    if not found:
        raise DataError(f"{file} holds no ARC tasks: it should be an object of tasks, or one task.")
    for identifier, task in found:
        if not (identifier.isprintable() and 0 < len(identifier) <= LONGEST_NAME and "," not in identifier):
            raise DataError(
                f"{file}: {reprlib.repr(identifier)} is no name of an ARC task: it has a comma, a character that cannot be "
                f"printed, or over {LONGEST_NAME:,} characters. Name it otherwise."
            )
        yield identifier, task


def _solutions(file: Path) -> Mapping[str, Any]:
    """Task -> outputs of its test inputs, from the file beside the challenges."""
    name = _collection(file)
    others = [file.with_name(f"{name}{SOLUTIONS}{end}") for end in PACKED]
    beside = next((other for other in others if name is not None and other.is_file()), None)
    if beside is None:
        return {}
    solutions = read_json(beside, LARGEST_FILE)
    if not isinstance(solutions, dict):
        raise DataError(f"{beside} holds no solutions: it should be an object of lists of grids.")
    return solutions


def _check_known(file: Path, solutions: Mapping[str, Any], found: list[tuple[str, Any]]) -> None:
    """Every solution belongs to a task."""
    strangers = sorted(solutions.keys() - {identifier for identifier, _ in found})
    if strangers:
        raise DataError(
            f"{file} has no task {reprlib.repr(strangers[0])}, which its solutions name. Copy both files of one collection."
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
                f"{where}: {len(test)} test inputs, but its solutions are not {len(test)} grids."
                " Copy both files of one collection."
            )
        test = tuple(
            ArcPair(pair.input, _grid(f"{where}, test pair {number}, solution", grid))
            for number, (pair, grid) in enumerate(zip(test, solutions, strict=True), 1)
        )
    for number, pair in enumerate(train, 1):
        if pair.output is None:
            raise DataError(f"{where}, train pair {number}: it has no output. Copy the file again.")
    return ArcTask(identifier, train, test)


def _pairs(where: str, part: str, content: Any) -> tuple[ArcPair, ...]:
    if not isinstance(content, list) or not 1 <= len(content) <= MAX_PAIRS:
        raise DataError(f'{where}: "{part}" is no list of 1 to {MAX_PAIRS} pairs. Copy the file again.')
    pairs = []
    for number, pair in enumerate(content, 1):
        here = f"{where}, {part} pair {number}"
        if not isinstance(pair, dict) or "input" not in pair:
            raise DataError(f"{here}: it has no input. Copy the file again.")
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
    """The identifier, unless a different task has it already."""
    known = tasks.get(task.identifier)
    if known is None or _same(known, task):
        return task.identifier
    return f"{task.identifier}, {_collection(file) or _stem(file)}"


def _same(one: ArcTask, other: ArcTask) -> bool:
    """Whether the pairs are equal, outputs of the test aside: some collections come without them."""

    def grids(task: ArcTask) -> list[Grid | None]:
        return [grid for pair in task.train for grid in (pair.input, pair.output)] + [
            pair.input for pair in task.test
        ]

    mine, others = grids(one), grids(other)
    return len(mine) == len(others) and all(map(np.array_equal, mine, others))
