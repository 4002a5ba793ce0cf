"""Shared parts of the commands: load a model and puzzles, report progress, write results, and choose models to record."""

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trm.errors import UserError
from trm.progress import Progress, ProgressLine

if TYPE_CHECKING:
    from trm.data import PuzzleSet
    from trm.model import Model
    from trm.tasks.base import Task


def model_with_puzzles(
    model_name: str, data: str, *, spread: int | None, accept_unknown: bool = False
) -> "tuple[Model, Task, PuzzleSet]":
    """Load a model, its task and a puzzle set; from a large file only `spread` puzzles. Raises UserError."""
    from trm.checkpoint import load_model
    from trm.cli.options import log_notes
    from trm.data import load_puzzles
    from trm.tasks import task_of

    model = load_model(model_name, accept_unknown=accept_unknown)
    task = task_of(model.config)
    with ProgressLine("puzzles read") as loading:
        puzzles = load_puzzles(data, task, spread=spread, progress=loading.count)
    log_notes(data, puzzles.notes)
    return model, task, puzzles


def progress_line() -> Progress:
    """A progress callback that prints percentages to stderr."""
    line = ProgressLine("")

    def progress(share: float, words: str) -> None:
        line.unit = f"% {words}"
        line.count(round(100 * share), 100)

    return progress


def write(path: Path, result: dict[str, Any], table: dict[str, list]) -> Path:
    """Write a result as JSON and its table next to it as Parquet. Returns `path`. Raises OutputError."""
    import json

    import pyarrow
    from pyarrow.parquet import write_table

    from trm.files import atomic_file

    with atomic_file(path) as temporary:
        temporary.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    with atomic_file(path.with_suffix(".parquet")) as temporary:
        write_table(pyarrow.table(table), temporary)
    return path


def names_to_record(requested: str | None, recorded: Collection[str]) -> list[str]:
    """The requested model, or every model with recorded results. Raises UserError if that model has none."""
    if requested is not None and requested not in recorded:
        raise UserError(
            f"There is no recording for {requested}: it is not a bundled model, or no page opens with it. "
            f"Choose from: {', '.join(recorded)}."
        )
    return [requested] if requested else list(recorded)
