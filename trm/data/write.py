"""Writers. A set is there as a whole or not at all: it is written under a temporary name, then renamed."""

from __future__ import annotations

import csv
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np

from trm.data.puzzle_set import PuzzleSet
from trm.errors import DataError
from trm.files import make_folder, written_whole
from trm.tasks.base import Task

COLUMNS = ("source", "q", "a", "rating", "difficulty", "givens")


def write_csv(puzzles: PuzzleSet, path: Path, task: Task) -> None:
    """One puzzle a row; `a` is empty where there is no label. Replaces an existing file."""
    with written_whole(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(COLUMNS)
        for row, (question, answer) in enumerate(zip(puzzles.inputs, puzzles.labels, strict=True)):
            rows.writerow(
                (
                    puzzles.name,
                    task.format(question),
                    task.format(answer) if puzzles.labelled[row] else "",
                    "" if np.isnan(puzzles.rating[row]) else f"{puzzles.rating[row]:g}",
                    puzzles.difficulty[row],
                    puzzles.givens[row],
                )
            )


def write_official(puzzles: PuzzleSet, folder: Path, task: Task, *, split: str = "test") -> None:
    """`folder/split/` and `folder/identifiers.json` as the public TRM and HRM code reads them.

    Raises `DataError` when the split is there already, `OutputError` where nothing can be written.
    """
    target = folder / split
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise DataError(f"{target} exists already. Choose another folder, or remove it.")
    count = len(puzzles)
    identifiers = int(puzzles.puzzle_identifiers.max(initial=0)) + 1
    arrays = {
        "inputs": puzzles.inputs,
        "labels": puzzles.labels,
        "puzzle_identifiers": puzzles.puzzle_identifiers.astype(np.int32),
        "puzzle_indices": np.arange(count + 1, dtype=np.int32),
        "group_indices": np.arange(count + 1, dtype=np.int32),
    }
    description = {
        "pad_id": 0,
        "ignore_label_id": 0,
        "blank_identifier_id": 0,
        "vocab_size": task.vocab_size,
        "seq_len": task.cells,
        "num_puzzle_identifiers": identifiers,
        "total_groups": count,
        "mean_puzzle_examples": 1,
        "total_puzzles": count,
        "sets": ["all"],
    }
    make_folder(folder)
    temporary = Path(tempfile.mkdtemp(prefix=".partial-", dir=folder))
    try:
        temporary.chmod(0o755)
        for name, array in arrays.items():
            np.save(temporary / f"all__{name}.npy", array, allow_pickle=False)
        (temporary / "dataset.json").write_text(json.dumps(description, indent=1), encoding="utf-8")
        if target.exists():
            target.rmdir()
        temporary.replace(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    with written_whole(folder / "identifiers.json") as path:
        path.write_text(
            json.dumps(["<blank>"] + [str(number) for number in range(1, identifiers)]), encoding="utf-8"
        )
