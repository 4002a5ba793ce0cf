"""`python -m probes halting`: what it writes, what it refuses, and the section of findings that it generates."""

import json

import pytest
from halting_stand_in import make_runs

from probes.cli import halting
from probes.cli.main import main
from probes.halting.report import analyse, report
from probes.halting.runs import load_runs, save_runs
from probes.reports.markdown import marks
from trm.checkpoint import save_model

BEGIN, END = marks("halting")
PUZZLES = "1234341221434.2.\n..34341221434321\n12343412....4321\n"


@pytest.fixture
def tiny(tmp_path, tiny_model):
    """A folder with a model, and a file with three puzzles."""
    model = tiny_model()
    (tmp_path / "model").mkdir()
    save_model(tmp_path / "model", model.config, model.state_dict())
    (tmp_path / "puzzles.txt").write_text(PUZZLES)
    return tmp_path


def call(tiny, *more: object) -> None:
    given = [
        "halting",
        "--model",
        tiny / "model",
        "--data",
        tiny / "puzzles.txt",
        "--out",
        tiny / "out",
        *more,
    ]
    main([str(word) for word in given])


def refused(capsys, *arguments: object) -> str:
    """The one line that a mistake prints."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        main(["halting", *map(str, arguments)])
    out, err = capsys.readouterr()
    assert (end.value.code, out, err.count("\n")) == (2, "", 1) and "Traceback" not in err
    return err


def test_json_and_parquet(tiny, capsys):
    call(tiny, "--limit", 2, "--steps", 5, "--json")
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((tiny / "out.json").read_text())
    runs = load_runs(tiny / "out.parquet")
    assert (runs.count, runs.steps, runs.about.N_sup) == (2, 5, 3)
    assert printed["exact_by_step"] == runs.right.mean(1).tolist()
    assert printed["calibration"]["expected_error"] == report(analyse(runs))["calibration"]["expected_error"]
    assert printed["command"].split()[:4] == ["python", "-m", "probes", "halting"]
    assert "--limit 2 --steps 5" in printed["command"] and str(tiny / "puzzles.txt") in printed["command"]


def test_the_usual_depth_is_that_of_training_and_people_read_a_summary(tiny, capsys):
    call(tiny, "--out", tiny / "named.json")
    printed = capsys.readouterr().out
    assert load_runs(tiny / "named.parquet").steps == 3
    assert "expected_error" in printed and "mean_probability" not in printed


@pytest.mark.parametrize(
    "arguments, cause",
    [
        (["--data", "sudoku/test", "--out", "x"], "--model is missing"),
        (["--model", "sudoku-trm", "--out", "x"], "--data is missing"),
        (["--model", "sudoku-trm", "--data", "sudoku/test"], "--out is missing"),
        (["--model", "nosuch", "--data", "sudoku/test", "--out", "x"], "nosuch"),
        (["--model", "sudoku-trm", "--data", "nosuch", "--out", "x"], "no puzzle set"),
        (["--model", "sudoku-trm", "--data", "maze/test", "--out", "x"], "maze"),
        (["--model", "sudoku-trm", "--data", "sudoku/test", "--out", "x", "--steps", "65"], "1 to 64"),
        (["--model", "sudoku-trm", "--data", "sudoku/test", "--out", "x", "--limit", "0"], "limit of 0"),
        (["--record", "--model", "nosuch"], "no bundled model"),
    ],
)
def test_mistakes_are_one_line(capsys, arguments, cause):
    assert cause in refused(capsys, *arguments)


@pytest.fixture
def recorded(tmp_path, monkeypatch):
    folder = tmp_path / "recorded"
    monkeypatch.setattr(halting, "RECORDED", folder)
    return folder


def test_recording_is_of_training_depth_and_beyond(tiny, recorded, monkeypatch, capsys):
    """The bundled model is a tiny one here, its set three puzzles."""
    monkeypatch.setenv("RECURSION_LENS_MODELS", str(tiny))
    asked = []
    made = halting.made

    def tiny_set(name, data, *, limit, steps):
        asked.append((name, data, limit, steps))
        return made(str(tiny / name), str(tiny / "puzzles.txt"), limit=limit, steps=steps)

    monkeypatch.setattr(halting, "made", tiny_set)
    main(["halting", "--record"])
    capsys.readouterr()
    assert asked == [("model", "sudoku/test", 1000, None), ("model", "sudoku/test", 200, 64)]
    assert load_runs(recorded / "model.parquet").steps == 3
    assert load_runs(recorded / "model-deep.parquet").steps == 64


def test_findings_stand_between_their_marks(tmp_path, recorded, capsys):
    document = tmp_path / "findings.md"
    assert "Nothing is recorded" in refused(capsys, "--findings", document)
    recorded.mkdir()
    runs = make_runs(steps=64, count=100, N_sup=16, kind="hrm", model="maze-hrm")
    save_runs(recorded / "maze-hrm.parquet", runs.as_trained())
    save_runs(recorded / "maze-hrm-deep.parquet", runs)
    save_runs(recorded / "sudoku-trm.parquet", make_runs(steps=16, N_sup=16))
    document.write_text(f"# Findings\n\nbefore\n\n{BEGIN}\nold\n{END}\n\nafter\n")
    main(["halting", "--findings", str(document)])
    text = document.read_text()
    assert text.startswith("# Findings\n\nbefore\n\n") and text.endswith("\n\nafter\n") and "old" not in text
    said = report(analyse(runs.as_trained()))
    row = next(line for line in text.splitlines() if line.startswith("| calibration error of q_halt"))
    assert f" {said['calibration']['expected_error']:.3f} (" in row
    assert f"{said['along_steps']['monotone']['share']:.1%}".replace("%", " %") in text
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in table} == {5}  # name, two models, published
    main(["halting", "--findings", str(document)])
    assert document.read_text() == text
    document.write_text(f"{BEGIN}\n")
    assert "without the other" in refused(capsys, "--findings", document)


def test_a_calibrated_head_is_called_so():
    """Errors of 0.01, 0.03 and 0.3, the last by saying too much."""
    from probes.reports.halting import _calibrated, too_sure

    def said(error: float, mean: float, share: float) -> dict:
        part = {"answers": 10, "mean_probability": mean, "share_right": share}
        nobody = {"answers": 0, "mean_probability": None, "share_right": None}
        return {"calibration": {"expected_error": error, "bins": [part, nobody]}}

    assert _calibrated(said(0.01, 0.5, 0.51)) == "yes (0.010)"
    assert _calibrated(said(0.03, 0.5, 0.53)) == "nearly (0.030, too unsure by 0.030)"
    assert _calibrated(said(0.3, 0.9, 0.6)) == "no (0.300, too sure by 0.300)"
    assert too_sure(said(0.3, 0.9, 0.6)) == pytest.approx(0.3)
