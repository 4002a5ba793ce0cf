"""Mistakes a user can make, one exception type per cause.

The message is one line: what is wrong, where, and what to do next. Front ends show it as it is.
"""

from collections.abc import Sequence


class UserError(Exception):
    """A mistake that a user can cause and mend."""


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
