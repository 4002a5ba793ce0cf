"""Tiny recursive models: the recursion, the models that run through it, and the tasks they solve.

Importing this package does not import torch or a model, so the app can draw a recorded trace immediately.
"""

__version__ = "0.1.0"
