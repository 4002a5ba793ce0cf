"""Measuring bundled models on public puzzles, which do not come with the app."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest
from stores import ten_puzzles

from trm.checkpoint import load_model, save_model
from trm.data import write_csv
from trm.errors import UserError
from trm.evaluate import evaluate
from trm.registry import fingerprint
from trm.tasks import get_task
from trm.training.cards import public
from trm.training.cards.public import PublicSet, main, measure_public, read_public, sets_of
from trm.training.presets import MAZE30_TRM, MAZE_TRM, SUDOKU_TRM

TODAY = date(2026, 1, 2)
TASK = get_task("sudoku", 16)


@pytest.fixture
def bundled(tmp_path, monkeypatch, tiny_model):
    """A folder of bundled models with a tiny one, two public sets of three puzzles of its size, and one of another."""
    model = tiny_model()
    save_model(tmp_path / "small", model.config, model.state_dict())
    monkeypatch.setenv("RECURSION_LENS_MODELS", str(tmp_path))
    sets = {name: PublicSet("sudoku", 16, 3, name, "there") for name in ("first", "second")}
    monkeypatch.setattr(public, "PUBLIC_SETS", sets | {"large": PublicSet("sudoku", 81, 3, "large", "there")})
    return tmp_path / "small"


def file_of(folder: Path, count: int) -> str:
    """A file with the first puzzles of ten."""
    path = folder / f"{count}.csv"
    write_csv(ten_puzzles().take(np.arange(count)), path, TASK)
    return str(path)


def test_what_a_model_solves_is_counted_after_the_first_the_fourth_and_the_last_step(bundled, tmp_path):
    """The tiny model has three steps, and solves nothing."""
    result = measure_public("small", "first", file_of(tmp_path, 3), TODAY)
    scores = evaluate(load_model("small"), TASK, ten_puzzles().take(np.arange(3)))
    assert result.solved == {1: 0, 3: 0} and scores["exact_by_step"] == [0, 0, 0]
    assert result.count == 3 and result.halted_wrong == round(3 * scores["halted_wrong"])
    assert (result.dtype, result.date, result.steps) == ("float32", "2026-01-02", 3)
    assert result.weights == fingerprint(bundled / "model.safetensors")
    assert read_public(bundled) == {"first": result}


def test_the_results_of_other_sets_remain(bundled, tmp_path):
    second = measure_public("small", "second", file_of(tmp_path, 3), date(2025, 1, 1))
    first = measure_public("small", "first", file_of(tmp_path, 3), TODAY)
    assert list(read_public(bundled).items()) == [("first", first), ("second", second)]


def test_results_of_the_weights_of_an_earlier_run_are_left_out(bundled, tmp_path, tiny_model):
    measure_public("small", "first", file_of(tmp_path, 3), TODAY)
    model = tiny_model(seed=1)
    save_model(bundled, model.config, model.state_dict())
    assert read_public(bundled) == {}
    measure_public("small", "second", file_of(tmp_path, 3), TODAY)
    assert list(read_public(bundled)) == ["second"]


@pytest.mark.parametrize(
    ("name", "set_name", "count", "message"),
    [
        ("other", "first", 3, "no bundled model 'other'. Choose one of: small"),
        ("small", "third", 3, "small has no public set 'third'. Choose one of: first, second"),
        ("small", "large", 3, "small has no public set 'large'. Choose one of: first, second"),
        ("small", "first", 2, r"2\.csv has 2 puzzles with one solution, but first is a sample of 3"),
    ],
)
def test_a_wrong_name_or_another_sample_is_an_error(bundled, tmp_path, name, set_name, count, message):
    with pytest.raises(UserError, match=message):
        measure_public(name, set_name, file_of(tmp_path, count), TODAY)
    assert not (bundled / "public.json").exists()


def test_a_missing_file_is_one_line_on_stderr(bundled, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["public", "small", "--as", "first", "--data", "nowhere.csv"])
    with pytest.raises(SystemExit) as exit:
        main()
    (line,) = capsys.readouterr().err.splitlines()
    assert exit.value.code == 2 and "There is no puzzle set 'nowhere.csv'" in line


def test_a_damaged_record_is_an_error(bundled):
    (bundled / "public.json").write_text('{"first": {"count": "many"}}')
    with pytest.raises(UserError, match=r"public\.json is not a record of public puzzles, or is damaged"):
        read_public(bundled)


def test_a_model_has_the_public_sets_of_its_task_and_size():
    assert list(sets_of(SUDOKU_TRM.model)) == ["sudoku-extreme", "top1465", "17-clue", "forum-hardest"]
    assert list(sets_of(MAZE_TRM.model)) == ["maze-depth-first", "maze-spanning-tree"]
    assert sets_of(MAZE30_TRM.model) == {}
