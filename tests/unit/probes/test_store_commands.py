"""`probes fit`, `halting`, `compare` and `project` of a store print what they print for the model and its puzzles."""

import json
from pathlib import Path

import numpy as np
import pytest

from probes.cli.main import main as probes
from probes.states import StateSource
from trm.checkpoint import save_model
from trm.cli.main import main as trm
from trm.tasks.sudoku import Sudoku

SMALL = Sudoku(2, 2)


@pytest.fixture
def given(tmp_path, tiny_model) -> list[str]:
    """Options that name a tiny model and forty puzzles of 4x4 Sudoku."""
    made = tiny_model(n=2, T=2, N_sup=2)
    save_model(tmp_path / "model", made.config, made.state_dict())
    inputs, _ = SMALL.generate_many(40, givens=(6, 10), seed=2)
    (tmp_path / "puzzles.txt").write_text("".join(SMALL.format(puzzle) + "\n" for puzzle in inputs))
    return ["--model", str(tmp_path / "model"), "--data", str(tmp_path / "puzzles.txt")]


@pytest.fixture
def stored(given, tmp_path, capsys) -> Path:
    """A store of these puzzles that has everything."""
    record = ["--calls", "all", "--positions", "all", "--dtype", "float32", "--batch", "16", "--shard", "16"]
    trm(["trace", *given, "--out", str(tmp_path / "store"), *record])
    capsys.readouterr()
    return tmp_path / "store"


@pytest.fixture
def printed(capsys):
    """Calls `probes` with --json and returns what it prints."""

    def call(*options: object) -> dict:
        probes([*map(str, options), "--json"])
        return json.loads(capsys.readouterr().out)

    return call


def close(one: object, other: object) -> bool:
    """Whether two printed results are equal, numbers to 1e-5."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(close(value, other[name]) for name, value in one.items())
    if isinstance(one, list):
        return len(one) == len(other) and all(map(close, one, other))
    return one == pytest.approx(other, abs=1e-5) if isinstance(one, float) else one == other


@pytest.mark.heavy
def test_probes(given, stored, printed, tmp_path, monkeypatch):
    settings = ["--targets", "solution,candidates_left", "--steps", "1,2", "--resamples", 20]
    of_model = printed("fit", *given, "--limit", 40, *settings)
    of_store = printed("fit", "--store", stored, *settings)
    assert close(of_store["results"], of_model["results"])
    limits, opened = [], StateSource.open

    def watched(path, *, limit):
        limits.append(limit)
        return opened(path, limit=limit)

    monkeypatch.setattr(StateSource, "open", watched)
    for limit in ([], ["--limit", 7]):
        assert "solution" in printed("fit", "--store", stored, "--targets", "list", *limit)
    assert limits == [None, 7]


def test_halting(given, stored, printed, tmp_path):
    of_model = printed("halting", *given, "--out", tmp_path / "model-halting")
    of_store = printed("halting", "--store", stored, "--out", tmp_path / "store-halting")
    for name in ("count", "exact_by_step", "calibration", "outcomes", "discrimination"):
        assert close(of_store[name], of_model[name])


def test_projections(given, stored, printed, tmp_path):
    for name, options in {"model": given, "store": ["--store", stored]}.items():
        printed("project", *options, "--calls" if name == "model" else "--state", "all" if name == "model" else "z",
                "--out", tmp_path / f"{name}.safetensors")  # fmt: skip
    from probes.latents.files import load_projection

    one, other = (load_projection(tmp_path / f"{name}.safetensors") for name in ("model", "store"))
    assert one.calls == other.calls
    np.testing.assert_allclose(np.abs(one.components), np.abs(other.components), atol=1e-3)


@pytest.mark.heavy
def test_comparisons(given, stored, printed, tmp_path, tiny_model, capsys):
    other = tiny_model(n=2, T=2, N_sup=2)
    other.initialise(9)
    save_model(tmp_path / "other", other.config, other.state_dict())
    trm(["trace", "--model", str(tmp_path / "other"), *given[2:], "--out", str(tmp_path / "second"), "--calls", "all",
         "--positions", "all", "--dtype", "float32"])  # fmt: skip
    capsys.readouterr()
    models = ["--model", tmp_path / "model", "--compare-with", tmp_path / "other", "--few", 4]
    of_models = printed("compare", *models, "--data", tmp_path / "puzzles.txt")
    stores, findings = f"{stored},{tmp_path / 'second'}", tmp_path / "findings.md"
    of_stores = printed("compare", *models, "--store", stores, "--findings", findings)
    assert of_stores.pop("findings") and close(of_stores, of_models | {"data": of_stores["data"]})
    assert f"--limit 40 --store {stores}`" in findings.read_text()


@pytest.mark.parametrize(
    "options, words",
    [
        (["fit", "--store", "S", "--model", "sudoku-trm"], "either --model and --data, or --store alone"),
        (["halting", "--store", "S"], "With --store, give --out"),
        (["halting", "--store", "S", "--out", "x", "--steps", "3"], "neither --model, --data nor --steps"),
        (["compare", "--model", "sudoku-trm", "--compare-with", "sudoku-hrm", "--store", "S"], "two stores separated"),
        (["fit", "--store", "missing"], "missing is not a trace store"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(options, words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        probes(options)
    err = capsys.readouterr().err
    assert end.value.code == 2 and words in err and err.count("\n") == 1


@pytest.mark.slow
def test_a_store_of_a_bundled_model_gives_the_probes_of_the_model(printed, tmp_path, capsys):
    given = ["--model", "sudoku-trm", "--data", "sudoku/test", "--limit", "30", "--N_sup", "2"]
    trm(
        [
            "trace",
            *given,
            "--out",
            str(tmp_path / "store"),
            "--calls",
            "last",
            "--batch",
            "16",
            "--shard",
            "30",
        ]
    )
    capsys.readouterr()
    settings = [
        "--targets",
        "solution",
        "--steps",
        "1,2",
        "--random",
        "none",
        "--resamples",
        20,
        "--no-control",
    ]
    of_model = printed("fit", *given, *settings)
    of_store = printed("fit", "--store", tmp_path / "store", *settings)
    for one, other in zip(of_store["results"], of_model["results"], strict=True):
        for name, score in one["scores"].items():  # float16 in the store
            assert score["value"] == pytest.approx(other["scores"][name]["value"], abs=0.02)
