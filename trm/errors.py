"""Mistakes a user can make, one exception type per cause.

The message is one line: what is wrong, where, and what to do next. Front ends show it as it is.
"""

import re
from collections.abc import Sequence

MAX_LENGTH = 600  # characters of a message


UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""What breaks or turns a line, or has no place in UTF-8: control characters, directions of writing, halves of characters."""


class UserError(Exception):
    """A mistake that a user can cause and mend.

    A message may quote what somebody put into a file or called one: what is UNPRINTABLE in it is written as Python writes it, and the
    middle of one longer than MAX_LENGTH is left out.
    """

    def __str__(self) -> str:
        text, half = UNPRINTABLE.sub(lambda mark: repr(mark[0])[1:-1], super().__str__()), MAX_LENGTH // 2
        return text if len(text) <= MAX_LENGTH else f"{text[:half]} ... {text[-half:]}"


class PuzzleError(UserError):
    """A text that is no puzzle of the task."""


class DataError(UserError):
    """A puzzle set that cannot be read or written."""


class CheckpointError(UserError):
    """A checkpoint that is not there, damaged, or of a model that is not known."""


class UnknownSettingsError(CheckpointError):
    """A checkpoint with settings that are not understood: it is opened only for who accepts that."""

    def __init__(self, path: object, settings: Sequence[str]):
        self.settings = tuple(settings)
        super().__init__(
            f"{path}: not understood: {', '.join(settings)}. The model may compute something else than is shown here. "
            "Open it all the same with --accept-unknown."
        )


class TrainingError(UserError):
    """A run that cannot be started, resumed or continued."""


class StoreError(UserError):
    """A folder that is no trace store, a damaged one, or one that cannot be gone on with as asked."""
