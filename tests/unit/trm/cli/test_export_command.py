"""`trm export`: every format from a recorded or live run, and one line for a user error."""

import base64
import csv
import gzip
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from export_runs import SUDOKU, sudoku_run
from PIL import Image
from safetensors.numpy import load_file, save_file

from trm.checkpoint import save_model
from trm.cli.main import main
from trm.export.payload import trace_id
from trm.trace import load_trace, save_trace
from trm.web import runtime

REPOSITORY = Path(__file__).resolve().parents[4]


@pytest.fixture
def ran(ran):
    """Calls `trm export` with --json in this process; returns its one JSON object."""
    return partial(ran, "export")


@pytest.fixture
def trace_file(tmp_path) -> Path:
    save_trace(tmp_path / "run.safetensors", sudoku_run())
    return tmp_path / "run.safetensors"


@pytest.fixture
def model(tmp_path, tiny_model) -> Path:
    made = tiny_model()
    save_model(tmp_path / "model", made.config, made.state_dict())
    return tmp_path / "model"


@pytest.mark.heavy
def test_every_format_from_one_recorded_run(tmp_path, trace_file, ran):
    formats = ("html", "png", "svg", "pdf", "gif", "csv", "npz")
    asked = [word for name in formats for word in (f"--{name}", tmp_path / f"out.{name}")]
    result = ran("--trace", trace_file, *asked)
    assert {name: result[name] for name in ("model", "task", "steps", "halt_step", "solved")} == {
        "model": "made-up", "task": "sudoku", "steps": 3, "halt_step": 3, "solved": True,
    }  # fmt: skip
    assert list(result["written"]) == list(formats)
    for name, facts in result["written"].items():
        file = tmp_path / f"out.{name}"
        assert facts["file"] == str(file) and facts["bytes"] == file.stat().st_size > 500
    assert result["written"]["gif"]["frames"] == 6
    assert Image.open(tmp_path / "out.png").format == "PNG" and Image.open(tmp_path / "out.gif").n_frames == 6
    assert "made-up: run" in (tmp_path / "out.svg").read_text()
    text = (tmp_path / "out.html").read_text()
    assert "export default mount;" in text and ".player" in text and "made-up: run" in text
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["run.safetensors", *(f"out.{name}" for name in formats)]
    )


def test_a_live_run(tmp_path, model, ran):
    puzzle = tmp_path / "my <puzzle>.txt"
    puzzle.write_text("1.3.....2..4....")
    result = ran("--model", model, "--puzzle", puzzle, "--csv", tmp_path / "a.csv", "--npz", tmp_path / "a.npz", "--svg", tmp_path / "a.svg")  # fmt: skip
    assert result["steps"] == 3 and result["solved"] is False
    capture = list(csv.DictReader((tmp_path / "a.csv").open()))
    with np.load(tmp_path / "a.npz", allow_pickle=False) as stored:
        assert SUDOKU.format(stored["answers"][-1]) == capture[-1]["answer"]
        assert json.loads(str(stored["metadata"]))["provenance"]["recorded"]  # a file is read on another day
    assert "my &lt;puzzle&gt;" in (tmp_path / "a.svg").read_text()


def test_forced_depth(tmp_path, model, ran):
    result = ran(
        "--model", model, "--puzzle", "." * 16, "--N_sup", 2, "--T", 3, "--n", 1, "--csv", tmp_path / "a.csv"
    )
    assert result["steps"] == 2 and len((tmp_path / "a.csv").read_text().splitlines()) == 1 + 2 * 3 * 2


