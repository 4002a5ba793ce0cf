"""Models of a person's own folder, tiny and with random weights, and the app that offers them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page
from served_app import ServedApp

from app.server.options import MODEL_DIR
from trm.checkpoint import save_model
from trm.config import ModelConfig
from trm.models import new_model

TINY = {
    "vocab_size": 6,
    "hidden_size": 16,
    "layers": 1,
    "mlp_width": 24,
    "mixing": "attention",
    "mixing_width": 0,
    "heads": 2,
    "positions": "rope",
    "prefix_length": 1,
    "puzzle_ids": 0,
    "puzzle_embedding_size": 0,
    "n": 2,
    "T": 2,
    "N_sup": 4,
}
MODELS = {
    "mazes/15": TINY | {"task": "maze", "sequence_length": 225},
    "mazes/slow": TINY
    | {"task": "maze", "sequence_length": 900, "hidden_size": 64, "n": 19, "T": 4, "N_sup": 9},
    "sudoku-4": TINY | {"task": "sudoku", "sequence_length": 16},
}
"""The slow one takes half a second to a second for a supervision step."""


def save_own_model(folder: Path, name: str) -> None:
    """One of them, in that folder."""
    model = new_model(ModelConfig(**MODELS[name]))
    model.initialise(0)
    save_model(folder, model.config, model.state_dict())


@contextmanager
def served_models(folder: Path) -> Iterator[ServedApp]:
    """The app on a folder of these models and one that is broken."""
    for name in MODELS:
        save_own_model(folder / name, name)
    (folder / "broken").mkdir()
    (folder / "broken" / "model.safetensors").write_bytes(b"nothing")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(MODEL_DIR, str(folder))
        with ServedApp() as app:
            yield app


def growth(page: Page) -> Locator:
    """What is said of a run that grows."""
    return page.get_by_test_id("stMain").locator("[data-testid=progress]:not([hidden])")
