"""Probing experiments, which probe every target at every time point, with baselines and confidence intervals."""
