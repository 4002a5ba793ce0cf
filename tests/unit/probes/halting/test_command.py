"""`python -m probes halting`: its files, its errors, and the section of findings that it generates."""

import json

import pytest
from halting_stand_in import make_runs
from pyarrow.parquet import read_table

from probes.cli import halting
from probes.cli.main import main
from probes.halting.report import analyse, report
from probes.halting.runs import load_runs
from probes.reports import halting as reports
from trm.checkpoint import save_model
from trm.export.markdown import markers
from trm.results import save

BEGIN, END = markers("halting")
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
    """The one-line error that the command prints."""
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
    runs = read_table(tiny / "out.parquet")
    right = runs["right"].to_numpy().reshape(2, 5)
    assert printed["exact_by_step"] == right.mean(0).tolist()
    assert (printed["about"]["N_sup"], printed["beyond"]["trained_steps"]) == (5, 3)
    assert printed["command"].split()[:4] == ["python", "-m", "probes", "halting"]
    assert "--limit 2 --steps 5" in printed["command"] and str(tiny / "puzzles.txt") in printed["command"]


def test_by_default_the_depth_is_that_of_training_and_a_summary_is_printed(tiny, capsys):
    call(tiny, "--out", tiny / "named.json")
    printed = capsys.readouterr().out
    assert set(read_table(tiny / "named.parquet")["step"].to_pylist()) == {1, 2, 3}
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
        (["--record", "--model", "nosuch"], "not a bundled model"),
    ],
)
def test_errors_are_one_line(capsys, arguments, cause):
    assert cause in refused(capsys, *arguments)


@pytest.fixture
def recorded(tmp_path, monkeypatch):
    folder = tmp_path / "recorded"
    monkeypatch.setattr(halting, "RECORDED", folder)
    return folder


def test_recording_covers_training_depth_and_beyond(tiny, recorded, monkeypatch, capsys):
    """With a tiny model as the bundled one, and three puzzles as its set."""
    monkeypatch.setenv("RECURSION_LENS_MODELS", str(tiny))
    calls = []
    run_model = halting.run_model

    def tiny_set(name, data, *, limit, steps):
        calls.append((name, data, limit, steps))
        return run_model(str(tiny / name), str(tiny / "puzzles.txt"), limit=limit, steps=steps)

    monkeypatch.setattr(halting, "run_model", tiny_set)
    main(["halting", "--record"])
    capsys.readouterr()
    assert calls == [("model", "sudoku/test", 1000, None), ("model", "sudoku/test", 200, 64)]
    assert load_runs(recorded / "model.safetensors").steps == 3
    assert load_runs(recorded / "model-deep.safetensors").steps == 64


@pytest.mark.heavy
def test_findings_are_written_between_their_marks(tmp_path, recorded, capsys):
    document = tmp_path / "findings.md"
    assert "Nothing is recorded" in refused(capsys, "--findings", document)
    recorded.mkdir()
    runs = make_runs(steps=20, count=60, trained=16, kind="hrm", model="maze-hrm")
    save(recorded / "maze-hrm.safetensors", runs.as_trained())
    save(recorded / "maze-hrm-deep.safetensors", runs)
    save(recorded / "sudoku-trm.safetensors", make_runs(steps=16, trained=16))
    document.write_text(f"# Findings\n\nbefore\n\n{BEGIN}\nold\n{END}\n\nafter\n")
    main(["halting", "--findings", str(document)])
    text = document.read_text()
    assert (
        text.startswith("# Findings\n\nbefore\n\n") and text.endswith("\n\nafter\n") and "\nold\n" not in text
    )
    expected = report(analyse(runs.as_trained()))
    for name, pairs in (
        ("calibration error of q_halt over all pairs", expected["calibration"]),
        ("calibration error without repeats", expected["calibration"]["distinct"]),
        ("calibration error of uncertain pairs", expected["calibration"]["undecided"]),
        ("calibration error at the halting step", expected["calibration"]["at_halt"]),
    ):
        row = next(line for line in text.splitlines() if line.startswith(f"| {name} |"))
        assert f" {pairs['expected_error']:.3f} (" in row
    single_step = expected["along_steps"]["solved_at_once"]
    (row,) = (line for line in text.splitlines() if line.startswith("| single-step solves"))
    assert (
        f" of {single_step['puzzles']}" in row
        and row.split("|")[2].strip() in text.partition("grokking")[2].partition("\n")[0]
    )
    assert f"{expected['along_steps']['monotone']['share']:.1%}" in text
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in table} == {5}  # name, two models, published
    main(["halting", "--findings", str(document)])
    assert document.read_text() == text
    document.write_text(f"{BEGIN}\n")
    assert "without the other" in refused(capsys, "--findings", document)


