"""Halting runs: made by a model, saved and loaded, and analysed."""

import json
from dataclasses import replace

import numpy as np
import pytest
from halting_stand_in import make_runs

from probes.halting.by_step import errors_before_solving, puzzle_share, solving
from probes.halting.decisions import Decisions, decisions, right_if_continued
from probes.halting.report import StoppingRules, analyse, fewest_steps, report
from probes.halting.rules import ComputeCurve
from probes.halting.runs import OF_PUZZLE, OF_STEP, load_runs, run_puzzles, table
from probes.stats import Resampling, RunsError
from trm.coordinates import Depth
from trm.data import PuzzleSet
from trm.errors import DataError, PuzzleError
from trm.evaluate import auc, predict
from trm.results import as_json, save, write_parquet
from trm.tasks import get_task

FEW = Resampling(resamples=50)
SMALL = get_task("sudoku", 16)
SOLVED = "1234341221434321"


def flags(*rows: str) -> np.ndarray:
    """One puzzle per string, one step per character."""
    return np.array([[character == "x" for character in row] for row in rows]).T


def counts(*rows: str) -> np.ndarray:
    return np.array([[int(character) for character in row] for row in rows], np.uint16).T


def puzzle_set() -> PuzzleSet:
    """Two puzzles with one solution, and one with many."""
    solution = SMALL.parse(SOLVED)
    inputs = np.stack(
        [SMALL.parse(text) for text in ("1234341221434.2.", "..34341221434321", "1...............")]
    )
    return PuzzleSet.of("three", SMALL, inputs, np.stack((solution, solution, np.zeros(16, np.uint8))))


# made by a model


def test_runs_hold_what_the_model_answers(tiny_model):
    """BeyondTraining the depth of training, wrong cells counted among the blanks alone; the puzzle without a solution left out."""
    model, puzzles = tiny_model(kind="hrm", H_layers=2), puzzle_set()
    reports = []
    depth = Depth(n=2, T=2, N_sup=5)
    runs = run_puzzles(model, SMALL, puzzles, depth=depth, progress=lambda share, text: reports.append(share))
    found = predict(model, puzzles.inputs[:2], depth=depth)
    assert (runs.count, runs.steps, runs.trained_steps, runs.without_label) == (2, 5, 3, 1)
    assert runs.blanks.tolist() == [2, 2] and runs.puzzles[1] == SMALL.format(puzzles.inputs[1])
    for puzzle, cells in enumerate(([13, 15], [0, 1])):
        wrong = (found.answers[:, puzzle] != puzzles.labels[puzzle])[:, cells].sum(-1)
        assert runs.wrong[:, puzzle].tolist() == wrong.tolist()
        moved = (found.answers[1:, puzzle] != found.answers[:-1, puzzle]).sum(-1)
        assert runs.changed[:, puzzle].tolist() == [16, *moved.tolist()]
    assert (runs.q_halt == found.q_halt).all() and (runs.halting == found.halting).all()
    assert runs.has_margin and runs.q_continue == pytest.approx(found.q_halt - found.halting)
    assert reports == sorted(reports) and reports[-1] == 1
    assert "--limit 3 --steps 5" in runs.command


def test_a_set_without_answers(tiny_model):
    with pytest.raises(RunsError, match="Choose a set with answers"):
        run_puzzles(tiny_model(), SMALL, puzzle_set().take(np.array([2])), depth=Depth(n=1, T=1, N_sup=1))


def test_puzzles_of_another_size(tiny_model):
    large = get_task("sudoku")
    inputs = large.parse("." * 81)[None]
    puzzles = PuzzleSet.of("large", large, inputs, np.full((1, 81), 2, np.uint8))
    with pytest.raises(PuzzleError, match="81 cells"):
        run_puzzles(tiny_model(), large, puzzles, depth=Depth(n=1, T=1, N_sup=1))


# on disk


@pytest.mark.parametrize("kind", ["trm", "hrm"])
def test_save_and_load(tmp_path, kind):
    runs = make_runs(kind=kind)
    save(tmp_path / "runs.safetensors", runs)
    again = load_runs(tmp_path / "runs.safetensors")
    assert as_json(again) == as_json(runs)
    for name in ("rows", "blanks", *OF_STEP):
        assert np.array_equal(getattr(again, name), getattr(runs, name)), name
    assert report(analyse(again)) == report(analyse(runs))


