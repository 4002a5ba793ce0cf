"""Errors that a user can cause, one exception type per cause.

The message is one line: what is wrong, where, and what to do next. The command line and the app show it unchanged.
"""

import re
from collections.abc import Sequence

MAX_LENGTH = 600  # characters of a message


UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, line and direction marks, and surrogates: they break or reorder a line, or are not valid UTF-8."""


class UserError(Exception):
    """An error that a user can cause and fix.

    A message may quote the name or content of an untrusted file, so unprintable characters are escaped, and the middle
    of a message longer than MAX_LENGTH is left out.
    """

    def __str__(self) -> str:
        text, half = UNPRINTABLE.sub(lambda match: repr(match[0])[1:-1], super().__str__()), MAX_LENGTH // 2
        return text if len(text) <= MAX_LENGTH else f"{text[:half]} ... {text[-half:]}"


class PuzzleError(UserError):
    """Text that is not a puzzle of the task, or a puzzle that the model cannot take."""


class DataError(UserError):
    """A puzzle set that cannot be read or written."""


class CheckpointError(UserError):
    """A checkpoint that is missing, damaged, or of an unsupported model."""


class UnknownSettingsError(CheckpointError):
    """A checkpoint with settings that are not understood. It is opened only if the user accepts this."""

    def __init__(self, path: object, settings: Sequence[str]):
        self.settings = tuple(settings)
        super().__init__(
            f"{path}: settings not understood: {', '.join(settings)}. The model may compute something other than what is "
            "shown here. Open it anyway with --accept-unknown."
        )


class TrainingError(UserError):
    """A training run that cannot be started or resumed."""


class StoreError(UserError):
    """A folder that is not a trace store, a damaged store, or one that cannot be resumed with these settings."""
