"""Training puzzles: new symmetric versions, but never one of a test puzzle."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from training_runs import CPU, SCHEDULE, SMALL, USUAL, usual_preset

from trm.checkpoint import load_model
from trm.data import PuzzleSet, load_puzzles, write_official
from trm.errors import DataError, TrainingError
from trm.training.data import PuzzleStream, generate_puzzles
from trm.training.presets import PuzzleSpec, TrainingPreset
from trm.training.run import train


def test_drawn_puzzles_are_symmetries_with_more_or_fewer_givens(small_puzzles):
    stream, rng = PuzzleStream(SMALL, small_puzzles), np.random.default_rng(0)
    keys = {SMALL.symmetry_key(label) for label in small_puzzles.labels}
    for reveal, most in ((0.0, 10), (1.0, 16)):
        inputs, labels, _ = (part.numpy().astype(np.uint8) for part in stream.draw(64, reveal, rng))
        assert SMALL.is_solved(inputs, labels).all()
        assert {SMALL.symmetry_key(label) for label in labels} <= keys
        givens = SMALL.givens(inputs).sum(-1)
        assert givens.min() >= 6 and givens.max() <= most
    assert givens.max() > 10  # some blanks were filled in
    assert len({label.tobytes() for label in labels}) > len(keys)  # fresh versions


def test_training_puzzles_are_not_symmetric_to_test_puzzles(tmp_path, tiny_config, monkeypatch):
    """If the first puzzle of the seed is in the test set (rotated), another one is generated."""
    preset = usual_preset(tiny_config(mixing="mlp", mixing_width=8, heads=0, positions="none"))
    generate_puzzles(preset, tmp_path / "with.npz", print)
    real = {USUAL.symmetry_key(label) for label in load_puzzles("sudoku/test", USUAL).labels}
    with np.load(tmp_path / "with.npz") as arrays:
        labels = arrays["labels"]
        assert len(arrays["inputs"]) == len(labels) == 16
    assert not {USUAL.symmetry_key(label) for label in labels} & real

    twin = labels[:1].reshape(1, 9, 9).transpose(0, 2, 1).reshape(1, 81)  # a transposed Sudoku is one
    tested = PuzzleSet.of("twins", USUAL, twin, twin)
    monkeypatch.setattr("trm.training.data.load_puzzles", lambda *_, **__: tested)
    generate_puzzles(preset, tmp_path / "without.npz", print)
    with np.load(tmp_path / "without.npz") as arrays:
        assert USUAL.symmetry_key(labels[0]) not in {USUAL.symmetry_key(label) for label in arrays["labels"]}


def test_each_kind_of_puzzles_has_its_part_of_those_held_out_and_a_seed_of_its_own(
    tmp_path, tiny_config, monkeypatch
):
    """3000 and 1000 puzzles, and 400 held out. Of the first 3300, a message comes with the first 32 of every 2000."""
    asked, said = [], []

    def generate_many(count, *, difficulty, seed, progress, exclude, **_):
        asked.append((count, difficulty, seed, exclude))
        for done in (0, 31, 32, 2000, 2031, 2032) if count == 3300 else ():
            progress(done / count, f"{done} done")
        return np.full((2, 16), seed, np.uint8), np.full((2, 16), seed, np.uint8)

    task = SimpleNamespace(cells=16, generate_many=generate_many)
    monkeypatch.setattr("trm.training.data.task_of", lambda model: task)
    monkeypatch.setattr("trm.training.data.test_keys", lambda task: {b"tested"})
    data = (PuzzleSpec(3000, "easy"), PuzzleSpec(1000, "hard"))
    preset = replace(usual_preset(tiny_config()), data=data, held_out=400, data_seed=5)
    generate_puzzles(preset, tmp_path / "made.npz", said.append)
    assert asked == [(3300, "easy", 5, {b"tested"}), (1100, "hard", 6, {b"tested"})]
    assert said[0].startswith("generating 4,400 puzzles of 16 cells once")
    assert said[1:] == ["0 done", "31 done", "2000 done", "2031 done"]
    with np.load(tmp_path / "made.npz") as arrays:
        assert sorted(arrays["inputs"][:, 0]) == [5, 5, 6, 6]


@pytest.mark.heavy
def test_training_on_an_official_folder(tmp_path, tiny_config):
    """With puzzle ids: the embedding has a row for each id of either split."""
    rng = np.random.default_rng(0)
    for split, ids in (("test", [4, 1]), ("train", [1, 3, 2, 1])):
        inputs, labels = SMALL.generate_many(len(ids), givens=(8, 12), seed=int(rng.integers(99)))
        ids = np.array(ids, np.int32)
        puzzles = PuzzleSet.of("few", SMALL, inputs, labels, puzzle_identifiers=ids)
        write_official(puzzles, tmp_path / "data", SMALL, split=split)
    model = tiny_config(puzzle_ids=1, puzzle_embedding_size=8)
    preset = TrainingPreset("official", model, SCHEDULE, minutes=0.01, batch=4, table_rate=0.01, held_out=2)
    train(preset, tmp_path / "run", data=tmp_path / "data")
    trained = load_model(str(tmp_path / "run"), device=CPU)
    assert trained.puzzle_emb.weights.shape == (5, 8)
    assert trained.puzzle_emb.weights.any(1).tolist() == [False, True, True, True, False]
    train(preset, tmp_path / "run", data=tmp_path / "data", minutes=0.02, resume=True)


def test_no_data(tmp_path, small_preset):
    nothing = replace(small_preset, data=())
    with pytest.raises(TrainingError, match=r"official dataset folder\. Give one with --data"):
        train(nothing, tmp_path / "run")
    with pytest.raises(DataError, match="no puzzle set"):
        train(nothing, tmp_path / "run", data=tmp_path / "nowhere")
    assert not (tmp_path / "run").exists()
