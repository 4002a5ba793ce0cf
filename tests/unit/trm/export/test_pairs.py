"""Two runs on one offline page: `trm export --html PAGE --compare-with MODEL_OR_TRACE`."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from export_runs import HOSTILE, SUDOKU, maze_run, sudoku_run

from trm.checkpoint import save_model
from trm.cli.main import main
from trm.export.page import page
from trm.export.payload import pair_payload
from trm.export.run import ExportedRun
from trm.trace import save_trace


@pytest.fixture(autouse=True)
def _on_the_cpu(monkeypatch):
    monkeypatch.setattr("trm.checkpoint.choose_device", lambda: torch.device("cpu"))


@pytest.fixture
def files(tmp_path, tiny_model) -> dict[str, Path]:
    """Two recorded runs of a 4x4 Sudoku, one of a maze, and a model of each size."""
    save_trace(tmp_path / "one.safetensors", sudoku_run())
    save_trace(tmp_path / "other.safetensors", sudoku_run(model="another"))
    save_trace(tmp_path / "maze.safetensors", maze_run())
    for name, changes in {"model": {}, "nine": {"vocab_size": 11, "sequence_length": 81}}.items():
        made = tiny_model(**changes)
        save_model(tmp_path / name, made.config, made.state_dict())
    return {path.name.removesuffix(".safetensors"): path for path in tmp_path.iterdir()} | {
        "page": tmp_path / "page.html"
    }


def exported(capsys, files: dict[str, Path], *arguments: object) -> tuple[dict, dict]:
    """The output of the command, and the data of the page."""
    main(["export", *map(str, arguments), "--html", str(files["page"]), "--json"])
    text = files["page"].read_text("utf-8").split('id="run">')[1].split("</script>")[0]
    return json.loads(capsys.readouterr().out), json.loads(text)


def test_two_recorded_runs(capsys, files):
    output, data = exported(
        capsys, files, "--trace", files["one"], "--compare-with", files["other"], "--step", 2
    )
    assert output["model"] == "made-up" and output["compared_with"] == "another"
    assert [player["task"] for player in data["players"]] == ["sudoku", "sudoku"]
    assert data["titles"] == [
        "another: other, n = 2, T = 2, 3 steps",
        "made-up: one, n = 2, T = 2, 3 steps",
    ]
    assert data["start"] == {"supervision_step": 2, "cycle": 2, "call": 3}
    text = files["page"].read_text("utf-8")
    assert "<title>made-up: one vs. another: other</title>" in text
    assert text.count("float32 on CPU") == 2


def test_a_new_run_compared_with_a_recorded_one_of_another_task(capsys, files):
    _, data = exported(
        capsys,
        files,
        "--model",
        files["model"],
        "--puzzle",
        "1.3.....2..4....",
        "--compare-with",
        files["maze"],
    )
    assert [player["task"] for player in data["players"]] == ["maze", "sudoku"]


def test_a_recorded_run_compared_with_a_model_on_the_same_puzzle(capsys, files):
    output, data = exported(capsys, files, "--trace", files["one"], "--compare-with", files["model"])
    left, right = data["players"]
    assert left["inputs"] == right["inputs"] and left["labels"] == right["labels"]
    assert left["trace_id"] != right["trace_id"] and left["steps"] == 3
    assert data["titles"][0].endswith(": one, n = 2, T = 2, 3 steps") and output["steps"] == 3


MISTAKES = [
    (("--trace", "{one}", "--compare-with", "{other}", "--png", "{page}"), "--compare-with applies only to --html"),
    (("--trace", "{one}", "--compare-with", "no-such-model", "--html", "{page}"), "no model 'no-such-model'"),
    (("--trace", "{one}", "--compare-with", "{nine}", "--html", "{page}"), "81"),
    (("--trace", "{one}", "--compare-with", "{other}", "--html", "{other}"), "the same file as the input"),
]  # fmt: skip


@pytest.mark.parametrize("arguments, words", MISTAKES)
def test_one_line_for_a_mistake(refused, files, arguments, words):
    assert words in refused("export", *(text.format(**files) for text in arguments))
    assert not files["page"].exists()


def test_hostile_names_of_both_stay_text():
    one, other = (
        ExportedRun.of(sudoku_run(model=name), SUDOKU, puzzle=HOSTILE) for name in (HOSTILE, "plain")
    )
    text = page(one, compare_with=other)
    assert text.count("<script") == text.count("</script>") == 2 and "<b onclick" not in text
    data = json.loads(text.split('id="run">')[1].split("</script>")[0])
    assert data["titles"][1].startswith("</script><!--<b onclick")


def test_a_note_of_both_runs_occurs_once():
    run = ExportedRun.of(sudoku_run(), SUDOKU, note="Beware.")
    assert page(run, compare_with=replace(run)).count("Beware.") == 1


def test_a_pair_needs_two_players():
    with pytest.raises(ValueError, match="two players"):
        pair_payload([{}], names=["a"], titles=["b"])
