"""What several commands do alike: open a model with its puzzles, and choose what is recorded."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from trm.errors import UserError
from trm.terminal import Progress

if TYPE_CHECKING:
    from trm.data import PuzzleSet
    from trm.models import Model
    from trm.tasks.base import Task


def model_with_puzzles(model_name: str, data: str) -> "tuple[Model, Task, PuzzleSet]":
    """A model, its task and a puzzle set of it. Raises UserError."""
    from trm.checkpoint import load_model
    from trm.data import load_puzzles
    from trm.tasks import task_of

    model = load_model(model_name)
    task = task_of(model.config)
    with Progress("puzzles read") as reading:
        return model, task, load_puzzles(data, task, progress=reading.count)


def names_to_record(asked: str | None, recorded: Collection[str]) -> list[str]:
    """The model that was asked for, or all of which something is recorded. Raises UserError where nothing is of that one."""
    if asked is not None and asked not in recorded:
        raise UserError(
            f"Nothing is recorded of {asked}: it is no bundled model, or no page opens with it. "
            f"Recorded are: {', '.join(recorded)}."
        )
    return [asked] if asked else list(recorded)