def test_a_file_with_nan_or_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "runs.safetensors"
    with pytest.raises(DataError, match="cannot be read: No such file"):
        load_runs(path)
    runs = make_runs()
    save(path, replace(runs, q_halt=runs.q_halt * np.float32(np.nan)))
    with pytest.raises(DataError, match="is not a file of halting runs of this version, or is damaged"):
        load_runs(path)
    for changes in ({"puzzles": runs.puzzles[1:]}, {"difficulty": ()}, {"right": runs.right[:0]}):
        with pytest.raises((ValueError, TypeError), match=r"not the runs of these puzzles|Type-check"):
            replace(runs, **changes)


def test_a_row_is_a_puzzle_and_a_step():
    runs = make_runs(steps=3, count=2)
    columns = table(runs)
    assert columns["step"].tolist() == [1, 2, 3, 1, 2, 3]
    assert columns["row"].tolist() == [0, 0, 0, 3, 3, 3]
    assert columns["wrong"].tolist() == [*runs.wrong[:, 0], *runs.wrong[:, 1]]


def test_the_table_is_written_as_parquet(tmp_path):
    from pyarrow import parquet

    runs = make_runs(steps=3, count=2)
    write_parquet(tmp_path / "runs.parquet", table(runs), runs.about)
    written = parquet.read_table(tmp_path / "runs.parquet")
    assert written.column_names == [*OF_PUZZLE, "step", *OF_STEP] and written.num_rows == 6
    assert written["right"].to_pylist() == runs.right.T.ravel().tolist()
    facts = json.loads(written.schema.metadata[b"recursion-lens"])
    assert (facts["model"], facts["trained_steps"], facts["without_label"]) == ("tiny", 4, 0)


# errors by step


def test_solving_by_hand():
    """Puzzle 1 improves steadily; 2 is flat and solved at step 4; 3 gets worse at first and loses its solution; 4 is never
    correct; 5 is correct from the start."""
    wrong = counts("3210", "4440", "2301", "1111", "0000")
    found = solving(wrong, wrong == 0, resampling=FEW)
    assert (found.monotone.share, found.monotone.count) == (
        1.0,
        3,
    )  # 1, 2 and 5, which are correct at the end
    assert (found.monotone_late.share, found.monotone_late.count) == (1.0, 2)  # 1 and 2
    assert (found.stays.share, found.stays.count) == (0.75, 4)
    assert (found.single_step.share, found.single_step.count) == (
        pytest.approx(2 / 3),
        3,
    )  # 2 and 3, of 1, 2 and 3


def test_a_solve_at_step_two_does_not_count_as_a_single_step_solve():
    """It fixes all errors of step 1 by definition, so it says nothing about the run before."""
    wrong = counts("40", "00", "41")
    found = solving(wrong, wrong == 0, resampling=FEW)
    assert found.single_step.count == 0 and np.isnan(found.single_step.share)
    assert found.monotone.count == 2 and found.monotone_late.count == 0


def test_a_late_solve_without_a_wrong_blank_cell_is_not_a_single_step_solve():
    """Only a given was wrong, so there are no errors that could have stayed."""
    found = solving(counts("0000"), flags("..xx"), resampling=FEW)
    assert found.single_step.count == 0 and found.monotone_late.count == 1


@pytest.mark.parametrize(
    "errors, flat",
    [
        ([10, 9, 0], True),
        ([10, 8, 0], False),
        ([10, 30, 9, 0], True),
        ([10, 8, 10, 0], False),  # it was not flat in between
        ([10, 10, 10, 1, 0], False),
    ],
)
def test_a_single_step_solve_follows_a_run_that_fixed_at_most_a_tenth(errors, flat):
    wrong = np.array(errors, np.uint16)[:, None]
    assert solving(wrong, wrong == 0, resampling=FEW).single_step.share == flat


def test_a_share_of_one_has_a_band_below_one():
    """100 of 100 puzzles stay solved: the true share is 96.3 % or more."""
    wrong = np.zeros((2, 100), np.uint16)
    found = solving(wrong, wrong == 0).stays
    assert found.share == 1 and found.band == pytest.approx((0.963, 1), abs=5e-4)


