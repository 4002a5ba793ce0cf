"""What several commands do alike: take puzzles, tell progress, write a result, and choose what is recorded."""

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
    """A model, its task and a puzzle set of it; of a large file only `spread` puzzles. Raises UserError."""
    from trm.checkpoint import load_model
    from trm.cli.options import tell_notes
    from trm.data import load_puzzles
    from trm.tasks import task_of

    model = load_model(model_name, accept_unknown=accept_unknown)
    task = task_of(model.config)
    with ProgressLine("puzzles read") as reading:
        puzzles = load_puzzles(data, task, spread=spread, progress=reading.count)
    tell_notes(data, puzzles.notes)
    return model, task, puzzles


def progress_line() -> Progress:
    """Progress on stderr, in per cent."""
    line = ProgressLine("")

    def progress(share: float, words: str) -> None:
        line.what = f"% {words}"
        line.count(round(100 * share), 100)

    return progress


def write(path: Path, result: dict[str, Any], table: dict[str, list]) -> Path:
    """The result as JSON, its table beside it as Parquet. Raises OutputError where that cannot be written."""
    import json

    import pyarrow
    from pyarrow.parquet import write_table

    from trm.files import written_whole

    with written_whole(path) as temporary:
        temporary.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    with written_whole(path.with_suffix(".parquet")) as temporary:
        write_table(pyarrow.table(table), temporary)
    return path


def names_to_record(asked: str | None, recorded: Collection[str]) -> list[str]:
    """The requested model, or every model with recorded results. Raises UserError if that model has none."""
    if asked is not None and asked not in recorded:
        raise UserError(
            f"Nothing is recorded of {asked}: it is no bundled model, or no page opens with it. "
            f"Recorded are: {', '.join(recorded)}."
        )
    return [asked] if asked else list(recorded)
