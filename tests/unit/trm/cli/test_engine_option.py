"""--engine: torch unless another engine is requested, which the output names."""

import json
from pathlib import Path

import numpy as np
import pytest

from trm.checkpoint import save_model
from trm.cli.main import main
from trm.engine import choice

PUZZLE = "1..." * 4


@pytest.fixture
def model(tmp_path, tiny_model) -> Path:
    made = tiny_model()
    save_model(tmp_path / "model", made.config, made.state_dict())
    return tmp_path / "model"


def test_eval_uses_torch_unless_an_engine_is_given(model, ran, tmp_path):
    (tmp_path / "puzzles.txt").write_text(f"{PUZZLE}\n")
    options = ("eval", "--model", model, "--data", tmp_path / "puzzles.txt")
    assert ran(*options)["engine"] == "torch"
    assert ran(*options, "--engine", "onnx")["engine"] == "onnx"


def test_bfloat16_is_used_where_the_processor_has_it(model, ran, refused, tmp_path, monkeypatch):
    (tmp_path / "puzzles.txt").write_text(f"{PUZZLE}\n")
    options = ("eval", "--model", model, "--data", tmp_path / "puzzles.txt", "--engine", "bfloat16")
    monkeypatch.setattr(choice, "cpu_has_bfloat16", lambda: True)
    assert ran(*options)["engine"] == "bfloat16"
    monkeypatch.setattr(choice, "cpu_has_bfloat16", lambda: False)
    assert "needs a processor with bfloat16" in refused(*options)


def test_solve_chooses_the_faster_engine(model, ran, monkeypatch):
    options = ("solve", "--model", model, "--puzzle", PUZZLE)
    results = {name: ran(*options, "--engine", name) for name in ("torch", "onnx")}
    assert {name: result.pop("engine") for name, result in results.items()} == {
        "torch": "torch",
        "onnx": "onnx",
    }
    assert results["torch"]["answers"] == results["onnx"]["answers"]
    assert ran(*options)["engine"] == "onnx"
    monkeypatch.setattr(choice, "find_spec", lambda name: None)
    assert ran(*options)["engine"] == "torch"


def test_solve_says_what_computed(model, capsys):
    main(["solve", "--model", str(model), "--puzzle", PUZZLE, "--engine", "onnx"])
    assert " Computed with ONNX Runtime.\n" in capsys.readouterr().out


def test_forward_writes_nearly_the_same_outputs(model, ran, tmp_path):
    np.savez(tmp_path / "in.npz", inputs=np.arange(16)[None] % 6)
    outputs = {}
    for name in ("torch", "onnx"):
        ran(
            "forward",
            "--model",
            model,
            "--inputs",
            tmp_path / "in.npz",
            "--out",
            tmp_path / name,
            "--engine",
            name,
        )
        outputs[name] = dict(np.load(tmp_path / name))
    calls = [outputs[name]["step1_call_output"] for name in ("torch", "onnx")]
    assert not np.array_equal(*calls)
    np.testing.assert_allclose(*calls, atol=1e-4)


def test_a_store_names_its_engine_and_is_resumed_with_no_other(model, ran, refused, tmp_path):
    (tmp_path / "puzzles.txt").write_text(f"{PUZZLE}\n")
    options = ("trace", "--model", model, "--data", tmp_path / "puzzles.txt", "--out", tmp_path / "store")
    ran(*options, "--engine", "onnx")
    provenance = json.loads((tmp_path / "store" / "manifest.json").read_text())["provenance"]
    assert provenance["engine"] == "onnx" and "--engine onnx" in provenance["command"]
    assert "was recorded with engine 'onnx'" in refused(*options)


REQUIRED = {"eval": ["data"], "solve": ["puzzle"], "forward": ["inputs", "out"], "trace": ["data", "out"]}


@pytest.mark.parametrize("command", REQUIRED)
def test_an_unknown_engine_is_refused_in_one_line(command, refused):
    options = [word for name in ("model", *REQUIRED[command]) for word in (f"--{name}", name)]
    line = refused(command, *options, "--engine", "jax")
    assert "jax" in line and "onnx" in line


def test_a_missing_library_is_named_with_its_remedy(model, refused, monkeypatch):
    monkeypatch.setattr(choice, "find_spec", lambda name: None)
    line = refused("solve", "--model", model, "--puzzle", PUZZLE, "--engine", "onnx")
    assert "pip install onnxruntime onnx" in line
    assert "pip install" in refused("export", "--model", model, "--onnx", "graphs")


def test_graphs_are_exported_without_a_puzzle(model, ran, refused, tmp_path):
    result = ran("export", "--model", model, "--onnx", tmp_path / "graphs")
    assert set(result["files"]) == {"embed.onnx", "step.onnx", "model.json"}
    both = ran(
        "export",
        "--model",
        model,
        "--puzzle",
        PUZZLE,
        "--csv",
        tmp_path / "run.csv",
        "--onnx",
        tmp_path / "more",
    )
    assert set(both["written"]) == {"csv"} and both["files"] == result["files"]
    assert "Give --model" in refused("export", "--onnx", tmp_path / "graphs")
