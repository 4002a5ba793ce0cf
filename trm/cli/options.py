"""What several commands share: options of the same name and meaning, and what they open.

Whatever needs torch is imported when it is called, so that `--help` and `models` do not wait for it.
"""

import argparse
import os
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from trm.config import FORCEABLE
from trm.errors import UserError
from trm.progress import ProgressLine
from trm.terminal import log, printing

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from trm.data import PuzzleSet
    from trm.model import Model
    from trm.tasks.base import Task

MODEL_HELP = (
    "a bundled name (see `trm models`), a folder, a checkpoint file, or hf://owner/repo[/file] on the hub, "
    "also as an address copied from the browser"
)
DATA_HELP = (
    "a bundled set such as sudoku/test, a file of puzzles (CSV, text, JSON, Parquet, NumPy, packed or not; docs/data.md), "
    "a dataset folder, or a folder of ARC tasks in JSON"
)
PUZZLE_HELP = "the puzzle as text, or a file that holds it (solve: or several)"
PUZZLE_ID_HELP = "row of the model's puzzle table (ARC): a number, or a name in --identifiers"

MOST_NOTES = 3  # lines about what was passed over in a file
FORCE = "force_"  # prefix of options that replace a field of ModelConfig


class Parser(argparse.ArgumentParser):
    """Keeps argparse's mistakes to one line, and takes no shortened options: scripts outlive them."""

    def __init__(self, **options):
        super().__init__(allow_abbrev=False, **options)

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        with printing():
            pass  # what --help and --version said is on its way
        super().exit(status, message)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def add_command(adder, name: str, run, summary: str) -> Parser:
    """The parser of a command, which `run` carries out."""
    sub = adder.add_parser(name, help=summary, description=summary)
    sub.add_argument("--json", action="store_true", help="print one JSON object")
    sub.set_defaults(run=run)
    return sub


def model_options(
    command: Parser, *, positional: bool = False, required: bool = True, taken: tuple[str, ...] = ()
) -> None:
    """The model, and what to take for values that its checkpoint does not hold; `taken` names mean something else here."""
    if positional:
        command.add_argument("model", help=MODEL_HELP)
    else:
        command.add_argument("--model", required=required, help=MODEL_HELP)
    forced = command.add_argument_group(
        "forced values", "taken instead of what was found or assumed (`trm inspect` shows that)"
    )
    for field, (kind, names, text) in FORCEABLE.items():
        forced.add_argument(
            *(name for name in names if name not in taken), dest=FORCE + field, type=kind, help=text
        )
    accept_option(command)


def accept_option(command: Parser) -> None:
    command.add_argument(
        "--accept-unknown",
        action="store_true",
        help="open a checkpoint with settings that are not understood (`trm inspect` names them)",
    )


def puzzle_id_options(command: Parser, text: str) -> None:
    command.add_argument("--puzzle-id", default="0", help=text)
    identifiers_option(command)


def identifiers_option(command: Parser) -> None:
    command.add_argument(
        "--identifiers",
        type=Path,
        help="identifiers.json of the data set that an ARC model was trained on; usually looked for beside the checkpoint",
    )


def forced(options: Namespace) -> dict[str, Any]:
    """The fields of ModelConfig that options replace."""
    given = {
        name.removeprefix(FORCE): value for name, value in vars(options).items() if name.startswith(FORCE)
    }
    return {name: value for name, value in given.items() if value is not None}


def opened(options: Namespace) -> "tuple[Model, Task]":
    """The model that the options name, and its task. Raises UserError."""
    from trm.checkpoint import load_model
    from trm.tasks import task_of

    model = load_model(options.model, force=forced(options), accept_unknown=options.accept_unknown)
    return model, task_of(model.config)


def limited_puzzles(
    options: Namespace, model: "Model", task: "Task", *, usual: int | None = None
) -> "PuzzleSet":
    """The puzzle set of `--data` (the bundled test set if not given), reduced to `--limit` puzzles.

    `usual` is the limit if none is given; None takes all. Raises UserError.
    """
    from trm.data import bundled_test_set, load_puzzles
    from trm.evaluate import evenly

    data, limit = options.data or bundled_test_set(task), usual if options.limit is None else options.limit
    with ProgressLine("puzzles read") as reading:
        puzzles = load_puzzles(
            data, task, spread=limit, progress=reading.count, identifiers=identifiers(options, model)
        )
    tell_notes(data, puzzles.notes)
    return puzzles if limit is None else puzzles.take(evenly(len(puzzles), limit))


def puzzle_texts(given: str, task: "Task") -> dict[str, str]:
    """The puzzles that are given, as texts by their places: one in words, or those of a file, which are all read here.

    Raises DataError naming file and place where one cannot be read.
    """
    if not os.path.isfile(given):  # noqa: PTH113 (unlike Path.is_file, false for a text that can be no path)
        return {"": given}
    from trm.data import puzzle_entries
    from trm.data.puzzle_file import read_content

    found = puzzle_entries(read_content(Path(given)), given, task)
    for question in found:
        question.read(task)
    tell_notes(given, [question.note for question in found if question.note])
    return {question.place: question.text for question in found}


def puzzle_tokens(given: str, task: "Task", *, unfinished: bool = True, use: str = "taken") -> "np.ndarray":
    """The tokens of one puzzle, given in words or as a file. Raises UserError; also for a file with several."""
    texts = puzzle_texts(given, task)
    if len(texts) > 1:
        raise UserError(
            f"{given} holds {len(texts)} puzzles, and one is {use}. Give a file with one, or its text."
        )
    return task.parse(*texts.values(), unfinished=unfinished)


def tell_notes(source: object, notes: "Sequence[str]") -> None:
    """What the reader of a file passed over, on stderr."""
    for note in notes[:MOST_NOTES]:
        log(f"{source}, {note}.")


def identifiers(options: Namespace, model: "Model") -> Path | None:
    """The file of puzzle ids: as given, else the one beside the checkpoint, if there is one."""
    from trm.data.identifiers import FILE

    beside = model.path.with_name(FILE)
    return getattr(options, "identifiers", None) or (beside if beside.is_file() else None)


def asked_puzzle_id(options: Namespace, model: "Model") -> int:
    """The puzzle id that the options give as a number or by name. Raises UserError."""
    from trm.data import puzzle_id, read_identifiers

    if options.puzzle_id.isdecimal():
        return int(options.puzzle_id)
    path = identifiers(options, model)
    if path is None:
        raise UserError(
            f"Puzzle id {options.puzzle_id!r} is a name, and no identifiers.json says which number it has. "
            "Give --identifiers, the file of the data set that the model was trained on."
        )
    return puzzle_id(options.puzzle_id, read_identifiers(path), path)
