"""Sweeps and interventions on the command line: output, files, errors, recorded results and findings."""

import json

import pytest
import torch
from small_runs import SMALL

from probes.cli.main import main
from probes.interventions.record import WEIGHT
from probes.interventions.sweep_results import ABLATION, MULTI_RUN, SweepSettings, run_sweep, settings_for
from trm.checkpoint import save_model
from trm.cli.main import main as trm
from trm.data import PuzzlePreset, PuzzleSet, load_puzzles
from trm.progress import no_progress
from trm.record import unique_solution
from trm.trace import load_trace


@pytest.fixture
def folder(tmp_path, model):
    save_model(tmp_path, model.config, model.state_dict())
    (tmp_path / "set.csv").write_text(
        "source,q,a,rating\n"
        + "".join(
            f"made,{SMALL.format(grid)},{SMALL.format(answer)},0\n"
            for grid, answer in zip(*SMALL.generate_many(4, seed=2), strict=True)
        )
    )
    return tmp_path


PUZZLE = "12..34....21..43"


@pytest.mark.parametrize(
    ("arguments", "keys"),
    [
        ("sweep noise --sizes 0,1 --limit 3", {"size", "share", "low", "high", "mean_steps"}),
        (f"sweep {ABLATION} --step 2", {"ablated", "step", "cells", "low", "high", "solved"}),
        ("sweep seeds --runs 2", {"settled", "answers", "points", "right"}),
        (f"sweep {MULTI_RUN} --runs 2 --source symmetry", {"runs", "vote_share", "vote_low"}),
        (f"sweep patching --puzzle {PUZZLE} --cell r1c1 --steps 1-9 --state y", {"step", "cell", "effect"}),
    ],
)
def test_sweeps_on_the_command_line(folder, capsys, arguments, keys):
    out = folder / "out.json"
    main(
        [
            *arguments.split(),
            "--model",
            str(folder),
            "--data",
            str(folder / "set.csv"),
            "--out",
            str(out),
            "--json",
        ]
    )
    printed = json.loads(capsys.readouterr().out)
    assert keys <= set(printed["table"]) and json.loads(out.read_text())["table"] == printed["table"]
    if "--limit" in arguments:
        assert printed["count"] == 3
    if "patching" in arguments:  # no step follows the third
        assert set(printed["table"]["step"]) == {1, 2} and printed["settings"]["state"] == "y"
    assert out.with_suffix(".parquet").is_file() and printed["command"].startswith("python -m probes sweep")


def test_a_sweep_of_a_store_prints_that_of_the_model(folder, capsys):
    given = ["--model", str(folder)]
    record = ["--calls", "last", "--positions", "all", "--dtype", "float32", "--out", str(folder / "store")]
    trm(["trace", *given, "--data", str(folder / "set.csv"), *record])
    capsys.readouterr()
    printed = []
    for puzzles in (["--data", str(folder / "set.csv")], ["--store", str(folder / "store")]):
        main(["sweep", ABLATION, *given, *puzzles, "--step", "2", "--json"])
        printed.append(json.loads(capsys.readouterr().out))
    assert printed[0]["table"] == printed[1]["table"] and printed[1]["count"] == 4
    assert f"--store {folder / 'store'} --step 2" in printed[1]["command"]
    for options, message in {
        ("noise", "--data", "x"): "either --data or --store",
        ("seeds",): "--store only for noise and removal",
    }.items():
        with pytest.raises(SystemExit):
            main(["sweep", *options, *given, "--store", str(folder / "store")])
        assert message in capsys.readouterr().err


def test_a_sweep_names_the_dtype_of_its_runs(model, puzzles, monkeypatch):
    monkeypatch.setattr("probes.interventions.batched.training_dtype", lambda device: torch.bfloat16)
    settings = settings_for("noise", SweepSettings(sizes="0"))
    result = run_sweep("noise", model, SMALL, puzzles, settings, no_progress)
    assert result.provenance.dtype == "bfloat16" and model.compute_dtype == torch.float32


