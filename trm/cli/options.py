"""Options shared by several commands, and functions that load the models and puzzles they name.

Modules that need torch are imported only when used, so that `--help` and `models` do not wait for it.
"""

import argparse
import os
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from trm.config import FORCEABLE
from trm.errors import UserError
from trm.progress import ProgressLine
from trm.terminal import log, printing_result

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from trm.data import PuzzleSet
    from trm.model import Model
    from trm.tasks.base import Task

MODEL_HELP = (
    "bundled name (see `trm models`), folder, checkpoint file, or hf://owner/repo[/file] on the Hugging Face hub; "
    "a URL copied from the browser works too"
)
DATA_HELP = (
    "bundled set such as sudoku/test, file of puzzles (CSV, text, JSON, Parquet, NumPy, compressed or not; docs/data.md), "
    "dataset folder, or folder of ARC tasks in JSON"
)
PUZZLE_HELP = "puzzle as text, or a file with a puzzle (solve: or with several)"
PUZZLE_ID_HELP = "row of the model's puzzle table (ARC): a number, or a name in --identifiers"

MAX_NOTES = 3  # maximum number of notes shown about skipped parts of a file
FORCE = "force_"  # prefix of options that replace a field of ModelConfig


class Parser(argparse.ArgumentParser):
    """An ArgumentParser with one-line errors. It rejects abbreviated options, which new options could break."""

    def __init__(self, **options):
        super().__init__(allow_abbrev=False, **options)

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        with printing_result():
            pass  # flush the output of --help and --version
        super().exit(status, message)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def add_command(subparsers, name: str, run, summary: str) -> Parser:
    """Add the parser of a command. The function `run` executes the command."""
    sub = subparsers.add_parser(name, help=summary, description=summary)
    sub.add_argument("--json", action="store_true", help="print the result as one JSON object")
    sub.set_defaults(run=run)
    return sub


def model_options(
    command: Parser, *, positional: bool = False, required: bool = True, taken: tuple[str, ...] = ()
) -> None:
    """Add the options for a model and its forced values, except those in `taken`, which the command uses otherwise."""
    if positional:
        command.add_argument("model", help=MODEL_HELP)
    else:
        command.add_argument("--model", required=required, help=MODEL_HELP)
    forced_fields = command.add_argument_group(
        "forced values", "override values that were read or assumed (`trm inspect` shows them)"
    )
    for field, (kind, names, text) in FORCEABLE.items():
        forced_fields.add_argument(
            *(name for name in names if name not in taken), dest=FORCE + field, type=kind, help=text
        )
    accept_option(command)


def accept_option(command: Parser) -> None:
    """Add `--accept-unknown`."""
    command.add_argument(
        "--accept-unknown",
        action="store_true",
        help="open a checkpoint even if some of its settings are not understood (`trm inspect` lists them)",
    )


def puzzle_id_options(command: Parser, text: str) -> None:
    """Add `--puzzle-id` and `--identifiers`."""
    command.add_argument("--puzzle-id", default="0", help=text)
    identifiers_option(command)


def identifiers_option(command: Parser) -> None:
    """Add `--identifiers`."""
    command.add_argument(
        "--identifiers",
        type=Path,
        help="identifiers.json of the dataset that an ARC model was trained on (default: the one next to the checkpoint)",
    )


def forced_fields(options: Namespace) -> dict[str, Any]:
    """The fields of ModelConfig that the options force."""
    given = {
        name.removeprefix(FORCE): value for name, value in vars(options).items() if name.startswith(FORCE)
    }
    return {name: value for name, value in given.items() if value is not None}


def open_model(options: Namespace) -> "tuple[Model, Task]":
    """Load the model that the options name, and its task. Raises UserError."""
    from trm.checkpoint import load_model
    from trm.tasks import task_of

    model = load_model(options.model, force=forced_fields(options), accept_unknown=options.accept_unknown)
    return model, task_of(model.config)


def limited_puzzles(
    options: Namespace, model: "Model", task: "Task", *, default_limit: int | None = None
) -> "PuzzleSet":
    """The puzzle set given by `--data` (default: the bundled test set), limited to `--limit` puzzles.

    `default_limit` is the limit if none is given; None means all puzzles. Raises UserError.
    """
    from trm.data import bundled_test_set, load_puzzles
    from trm.evaluate import evenly

    data = options.data or bundled_test_set(task)
    limit = default_limit if options.limit is None else options.limit
    with ProgressLine("puzzles read") as reading:
        puzzles = load_puzzles(
            data, task, spread=limit, progress=reading.count, identifiers=identifiers(options, model)
        )
    log_notes(data, puzzles.notes)
    return puzzles if limit is None else puzzles.take(evenly(len(puzzles), limit))


def puzzle_texts(given: str, task: "Task") -> dict[str, str]:
    """The given puzzles as texts, by their place: one puzzle given as text, or all puzzles in a file.

    All puzzles in a file are parsed here. Raises DataError, naming file and place, if one cannot be read.
    """
    if not os.path.isfile(given):  # noqa: PTH113 (unlike Path.is_file, false for text that cannot be a path)
        return {"": given}
    from trm.data import puzzle_entries
    from trm.data.puzzle_file import read_content

    puzzles = puzzle_entries(read_content(Path(given)), given, task)
    for puzzle in puzzles:
        puzzle.read(task)
    log_notes(given, [puzzle.note for puzzle in puzzles if puzzle.note])
    return {puzzle.place: puzzle.text for puzzle in puzzles}


def puzzle_tokens(given: str, task: "Task", *, unfinished: bool = True, use: str = "used") -> "np.ndarray":
    """The tokens of a single puzzle, given as text or as a file. Raises UserError, also if a file has several puzzles.

    `use` says what the puzzle is for, in error messages.
    """
    texts = puzzle_texts(given, task)
    if len(texts) > 1:
        raise UserError(
            f"{given} contains {len(texts)} puzzles, but only one is {use}. Give a file with one puzzle, or its text."
        )
    return task.parse(*texts.values(), unfinished=unfinished)


def log_notes(source: object, notes: "Sequence[str]") -> None:
    """Log notes about skipped parts of a file."""
    for note in notes[:MAX_NOTES]:
        log(f"{source}, {note}.")


def identifiers(options: Namespace, model: "Model") -> Path | None:
    """The file of puzzle ids: the given file, else the one next to the checkpoint, else None."""
    from trm.data.identifiers import FILE

    beside = model.path.with_name(FILE)
    return getattr(options, "identifiers", None) or (beside if beside.is_file() else None)


def chosen_puzzle_id(options: Namespace, model: "Model") -> int:
    """The puzzle id that the options give as a number or by name. Raises UserError."""
    from trm.data import puzzle_id, read_identifiers

    if options.puzzle_id.isdecimal():
        return int(options.puzzle_id)
    path = identifiers(options, model)
    if path is None:
        raise UserError(
            f"Puzzle id {options.puzzle_id!r} is a name, but there is no identifiers.json to look up its number. "
            "Give --identifiers, the file from the dataset that the model was trained on."
        )
    return puzzle_id(options.puzzle_id, read_identifiers(path), path)
