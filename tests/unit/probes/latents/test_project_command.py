"""`python -m probes project`: the files it writes, and one line for every mistake."""

import json

import pyarrow.parquet as pq
import pytest
from fake_trajectories import SMALL

from probes.cli.main import main
from probes.latents.files import load_projection
from probes.latents.settings import ProjectionRequest
from probes.latents.umap import UMAPSettings
from trm.checkpoint import save_model
from trm.data import PuzzleSet
from trm.store.layout import StoreSettings
from trm.store.record import record_store


@pytest.fixture
def made(tmp_path, tiny_model):
    """A model in a folder and a text file of six puzzles."""
    model = tiny_model(n=2, T=2, N_sup=2)
    (tmp_path / "model").mkdir()
    save_model(tmp_path / "model", model.config, model.state_dict())
    inputs, labels = SMALL.generate_many(6, givens=(6, 10), seed=5)
    (tmp_path / "puzzles.txt").write_text("\n".join(map(SMALL.format, inputs)))
    store = tmp_path / "store"
    puzzles = PuzzleSet.of("six", SMALL, inputs, labels)
    record_store(model, SMALL, puzzles, store, StoreSettings(positions="mean", dtype="float32"), log=str)
    return tmp_path


def printed(capsys, *arguments: object) -> dict:
    main(["project", "--json", *map(str, arguments)])
    return json.loads(capsys.readouterr().out)


def test_a_projection_and_its_points_from_a_model_and_from_a_store(made, capsys):
    run = ("--model", made / "model", "--data", made / "puzzles.txt", "--limit", 4)
    values = printed(capsys, *run, "--out", made / "new" / "projection.safetensors")
    projection = load_projection(made / "new" / "projection.safetensors")
    assert (len(projection), len(projection.calls), projection.state) == (4, 4, "z")
    assert values["points"] == 16 and values["embeddings"][0]["method"] == "pca"
    assert f"--data {made / 'puzzles.txt'} --limit 4 --out" in projection.provenance.command
    cell = ("--position", "r1c1", "--state", "y", "--calls", "last")
    printed(capsys, *run[:-2], *cell, "--out", made / "points.parquet")
    table = pq.read_table(made / "points.parquet")
    assert table.num_rows == 12 and {"pca_2", "symbol"} <= set(table.column_names)
    stored = printed(capsys, "--store", made / "store", "--out", made / "stored.safetensors")
    assert (
        f"probes project --store {made / 'store'} --out"
        in load_projection(made / "stored.safetensors").provenance.command
    )
    assert stored["puzzles"] == 6 and len(load_projection(made / "stored.safetensors").calls) == 4


@pytest.mark.heavy
def test_without_a_puzzle_set_the_bundled_test_set_is_projected(capsys, tmp_path):
    out = tmp_path / "projection.safetensors"
    assert (
        printed(capsys, "--model", "sudoku-trm", "--limit", 2, "--calls", "last", "--out", out)["puzzles"]
        == 2
    )
    assert "--data sudoku/test" in load_projection(out).provenance.command


