"""The user's choice of a model, its depth, and a puzzle."""

from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from app.server.models import ModelSource
from trm.config import FORCEABLE, ModelConfig
from trm.coordinates import Depth
from trm.tasks import task_of
from trm.tasks.base import Task


@dataclass(frozen=True)
class Choice:
    """The model, depth and puzzle that a page displays. Equal choices have the same run."""

    source: ModelSource
    config: ModelConfig
    depth: Depth
    puzzle: str  # in the task's one-line form
    title: str = field(compare=False)  # title of the puzzle
    sentence: str = field(compare=False)  # description of the puzzle
    puzzle_id: int = 0
    labels: bytes | None = None  # tokens of the published answer, for tasks that cannot be graded by rules
    mistake: str | None = field(
        default=None, compare=False
    )  # why the typed text is not a puzzle, if it is not
    arc: str | None = field(
        default=None, compare=False
    )  # name, as in links, of the ARC test with this puzzle

    @cached_property
    def task(self) -> Task:
        return task_of(self.config)

    @property
    def label_tokens(self) -> np.ndarray | None:
        return None if self.labels is None else np.frombuffer(self.labels, np.uint8)

    @property
    def run(self) -> Hashable:
        """Key of the run. Choices have equal keys if they have the same run."""
        return self.source, self.puzzle, self.puzzle_id, self.labels, self.depth

    @property
    def command_options(self) -> dict[str, str | int | None]:
        """The model, the puzzle, and what the user has changed of the model, for `as_command`."""
        own = vars(self.config.depth)
        changed = {name: value for name, value in vars(self.depth).items() if value != own[name]}
        forced = {FORCEABLE[name].options[0]: value for name, value in changed.items()}
        run = {"model": self.source.spec, "puzzle": self.puzzle}
        return run | forced | {"heads": self.source.heads, "puzzle_id": self.puzzle_id or None}

    @property
    def is_as_trained(self) -> bool:
        """Whether the user has changed neither heads, depth nor puzzle id, so that a recorded trace may be shown."""
        return not self.source.forced and self.depth == self.config.depth and not self.puzzle_id
