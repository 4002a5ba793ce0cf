"""Inspection: every value and its source, what was assumed, and a score that changes if a value is wrong."""

import json
import time
from dataclasses import fields

import numpy as np
import pytest
import torch
from checkpoints import CPU

from trm.checkpoint import load_model, read_checkpoint
from trm.cli.main import main
from trm.coordinates import Depth
from trm.inspection import flops, inspect
from trm.inspection.inspect import (
    BATCH,
    affordable_puzzles,
    check_states,
    inspect_model,
    puzzles_of,
    report,
    run_self_check,
    state_line,
)
from trm.models import parameter_count
from trm.public.format import PUBLIC_NAMES
from trm.recursion import deep_supervision
from trm.tasks import get_task
from trm.tasks.maze import Maze


@pytest.fixture
def small_checks(monkeypatch):
    """Self-checks of a few puzzles."""
    monkeypatch.setattr(inspect, "MAX_PUZZLES", 4)


def save_alone(made, folder, name="step_5"):
    """The weights and nothing that describes them."""
    path = made.save(folder, with_yaml=False, name=name)
    (folder / "dataset.json").unlink(missing_ok=True)
    return path


@pytest.fixture
def maze_checkpoint(tmp_path, public_checkpoint):
    """A TRM of mazes without a yaml: everything about its depth is assumed."""
    made = public_checkpoint(
        vocab=6, cells=49, D=16, heads=8, layers=1, puzzle_emb_len=16, pos_encodings="learned"
    )
    return str(save_alone(made, tmp_path / "some folder"))


# what is found


@pytest.mark.heavy
def test_a_maze_model_without_a_yaml(maze_checkpoint, small_checks):
    found = inspect_model(maze_checkpoint)
    assert json.loads(json.dumps(found)) == found
    values = {value["name"]: value for value in found["values"]}
    assert values["n"] == {
        "name": "n", "public_name": "L_cycles", "value": 4, "source": "assumed: maze default", "assumed": True,
    }  # fmt: skip
    assert values["positions"]["source"] == "tensors" and not values["positions"]["assumed"]
    assert found["assumed"] == [name for name, value in values.items() if value["assumed"]]
    assert set(found["assumed"]) == {"n", "T", "N_sup", "heads", "prefix_length", "sequence_length"}
    assert (found["task"], found["kind"], found["grid"]) == ("maze", "trm", [7, 7])
    assert found["parameters"] == parameter_count(load_model(maze_checkpoint, device=CPU))
    assert "L_cycles = 4 (assumed: maze default)" in report(found)["report"].splitlines()


def test_a_forced_n_changes_the_score(maze_checkpoint, small_checks):
    assumed, forced = (inspect_model(maze_checkpoint, force={"N_sup": 2, **n}) for n in ({}, {"n": 6}))
    assert assumed["self_check"]["puzzles"] == forced["self_check"]["puzzles"] == 4
    assert assumed["self_check"]["loss_by_step"][0] != forced["self_check"]["loss_by_step"][0]
    assert "n" not in forced["assumed"]
    assert "L_cycles = 6 (forced)" in report(forced)["report"].splitlines()


@pytest.mark.heavy
def test_a_wrong_n_shows_on_a_trained_model(small_checks):
    right = run_self_check(load_model("sudoku-trm", device=CPU, force={"N_sup": 4}))
    wrong = run_self_check(load_model("sudoku-trm", device=CPU, force={"N_sup": 4, "n": 1}))
    assert right["cell"] > wrong["cell"] and right["loss"] < wrong["loss"]


@pytest.mark.heavy
def test_a_bundled_model(monkeypatch):
    monkeypatch.setattr(inspect, "MAX_PUZZLES", 2)
    found = inspect_model("sudoku-trm", force={"N_sup": 2})
    assert found["name"] == "sudoku-trm" and found["assumed"] == [] and found["known"] is None
    assert {value["source"] for value in found["values"]} == {"config.json", "forced"}
    text = report(found)["report"]
    assert text.startswith("sudoku-trm: TRM, sudoku 9x9, ") and "of 2 puzzles exact" in text
    assert "Assumed" not in text


def test_every_value_of_the_model_is_listed(maze_checkpoint):
    config = read_checkpoint(maze_checkpoint).config
    listed = {
        value["name"]: value["value"] for value in inspect_model(maze_checkpoint, self_check=False)["values"]
    }
    usual = {field.name: field.default for field in fields(config)}  # what other formats have stays out
    assert listed == {
        name: value
        for name, value in config.to_dict().items()
        if name in PUBLIC_NAMES or (name not in ("assumed", "unknown") and value != usual[name])
    }