def test_a_run_with_an_increase_of_errors_is_not_monotone():
    wrong = counts("3430", "3310")
    assert solving(wrong, wrong == 0, resampling=FEW).monotone.share == 0.5


def test_a_share_of_no_puzzles():
    found = puzzle_share(np.ones(3, bool), np.zeros(3, bool), resampling=FEW)
    assert np.isnan([found.share, *found.band]).all() and found.count == 0


def test_the_band_of_a_share_matches_the_binomial():
    found = puzzle_share(np.arange(400) % 2 == 0, np.ones(400, bool))
    assert found.band == pytest.approx((0.45, 0.55), abs=0.01)


def test_errors_before_solving_by_hand():
    """Aligned at the first correct answer, with eight blank cells."""
    wrong = counts("4200", "8840", "2222")
    found = errors_before_solving(wrong, np.full(3, 8, np.uint16), wrong == 0)
    assert found.before.tolist() == [3, 2, 1, 0]
    assert found.count.tolist() == [1, 2, 2, 2]
    assert found.quantiles[1] == pytest.approx([1, 0.75, 0.375, 0])  # of 8, then 4 and 8, then 2 and 4
    assert found.quantiles[0, 1] == pytest.approx(0.5 + 0.25 * 0.5)
    assert errors_before_solving(wrong, np.full(3, 8, np.uint16), wrong == 0, most=1).before.tolist() == [
        1,
        0,
    ]


def test_no_puzzle_is_solved():
    wrong = counts("11", "22")
    found = errors_before_solving(wrong, np.full(2, 8, np.uint16), wrong == 0)
    assert found.before.size == 0 and found.quantiles.shape == (3, 0)


# the value of continuing


def test_continuing_by_hand():
    """Puzzle 1: from step 1 it would halt at step 3, which is wrong; from step 3 on it runs to the end."""
    halting = np.where(flags("..x.", "...."), 1.0, -1.0)
    right = flags("x..x", ".x.."), flags("..xx")
    assert right_if_continued(halting, right[0]).T.tolist() == [[False, False, True], [False] * 3]
    found = decisions(halting, right[0])
    # Puzzle 1: correct now and wrong later, continues; neither; wrong now and correct later, halts. Puzzle 2: neither, now, neither.
    assert found.halts == {"both": 0, "now": 0, "later": 1, "neither": 0}
    assert found.continues == {"both": 0, "now": 2, "later": 0, "neither": 3}
    assert found.at_stake == 3 and found.correct_share == 0
    turned = decisions(-halting, right[0])
    assert turned.correct_share is not None and turned.at_stake > 0


def test_a_logit_of_zero_continues():
    halting, right = np.zeros((3, 1)), flags(".x.")
    assert right_if_continued(halting, right).T.tolist() == [[False, False]]
    found = decisions(halting, right)
    assert set(found.halts.values()) == {0}
    assert found.continues == {"both": 0, "now": 1, "later": 0, "neither": 1}


def test_continuing_matches_a_plain_loop():
    random = np.random.default_rng(1)
    halting, right = random.normal(size=(7, 30)), random.random((7, 30)) < 0.5
    found = right_if_continued(halting, right)
    for step in range(6):
        for puzzle in range(30):
            stop = next((k for k in range(step + 1, 7) if halting[k, puzzle] > 0), 6)
            assert found[step, puzzle] == right[stop, puzzle]
    total = decisions(halting, right)
    assert sum(total.halts.values()) + sum(total.continues.values()) == 6 * 30


def test_the_share_of_correct_decisions():
    """Ten matter: three halts and four continuations are correct."""
    found = Decisions(
        halts={"both": 8, "now": 3, "later": 1, "neither": 5},
        continues={"both": 9, "now": 2, "later": 4, "neither": 6},
    )
    assert found.at_stake == 10 and found.correct_share == 0.7


def test_a_single_step_has_no_decisions():
    found = decisions(np.ones((1, 3)), np.ones((1, 3), bool))
    assert found.at_stake == 0 and found.correct_share is None


# the whole analysis


