"""A user's choice: a model, its depth, and a puzzle."""

from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from app.server.models import ModelSource
from trm.config import ModelConfig
from trm.coordinates import Depth
from trm.tasks import task_of
from trm.tasks.base import Task


@dataclass(frozen=True)
class Choice:
    """What to display. `puzzle` is in the task's one-line form. If the typed text is not a puzzle, `mistake` says
    why.
    """

    source: ModelSource
    config: ModelConfig
    depth: Depth
    puzzle: str
    title: str
    sentence: str
    puzzle_id: int = 0
    labels: bytes | None = None  # tokens of the published answer, for tasks that cannot be graded by rules
    mistake: str | None = None
    arc: str | None = None  # the ARC test whose input is the puzzle, by its name in links

    @cached_property
    def task(self) -> Task:
        return task_of(self.config)

    @property
    def label_tokens(self) -> np.ndarray | None:
        return None if self.labels is None else np.frombuffer(self.labels, np.uint8)

    @property
    def run(self) -> Hashable:
        """Key of the run: choices with the same run have equal keys."""
        return self.source, self.puzzle, self.puzzle_id, self.labels, self.depth

    @property
    def is_as_trained(self) -> bool:
        """Whether nothing is overridden, so that a recorded run is the same run."""
        return not self.source.forced and self.depth == self.config.depth and not self.puzzle_id
