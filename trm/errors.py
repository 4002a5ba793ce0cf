"""Mistakes a user can make, one exception type per cause.

The message is one line: what is wrong, where, and what to do next. Front ends show it as it is.
"""


class UserError(Exception):
    """A mistake that a user can cause and mend."""


class PuzzleError(UserError):
    """A text that is no puzzle of the task."""


class DataError(UserError):
    """A puzzle set that cannot be read or written."""


class CheckpointError(UserError):
    """A checkpoint that is not there, damaged, or of a model that is not known."""


class TrainingError(UserError):
    """A run that cannot be started, resumed or continued."""


class StoreError(UserError):
    """A folder that is no trace store, a damaged one, or one that cannot be gone on with as asked."""
