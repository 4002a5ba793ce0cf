"""Options shared by several commands, and functions that load the models and puzzles that the options name.

Modules that need torch are imported only when used: a recorded run is exported without torch.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Group, Parameter

from trm.config import FORCEABLE
from trm.engine import Engine
from trm.errors import UserError
from trm.progress import ProgressLine
from trm.terminal import log

if TYPE_CHECKING:
    import numpy as np

    from trm.data import PuzzleSet
    from trm.model import Model
    from trm.tasks.base import Task

ModelName = Annotated[
    str,
    Parameter(
        help="bundled name (see `trm models`), folder, checkpoint file, or hf://owner/repo[/file] on the Hugging Face hub; "
        "a URL copied from the browser works too"
    ),
]
"""Names a model."""
DATA = (
    "bundled set such as sudoku/test, file of puzzles (CSV, text, JSON, Parquet, NumPy, compressed or not; docs/data.md), "
    "dataset folder, or folder of ARC tasks in JSON"
)
DataName = Annotated[str, Parameter(help=DATA)]
"""Names a puzzle set."""
PuzzleText = Annotated[str, Parameter(help="puzzle as text, or a file with a puzzle")]
"""A puzzle, or the path of a file with puzzles."""
FLAT = Parameter(name="*")
"""Makes the fields of a settings dataclass options of their own."""
CHECKPOINT = Group(
    "Checkpoint", help="values that replace those that were read or assumed (`trm inspect` shows them)"
)
MAX_NOTES = 3  # maximum number of notes shown about skipped parts of a file


def _forced(field: str) -> Parameter:
    return Parameter(name=FORCEABLE[field].options, help=FORCEABLE[field].meaning, group=CHECKPOINT)


@FLAT
@dataclass(frozen=True, kw_only=True)
class CheckpointOptions:
    """How a checkpoint is opened."""

    n: Annotated[int | None, _forced("n")] = None
    T: Annotated[int | None, _forced("T")] = None
    N_sup: Annotated[int | None, _forced("N_sup")] = None
    heads: Annotated[int | None, _forced("heads")] = None
    positions: Annotated[str | None, _forced("positions")] = None
    prefix_length: Annotated[int | None, _forced("prefix_length")] = None
    sequence_length: Annotated[int | None, _forced("sequence_length")] = None
    task: Annotated[str | None, _forced("task")] = None
    accept_unknown: Annotated[bool, Parameter(group=CHECKPOINT)] = False
    """open a checkpoint even if some of its settings are not understood (`trm inspect` lists them)"""

    @property
    def force(self) -> dict[str, Any]:
        """The values that replace fields of ModelConfig, by field."""
        return {name: value for name in FORCEABLE if (value := getattr(self, name)) is not None}

    def open(self, model: str) -> "tuple[Model, Task]":
        """Load a model, and return it with its task. Raises UserError if loading fails."""
        from trm.checkpoint import load_model
        from trm.tasks import task_of

        loaded = load_model(model, force=self.force, accept_unknown=self.accept_unknown)
        return loaded, task_of(loaded.config)


@FLAT
@dataclass(frozen=True, kw_only=True)
class ModelChoice(CheckpointOptions):
    """Which model, and how its checkpoint is opened."""

    model: ModelName

    def load(self) -> "tuple[Model, Task]":
        """Load the model, and return it with its task. Raises UserError if loading fails."""
        return self.open(self.model)


@FLAT
@dataclass(frozen=True, kw_only=True)
class EngineChoice:
    """What computes the nets."""

    engine: Engine = "torch"
    """what computes the nets; onnx (ONNX Runtime) is faster on many CPUs and differs in the last digits; bfloat16 is faster still where the processor has it, but changes some answers"""

    def give(self, model: "Model") -> "Model":
        """Return the model with this engine. Raises UserError if the engine is not installed or does not fit."""
        from trm.engine.choice import with_engine

        return with_engine(model, self.engine)


@FLAT
@dataclass(frozen=True, kw_only=True)
class PuzzleChoice:
    """A puzzle set, and the puzzles to use from it."""

    data: DataName
    limit: int | None = None
    """use only this many puzzles, spread evenly over the set"""
    identifiers: Path | None = None
    """identifiers.json of the dataset that an ARC model was trained on (default: the one next to the checkpoint)"""

    def load(self, model: "Model", task: "Task") -> "PuzzleSet":
        """Load the puzzles. Raises UserError if loading fails."""
        from trm.data import bundled_test_set, load_puzzles
        from trm.evaluate import evenly

        data = self.data or bundled_test_set(task)
        with ProgressLine() as progress:
            puzzles = load_puzzles(
                data,
                task,
                spread=self.limit,
                progress=progress,
                identifiers=identifiers_of(self.identifiers, model),
            )
        log_notes(data, puzzles.notes)
        return puzzles if self.limit is None else puzzles.take(evenly(len(puzzles), self.limit))


@FLAT
@dataclass(frozen=True, kw_only=True)
class TestPuzzles(PuzzleChoice):
    """Which puzzles of a set, by default of the bundled test set of the model's task."""

    data: Annotated[
        str | None, Parameter(help=DATA + " (default: the bundled test set of the model's task)")
    ] = None


