"""Halting runs without a model, written down or drawn at random."""

import numpy as np

from probes.halting.rules import halt_probabilities
from probes.halting.runs import HaltingMetadata, HaltingRuns

ABOUT = HaltingMetadata(
    model="tiny",
    fingerprint="0" * 16,
    kind="trm",
    task="sudoku",
    cells=16,
    data="some",
    n=2,
    T=2,
    N_sup=4,
    device="cpu",
    dtype="float32",
    version="0",
    recorded="2026-01-01",
)


def make_runs(seed: int = 0, *, steps: int = 6, count: int = 40, **about: object) -> HaltingRuns:
    """Errors that fall, logits that know something of them, answers that are right where no error is left."""
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
        metadata=HaltingMetadata(**vars(ABOUT) | about),
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
    """One puzzle a text, one step a character: `..x` is right (or would halt) at step 3 alone."""
    return np.array([[character == "x" for character in row] for row in rows]).T


def logits(*rows: str) -> np.ndarray:
    return np.where(flags(*rows), 1.0, -1.0)


def random_runs(seed: int, steps: int = 6, puzzles: int = 40, levels: int = 9):
    """Logits with many ties, among them 0, and answers that are likelier right where they are large."""
    random = np.random.default_rng(seed)
    halting = random.integers(-levels // 2, levels // 2 + 1, (steps, puzzles)).astype(np.float32)
    return halting, random.random((steps, puzzles)) < halt_probabilities(halting)
