"""Tiny recursive models: the recursion, the models that run through it, and the tasks they solve.

    import trm

    model = trm.load("sudoku-trm")
    run = trm.run(model, "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79")
    run                          # in a notebook: the player
    run.states("z", at="last")   # z of every cell after every supervision step
    run.answers[-1]              # the last answer as a grid of symbols

Importing this package does not import torch or a model, so the app can draw a recorded trace immediately. The names
below are imported on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trm.checkpoint import load_model as load
    from trm.coordinates import Coordinates, Depth
    from trm.notebook.run import PuzzleRun, decode, puzzles, run

__version__ = "0.1.0"
__all__ = ["Coordinates", "Depth", "PuzzleRun", "decode", "load", "puzzles", "run"]

_PLACES = {
    "Coordinates": "trm.coordinates:Coordinates",
    "Depth": "trm.coordinates:Depth",
    "PuzzleRun": "trm.notebook.run:PuzzleRun",
    "decode": "trm.notebook.run:decode",
    "load": "trm.checkpoint:load_model",
    "puzzles": "trm.notebook.run:puzzles",
    "run": "trm.notebook.run:run",
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use."""
    if name not in _PLACES:
        raise AttributeError(f"module 'trm' has no attribute {name!r}")
    module, _, attribute = _PLACES[name].partition(":")
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