def test_interventions_on_the_command_line(folder, capsys):
    base = ["intervene", "--model", str(folder), "--json"]
    main(
        [
            *base,
            "--puzzle",
            PUZZLE,
            "--do",
            "noise z after 1.1.1 size 0",
            "--out",
            str(folder / "t.safetensors"),
        ]
    )
    printed = json.loads(capsys.readouterr().out)
    assert printed["halt_probability"] == printed["halt_probability_without"]
    trace = load_trace(folder / "t.safetensors")
    solution = unique_solution(SMALL, trace.inputs)
    right = [int((answer == solution).sum()) for answer in trace.answers[1::2]]  # two cycles
    assert printed["cells_right"] == printed["cells_right_without"] == right and len(right) == 3
    main([*base, "--puzzle", PUZZLE, "--experiment", "without-y"])
    assert json.loads(capsys.readouterr().out)["interventions"] == "zero y before 2-.*.1"
    main([*base, "--data", str(folder / "set.csv"), "--limit", "2", "--experiment", "noise"])
    assert json.loads(capsys.readouterr().out)["count"] == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("intervene", "--model is missing"),
        ("intervene --model FOLDER", "Give --puzzle"),
        (f"intervene --model FOLDER --puzzle {PUZZLE} --do zero", "Name the state to zero"),
        (f"intervene --model FOLDER --puzzle {PUZZLE} --experiment x", "no experiment 'x'"),
        ("intervene --model FOLDER --record", "not a bundled model"),
        ("sweep noise --model FOLDER --data FOLDER/set.csv --record", "not a bundled model"),
        ("sweep noise --model FOLDER --data FOLDER/set.csv --sizes 1,x", "Sizes must be comma-separated"),
        ("sweep noise --model FOLDER --data FOLDER/set.csv --state q", "state must be y, z"),
        ("sweep patching --model FOLDER", "patching needs --puzzle"),
        (f"sweep patching --model FOLDER --puzzle {PUZZLE} --cell r9c9", "no cell r9c9"),
        (f"sweep patching --model FOLDER --puzzle {PUZZLE} --cell r1c1 --steps a", "--steps must be"),
    ],
)
def test_errors_on_the_command_line(folder, capsys, arguments, message):
    with pytest.raises(SystemExit) as end:
        main(arguments.replace("FOLDER", str(folder)).split())
    out, err = capsys.readouterr()
    assert end.value.code == 2 and out == "" and err.count("\n") == 1 and message in err


@pytest.mark.heavy
def test_recording_and_findings(folder, capsys, monkeypatch, tmp_path):
    """One command records a bundled model, the other writes the section and leaves the rest of the document unchanged."""
    bundled = tmp_path / "models" / "small"
    bundled.mkdir(parents=True)
    for name in ("model.safetensors", "config.json"):
        (bundled / name).write_bytes((folder / name).read_bytes())
    monkeypatch.setenv("RECURSION_LENS_MODELS", str(tmp_path / "models"))
    for module in ("interventions.recorded", "interventions.record", "reports.interventions"):
        monkeypatch.setattr(f"probes.{module}.RECORDED", tmp_path / "recorded")
    monkeypatch.setattr("probes.interventions.record.load_puzzles", lambda *_: puzzles_of(folder))
    monkeypatch.setattr(
        "probes.interventions.record.load_presets", lambda name: [PuzzlePreset("a", "A", "", PUZZLE)]
    )
    document = tmp_path / "findings.md"
    document.write_text("# Findings\n\nbefore\n")
    main(["intervene", "--record", "--model", "small", "--json"])
    assert set(json.loads(capsys.readouterr().out)) == {"pair", *WEIGHT}
    for _ in range(2):  # the second time replaces the first
        main(["intervene", "--findings", str(document)])
    text = document.read_text()
    assert text.startswith("# Findings\n\nbefore\n") and text.count("## What causes what") == 1
    assert text.count("\n- small: givens among the peers ") == 1
    assert "both ablated | recovers after" in text and "95% intervals (Wilson)" in text
    assert text.count("| small |") >= 4 and "arXiv:2601.10679" in text and "nan" not in text
    pair = load_trace(tmp_path / "recorded" / "small" / "without-y-2.safetensors")
    assert pair.provenance.changes and pair.provenance.recorded
    document.write_text(text.replace("<!-- what causes what: end -->", ""))
    with pytest.raises(SystemExit):
        main(["intervene", "--findings", str(document)])
    assert "without the other" in capsys.readouterr().err


def puzzles_of(folder) -> PuzzleSet:
    return load_puzzles(folder / "set.csv", SMALL)
