"""Halting: when a model would stop, whether it is right to, and what more steps bring."""
