"""Session state: the user's choice, the address, and widget values."""
