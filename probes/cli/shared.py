"""Functions shared by commands: load a model and puzzles, read lists, write results, choose models to record."""

from collections.abc import Collection

from trm.checkpoint import load_model
from trm.cli.options import log_notes
from trm.config import ModelConfig
from trm.data import PuzzleSet, bundled_test_set, load_puzzles
from trm.errors import UserError
from trm.model import Model
from trm.progress import ProgressLine
from trm.store.positions import Positions
from trm.tasks import task_of
from trm.tasks.base import Task


def model_with_puzzles(
    model_name: str, data: str, *, spread: int | None, accept_unknown: bool = False
) -> tuple[Model, Task, PuzzleSet]:
    """Load a model, its task and a puzzle set. Raises UserError if the model or the puzzles cannot be read.

    Without `data`, the puzzles are the bundled test set of the model's task. From a large file, only `spread` evenly
    spaced puzzles are read.
    """
    model = load_model(model_name, accept_unknown=accept_unknown)
    task = task_of(model.config)
    data = data or bundled_test_set(task)
    with ProgressLine() as progress:
        puzzles = load_puzzles(data, task, spread=spread, progress=progress)
    log_notes(data, puzzles.notes)
    return model, task, puzzles


def names_to_record(requested: str | None, recorded: Collection[str]) -> list[str]:
    """Return the requested model, or every model with recorded results.

    Raises UserError if there are no recorded results for the requested model.
    """
    if requested is not None and requested not in recorded:
        raise UserError(
            f"There is no recording for {requested}: it is not a bundled model, or no page opens with it. "
            f"Choose from: {', '.join(recorded)}."
        )
    return [requested] if requested else list(recorded)


def one_cell(text: str, config: ModelConfig) -> int:
    """Return the index of a cell such as r5c5, from 0. Raises UserError if the text names anything else."""
    single, prefix = Positions.of(text, config).single, config.prefix_length
    if len(single) != 1 or single[0] < prefix:
        raise UserError(f"--cell must name one cell, such as r5c5, not {text!r}.")
    return single[0] - prefix
