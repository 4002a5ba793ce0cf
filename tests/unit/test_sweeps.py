"""Sweeps on tiny models: the numbers are those of runs made one by one, and what is counted is counted right."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from probes.branches import keep
from probes.causes_record import WEIGHT
from probes.changes import noisy
from probes.cli import main
from probes.experiment_runs import over_puzzles, planned
from probes.experiments import EXPERIMENTS, Setting, plan_of, wrong_answer
from probes.interventions import written
from probes.patching import patch_map
from probes.places import InterventionError
from probes.rollouts import Rollouts, distinct, fixed_points, most_frequent, rollouts, selection
from probes.rows import run_rows
from probes.sweeps import Curve, noise_sweep, removal_sweep
from trm.checkpoint import save_model
from trm.coordinates import Depth
from trm.data import Preset, PuzzleSet, load_puzzles
from trm.recursion import State, deep_supervision
from trm.tasks import get_task
from trm.tasks.sudoku import Sudoku
from trm.trace import load_trace

SMALL = Sudoku(2, 2)
DEPTH = Depth(n=2, T=2, N_sup=3)


@pytest.fixture
def model(tiny_model, monkeypatch):
    monkeypatch.setattr("probes.rows.training_dtype", lambda device: torch.float32)
    return tiny_model(mixing="mlp", mixing_width=20, heads=0, positions="none")


@pytest.fixture(scope="module")
def puzzles() -> PuzzleSet:
    inputs, labels = SMALL.generate_many(6, seed=3)
    return PuzzleSet.of("six", SMALL, inputs, labels)


def answers_of(model, inputs: np.ndarray, state: State | None = None) -> list[np.ndarray]:
    """After every supervision step, one puzzle alone; from another initial state, if given."""
    tokens = torch.from_numpy(inputs.astype(np.int64))[None]
    if state is not None:
        model = _Started(model, state)
    steps = deep_supervision(model, tokens, torch.zeros(1, dtype=torch.long), depth=DEPTH)
    return [step.heads.logits[0].argmax(-1).numpy().astype(np.uint8) for step in steps]


class _Started:
    """A model that begins elsewhere."""

    def __init__(self, model, state: State):
        self.model, self.state = model, state

    def __getattr__(self, name):
        return getattr(self.model, name)

    def initial_state(self, x):
        return self.state


# ---- rows


def test_rows_are_the_runs_and_leave_when_right(model, puzzles, monkeypatch):
    monkeypatch.setattr("probes.rows.BATCH", 4)
    plain = run_rows(model, puzzles.inputs, depth=DEPTH, keep_y=True)
    alone = [answers_of(model, grid) for grid in puzzles.inputs]
    for row, steps in enumerate(alone):
        assert np.array_equal(plain.answers[:, row], np.stack(steps))
    assert plain.steps.tolist() == [3] * 6 and plain.y.shape == (6, 17 * 8)
    # rows 0, 2, 4 are "right" with what they answer after step 2: they leave there, the others go on
    labels = np.full_like(puzzles.labels, 1)
    labels[::2] = plain.answers[1, ::2]
    early = run_rows(model, puzzles.inputs, depth=DEPTH, leave_when_right=labels)
    first = [1 if np.array_equal(steps[0], steps[1]) else 2 for steps in alone]
    assert early.steps.tolist() == [first[0], 3, first[2], 3, first[4], 3]
    assert np.array_equal(early.answers[2, ::2], labels[::2])  # the last answer stands for the steps not run
    assert np.array_equal(early.answers[:, 1::2], plain.answers[:, 1::2])


def test_progress_and_cancel(model, puzzles):
    heard: list[float] = []
    run_rows(model, puzzles.inputs, depth=DEPTH, tell=lambda share, words: heard.append(share))
    assert heard == sorted(heard) and heard[-1] == pytest.approx(1) and len(heard) == 18

    class Stop(Exception):
        pass

    def stop(share: float, words: str) -> None:
        if share > 0.3:
            raise Stop

    with pytest.raises(Stop):
        run_rows(model, puzzles.inputs, depth=DEPTH, tell=stop)


# ---- noise and removal


def test_noise_is_that_of_runs_made_one_by_one(model, puzzles):
    """The solution of each puzzle is taken to be what the model answers without noise, so that size 0 is all right."""
    labels = np.stack([answers_of(model, grid)[-1] for grid in puzzles.inputs])
    known = replace(puzzles, labels=labels)
    swept = noise_sweep(model, SMALL, known, sizes=(0.0, 0.5, 3.0), state="z", seed=5)
    assert swept.solved.share[0] == 1 and swept.puzzles == 6 and swept.dtype == "float32"
    solved = []
    for number, grid in enumerate(puzzles.inputs):
        start = model.initial_state(
            model.embed(torch.from_numpy(grid.astype(np.int64))[None], torch.zeros(1).long())
        )
        z = noisy(start.z, torch.tensor([3.0]), [(5 * 1_000_003 + number) * 2 + 1])
        solved.append(
            any(np.array_equal(a, labels[number]) for a in answers_of(model, grid, State(start.y, z)))
        )
    assert swept.solved.share[2] == pytest.approx(np.mean(solved))
    assert set(swept.columns()) == {"size", "share", "low", "high", "mean_steps"}


def test_noise_at_a_later_step_begins_with_the_state_there(model, puzzles):
    labels = np.stack([answers_of(model, grid)[-1] for grid in puzzles.inputs])
    swept = noise_sweep(model, SMALL, replace(puzzles, labels=labels), sizes=(0.0,), step=3)
    assert swept.solved.share[0] == 1 and swept.steps[0] == 1


def test_taking_nothing_away_is_the_unbroken_run(model, puzzles):
    swept = removal_sweep(model, SMALL, puzzles, step=2)
    alone = np.stack([answers_of(model, grid) for grid in puzzles.inputs])[:, 1:]
    blank = ~SMALL.givens(puzzles.inputs)
    right = ((alone == puzzles.labels[:, None]) & blank[:, None]).sum(-1) / blank.sum(-1)[:, None]
    assert swept.cells["nothing"].share == pytest.approx(right.mean(0))
    assert len(swept.columns()["taken"]) == 6
    assert removal_sweep(model, SMALL, puzzles, step=1, how="initial").recovery == {"y": 1, "z": 1}


@pytest.mark.parametrize("step", [0, 4])
def test_a_step_there_is_not(model, puzzles, step):
    with pytest.raises(InterventionError, match="There is no supervision step"):
        noise_sweep(model, SMALL, puzzles, step=step)


def test_bands_hold_the_share():
    curve = Curve.of(np.array([[1.0, 0], [0, 0], [1, 0], [1, 0]]))
    assert curve.share.tolist() == [0.75, 0] and curve.low[0] < 0.75 < curve.high[0] and curve.high[1] == 0


# ---- several runs of each puzzle


def test_the_first_run_is_the_plain_one_and_the_others_differ(model, puzzles):
    plain = np.stack([answers_of(model, grid)[-1] for grid in puzzles.inputs])
    for source in ("seed", "noise", "symmetry"):
        found = rollouts(model, SMALL, puzzles, source=source, runs=3, size=1.0)
        assert np.array_equal(found.answers[:, 0], plain), source
        assert (found.answers[:, 1:] != plain[:, None]).any(), source
    again = rollouts(model, SMALL, puzzles, source="seed", runs=3)
    assert np.array_equal(again.answers, rollouts(model, SMALL, puzzles, source="seed", runs=3).answers)


def test_symmetries_are_undone_in_the_answers(model, puzzles):
    """A model that answers with its own input answers the puzzle itself, whatever the symmetry."""

    class Echo(type(model)):
        def decode(self, state):
            return self._cells

        def embed(self, inputs, puzzle_ids, puzzle_vectors=None):
            self._cells = torch.nn.functional.one_hot(inputs, self.config.vocab_size).float()
            return super().embed(inputs, puzzle_ids, puzzle_vectors)

    model.__class__ = Echo
    found = rollouts(model, SMALL, puzzles, source="symmetry", runs=4)
    assert np.array_equal(found.answers, np.repeat(puzzles.inputs[:, None], 4, 1))


def made_up() -> Rollouts:
    """Two puzzles of two cells, three runs: the first is right in run 2, the second only cell by cell."""
    labels = np.array([[2, 3], [2, 3]], np.uint8)
    answers = np.array([[[2, 2], [2, 3], [2, 3]], [[2, 2], [3, 3], [2, 3]]], np.uint8)
    answers[1, 2] = [2, 4]
    answers[1, 1] = [2, 3]
    answers[1, 0] = [3, 3]
    halting = np.array([[1.0, 0, 2], [3, 1, 2]], np.float32)
    moves = np.array([[0, 0, 0.2], [0, 0, 0]], np.float32)
    y = np.array([[[1.0, 0], [1.01, 0], [0, 1]], [[1, 0], [0, 1], [0, 2]]], np.float32)
    return Rollouts("seed", 0.0, "float32", labels, answers, halting, moves, y)


def test_selection_by_hand():
    chosen = selection(made_up())
    assert chosen.any_right.share.tolist() == [0, 1, 1]
    assert chosen.mean.share.tolist() == pytest.approx([0, 0.5, 0.5])
    assert chosen.best_halting.share.tolist() == [
        0,
        0,
        0.5,
    ]  # puzzle 1: runs 1, 1, 3; puzzle 2: run 1 each time
    assert chosen.vote.share.tolist() == [0, 0.5, 1]  # of a tie the smaller token
    assert chosen.columns()["runs"] == [1, 2, 3]


def test_fixed_points_by_hand():
    ends = fixed_points(made_up())
    assert ends.settled.tolist() == pytest.approx([2 / 3, 1])
    assert ends.answers.tolist() == [2, 3] and ends.points.tolist() == [1, 3]
    assert ends.right.tolist() == pytest.approx([2 / 3, 1 / 3])
    assert ends.summary()["sometimes_right"] == 1
    assert distinct(np.zeros((0, 2))) == 0


def test_most_frequent():
    assert most_frequent(np.array([[[1, 5], [1, 4], [2, 4]]], np.uint8)).tolist() == [[1, 4]]


# ---- patching


def test_a_patch_with_the_same_run_does_nothing_and_with_another_what_a_branch_does(model, puzzles):
    from probes.interventions import parse_all

    kept, other = (keep(model, SMALL, grid) for grid in puzzles.inputs[:2])
    same = patch_map(kept, kept, 5, steps=[1, 2])
    assert np.abs(same.effect).max() < 1e-4
    found = patch_map(kept, other, 5, state="yz", steps=[1], after=2)
    assert found.effect.shape == (1, 16) and np.abs(found.effect).max() > 1e-3
    text = f"patch yz before 2.1.1 in r1c3 from 1.2.3 of {SMALL.format(puzzles.inputs[1])}"
    logits = {}
    for name, changes in (("plain", ()), ("patched", parse_all(text))):
        *_, trace = kept.branch(changes)
        logits[name] = trace.probabilities[-1][5][found.token] / 255
    odds = {name: np.log(p / (1 - p)) for name, p in logits.items()}
    assert found.effect[0, 2] == pytest.approx(odds["patched"] - odds["plain"], abs=0.15)  # 255ths
    assert len(found.columns()["effect"]) == 16


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"steps": [3]}, "needs a step after it"),
        ({"state": "x"}, "no state"),
        ({"target": 99}, "no cell 100"),
    ],
)
def test_patches_that_mean_nothing(model, puzzles, options, says):
    kept = keep(model, SMALL, puzzles.inputs[0])
    with pytest.raises(InterventionError, match=says):
        patch_map(kept, kept, options.pop("target", 0), **options)


# ---- experiments


def setting(puzzles: PuzzleSet, step: int = 2) -> Setting:
    return Setting(SMALL, puzzles.inputs[0], puzzles.labels[0], DEPTH, step)


def test_what_the_experiments_do(puzzles):
    here, blank = setting(puzzles), ~SMALL.givens(puzzles.inputs[0])
    assert written(plan_of("without-y", here).interventions) == "zero y before 2-.*.1"
    assert written(plan_of("noise", here).interventions) == "noise yz before 2.1.1"
    wrong = wrong_answer(here)
    assert (wrong != here.labels)[blank].all() and (wrong == here.labels)[~blank].all()
    assert plan_of("wrong-answer", here).interventions[0].answer == SMALL.format(wrong)
    one = plan_of("one-blank", here).inputs
    assert (one != here.labels).sum() == 1 and not SMALL.givens(one)[one != here.labels].any()
    (patch,) = plan_of("another-z", here).interventions
    assert patch.source == "1.2.3" and patch.puzzle != SMALL.format(here.inputs)


@pytest.mark.parametrize("key", EXPERIMENTS)
def test_every_experiment_runs_says_its_source_and_can_be_told_from_the_plain_run(model, puzzles, key):
    kept = keep(model, SMALL, puzzles.inputs[0])
    run, changes = planned(kept, key)
    *_, trace = run.branch(changes)
    assert trace.steps == 3
    assert trace.provenance.changes or not np.array_equal(trace.inputs, kept.inputs)
    assert any(word in EXPERIMENTS[key].claim for word in ("arXiv", "published"))


def test_experiments_that_cannot_be_made(puzzles):
    with pytest.raises(InterventionError, match="no experiment 'x'"):
        plan_of("x", setting(puzzles))
    with pytest.raises(InterventionError, match="no supervision step 4"):
        plan_of("noise", setting(puzzles, 4))
    with pytest.raises(InterventionError, match="same z"):
        plan_of("another-z", setting(puzzles, 1))
    with pytest.raises(InterventionError, match="exactly one solution"):
        plan_of("one-blank", replace(setting(puzzles), labels=None))


def test_experiments_over_a_set(model, puzzles):
    found = over_puzzles(model, SMALL, puzzles.take(np.arange(2)), names=["noise", "right-answer"])
    assert set(found["experiments"]) == {"plain", "noise", "right-answer"}
    assert all(len(each["cells_right"]) == 3 for each in found["experiments"].values())
    plain = np.stack([answers_of(model, grid) for grid in puzzles.inputs[:2]])
    blank = ~SMALL.givens(puzzles.inputs[:2])
    right = ((plain == puzzles.labels[:2, None]) & blank[:, None]).sum(-1) / blank.sum(-1)[:, None]
    assert found["experiments"]["plain"]["cells_right"] == pytest.approx(right.mean(0), abs=1e-3)


def test_a_maze_has_experiments_too(tiny_model):
    maze = get_task("maze", 49)
    model = tiny_model(task="maze", sequence_length=49)
    kept = keep(model, maze, maze.generate(np.random.default_rng(0), "easy").inputs)
    for key in EXPERIMENTS:
        run, changes = planned(kept, key)
        assert list(run.branch(changes))[-1].steps == 3


# ---- the command line


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
        ("sweep noise --sizes 0,1", {"size", "share", "low", "high", "mean_steps"}),
        ("sweep removal --step 2", {"taken", "step", "cells", "low", "high", "solved"}),
        ("sweep seeds --runs 2", {"settled", "answers", "points", "right"}),
        ("sweep rollouts --runs 2 --source symmetry", {"runs", "vote_share", "vote_low"}),
        (f"sweep patching --puzzle {PUZZLE} --cell r2c1 --steps 1", {"step", "cell", "effect"}),
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
    assert out.with_suffix(".parquet").is_file() and printed["command"].startswith("python -m probes sweep")


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
    assert (folder / "t.safetensors").is_file()
    main([*base, "--puzzle", PUZZLE, "--experiment", "without-y"])
    assert json.loads(capsys.readouterr().out)["interventions"] == "zero y before 2-.*.1"
    main([*base, "--data", str(folder / "set.csv"), "--limit", "2", "--experiment", "noise"])
    assert json.loads(capsys.readouterr().out)["puzzles"] == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("intervene", "--model is missing"),
        ("intervene --model FOLDER", "Give --puzzle"),
        (f"intervene --model FOLDER --puzzle {PUZZLE} --do zero", "Say what to zero"),
        (f"intervene --model FOLDER --puzzle {PUZZLE} --experiment x", "no experiment 'x'"),
        ("intervene --model FOLDER --record", "no bundled model"),
        ("sweep noise --model FOLDER --data FOLDER/set.csv --record", "no bundled model"),
        ("sweep noise --model FOLDER --data FOLDER/set.csv --sizes 1,x", "Sizes must be numbers"),
        ("sweep noise --model FOLDER --data FOLDER/set.csv --state q", "state must be y, z"),
        ("sweep patching --model FOLDER", "patching needs --puzzle"),
        (f"sweep patching --model FOLDER --puzzle {PUZZLE} --cell r9c9", "no cell r9c9"),
        (f"sweep patching --model FOLDER --puzzle {PUZZLE} --cell r1c1 --steps a", "--steps must be"),
    ],
)
def test_mistakes_on_the_command_line(folder, capsys, arguments, says):
    with pytest.raises(SystemExit) as end:
        main(arguments.replace("FOLDER", str(folder)).split())
    out, err = capsys.readouterr()
    assert end.value.code == 2 and out == "" and err.count("\n") == 1 and says in err


def test_what_is_recorded_and_what_is_found(folder, capsys, monkeypatch, tmp_path):
    """One command records a bundled model, the other writes the section; what stands around the section stays."""
    bundled = tmp_path / "models" / "small"
    bundled.mkdir(parents=True)
    for name in ("model.safetensors", "config.json"):
        (bundled / name).write_bytes((folder / name).read_bytes())
    monkeypatch.setenv("RECURSION_LENS_MODELS", str(tmp_path / "models"))
    for module in ("recorded_causes", "causes_record", "cause_findings"):
        monkeypatch.setattr(f"probes.{module}.RECORDED", tmp_path / "recorded")
    monkeypatch.setattr("probes.causes_record.load_puzzles", lambda *_: puzzles_of(folder))
    monkeypatch.setattr("probes.causes_record.load_presets", lambda name: [Preset("a", "A", "", PUZZLE)])
    document = tmp_path / "findings.md"
    document.write_text("# Findings\n\nbefore\n")
    main(["intervene", "--record", "--model", "small", "--json"])
    assert set(json.loads(capsys.readouterr().out)) == {"pair", *WEIGHT}
    for _ in range(2):  # a second time in the same place
        main(["intervene", "--findings", str(document)])
    text = document.read_text()
    assert text.startswith("# Findings\n\nbefore\n") and text.count("## What causes what") == 1
    assert text.count("| small |") >= 4 and "arXiv:2601.10679" in text and "nan" not in text
    assert load_trace(tmp_path / "recorded" / "small" / "without-y-2.safetensors").provenance.changes
    document.write_text(text.replace("<!-- what causes what: end -->", ""))
    with pytest.raises(SystemExit):
        main(["intervene", "--findings", str(document)])
    assert "without the other" in capsys.readouterr().err


def puzzles_of(folder) -> PuzzleSet:
    return load_puzzles(folder / "set.csv", SMALL)