@FLAT
@dataclass(frozen=True, kw_only=True)
class PuzzleId:
    """Which row of the model's puzzle table."""

    puzzle_id: str = "0"
    """row of the model's puzzle table (ARC): a number, or a name in --identifiers"""
    identifiers: Path | None = None
    """identifiers.json of the dataset that an ARC model was trained on (default: the one next to the checkpoint)"""

    def number(self, model: "Model") -> int:
        """Return the row. Raises UserError for an unknown name."""
        from trm.data import puzzle_id, read_identifiers

        if self.puzzle_id.isdecimal():
            return int(self.puzzle_id)
        path = identifiers_of(self.identifiers, model)
        if path is None:
            raise UserError(
                f"Puzzle id {self.puzzle_id!r} is a name, but there is no identifiers.json to look up its number. "
                "Give --identifiers, the file from the dataset that the model was trained on."
            )
        return puzzle_id(self.puzzle_id, read_identifiers(path), path)


def identifiers_of(given: Path | None, model: "Model") -> Path | None:
    """Return the file of puzzle ids: the given file, otherwise the file next to the checkpoint, or None."""
    from trm.data.identifiers import FILE

    beside = model.path.with_name(FILE)
    return given or (beside if beside.is_file() else None)


def puzzle_texts(given: str, task: "Task") -> dict[str, str]:
    """Return the given puzzles as texts, by place in the file. A puzzle given as text has an empty place.

    All puzzles in a file are checked. Raises DataError, naming file and place, if a puzzle cannot be read.
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
    """Return the tokens of a single puzzle, given as text or as a file.

    `use` says in error messages how the puzzle is used. Raises UserError if the puzzle cannot be read, or if the file
    has several puzzles.
    """
    texts = puzzle_texts(given, task)
    if len(texts) > 1:
        raise UserError(
            f"{given} contains {len(texts)} puzzles, but only one is {use}. Give a file with one puzzle, or its text."
        )
    return task.parse(*texts.values(), unfinished=unfinished)


def log_notes(source: object, notes: "Sequence[str]") -> None:
    """Log the first MAX_NOTES notes about skipped parts of a file."""
    for note in notes[:MAX_NOTES]:
        log(f"{source}, {note}.")


def parsed_depth(given: str, model: "Model") -> "Depth":
    """Parse n, T and N_sup. Raises UserError unless they are three numbers, and ConfigError if they are too large."""
    from trm.coordinates import Depth

    parts = given.split(",")
    if len(parts) != 3 or not all(part.strip().isdecimal() and int(part) for part in parts):
        raise UserError(f"--depth {given} is not n,T,N_sup. Give three numbers of 1 or more, such as 6,3,24.")
    depth = Depth(*map(int, parts))
    model.config.with_depth(n=depth.n, T=depth.T, N_sup=depth.N_sup)  # checks the limits
    return depth