def calibration(error: float, most: float, by_chance: float = 0.2, pairs: int = 10) -> dict:
    """A report of 1,000 pairs, `pairs` of them undecided."""
    undecided = {
        "expected_error": error,
        "expected_error_band": [0.0, most],
        "pairs": pairs,
        "by_chance": by_chance,
    }
    undecided["too_sure"] = -error
    return {"calibration": {"pairs": 1000, "expected_error": 0.001, "undecided": undecided}}


@pytest.mark.parametrize(
    "error, most, by_chance, verdict",
    [
        (0.03, 0.05, 0.2, "yes"),  # all of the band is small
        (0.03, 0.06, 0.2, "inconclusive"),
        (0.15, 0.30, 0.2, "inconclusive"),  # a calibrated head can have this error on so few pairs
        (0.27, 0.30, 0.2, "no"),
        (0.03, 0.04, 0.02, "no"),
    ],
)
def test_the_calibration_verdict_depends_on_undecided_pairs(error, most, by_chance, verdict):
    """An error of 0.001 over all pairs, most of them near 0 or 1, does not make a head calibrated."""
    text = reports._calibrated(calibration(error, most, by_chance))
    assert text.startswith(f"{verdict} (error {error:.3f} ") and "10 pairs, 1.0% of all" in text
    assert (f"underconfident by {error:.3f}" in text) == (verdict == "no")


def test_a_head_that_is_never_undecided_has_no_verdict():
    assert reports._calibrated(calibration(0, 0, pairs=0)) == "never uncertain"


def paired(gained: int, lost: int) -> dict:
    """A report of 1,000 puzzles in which the own rule, and extra depth, gain and lose this many."""
    rules = {
        name: {"accuracy": accuracy, "mean_steps": steps}
        for name, accuracy, steps in (
            ("all_steps", 0.9, 16.0),
            ("learned", 0.9 + (gained - lost) / 1000, 2.8),
            ("unchanged_answer", 0.9, 3.7),
        )
    }
    counts = {"gained": gained, "lost": lost}
    return {
        "count": 1000,
        "steps": 64,
        "stopping": rules,
        "paired": {"all_steps_to_learned": counts, "unchanged_answer_to_learned": counts},
        "beyond": {
            "trained_steps": 16,
            "right_when_trained": 900,
            "right_at_end": 900 + gained - lost,
            "paired": counts,
        },
    }


def test_three_puzzles_in_a_thousand_are_not_significant():
    """McNemar's p of 3 to 0 is 0.25."""
    expected = "3 gained, 0 lost, p = 0.25"
    for answer in (reports._cost, reports._without_head, reports._deeper):
        text = answer(paired(3, 0))
        assert text.startswith("not significant (") and expected in text


def test_a_significant_difference_has_a_verdict():
    assert reports._deeper(paired(10, 0)).startswith(
        "yes (900 of 1000 correct at step 16, 910 at step 64: 10 gained, 0 lost"
    )
    assert reports._deeper(paired(0, 10)).startswith("no (")
    assert reports._cost(paired(0, 9)).startswith("yes (-0.9 points after 2.8 of 16 steps: 0 gained, 9 lost")
    assert reports._cost(paired(9, 0)).startswith("no, it improves accuracy (+0.9 points")
    assert reports._without_head(paired(0, 9)).startswith(
        "less accurate (89.1% after 2.8 steps, 90.0% after 3.7 steps"
    )


@pytest.mark.parametrize(
    "share, band, verdict",
    [(0.6, [0.51, 0.7], "yes"), (0.6, [0.4, 0.7], "inconclusive"), (0.13, [0.06, 0.21], "no")],
)
def test_grokking_needs_a_band_above_a_half(share, band, verdict):
    text = reports._grokking(
        {"along_steps": {"solved_at_once": {"share": share, "band": band, "puzzles": 70}}}
    )
    assert text.startswith(f"{verdict} (") and f"({100 * band[0]:.1f} to {100 * band[1]:.1f}) of 70" in text
