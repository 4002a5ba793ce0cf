"""An unparsed puzzle in a file, so that one of many can be selected and errors name its place."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from trm.errors import DataError, PuzzleError
from trm.tasks.base import Task
from trm.tasks.puzzle_text import PuzzleText


@dataclass(frozen=True)
class PuzzleEntry:
    """An unparsed puzzle in a file. `place` is for messages ("line 7"); `line` is its first line, from 1; `note` reports
    what was skipped before it.
    """

    file: str
    place: str
    text: str
    line: int = 1
    answer: str = ""
    rating: str = ""
    difficulty: str = ""
    note: str = ""

    @classmethod
    def of_text(cls, puzzle: PuzzleText, file: str) -> PuzzleEntry:
        """A puzzle located in the text of a file."""
        return cls(file, puzzle.place, puzzle.text, puzzle.line, puzzle.answer, note=puzzle.note)

    def read(self, task: Task) -> UInt8[np.ndarray, "cells"]:
        """Parse the puzzle, which may be unfinished (see `Task.parse`). Raises `DataError`, which names file and place."""
        return self._tokens(self.text, task, unfinished=True)

    def read_whole(self, task: Task) -> UInt8[np.ndarray, "cells"]:
        """Parse the puzzle, which must be complete. Raises `DataError`, which names file and place."""
        return self._tokens(self.text, task, unfinished=False)

    def read_answer(self, task: Task) -> UInt8[np.ndarray, "cells"]:
        """Parse the answer, which must exist. Raises `DataError`, which names file and place."""
        return self._tokens(self.answer, task, unfinished=False)

    def _tokens(self, text: str, task: Task, *, unfinished: bool) -> UInt8[np.ndarray, "cells"]:
        try:
            return task.parse(text, unfinished=unfinished)
        except PuzzleError as error:
            raise DataError(f"{self.file}, {self.place}: {self._in_file(str(error))}") from None

    def _in_file(self, message: str) -> str:
        """Convert line numbers in a message from lines of the grid to lines of the file."""
        if "\n" not in self.text:
            return message
        return re.sub(
            r"\b([Ll]ine) (\d+)", lambda match: f"{match[1]} {int(match[2]) + self.line - 1}", message
        )
