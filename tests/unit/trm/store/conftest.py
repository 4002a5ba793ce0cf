"""Fixtures for trace stores: ten puzzles, a model that halts at different steps, and a way to record them."""

from stores import model, puzzles, recorded  # noqa: F401