def test_another_depth_than_the_one_it_was_trained_with(tmp_path, model, ran):
    result = ran("--model", model, "--puzzle", "." * 16, "--depth", "1,3,5", "--npz", tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz", allow_pickle=False) as stored:
        facts = json.loads(str(stored["metadata"]))
    assert result["steps"] == 5 and facts["depth"] == {"n": 1, "T": 3, "N_sup": 5}
    assert facts["trained"] == {"n": 2, "T": 2, "N_sup": 3}


def test_arc_without_an_id_has_a_note(tmp_path, tiny_model, ran):
    made = tiny_model(task="arc", vocab_size=12, sequence_length=900, puzzle_ids=3, puzzle_embedding_size=8,
                      mixing="mlp", mixing_width=8, heads=0, positions="none")  # fmt: skip
    save_model(tmp_path / "arc", made.config, made.state_dict())
    call = ("--model", tmp_path / "arc", "--puzzle", "012/345", "--svg", tmp_path / "a.svg")
    assert (
        "blank puzzle id 0" in ran(*call)["note"] and "blank puzzle id 0" in (tmp_path / "a.svg").read_text()
    )
    assert "note" not in ran(*call, "--puzzle-id", 2)
    assert "blank puzzle id 0" not in (tmp_path / "a.svg").read_text()


@pytest.mark.parametrize(
    ("task", "answer", "says"),
    [
        ("chess", 2, "Unknown task 'chess'. Choose one of: arc, maze, sudoku."),
        ("arc", 2, "ARC grids have 30x30 = 900 cells, not 16."),
        ("sudoku", 200, "This trace does not fit the task sudoku. Record it again."),
    ],
)
def test_a_trace_of_something_else_is_named(tmp_path, refused, task, answer, says):
    run = sudoku_run()
    path = tmp_path / "other.safetensors"
    made = replace(run.provenance, task=task)
    save_trace(path, replace(run, provenance=made, answers=np.full_like(run.answers, answer)))
    assert refused("export", "--trace", path, "--csv", tmp_path / "a.csv") == f"trm: {path}: {says}"


def test_the_time_point_of_an_image_and_of_the_page(tmp_path, trace_file, ran):
    ran(
        "--trace",
        trace_file,
        "--svg",
        tmp_path / "a.svg",
        "--html",
        tmp_path / "a.html",
        "--step",
        1,
        "--cycle",
        1,
    )
    assert "Supervision step 1 of 3, cycle 1 of 2, f_H" in (tmp_path / "a.svg").read_text()
    data = (tmp_path / "a.html").read_text().split('id="run">')[1].split("</script>")[0]
    assert json.loads(data)["start"] == {"supervision_step": 1, "cycle": 1, "call": 3}
    ran("--trace", trace_file, "--html", tmp_path / "b.html", "--view", "reverse")
    data = (tmp_path / "b.html").read_text().split('id="run">')[1].split("</script>")[0]
    assert json.loads(data)["start"] == {"supervision_step": 1, "cycle": 1, "call": 3, "mode": "reverse"}
    ran("--trace", trace_file, "--svg", tmp_path / "a.svg")
    assert "Supervision step 3 of 3, cycle 2 of 2, f_H" in (tmp_path / "a.svg").read_text()


def test_a_page_of_a_usual_run_is_small(tmp_path, ran):
    """16 supervision steps, T=3, n=6 of a 9x9 Sudoku."""
    recorded = next((REPOSITORY / "assets" / "traces" / "sudoku-trm").glob("*.safetensors"))
    assert vars(load_trace(recorded).depth) == {"n": 6, "T": 3, "N_sup": 16}
    assert ran("--trace", recorded, "--html", tmp_path / "a.html")["written"]["html"]["bytes"] < 1_000_000


MISTAKES = [
    (("--trace", "{trace}"), "Give one or more of --html, --png"),
    (("--png", "{out}"), "--model and --puzzle, or --trace"),
    (("--model", "sudoku-trm", "--png", "{out}"), "--model and --puzzle, or --trace"),
    (("--model", "no-such-model", "--puzzle", "." * 81, "--png", "{out}"), "no model 'no-such-model'"),
    (("--model", "{model}", "--puzzle", "junk", "--png", "{out}"), "'j'"),
    (("--model", "{model}", "--puzzle", "." * 16, "--step", "4", "--png", "{out}"), "Choose 1 to 3"),
    (("--trace", "{trace}", "--model", "sudoku-trm", "--png", "{out}"), "Leave out"),
    (("--trace", "{trace}", "--n", "3", "--png", "{out}"), "Leave out"),
    (("--trace", "{trace}", "--depth", "1,1,1", "--png", "{out}"), "Leave out"),
    (("--model", "{model}", "--puzzle", "." * 16, "--depth", "1,2", "--png", "{out}"), "is not n,T,N_sup"),
    (("--model", "{model}", "--puzzle", "." * 16, "--depth", "1,0,3", "--png", "{out}"), "is not n,T,N_sup"),
    (("--model", "{model}", "--puzzle", "." * 16, "--depth", "9,9,9999999", "--png", "{out}"), "net calls, more than"),
    (("--model", "{model}", "--puzzle", "." * 16, "--depth", "1,1,2", "--step", "3", "--png", "{out}"), "Choose 1 to 2"),
    (("--trace", "{trace}", "--puzzle-id", "3", "--png", "{out}"), "Leave out"),
    (("--trace", "{folder}/nowhere", "--png", "{out}"), "cannot be read"),
    (("--trace", "{model}/model.safetensors", "--png", "{out}"), "not a trace of this version"),
    (("--trace", "{trace}", "--step", "4", "--png", "{out}"), "Choose 1 to 3"),
    (("--trace", "{trace}", "--cycle", "0", "--png", "{out}"), "Choose 1 to 2"),
    (("--trace", "{trace}", "--call", "4", "--png", "{out}"), "Choose 1 to 3"),
    (("--trace", "{trace}", "--view", "dreams", "--png", "{out}"), "Unknown view 'dreams'. Choose one of: answer,"),
    (("--trace", "{trace}", "--theme", "blue", "--png", "{out}"), "Unknown theme 'blue'. Choose one of: light, dark"),
    (("--trace", "{trace}", "--view", "z", "--csv", "{out}"), "Add one of these, or leave it out"),
    (("--trace", "{trace}", "--step", "1", "--gif", "{out}"), "Add one of these, or leave them out"),
    (("--trace", "{trace}", "--frame-time", "0", "--gif", "{out}"), "--frame-time 0 is out of range"),
    (("--trace", "{trace}", "--hold", "inf", "--gif", "{out}"), "--hold inf is out of range"),
    (("--trace", "{trace}", "--every", "minute", "--gif", "{out}"), '--every. Choose from: "call", "answer", "step"'),
    (("--trace", "{trace}", "--width", "3", "--png", "{out}"), "--width applies only to --pdf"),
    (("--trace", "{trace}", "--width", "99", "--pdf", "{out}"), "Choose 2 to 20 inches"),
    (("--trace", "{trace}", "--png", "{folder}"), "is a folder"),
    (("--trace", "{trace}", "--png", "{folder}/nowhere/a.png"), "does not exist"),
    (("--trace", "{trace}", "--png", "{trace}/a.png"), "does not exist"),
    (("--trace", "{trace}", "--png", "{pipe}"), "not a regular file"),
    (("--trace", "{trace}", "--png", "{out}", "--svg", "{folder}/./out"), "the same file as --png"),
    (("--trace", "{trace}", "--npz", "{trace}"), "the same file as the input"),
    (("--trace", "{trace}", "--mp4", "{out}"), "not on the PATH"),
    (("--trace", "{foreign}", "--png", "{out}"), "Unknown task 'chess'"),
]  # fmt: skip


@pytest.mark.parametrize("arguments, words", MISTAKES)
def test_one_line_for_a_mistake(refused, monkeypatch, tmp_path, trace_file, model, arguments, words):
    monkeypatch.setenv("PATH", "")
    os.mkfifo(tmp_path / "pipe")
    trace = sudoku_run()
    save_trace(tmp_path / "foreign", replace(trace, provenance=replace(trace.provenance, task="chess")))
    places = {"trace": trace_file, "model": model, "folder": tmp_path, "out": tmp_path / "out", "pipe": tmp_path / "pipe", "foreign": tmp_path / "foreign"}  # fmt: skip
    filled = [text.format(**places) for text in arguments]
    before = sorted(tmp_path.iterdir())
    assert words in refused("export", *filled)
    assert sorted(tmp_path.iterdir()) == before, "something was written"


def test_a_folder_that_cannot_be_written(refused, monkeypatch, trace_file, tmp_path):
    monkeypatch.setattr(
        "os.access", lambda path, mode: False
    )  # the tests may run as root, who can write anywhere
    assert "is not writable" in refused("export", "--trace", trace_file, "--png", tmp_path / "a.png")


def test_an_output_is_replaced_atomically(refused, ran, monkeypatch, trace_file, tmp_path):
    out = tmp_path / "a.svg"
    out.write_text("old")

    def fail(*picture):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("trm.export.pictures.picture.svg_text", fail)
        assert "No space left" in refused("export", "--trace", trace_file, "--svg", out)
    assert out.read_text() == "old" and len(list(tmp_path.iterdir())) == 2
    ran("--trace", trace_file, "--svg", out)
    assert out.read_text().startswith("<?xml")


@pytest.mark.heavy
@pytest.mark.parametrize("field, value", [("dtype", 16), ("model", None)])
def test_a_trace_whose_provenance_is_not_text(trace_file, tmp_path, field, value):
    """In a process of its own, where no types are checked."""
    trace = load_trace(trace_file)
    facts = {name: json.dumps(vars(getattr(trace, name))) for name in ("depth", "trained")}
    facts["provenance"] = json.dumps(vars(trace.provenance) | {field: value})
    save_file(load_file(trace_file), tmp_path / "odd", metadata=facts)
    done = subprocess.run(
        [sys.executable, "-m", "trm", "export", "--trace", tmp_path / "odd", "--png", tmp_path / "a.png"],
        cwd=REPOSITORY, capture_output=True, text=True,
    )  # fmt: skip
    assert (
        done.returncode == 2
        and "is not a trace of this version" in done.stderr
        and done.stderr.count("\n") == 1
    )


def test_for_people(trace_file, tmp_path, capsys):
    main(["export", "--trace", str(trace_file), "--csv", str(tmp_path / "a.csv")])
    out = capsys.readouterr().out
    assert f"csv: file {tmp_path / 'a.csv'}, bytes " in out and "model: made-up" in out


def test_the_page_has_the_map_of_its_run_and_no_other(tmp_path, trace_file, ran, refused):
    identity = trace_id(load_trace(trace_file))
    embedding = {"method": "pca", "shares": [0.5, 0.25], "run": [0.0, 1.5]}
    (tmp_path / "map.json").write_text(json.dumps({"run": identity, "states": {"z": [embedding]}}))
    ran("--trace", trace_file, "--html", tmp_path / "a.html", "--map", tmp_path / "map.json")
    data = (tmp_path / "a.html").read_text().split('id="run">')[1].split("</script>")[0]
    assert json.loads(data)["map"]["states"]["z"][0]["run"] == [0.0, 1.5]
    (tmp_path / "other.json").write_text(json.dumps({"run": "0" * 16, "states": {"z": [embedding]}}))
    arguments = ("export", "--trace", trace_file, "--map", tmp_path / "other.json")
    assert "is the map of another run" in refused(*arguments, "--html", tmp_path / "b.html")
    assert "--map applies only to --html" in refused(*arguments, "--csv", tmp_path / "b.csv")


def test_a_page_with_its_model_holds_the_files_of_both(tmp_path, model, ran, monkeypatch):
    """The files of ONNX Runtime Web are stand-ins."""
    monkeypatch.setattr(runtime, "runtime_folder", lambda: tmp_path)
    monkeypatch.setattr(runtime, "fetch_runtime", lambda folder: None)
    for name in runtime.FILES:
        (tmp_path / name).write_bytes(f"the text of {name}".encode())
    ran("--model", model, "--puzzle", "." * 16, "--html", tmp_path / "a.html", "--with-model")
    held = re.findall(
        r'<script type="text/plain" id="file-([^"]+)">([^<]+)<', (tmp_path / "a.html").read_text()
    )
    files = {name: gzip.decompress(base64.b64decode(content)) for name, content in held}
    assert {*runtime.FILES} < files.keys() and any(name.endswith(".onnx") for name in files)
    assert files[runtime.FILES[0]] == f"the text of {runtime.FILES[0]}".encode()


def test_only_the_page_of_a_model_can_hold_it(tmp_path, trace_file, refused):
    for files in (("--html", tmp_path / "a.html"), ("--csv", tmp_path / "a.csv")):
        message = refused("export", "--trace", trace_file, *files, "--with-model")
        assert "--with-model applies only to --html of a single run of --model" in message
