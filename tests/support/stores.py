"""Small trace stores, for tests of recording and reading: ten puzzles, a model that halts at different steps, and how to
record them. `puzzles`, `model` and `recorded` are fixtures."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import torch

from trm.data import PuzzleSet
from trm.progress import no_progress
from trm.store.layout import StoreSettings
from trm.store.record import record_store
from trm.tasks.sudoku import Sudoku

SMALL = Sudoku(2, 2)
DAY = date(2026, 1, 2)
SETTINGS = StoreSettings(calls="all", positions="all", logits="all", dtype="float32", batch=4, shard=4)


def ten_puzzles() -> PuzzleSet:
    """Ten 4x4 Sudoku: with shards of 4 the last one holds two."""
    inputs, labels = SMALL.generate_many(10, givens=(6, 10), seed=5)
    return PuzzleSet.of("ten", SMALL, inputs, labels, puzzle_identifiers=np.arange(10, dtype=np.int32) % 3)


def model_that_halts(tiny_model):
    """With halting logits that differ from puzzle to puzzle."""
    made = tiny_model(n=2, T=2, N_sup=2)
    torch.nn.init.normal_(made.q_head.weight, generator=torch.Generator().manual_seed(1))
    return made


@pytest.fixture(scope="module")
def puzzles() -> PuzzleSet:
    return ten_puzzles()


@pytest.fixture
def model(tiny_model):
    return model_that_halts(tiny_model)


@pytest.fixture
def recorded(tmp_path, model, puzzles):
    """Records the ten puzzles with settings replaced as asked for; returns the folder."""

    def make(
        name: str = "store",
        *,
        model=model,
        puzzles=puzzles,
        progress=no_progress,
        log=str,
        force=False,
        **changes,
    ):
        settings = replace(SETTINGS, **changes)
        record_store(
            model,
            SMALL,
            puzzles,
            tmp_path / name,
            settings,
            recorded=DAY,
            log=log,
            progress=progress,
            force=force,
        )
        return tmp_path / name

    return make


def same_files(one: Path, other: Path) -> bool:
    """Whether two stores are equal bit for bit, file by file."""
    files = [{path.relative_to(root) for path in root.rglob("*")} for root in (one, other)]
    return files[0] == files[1] and all(
        (one / name).read_bytes() == (other / name).read_bytes()
        for name in files[0]
        if (one / name).is_file()
    )
