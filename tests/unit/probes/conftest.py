"""Fixtures for recorded states: ten puzzles, and a model that halts at different steps. Rooms may have others of these names."""

from stores import model, puzzles  # noqa: F401
