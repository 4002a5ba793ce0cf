"""Halting: when a model would stop."""