def test_without_a_self_check(maze_checkpoint):
    found = inspect_model(maze_checkpoint, self_check=False)
    assert found["self_check"] is None and "self-check" not in report(found)["report"]


def test_a_known_file_shows_what_was_published(tmp_path, public_checkpoint):
    made = public_checkpoint(vocab=6, cells=900, D=16, heads=8, puzzle_emb_len=16)
    found = inspect_model(str(save_alone(made, tmp_path, "maze_hard_step_32550")), self_check=False)
    assert found["known"]["repo"] == "alphaXiv/trm-model-maze" and found["assumed"] == []
    assert "known file: alphaXiv/trm-model-maze (83.8% of Maze-Hard exact" in report(found)["report"]
    assert "L_cycles = 4 (known file: alphaXiv/trm-model-maze)" in report(found)["report"]


def test_the_command_prints_the_facts_before_it_runs_the_model(maze_checkpoint, monkeypatch, capsys):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(inspect, "run_self_check", stopped)
    with pytest.raises(SystemExit):
        main(["inspect", maze_checkpoint])
    out, err = capsys.readouterr()
    assert "L_cycles = 4 (assumed: maze default)" in out and "--no-check skips this" in err


@pytest.mark.heavy
def test_the_command_prints_one_json_object(maze_checkpoint, small_checks, capsys):
    main(["inspect", maze_checkpoint, "--json"])
    checked = json.loads(capsys.readouterr().out)
    assert checked["self_check"]["puzzles"] == 4 and checked["states"]
    assert [(at["n"], at["T"]) for at in checked["depths"]] == [(4, 3), (3, 3), (5, 3), (4, 2), (4, 4)]
    main(["inspect", maze_checkpoint, "--json", "--no-check"])
    assert json.loads(capsys.readouterr().out)["self_check"] is None


def test_equal_scores_without_a_state_are_one_number():
    use = {"variance_by_token": 0.5, "changed": 0.25, "inert": False}
    assert state_line(use | {"exact": 0.0, "exact_with_constant": 0.0}).endswith(
        "as before, no puzzle is exact"
    )
    assert "as before, 50.0% of the puzzles are exact" in state_line(
        use | {"exact": 0.5, "exact_with_constant": 0.5}
    )
    assert "0.0% instead of 50.0%" in state_line(use | {"exact": 0.5, "exact_with_constant": 0.0})


# the self-check


def test_the_score_is_what_the_model_answers(tmp_path, public_checkpoint, small_checks):
    model = load_model(str(public_checkpoint(cells=81, halt_max_steps=2).save(tmp_path)), device=CPU)
    check, heard = run_self_check(model), []
    task = get_task("sudoku")
    inputs, labels, _ = puzzles_of(task, 4)
    tokens, ids = torch.from_numpy(inputs.astype(np.int64)), torch.zeros(4, dtype=torch.long)
    *_, last = deep_supervision(model, tokens, ids, depth=model.config.depth)
    logits = last.heads.logits
    right = logits.argmax(-1).numpy() == labels
    assert check["exact"] == right.all(-1).mean() and check["cell"] == pytest.approx(right.mean())
    assert check["blank_cell"] == pytest.approx(right[inputs == 1].mean())
    chances = logits.softmax(-1).gather(-1, torch.from_numpy(labels.astype(np.int64))[..., None])
    assert check["loss"] == check["loss_by_step"][-1] == pytest.approx(-float(chances.log().mean()), rel=1e-5)
    assert len(check["loss_by_step"]) == 2 and check["loss_by_step"][0] != check["loss"]
    started = time.perf_counter()
    again = run_self_check(model, progress=lambda share, text: heard.append(share))
    assert 0 <= again["seconds"] <= time.perf_counter() - started + 0.01
    assert {**again, "seconds": 0} == {**check, "seconds": 0}
    assert heard == sorted(heard) and heard[-1] == 1


@pytest.mark.parametrize(
    "task, vocab, cells, words",
    [("sudoku", 6, 16, "4x4"), ("sudoku", 8, 36, "6x6"), ("maze", 6, 49, "7x7"), ("maze", 6, 100, "10x10")],
)
def test_other_sizes_are_generated(tmp_path, public_checkpoint, small_checks, task, vocab, cells, words):
    made = public_checkpoint(vocab=vocab, cells=cells, halt_max_steps=1)
    check = run_self_check(load_model(str(made.save(tmp_path)), device=CPU))
    assert check["puzzles"] == 4 and words in check["note"] and task in check["note"]


def test_large_mazes_have_long_paths():
    inputs, labels, note = puzzles_of(get_task("maze", 900), 2)
    assert inputs.shape == (2, 900) and "110 steps" in note
    assert ((labels == 5).sum(-1) + 1 >= 110).all()


