"""What can go wrong with a training run."""

from trm.errors import UserError


class TrainingError(UserError):
    """A run that cannot be started, resumed or continued."""