@pytest.mark.parametrize("kind", ["trm", "hrm"])
def test_the_report_is_json_and_adds_up(kind):
    runs = make_runs(kind=kind)
    found = analyse(runs)
    result = json.loads(json.dumps(report(found), allow_nan=False))
    assert found.runs.steps == 4 and result["steps"] == 6  # of training, and all
    assert (found.continuing is None) == (kind == "trm")
    assert sum(result["outcomes"].values()) == runs.count
    assert sum(each["answers"] for each in result["calibration"]["bins"]) == 4 * runs.count
    assert result["exact_by_step"] == runs.right.mean(1).tolist()
    assert result["stopping"]["all_steps"] == {"mean_steps": 4.0, "accuracy": runs.right[3].mean()}
    beyond = result["beyond"]
    assert (
        beyond["right_when_trained"] + sum(beyond["gained_by_step"]) - sum(beyond["lost_by_step"])
        == beyond["right_at_end"]
    )
    assert (result["continue_calibration"] is None) == (kind == "trm")
    for pairs in ("distinct", "undecided", "at_halt"):
        assert 0 < result["calibration"][pairs]["pairs"] <= result["calibration"]["pairs"] == 4 * runs.count
    repeats = result["calibration"]["repeats"]
    assert repeats["of"] == 3 * runs.count
    assert repeats["pairs"] == 4 * runs.count - result["calibration"]["distinct"]["pairs"]
    assert result["calibration"]["at_halt"]["pairs"] == runs.count
    stopping = result["stopping"]
    for other, paired in (
        ("all_steps", "all_steps_to_learned"),
        ("unchanged_answer", "unchanged_answer_to_learned"),
    ):
        changed = result["paired"][paired]["gained"] - result["paired"][paired]["lost"]
        assert stopping["learned"]["accuracy"] - stopping[other]["accuracy"] == pytest.approx(
            changed / runs.count
        )
    assert (
        beyond["paired"]["gained"] - beyond["paired"]["lost"]
        == beyond["right_at_end"] - beyond["right_when_trained"]
    )
    assert ("q_halt_alone" in result["stopping"]) == (kind == "hrm")
    last, after_training = auc(runs.q_halt[3], runs.right[3]), runs.right[3:]
    assert result["discrimination"]["auc_last_step"] == pytest.approx(last)
    assert last != pytest.approx(result["discrimination"]["auc"])
    broken = (after_training[:-1] & ~after_training[1:]).any(0).sum()
    assert 0 < beyond["broken"] == broken < runs.count
    bins = result["calibration"]["bins"]
    assert (bins[0]["from"], bins[-1]["to"]) == (0, 1)
    assert [each["to"] for each in bins[:-1]] == [each["from"] for each in bins[1:]]


def test_the_fewest_steps_without_loss_of_accuracy():
    curve = analyse(make_runs()).stopping.own
    found = fewest_steps(curve)
    enough = [
        steps
        for steps, share in zip(curve.mean_steps, curve.accuracy, strict=True)
        if share >= curve.accuracy[-1] - 0.005
    ]
    assert found["mean_steps"] == min(enough) and found["accuracy"] >= curve.accuracy[-1] - 0.005


def test_a_loss_of_exactly_half_a_point_is_tolerated():
    curve = ComputeCurve(np.arange(1.0, 5), np.arange(1.0, 5), np.array([0.494, 0.495, 0.499, 0.5]))
    assert fewest_steps(curve) == {"setting": 2, "mean_steps": 2, "accuracy": 0.495}


def test_a_rule_whose_logits_are_all_zero_never_halts():
    runs = make_runs()
    found = StoppingRules.of(replace(runs, halting=np.zeros_like(runs.halting)))
    assert (found.all_to_own.gained, found.all_to_own.lost) == (0, 0)


def test_runs_without_a_correct_answer_have_a_report():
    runs = make_runs()
    nothing = type(runs)(
        **{**vars(runs), "right": np.zeros_like(runs.right), "wrong": runs.wrong + np.uint16(1)}
    )
    result = json.loads(json.dumps(report(analyse(nothing)), allow_nan=False))
    assert result["discrimination"]["auc"] is None and result["along_steps"]["monotone"]["share"] is None


def test_no_such_step():
    with pytest.raises(RunsError, match="6 supervision steps, not 7"):
        make_runs().truncated(7)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_runs_shorter_than_training(steps):
    found = analyse(make_runs(steps=steps, kind="hrm"))
    assert found.runs.steps == found.beyond.trained == steps
    assert (found.continuing is None) == (steps == 1)
    json.dumps(report(found), allow_nan=False)
