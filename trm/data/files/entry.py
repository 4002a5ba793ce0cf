"""A puzzle as its file has it: not read yet, so that one of many can be chosen and its mistakes are named with their place."""

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
    """`place` is where it stands, in words: `line 7`; `line` where it begins. `note` says what was passed over."""

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
        return cls(file, puzzle.place, puzzle.text, puzzle.line, puzzle.answer, note=puzzle.note)

    def read(self, task: Task) -> UInt8[np.ndarray, "cells"]:
        """Its tokens; any that a model can be shown. Raises `DataError` naming file and place."""
        return self._tokens(self.text, task, unfinished=True)

    def read_whole(self, task: Task) -> UInt8[np.ndarray, "cells"]:
        """Its tokens, of a finished puzzle. Raises `DataError` likewise."""
        return self._tokens(self.text, task, unfinished=False)

    def read_answer(self, task: Task) -> UInt8[np.ndarray, "cells"]:
        """The tokens of its answer, which it must have. Raises `DataError` likewise."""
        return self._tokens(self.answer, task, unfinished=False)

    def _tokens(self, text: str, task: Task, *, unfinished: bool) -> UInt8[np.ndarray, "cells"]:
        try:
            return task.parse(text, unfinished=unfinished)
        except PuzzleError as error:
            raise DataError(f"{self.file}, {self.place}: {self._in_file(str(error))}") from None

    def _in_file(self, message: str) -> str:
        """Lines of a drawing that a message names, as lines of the file."""
        if "\n" not in self.text:
            return message
        return re.sub(
            r"\b([Ll]ine) (\d+)", lambda found: f"{found[1]} {int(found[2]) + self.line - 1}", message
        )
