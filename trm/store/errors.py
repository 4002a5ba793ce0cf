"""What can go wrong with a trace store."""

from trm.errors import UserError


class StoreError(UserError):
    """A folder that is no trace store, a damaged one, or one that cannot be gone on with as asked."""