@pytest.mark.parametrize("side, long", [(23, False), (24, True)])
def test_mazes_from_24_cells_a_side_are_large(monkeypatch, side, long):
    asked, puzzles = [], np.zeros((2, side**2), np.uint8)
    monkeypatch.setattr(
        Maze, "generate_many", lambda self, count, **how: asked.append(how) or (puzzles, puzzles)
    )
    *_, note = puzzles_of(Maze(side), 2)
    assert ("min_path" in asked[0]) == ("110 steps" in note) == long


def test_the_usual_sudoku_are_from_the_test_set():
    inputs, _, note = puzzles_of(get_task("sudoku"), 3)
    assert inputs.shape == (3, 81) and note == "Puzzles of sudoku/test, spread evenly from easy to hard."


@pytest.mark.parametrize("count, every", [(16, 1), (17, 2), (32, 2)])
def test_states_are_measured_on_at_most_16_puzzles_in_order(tiny_model, monkeypatch, count, every):
    given = []
    monkeypatch.setattr(inspect, "affordable_puzzles", lambda config: count)
    monkeypatch.setattr(
        inspect, "measure_state_use", lambda model, *arrays, **options: given.extend(arrays) or {}
    )
    assert check_states(tiny_model()) == {}
    inputs, labels, _ = puzzles_of(get_task("sudoku", 16), count)
    assert np.array_equal(given[0], inputs[::every]) and np.array_equal(given[1], labels[::every])
    assert np.array_equal(given[2], inputs[::every] == 1)


@pytest.mark.parametrize(
    "sizes, words",
    [
        ({"vocab": 12, "cells": 900}, "with the blank id every answer is wrong"),
        ({"vocab": 9, "cells": 25}, "No task has 9 tokens"),
        ({"vocab": 11, "cells": 25}, "No Sudoku has 25 cells"),
        ({"vocab": 6, "cells": 17}, "Mazes are square"),
    ],
)
def test_nothing_to_check_with(tmp_path, public_checkpoint, sizes, words):
    found = inspect_model(str(public_checkpoint(**sizes).save(tmp_path)))
    assert list(found["self_check"]) == ["note"] and words in found["self_check"]["note"]
    assert words in report(found)["report"]
    assert ("task: unknown" in report(found)["report"]) == (sizes["vocab"] == 9)


def test_a_large_model_is_checked_on_fewer_puzzles(tiny_config, tiny_model):
    assert run_self_check(tiny_model())["puzzles"] == affordable_puzzles(tiny_config()) == inspect.MAX_PUZZLES
    sudoku = {
        "vocab_size": 11,
        "sequence_length": 81,
        "prefix_length": 16,
        "hidden_size": 512,
        "mlp_width": 1536,
    }
    mlp = {"mixing": "mlp", "mixing_width": 512, "heads": 0, "positions": "none"}
    config = tiny_config(**sudoku, **mlp)
    assert inspect.BUDGET / (336 * flops.f_L_call(config)) == pytest.approx(
        1.2, abs=0.1
    )  # the public Sudoku TRM
    assert affordable_puzzles(config) == 1
    maze = tiny_config(hidden_size=64, mlp_width=256, heads=8, sequence_length=900, vocab_size=6)
    assert affordable_puzzles(maze) == 1  # small, but with maps of 900 x 900


def test_every_depth_is_checked_on_the_same_puzzles(tiny_config):
    sizes = {"hidden_size": 128, "mlp_width": 384, "sequence_length": 81, "heads": 4}
    counts = {
        affordable_puzzles(tiny_config(**sizes, n=n, T=T)) for n, T in ((1, 1), (4, 3), (6, 3), (50, 9))
    }
    # A block on 82 positions: 10,747,904 operations for projections, 3,442,688 for attention and 24,182,784 for the
    # MLP. Two blocks and 64 for each of 53,792 entries of maps make 80,189,440, and 336 calls of these 27 billion.
    assert counts == {18}


def test_a_self_check_at_another_depth_calls_the_hook(tiny_model):
    """As forcing those values would, without opening the model again."""
    model, calls = tiny_model(), []

    def note(at, state):
        calls.append(at)
        return state

    deeper = Depth(n=3, T=1, N_sup=2)
    found = run_self_check(model, depth=deeper, after_call=note)
    batches = -(-found["puzzles"] // BATCH)
    assert len(calls) == batches * 2 * deeper.calls_per_step and len(found["loss_by_step"]) == 2
    forced = tiny_model(n=3, T=1, N_sup=2)
    assert run_self_check(forced)["loss_by_step"] == found["loss_by_step"]