@pytest.mark.slow  # UMAP compiles first, in every process
def test_umap_is_in_the_table_too(made, capsys):
    run = ("--model", made / "model", "--data", made / "puzzles.txt", "--umap", "--neighbours", 3)
    printed(capsys, *run, "--out", made / "points.parquet")
    assert {"pca_2", "umap_2"} <= set(pq.read_table(made / "points.parquet").column_names)


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--out", "x.png"], "ends in .parquet"),
        ([], "ends in .parquet"),
        (["--out", "x.parquet"], "Give either --model and --data, or --store alone"),
        (["--data", "d", "--out", "x.parquet"], "Give either --model and --data"),
        (["--data", "d", "--store", "s", "--out", "x.parquet"], "or --store alone"),
        (["--model", "m", "--data", "d", "--store", "s", "--out", "x.parquet"], "or --store alone"),
        (["--model", "none-such", "--data", "d", "--out", "x.parquet"], "none-such"),
        (["--store", "none-such", "--out", "x.parquet"], "is not a trace store"),
        (["--record", "--model", "none-such"], "no recording for none-such"),
        (["--record", "--compare-with", "sudoku-hrm"], "There is no joint projection of sudoku-hrm"),
        (
            ["--model", "m", "--compare-with", "n", "--data", "d", "--calls", "f_H", "--out", "x.parquet"],
            "leave out --calls",
        ),
        (["--store", "s", "--compare-with", "n", "--out", "x.parquet"], "Two models are aligned"),
        (
            ["--model", "m", "--data", "d", "--umap", "--axes", "5", "--out", "x.parquet"],
            "not valid for UMAP",
        ),
    ],
    ids=str,
)
def test_mistakes_are_one_line(arguments, words, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        main(["project", *arguments])
    out, err = capsys.readouterr()
    assert end.value.code == 2 and not out and err.count("\n") == 1 and words in err


def test_findings_are_written_between_their_markers(made, capsys, monkeypatch):
    monkeypatch.setattr("probes.cli.project.RECORDED", made / "recorded")
    document = made / "findings.md"
    with pytest.raises(SystemExit):
        main(["project", "--findings", str(document)])
    assert "There are no recorded projections" in capsys.readouterr().err
    printed(capsys, "--store", made / "store", "--out", made / "recorded" / "six.safetensors")
    document.write_text("# Findings\n\nmine\n")
    for _ in range(2):  # replaced, not appended
        printed(capsys, "--findings", document)
    text = document.read_text()
    projection = load_projection(made / "recorded" / "six.safetensors")
    assert text.startswith("# Findings\n\nmine\n") and text.count("<!-- latents: begin -->") == 1
    assert projection.sentences[0] in text and projection.provenance.fingerprint in text


def test_the_command_has_every_setting_that_is_not_a_default():
    request = ProjectionRequest(
        "m", "my set", None, 10, "y", "last", "r1c1", UMAPSettings(3, 5, 0.25, seed=7)
    )
    assert request.command == (
        "python -m probes project --model m --data 'my set' --limit 10 --state y --calls last --position r1c1 "
        "--axes 3 --neighbours 5 --min-dist 0.25 --seed 7 --umap --out points.parquet"
    )
    assert (
        ProjectionRequest("m", "set").command
        == "python -m probes project --model m --data set --out points.parquet"
    )


def test_two_models_in_a_joint_projection(made, capsys, tiny_model, monkeypatch):
    other = tiny_model(kind="hrm", H_layers=2, n=1, T=2, N_sup=3)
    (made / "other").mkdir()
    save_model(made / "other", other.config, other.state_dict())
    run = ("--model", made / "model", "--compare-with", made / "other", "--data", made / "puzzles.txt")
    values = printed(capsys, *run, "--state", "y", "--out", made / "joint.safetensors")
    projection = load_projection(made / "joint.safetensors")
    assert (len(projection), projection.puzzle_count, len(projection.calls)) == (
        12,
        6,
        2,
    )  # the steps that both have
    assert (
        values["second_model"]["kind"] == "hrm"
        and values["alignment"]["fitted"] == values["alignment"]["tested"] == 3
    )
    assert (
        f"--compare-with {made / 'other'}" in projection.provenance.command
        and "--calls last" in projection.provenance.command
    )
    fields = ["model", "solved", "solved_now", "step", "givens", "cells_right"]
    assert [field.name for field in projection.fields] == fields
    assert projection.field("model").levels == ("model", "other")
    assert [(at.cycle, at.call) for at in projection.calls] == [(2, 3)] * 2
    assert [(at.cycle, at.call) for at in projection.second_model.calls] == [(2, 2)] * 2
    printed(capsys, *run, "--out", made / "joint.parquet")
    table = pq.read_table(made / "joint.parquet").to_pydict()
    assert [len(set(table["model"])), len(table["puzzle"])] == [2, 24]
    assert table["call"] == [3] * 12 + [2] * 12 and table["puzzle"][:12] == table["puzzle"][12:]
    monkeypatch.setattr("probes.cli.project.RECORDED", made / "recorded")
    printed(capsys, *run, "--out", made / "recorded" / "one--other.safetensors")
    printed(capsys, "--findings", made / "findings.md")
    text = (made / "findings.md").read_text()
    assert ", joint projection** (" in text and "6 puzzles from" in text
    assert all(
        sentence in text
        for sentence in load_projection(made / "recorded" / "one--other.safetensors").sentences
    )
