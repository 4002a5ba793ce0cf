"""The command line: results on stdout, and one line and exit code 2 for a user error."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from trm.checkpoint import load_model, save_model
from trm.cli.main import main
from trm.cli.options import puzzle_texts
from trm.cli.printing import plain_console, table
from trm.data import load_puzzles
from trm.registry import model_names
from trm.tasks import get_task
from trm.tasks.sudoku import Sudoku

REPOSITORY = Path(__file__).resolve().parents[4]
SUDOKU = Sudoku()
PUZZLE = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"
SOLVED = "534678912672195348198342567859761423426853791713924856961537284287419635345286179"


@pytest.fixture
def model(tmp_path, tiny_model) -> Path:
    """A folder with a model of 9x9 Sudoku that has random weights."""
    made = tiny_model(
        vocab_size=11, sequence_length=81, mixing="mlp", mixing_width=8, heads=0, positions="none"
    )
    save_model(tmp_path / "model", made.config, made.state_dict())
    return tmp_path / "model"


def python_m_trm(*arguments: object) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "trm", *map(str, arguments)],
        cwd=REPOSITORY, capture_output=True, text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip


# as a person calls it


@pytest.mark.heavy
def test_models_in_a_process():
    done = python_m_trm("models", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    models = json.loads(done.stdout)
    assert [model["name"] for model in models] == sorted(model["name"] for model in models)
    for model in models:
        keys = {"name", "task", "kind", "grid", "parameters", "n", "T", "N_sup", "seeds", "accuracy"}
        assert set(model) == keys
        assert model["parameters"] > 1000 and len(model["grid"]) == 2


@pytest.mark.heavy
def test_solve_in_a_process(model):
    done = python_m_trm("solve", "--model", model, "--puzzle", PUZZLE, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    result = json.loads(done.stdout)
    assert result["steps"] == 3 and len(result["halt_probability"]) == 3
    assert len(result["answers"]) == 6 and all(len(answer) == 81 for answer in result["answers"])
    assert result["answer"] == result["answers"][-1] and result["solved"] is False
    assert result["halt_step"] is None


def test_a_damaged_model(model, refused):
    (model / "model.safetensors").write_bytes(b"cut")
    assert "damaged or cut short" in refused("solve", "--model", model, "--puzzle", PUZZLE)


# results


def test_solve_for_people(model, capsys):
    main(["solve", "--model", str(model), "--puzzle", PUZZLE])
    grid, verdict, steps = capsys.readouterr().out.split("\n\n")
    assert len(grid.splitlines()) == 11
    assert verdict.startswith("Not solved;") and "The model would not halt." in verdict
    names, *rows = steps.rstrip("\n").splitlines()
    numbers = [row[:4].strip() for row in rows]  # a row may be wrapped
    assert names.split("  ")[0] == "step" and list(filter(None, numbers)) == ["1", "2", "3"]


def test_solve_names_the_cells_that_a_step_changed(capsys, monkeypatch, model):
    answers = ["1" * 81, SOLVED, SOLVED, SOLVED[:-2] + "97", SOLVED, SOLVED]
    found = {"grid": "the grid", "answer": SOLVED, "solved": True, "halt_probability": [0.25, 0.5, 0.75]}
    monkeypatch.setattr(
        "trm.cli.solve.solve", lambda *_, **__: found | {"halt_step": 3, "steps": 3, "answers": answers}
    )
    main(["solve", "--model", str(model), "--puzzle", PUZZLE])
    assert capsys.readouterr().out.splitlines() == [
        "the grid",
        "",
        "Solved; it changes until step 3. The model would halt after step 3. Computed with ONNX Runtime.",
        "",
        "step  cells changed  halting probability  changes",
        "   1             51               0.2500",
        "   2              2               0.5000  r9c8 7>9, r9c9 9>7",
        "   3              2               0.7500  r9c8 9>7, r9c9 7>9",
    ]


def test_solve_verbose_prints_every_answer(model, capsys):
    main(["solve", "--model", str(model), "--puzzle", PUZZLE, "--verbose"])
    out = capsys.readouterr().out
    assert "solved: False" in out and "  6  " in out and "halt_probability:" in out
    assert not out.lstrip().startswith("{")


def test_solve_reads_a_file(model, ran, tmp_path):
    (tmp_path / "puzzle.txt").write_text(SUDOKU.pretty(SUDOKU.parse(PUZZLE)))
    from_file = ran("solve", "--model", model, "--puzzle", tmp_path / "puzzle.txt")
    assert from_file == ran("solve", "--model", model, "--puzzle", PUZZLE)


def test_a_puzzle_with_contradictory_givens_is_run(model, ran):
    assert ran("solve", "--model", model, "--puzzle", "11" + "." * 79)["solved"] is False


@pytest.mark.heavy
def test_eval_takes_an_even_sample(model, ran):
    scores = ran("eval", "--model", model, "--data", "sudoku/test", "--limit", 5)
    assert scores["count"] == 5 and len(scores["exact_by_step"]) == 3
    for name in ("exact", "cell", "blank_cell"):
        assert 0 <= scores[name] <= 1
    kinds = {group.partition(",")[0] for group in scores["by_difficulty"]}
    assert kinds >= {"easy", "hard"}  # the set is sorted, and the first five alone are all easy
    assert {"halt_auc", "mean_halt_step", "seconds", "without_one_solution"} <= set(scores)
    early = ran("eval", "--model", model, "--data", "sudoku/test", "--limit", 5, "--early-exit")
    assert early["mean_halt_step"] == scores["mean_halt_step"] and 0 <= early["steps_saved"] < 1


def test_eval_of_text_and_csv(model, ran, tmp_path):
    (tmp_path / "puzzles.txt").write_text(f"# two\n{PUZZLE}\n{'.' * 81}\n")
    scores = ran("eval", "--model", model, "--data", tmp_path / "puzzles.txt")
    assert scores["count"] == 1 and scores["without_one_solution"]["count"] == 1
    (tmp_path / "puzzles.csv").write_text(f"question,answer\n{PUZZLE},{SOLVED}\n")
    assert ran("eval", "--model", model, "--data", tmp_path / "puzzles.csv")["count"] == 1


def test_forward_writes_what_it_says(model, ran, tmp_path):
    inputs = np.stack([SUDOKU.parse(PUZZLE), SUDOKU.parse(SOLVED)])
    np.savez(tmp_path / "in.npz", inputs=inputs)
    shapes = ran(
        "forward", "--model", model, "--inputs", tmp_path / "in.npz", "--out", tmp_path / "new" / "out.npz"
    )
    assert shapes == {
        "logits": [3, 2, 81, 11],
        "q_halt_logits": [3, 2],
        "q_continue_logits": [3, 2],
        "step1_call_output": [6, 2, 82, 8],
    }
    with np.load(tmp_path / "new" / "out.npz") as out:
        assert {name: list(out[name].shape) for name in out} == shapes
    solved = ran("solve", "--model", model, "--puzzle", PUZZLE)
    with np.load(tmp_path / "new" / "out.npz") as out:
        assert SUDOKU.format(out["logits"][-1, 0].argmax(-1).astype(np.uint8)) == solved["answer"]


def test_forward_starts_from_the_given_state(model, ran, tmp_path):
    made = load_model(str(model))
    tokens = torch.from_numpy(SUDOKU.parse(PUZZLE).astype(int))[None]
    usual = made.initial_state(made.embed(tokens, torch.zeros(1, dtype=int)))
    starts = dict(zip(("start_z_H", "start_z_L"), map(np.asarray, usual), strict=True))
    found = []
    for given in ({}, starts, {name: start + 1 for name, start in starts.items()}):
        path = npz(tmp_path / "in.npz", inputs=tokens.numpy(), **given)
        ran("forward", "--model", model, "--inputs", path, "--out", tmp_path / "out.npz")
        with np.load(tmp_path / "out.npz") as out:
            found.append(out["logits"])
    assert (found[0] == found[1]).all() and not np.allclose(found[0], found[2])


@pytest.mark.parametrize("format, written", [("official", "test"), ("csv", "test.csv")])
def test_generate(ran, tmp_path, format, written):
    made = ran("data", "generate", "sudoku", "--count", 3, "--difficulty", "easy", "--seed", 4, "--givens", "36-40",
               "--out", tmp_path / "set", "--format", format)  # fmt: skip
    assert made == {"count": 3, "written": str(tmp_path / "set" / written)}
    puzzles = load_puzzles(tmp_path / "set", SUDOKU)
    assert len(puzzles) == 3 and puzzles.labelled.all()
    assert all(36 <= count <= 40 for count in puzzles.givens)
    assert all(len(SUDOKU.solutions(puzzle)) == 1 for puzzle in puzzles.inputs)


def test_version_and_help(capsys):
    for arguments in (["--version"], ["--help"], ["solve", "--help"], ["data", "generate", "--help"]):
        main(arguments)
        out, err = capsys.readouterr()
        assert out and not err
        assert max(map(len, out.splitlines())) <= 100


def test_the_table_of_models_fits_100_columns(capsys):
    main(["models"])
    names, *rows = capsys.readouterr().out.splitlines()
    assert names.split() == ["name", "task", "kind", "parameters", "n/T/N_sup", "seeds", "exact"]
    assert [row.split()[0] for row in rows] == model_names()
    assert max(map(len, (names, *rows))) <= 100


def test_a_table_by_hand():
    assert table(("name", "count"), [("[b]x[/b]", 3), ("y", None), ("z", 12)]).splitlines() == [
        "name      count", "[b]x[/b]      3", "y", "z            12",
    ]  # fmt: skip


def test_a_table_is_as_wide_in_any_terminal(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    assert plain_console(97).width == 97


# mistakes


@pytest.mark.parametrize(
    "arguments, words",
    [
        ((), "A command is required. Choose one of: models,"),
        (("dance",), "There is no command 'dance'. Choose one of: models,"),
        (("data",), "Choose one of: generate, convert"),
        (("solve", "--model", "x"), "--puzzle requires"),
        (("solve", "--model", "x", "--puzzel", PUZZLE), "Did you mean --puzzle"),
        (("solve", "--model", "x", "--puzzle", PUZZLE, "more"), "'more'"),
        (("solve", "--model", "no-such-model", "--puzzle", PUZZLE), "no model 'no-such-model'"),
        (("solve", "--model", "x" * 300, "--puzzle", PUZZLE), "no model"),
        (("solve", "--model", "", "--puzzle", PUZZLE), "contains no model|no model"),
        (("solve", "--model", "{model}", "--puzzle", "junk"), "Position 1: 'j'"),
        (("solve", "--model", "{model}", "--puzzle", "x" * 300), "this text has 300"),
        (("solve", "--model", "{model}", "--puzzle", ""), "cells|empty"),
        (("solve", "--model", "{model}", "--puzzle", PUZZLE[:80]), "80"),
        (("solve", "--model", "{model}", "--puzzle", "{model}/model.safetensors"), "is not text in UTF-8"),
        (("solve", "--model", "{empty}", "--puzzle", PUZZLE), "contains no model"),
        (("eval", "--model", "{model}", "--data", "nowhere"), "no puzzle set 'nowhere'"),
        (("eval", "--model", "{model}", "--data", "y" * 300), "no puzzle set"),
        (("eval", "--model", "{model}", "--data", "{empty}"), "dataset.json"),
        (("eval", "--model", "{model}", "--data", "sudoku/test", "--limit", "0"), "limit of 0"),
        (("eval", "--model", "{model}", "--data", "sudoku/test", "--limit", "-4"), "limit of -4"),
        (("eval", "--model", "{model}", "--data", "sudoku/test", "--limit", "many"), '--limit: unable to convert "many" into int'),
        (("train", "--preset", "chess", "--out", "{empty}/run"), "Unknown preset 'chess'"),
        (("train", "--preset", "sudoku-trm", "--out", "{empty}/run", "--minutes", "0"), "must be positive"),
        (("train", "--preset", "sudoku-trm", "--out", "{empty}/run", "--minutes", "nan"), "must be positive"),
        (("train", "--preset", "sudoku-trm", "--out", "{empty}/run", "--seed", "-1"), "0 or more"),
        (("train", "--preset", "sudoku-trm", "--out", "{empty}/run", "--minutes", "1", "--updates", "2"), "exclusive"),
        (("train", "--preset", "sudoku-trm", "--out", "{empty}/run", "--resume"), "no run to resume"),
        (("data", "generate", "chess", "--count", "1", "--out", "{empty}"), "Unknown task 'chess'"),
        (("data", "generate", "sudoku", "--count", "0", "--out", "{empty}"), "count from 1"),
        (("data", "generate", "sudoku", "--count", "2", "--seed", "-1", "--out", "{empty}"), "negative"),
        (("data", "generate", "sudoku", "--count", "2", "--givens", "a-b", "--out", "{empty}"), "range"),
        (("data", "generate", "sudoku", "--count", "2", "--givens", "50-40", "--out", "{empty}"), "50-40 is not a range"),
        (("data", "generate", "sudoku", "--count", "2", "--difficulty", "evil", "--out", "{empty}"), '--difficulty. Choose from: "easy", "medium", "hard"'),
        (("data", "generate", "sudoku", "--count", "1", "--out", "{model}/config.json/set"), "config.json"),
        (("data", "generate", "sudoku", "--count", "1", "--format", "csv", "--out", "{model}/config.json/set"), "config.json"),
    ],
)  # fmt: skip
def test_one_line_for_a_mistake(refused, model, tmp_path, arguments, words):
    (tmp_path / "empty").mkdir()
    filled = [
        text.replace("{model}", str(model)).replace("{empty}", str(tmp_path / "empty")) for text in arguments
    ]
    line = refused(*filled)
    assert any(word in line for word in words.split("|")), line
    assert len(line) < 600


def test_no_folder_is_left_behind(refused, tmp_path):
    refused("train", "--preset", "chess", "--out", tmp_path / "run")
    refused("train", "--preset", "sudoku-trm", "--out", tmp_path / "run", "--resume")
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_that_contradicts_its_config(refused, model):
    values = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps(values | {"hidden_size": 16}))
    assert "shape" in refused("solve", "--model", model, "--puzzle", PUZZLE)


def test_a_public_checkpoint_cut_short(refused, public_checkpoint, tmp_path):
    path = public_checkpoint(cells=81).save(tmp_path)
    path.write_bytes(path.read_bytes()[:-1000])
    assert "step_1000" in refused("solve", "--model", path, "--puzzle", PUZZLE)


@pytest.mark.parametrize("changes", [{"vocab": 6}, {"vocab": 7}, {"cells": 16}])
def test_a_public_checkpoint_of_another_task_or_size(refused, public_checkpoint, tmp_path, changes):
    path = public_checkpoint(**{"cells": 81} | changes).save(tmp_path)
    refused("solve", "--model", path, "--puzzle", PUZZLE)
    refused("eval", "--model", path, "--data", "sudoku/test", "--limit", 1)


def npz(path: Path, **arrays) -> Path:
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize(
    "arrays, words",
    [
        ({"tokens": np.ones((1, 81), int)}, "no array named inputs"),
        ({"inputs": np.ones((1, 80), int)}, "(1, 80)"),
        ({"inputs": np.ones(81, int)}, "(81,)"),
        ({"inputs": np.array(3)}, "inputs"),
        ({"inputs": np.ones((0, 81), int)}, "(0, 81)"),
        ({"inputs": np.ones((1, 81))}, "float64"),
        ({"inputs": np.full((1, 81), 11)}, "outside 0 to 10"),
        ({"inputs": np.full((1, 81), -1)}, "outside 0 to 10"),
        ({"inputs": np.array([[None] * 81])}, "not a NumPy archive (.npz) of plain arrays"),
        ({"inputs": np.ones((2, 81), int), "puzzle_identifiers": np.zeros(3, int)}, "puzzle_identifiers"),
        ({"inputs": np.ones((1, 81), int), "puzzle_identifiers": np.full(1, -1)}, "puzzle_identifiers"),
        ({"inputs": np.ones((1, 81), int), "puzzle_identifiers": np.zeros(1)}, "puzzle_identifiers"),
        (
            {"inputs": np.ones((1, 81), int), "start_z_H": np.ones((1, 82, 8))},
            "start_z_H and start_z_L must both",
        ),
        (
            {"inputs": np.ones((1, 81), int)}
            | dict.fromkeys(("start_z_H", "start_z_L"), np.ones((1, 81, 8))),
            "floats of shape [1, 82, 8]; start_z_H is float64 of shape (1, 81, 8)",
        ),
    ],
)
def test_forward_inputs_that_do_not_fit(refused, model, tmp_path, arrays, words):
    path = npz(tmp_path / "in.npz", **arrays)
    assert words in refused("forward", "--model", model, "--inputs", path, "--out", tmp_path / "out.npz")
    assert not (tmp_path / "out.npz").exists()


def test_forward_ids_beyond_the_table(refused, public_checkpoint, tmp_path):
    made = public_checkpoint(puzzle_ids=3).save(tmp_path)
    path = npz(tmp_path / "in.npz", inputs=np.ones((1, 16), int), puzzle_identifiers=np.array([3]))
    assert "below 3" in refused("forward", "--model", made, "--inputs", path, "--out", tmp_path / "out.npz")


@pytest.mark.parametrize("content", [b"", b"junk", b"PK\x03\x04", None])
def test_forward_inputs_that_are_not_npz(refused, model, tmp_path, content):
    path = npz(tmp_path / "in.npz", inputs=np.ones((1, 81), int))
    path.write_bytes(path.read_bytes()[:-30] if content is None else content)
    refused("forward", "--model", model, "--inputs", path, "--out", tmp_path / "out.npz")
    refused("forward", "--model", model, "--inputs", tmp_path, "--out", tmp_path / "out.npz")
    refused("forward", "--model", model, "--inputs", tmp_path / "nowhere", "--out", tmp_path / "out.npz")


@pytest.mark.parametrize("name", ["inputs", "start_z_H", "puzzle_identifiers"])
def test_forward_refuses_a_bomb_by_its_size(refused, model, tmp_path, monkeypatch, name):
    monkeypatch.setattr("trm.inspection.forward.MAX_INPUT", 1 << 20)
    arrays = {"inputs": np.ones((1, 81), np.uint8)} | {name: np.zeros((2 << 20,), np.uint8)}
    np.savez_compressed(tmp_path / "in.npz", **arrays)
    line = refused(
        "forward", "--model", model, "--inputs", tmp_path / "in.npz", "--out", tmp_path / "out.npz"
    )
    assert f"in.npz: {name} is larger than 1 MiB. Use fewer puzzles." in line


def test_forward_refuses_too_many_puzzles(refused, model, tmp_path, monkeypatch):
    """Few bytes of tokens become many of logits."""
    monkeypatch.setattr("trm.inspection.forward.MAX_OUTPUT", 1 << 30)
    np.savez_compressed(tmp_path / "in.npz", inputs=np.ones((100_000, 81), np.uint8))
    line = refused(
        "forward", "--model", model, "--inputs", tmp_path / "in.npz", "--out", tmp_path / "out.npz"
    )
    assert "100,000 puzzles take 2 GiB, more than 1. Use fewer puzzles." in line


def test_forward_to_a_path_that_cannot_be_written(refused, model, tmp_path):
    path = npz(tmp_path / "in.npz", inputs=np.ones((1, 81), int))
    assert "is a folder" in refused("forward", "--model", model, "--inputs", path, "--out", tmp_path)
    assert "in.npz" in refused("forward", "--model", model, "--inputs", path, "--out", path / "out.npz")


# details


def test_a_puzzle_is_a_text_unless_it_names_a_file(tmp_path, capsys):
    task = get_task("sudoku", 16)
    (tmp_path / "puzzle.txt").write_text("Mine\n1...\n..2.\n.3..\n...4\n")
    found = puzzle_texts(str(tmp_path / "puzzle.txt"), task)
    assert found == {"lines 2 to 5": "1.....2..3.....4"}
    assert "line 1: 'Mine' skipped" in capsys.readouterr().err
    for text in ("12..", "a\nb", "z" * 500, "nul\x00"):
        assert puzzle_texts(text, task) == {"": text}
