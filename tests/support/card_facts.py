"""Made-up facts of a bundled model, for tests of its card and of the tables of models."""

from trm.training.cards.files import CardFacts, TrainingRecord
from trm.training.cards.public import PublicResult
from trm.training.presets import SUDOKU_TRM

STATE = {
    "variance_by_token": 0.25,
    "changed": 0.5,
    "exact": 1.0,
    "exact_with_constant": 0.125,
    "inert": False,
}
SCORES = {
    "data": "sudoku/test", "dtype": "float32", "date": "2026-01-02", "count": 30, "exact": 0.8, "cell": 0.95, "blank_cell": 0.9,
    "exact_by_step": [0.5] * 15 + [0.8], "halt_auc": 0.9876, "halt_auc_last_step": 0.7654, "mean_halt_step": 3.25, "halted_wrong": 0.05,
    "by_difficulty": {
        "hard, 110-119 steps": {"count": 5, "exact": 0.7, "exact_by_step": [0.25] * 15 + [0.7]},
        "hard, 90-109 steps": {"count": 5, "exact": 0.7, "exact_by_step": [0.25] * 15 + [0.6]},
        "easy, 36-41 givens": {"count": 20, "exact": 1.0, "exact_by_step": [0.75] * 15 + [1.0]},
    },
}  # fmt: skip
CURVE = [
    {"minutes": 1.0, "update": 10, "loss": 2.0},
    {"minutes": 9.0, "update": 1090, "held_out_exact_1": 0.2, "held_out_exact": 0.9, "n": 6, "T": 3, "grid_cells": 225},
]  # fmt: skip
EXTREME = PublicResult(
    count=200,
    solved={1: 10, 4: 20, 16: 50},
    halted_wrong=40,
    dtype="float32",
    date="2026-01-03",
    weights="0123456789abcdef",
)
FACTS = CardFacts(
    preset=SUDOKU_TRM,
    config=SUDOKU_TRM.model,
    parameters=1234,
    fingerprint="0123456789abcdef",
    training=TrainingRecord("the command", "one core", "It rained."),
    curve=CURVE,
    snapshots=["sudoku-trm/snapshots/a"],
    scores=SCORES,
    states={"y": STATE, "z": STATE},
    public={"sudoku-extreme": EXTREME},
    notes="**A note** by hand.",
)
