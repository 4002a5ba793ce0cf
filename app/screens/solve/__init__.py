"""Solve: watch one puzzle being solved."""
