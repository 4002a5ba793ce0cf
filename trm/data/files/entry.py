"""An unparsed puzzle in a file, with its location for error messages."""

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
    """An unparsed puzzle in a file.

    `place` is the location in the file for messages, such as "line 7". `line` is the number of its first line, from 1.
    `note` describes any text that was skipped before the puzzle. A missing value is "".
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
        """Create an entry from a puzzle that was located in the text of `file`."""
        return cls(file, puzzle.place, puzzle.text, puzzle.line, puzzle.answer, note=puzzle.note)

    def read(self, task: Task) -> UInt8[np.ndarray, "cells"]:
        """Parse the puzzle; it may be unfinished (see `Task.parse`). Raises `DataError`, which names file and place."""
        return self._tokens(self.text, task, unfinished=True)

    def read_whole(self, task: Task) -> UInt8[np.ndarray, "cells"]:
        """Parse the puzzle; it must be complete. Raises `DataError`, which names file and place."""
        return self._tokens(self.text, task, unfinished=False)

    def read_answer(self, task: Task) -> UInt8[np.ndarray, "cells"]:
        """Parse the answer; it must not be empty. Raises `DataError`, which names file and place."""
        return self._tokens(self.answer, task, unfinished=False)

    def _tokens(self, text: str, task: Task, *, unfinished: bool) -> UInt8[np.ndarray, "cells"]:
        try:
            return task.parse(text, unfinished=unfinished)
        except PuzzleError as error:
            raise DataError(f"{self.file}, {self.place}: {self._in_file(str(error))}") from None

    def _in_file(self, message: str) -> str:
        """Replace line numbers in a message that count from the start of the puzzle with line numbers in the file."""
        if "\n" not in self.text:
            return message
        return re.sub(
            r"\b([Ll]ine) (\d+)", lambda match: f"{match[1]} {int(match[2]) + self.line - 1}", message
        )
