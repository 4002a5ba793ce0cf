"""Halting: when a model would halt, whether that is right, and what more steps bring."""
