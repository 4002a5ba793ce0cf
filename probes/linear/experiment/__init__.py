"""A probing experiment: every target at every call, with its baselines and bands."""
