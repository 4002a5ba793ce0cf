"""Names, messages, files and arrays may be as large as their limits."""

from hashlib import sha256

import numpy as np
import pytest
from limits import check_largest

from trm import registry
from trm.checkpoint import read_checkpoint
from trm.errors import UserError
from trm.export.payload import shortened
from trm.inspection.forward import forward_file
from trm.training.data import generated_puzzles, puzzle_file


@pytest.mark.parametrize(
    "limit, of",
    [("errors.MAX_LENGTH", lambda text: str(UserError(text))), ("export.payload.LONGEST_NAME", shortened)],
)
def test_the_longest_text_is_not_cut(monkeypatch, limit, of):
    check_largest(monkeypatch, f"trm.{limit}", 20, lambda: of("x" * 20) == "x" * 20)


def test_all_of_the_largest_file_is_in_its_fingerprint(tmp_path, monkeypatch):
    (tmp_path / "weights").write_bytes(bytes(range(100)))
    whole = sha256(bytes(range(100))).hexdigest()[:16]
    monkeypatch.setattr(registry, "ENDS", 10)
    check_largest(
        monkeypatch,
        "trm.registry.MAX_HASHED",
        100,
        lambda: registry.fingerprint(tmp_path / "weights") == whole,
    )


def test_no_other_step_is_left_out_of_the_longest_list(tmp_path, public_checkpoint, monkeypatch):
    for step in (5, 100, 20):
        path = public_checkpoint().save(tmp_path, name=f"step_{step}")
    check_largest(
        monkeypatch,
        "trm.checkpoint.MAX_STEPS",
        2,
        lambda: read_checkpoint(str(path)).notes[-1].endswith("step_5, step_100"),
    )


@pytest.mark.parametrize(
    "limit, size", [("MAX_INPUT", 3 * 16), ("MAX_OUTPUT", 3 * 4 * (3 * 16 * 6 + 6 * 17 * 8))]
)
def test_arrays_of_the_largest_size(tmp_path, tiny_model, monkeypatch, limit, size):
    """Three puzzles of 16 cells: logits of 6 tokens after 3 steps, and 17 positions of 8 numbers after 6 calls."""
    np.savez(tmp_path / "in.npz", inputs=np.ones((3, 16), np.uint8))
    model = tiny_model(hidden_size=8, vocab_size=6, prefix_length=1, n=2, T=2, N_sup=3)
    check_largest(
        monkeypatch,
        f"trm.inspection.forward.{limit}",
        size,
        lambda: forward_file(model, tmp_path / "in.npz", tmp_path / "out.npz"),
    )


def test_a_file_of_training_puzzles_of_the_largest_size(tmp_path, small_preset, monkeypatch):
    puzzles = np.ones((10, 16), np.uint8)
    np.savez(puzzle_file(tmp_path, 16), inputs=puzzles, labels=puzzles)
    check_largest(
        monkeypatch,
        "trm.training.data.LARGEST_PUZZLES",
        160,
        lambda: generated_puzzles(small_preset, 16, tmp_path, print),
    )


@pytest.mark.parametrize(
    "option, end, beyond, words",
    [
        ("--snapshots", 0, -1, "must be from 0 to 50"),
        ("--snapshots", 50, 51, "must be from 0 to 50"),
        ("--updates", 1, 0, "must be 1 or more"),
        ("--seed", 0, -1, "must be 0 or more"),
        ("--seed", 2**63 - 1, 2**63, "must be 0 or more and below 2"),
        ("--minutes", 1e-300, 0, "must be positive"),
    ],
)
def test_numbers_of_a_run_at_the_ends_of_their_ranges(refused, tmp_path, option, end, beyond, words):
    command = ["train", "--out", tmp_path / "run", "--preset", "nowhere"]
    assert words in refused(*command, f"{option}={beyond}")
    assert words not in refused(*command, f"{option}={end}")
