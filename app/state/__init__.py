"""State of a session: the choice, the address, and widget values."""
