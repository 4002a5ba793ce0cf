"""Probing experiments: every target at every time point, with baselines and bands."""
