"""`trm trace`: options, results, and messages for errors and interruptions."""

import json

import numpy as np
import pytest
import torch

from trm.checkpoint import save_model
from trm.cli.main import main
from trm.progress import ProgressLine
from trm.store import open_store
from trm.tasks.sudoku import Sudoku

SMALL = Sudoku(2, 2)


@pytest.fixture
def given(tmp_path, tiny_model) -> list[str]:
    """Options that name a tiny model and nine puzzles of 4x4 Sudoku."""
    made = tiny_model()
    save_model(tmp_path / "model", made.config, made.state_dict())
    inputs, _ = SMALL.generate_many(9, givens=(6, 10), seed=2)
    (tmp_path / "puzzles.txt").write_text("".join(SMALL.format(puzzle) + "\n" for puzzle in inputs))
    return ["--model", str(tmp_path / "model"), "--data", str(tmp_path / "puzzles.txt")]


@pytest.fixture
def traced(given, tmp_path, capsys):
    """Calls the command with --json; returns its one JSON object and the lines on stderr."""

    def call(*options: object):
        main(["trace", *given, "--out", str(tmp_path / "store"), *map(str, options), "--json"])
        out, err = capsys.readouterr()
        return json.loads(out), err.splitlines()

    return call


def test_a_store_is_made_and_then_complete(traced, tmp_path):
    result, said = traced("--limit", 5, "--shard", 2)
    assert {name: result[name] for name in ("puzzles", "recorded", "count", "complete")} == {
        "puzzles": 5, "recorded": 5, "count": 5, "complete": True
    }  # fmt: skip
    assert len(said) == 1 and "5 puzzles, shards of 2" in said[0] and "free" in said[0]
    store = open_store(tmp_path / "store")
    assert store.states("y").shape == store.states("z").shape == (5, 6, 16, 8)
    assert store.manifest.provenance.data == "puzzles.txt"
    assert store.layout.settings.dtype == "float16"
    assert store.top_logits().tokens.shape == (5, 6, 16, 5)
    assert (store.labels() > 1).all()  # solved by the task
    result, said = traced("--limit", 5, "--shard", 2)
    assert result["recorded"] == 0 and result["count"] == 5
    assert said == [f"{tmp_path / 'store'} is already complete, with 5 puzzles."]


def test_the_summary_is_a_sentence_and_the_next_command(given, tmp_path, capsys):
    out = tmp_path / "store"
    main(["trace", *given, "--out", str(out), "--limit", "5"])
    sentence, following = capsys.readouterr().out.splitlines()
    assert sentence.startswith(f"{out} holds 5 puzzles (") and "5 of them were recorded now" in sentence
    assert following == f"Next: python -m probes fit --store {out} --out {out}.fit.json"


def test_options_reach_the_store(traced, tmp_path):
    traced(
        *("--states", "z", "--calls", "2.*.1", "--positions", "mean,r1c1", "--logits", "none"),
        *("--dtype", "bfloat16", "--batch", 3, "--N_sup", 2, "--pos_encodings", "none"),
    )
    store = open_store(tmp_path / "store")
    assert store.states("z").shape == (9, 2, 2, 8) and store.positions == ("r1c1", "mean")
    assert store.depth.N_sup == 2 and store.layout.config.positions == "none"
    assert store.layout.settings.batch == 3 and store.layout.settings.shard == 64
    command = store.manifest.provenance.command
    assert command.startswith("trm trace ") and "--out" not in command
    assert "--N_sup 2 --pos_encodings none" in command and "--shard" not in command, "defaults are left out"
    assert command.endswith(
        "--states z --calls '2.*.1' --positions mean,r1c1 --logits none --dtype bfloat16 --batch 3"
    )


def test_batch_and_shard_follow_each_other(traced, tmp_path):
    traced("--shard", 4)
    assert open_store(tmp_path / "store").layout.settings.batch == 4
    traced("--batch", 100, "--force")
    settings = open_store(tmp_path / "store").layout.settings
    assert (settings.batch, settings.shard) == (100, 100)


def test_mistakes(traced, given, refused, tmp_path, monkeypatch):
    options = ["trace", *given, "--out", tmp_path / "store"]
    assert "is not a call" in refused(*options, "--calls", "some")
    assert "A limit of 0" in refused(*options, "--limit", 0)
    assert "is not a trace store" in refused("trace", *given, "--out", tmp_path)
    traced()
    line = refused(*options, "--n", 3)
    assert "was recorded with n 2, but now it is 3" in line and "--force" in line
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert "--force does not work with several processes" in refused(*options, "--force")


def test_ctrl_c_says_how_to_resume(traced, given, capsys, tmp_path, monkeypatch):
    def stop(progress: ProgressLine, share: float, text: str) -> None:
        if "recorded" in text and share > 4 / 9:
            assert text == "3 of 9 puzzles recorded"
            raise KeyboardInterrupt

    monkeypatch.setattr(ProgressLine, "__call__", stop)
    with pytest.raises(SystemExit) as end:
        traced("--shard", 3)
    assert end.value.code == 130
    assert capsys.readouterr().err.splitlines()[-2:] == [
        "stopped with 1 of 3 shards complete; run the same command to resume",
        "trm: stopped",
    ]
    monkeypatch.undo()
    monkeypatch.setattr("trm.checkpoint.choose_device", lambda: torch.device("cpu"))
    assert open_store(tmp_path / "store").count == 3
    result, _ = traced("--shard", 3)
    assert (result["recorded"], result["count"]) == (6, 9)
    assert np.isfinite(open_store(tmp_path / "store").states("z")).all()
