"""Analyses of the states of a run, one per module. Plotting is done by the app."""
