"""Halting page: when a model would halt."""
