"""Analyses of the states recorded during a run, one per module. The app draws the charts."""
