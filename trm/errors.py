"""Errors that a user can cause, one exception type per cause.

Each message is one line that says what is wrong, where, and what to do next. The command line and the app show the
message unchanged.
"""

import re
from collections.abc import Sequence

MAX_LENGTH = 600  # maximum number of characters in a message


UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Characters that break or reorder a line or are not valid UTF-8: control characters, direction marks, surrogates."""


class UserError(Exception):
    """Base class of the errors that a user can cause and fix.

    A message may quote the name or content of an untrusted file, so unprintable characters are escaped, and the middle
    of a message longer than MAX_LENGTH is left out.
    """

    def __str__(self) -> str:
        text, half = UNPRINTABLE.sub(lambda match: repr(match[0])[1:-1], super().__str__()), MAX_LENGTH // 2
        return text if len(text) <= MAX_LENGTH else f"{text[:half]} ... {text[-half:]}"


class PuzzleError(UserError):
    """Raised for text that is not a puzzle of the task, or for a puzzle that does not fit the model."""


class DataError(UserError):
    """Raised if a puzzle set cannot be read or written."""


class CheckpointError(UserError):
    """Raised for a checkpoint that is missing or damaged, or that contains an unsupported model."""


class UnknownSettingsError(CheckpointError):
    """Raised for a checkpoint with settings that are not understood, unless the user accepts them."""

    def __init__(self, path: object, settings: Sequence[str]):
        self.settings = tuple(settings)
        super().__init__(
            f"{path}: settings not understood: {', '.join(settings)}. The model may compute something other than what is "
            "shown here. Open it anyway with --accept-unknown."
        )


class TrainingError(UserError):
    """Raised if a training run cannot be started or resumed."""


class StoreError(UserError):
    """Raised if a folder is not a trace store, or if a store is damaged or cannot be resumed with these settings."""
