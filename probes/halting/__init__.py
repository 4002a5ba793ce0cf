"""Halting: when a model would halt, whether that is the right step, and what additional steps change."""
