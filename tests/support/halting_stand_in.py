"""Halting runs without a model, written by hand or drawn at random."""

from dataclasses import replace

import numpy as np

from probes.halting.rules import halt_probabilities
from probes.halting.runs import HaltingRuns
from trm.provenance import Provenance

ABOUT = Provenance(
    model="tiny",
    fingerprint="0" * 16,
    kind="trm",
    task="sudoku",
    cells=16,
    data="some",
    n=2,
    T=2,
    device="cpu",
    dtype="float32",
    version="0",
    recorded="2026-01-01",
)


def make_runs(
    seed: int = 0, *, steps: int = 6, count: int = 40, trained: int = 4, **about: object
) -> HaltingRuns:
    """Errors that decrease, logits that correlate with them, answers that are correct if no error is left."""
    random = np.random.default_rng(seed)
    wrong = np.maximum(
        random.integers(0, 9, count) - np.arange(steps)[:, None] * random.integers(0, 3, count), 0
    )
    wrong = (wrong + (random.random((steps, count)) < 0.1)).astype(np.uint16)
    q_halt = (2.0 - wrong + random.normal(size=wrong.shape)).astype(np.float32)
    kind = about.get("kind", "trm")
    margin = q_halt - random.normal(size=wrong.shape).astype(np.float32) if kind == "hrm" else q_halt
    changed = np.full(wrong.shape, 16, np.uint16)
    changed[1:] = np.abs(np.diff(wrong.astype(int), axis=0))
    return HaltingRuns(
        provenance=replace(ABOUT, **about),
        trained_steps=trained,
        without_label=0,
        rows=np.arange(count) * 3,
        puzzles=tuple(f"{number:016d}" for number in range(count)),
        difficulty=("easy", "hard") * (count // 2),
        blanks=np.full(count, 10, np.uint16),
        q_halt=q_halt,
        halting=margin,
        wrong=wrong,
        changed=changed,
        right=wrong == 0,
    )


def logit(probability: np.ndarray) -> np.ndarray:
    return np.log(probability) - np.log1p(-probability)


def flags(*rows: str) -> np.ndarray:
    """One puzzle per string, one step per character: `..x` is correct (or would halt) only at step 3."""
    return np.array([[character == "x" for character in row] for row in rows]).T


def logits(*rows: str) -> np.ndarray:
    return np.where(flags(*rows), 1.0, -1.0)


def random_runs(seed: int, steps: int = 6, puzzles: int = 40, levels: int = 9):
    """Logits with many ties, 0 among them, and answers that are more often correct when the logit is large."""
    random = np.random.default_rng(seed)
    halting = random.integers(-levels // 2, levels // 2 + 1, (steps, puzzles)).astype(np.float32)
    return halting, random.random((steps, puzzles)) < halt_probabilities(halting)
