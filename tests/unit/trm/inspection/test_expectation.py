"""The interpretation of the scores of a checkpoint."""

from dataclasses import replace

import pytest

from trm.inspection import inspect
from trm.inspection.expectation import interpret_scores, score_line
from trm.inspection.inspect import check_depths
from trm.public.public_checkpoints import PUBLIC_CHECKPOINTS

HRM = PUBLIC_CHECKPOINTS[0]  # 55 % of Sudoku-Extreme
NO_BETTER = "It scores no better with n or T changed by one, as expected."


def score(n, T, exact, loss=1.0, puzzles=8):
    return {"n": n, "T": T, "puzzles": puzzles, "exact": exact, "blank_cell": exact, "loss": loss}


def check(exact, puzzles=32, losses=(1.0, 0.5)):
    return {"exact": exact, "puzzles": puzzles, "loss_by_step": list(losses)}


def test_no_interpretation_without_measurements():
    assert interpret_scores(None, [], HRM) == "" and interpret_scores({"note": "no puzzles"}, [], None) == ""


@pytest.mark.parametrize(
    "other, words",
    [
        (score(7, 3, 1.0), "It scores better with n = 7"),
        (score(6, 2, 0.5), "try --T 2."),
        (score(5, 3, 0.25, 0.5), "better with n = 5"),
    ],
)
def test_another_depth_that_scores_better_is_named(other, words):
    assert words in interpret_scores(check(0.25), [score(6, 3, 0.25), other], None)


@pytest.mark.parametrize(
    "other", [score(5, 3, 0.25, 0.95), score(5, 3, 0.25, 0.9), score(5, 3, 0.375, 1.2), score(5, 3, 0.0, 0.2)]
)
def test_a_depth_that_is_not_clearly_better_is_as_expected(other):
    assert interpret_scores(check(0.25), [score(6, 3, 0.25), other], None) == NO_BETTER


def test_losses_are_compared_by_their_ratio():
    assert "n = 5" in interpret_scores(check(0.25), [score(6, 3, 0.25, 2.0), score(5, 3, 0.25, 1.0)], None)


def test_the_loss_does_not_count_once_half_of_the_puzzles_are_solved():
    assert interpret_scores(check(0.5), [score(6, 3, 0.5), score(5, 3, 0.5, 0.1)], None) == NO_BETTER


def test_of_two_better_depths_the_one_with_more_exact_answers_is_named():
    depths = [score(6, 3, 0.25), score(5, 3, 0.25, 0.1), score(7, 3, 0.75, 0.8)]
    assert "better with n = 7 (75.0% of 8 puzzles exact" in interpret_scores(check(0.25), depths, None)


@pytest.mark.parametrize("puzzles, words", [(1, "of 1 puzzle exact"), (2, "of 2 puzzles exact")])
def test_a_score_of_one_puzzle_is_in_the_singular(puzzles, words):
    assert words in score_line(score(6, 3, 1.0, puzzles=puzzles))


def test_the_loss_of_a_single_unsolved_puzzle_does_not_decide_between_depths():
    depths = [score(6, 3, 0.8, 0.1314, puzzles=5), score(5, 3, 0.8, 0.0889, puzzles=5)]  # sudoku-trm
    assert interpret_scores(check(1.0), depths, None) == NO_BETTER


@pytest.mark.parametrize(
    "exact, words",
    [
        (0.5, "which is consistent"),
        (0.9, "which is consistent"),
        (0.3, "which is consistent"),
        (0.2, "far less"),
        (0.1, "rotate_half"),
        (0.0, "number of heads"),
    ],
)
def test_a_score_beside_the_published_one(exact, words):
    text = interpret_scores(check(exact), [score(2, 2, exact)], HRM)
    assert words in text and "Published: about 55% of Sudoku-Extreme exact; here:" in text


def test_two_standard_errors_and_a_tenth_below_the_published_score_are_consistent():
    """Of 100 puzzles at 50%, the standard error is 5%: the lowest consistent score is 50 - 2 x 5 - 10 = 30%."""
    listed = replace(HRM, exact=0.5)
    assert "which is consistent" in interpret_scores(check(0.3, puzzles=100), [], listed)
    assert "far less" in interpret_scores(check(0.29, puzzles=100), [], listed)


@pytest.mark.parametrize(
    "losses, no_help", [((1.0, 1.1), True), ((1.0, 1.0), True), ((1.0, 0.9), False), ((1.0,), False)]
)
def test_no_exact_answer_is_a_reason_to_doubt_training_or_settings(losses, no_help):
    text = interpret_scores(check(0.0, losses=losses), [], None)
    assert "may be untrained, or a setting may differ" in text and ("do not help" in text) == no_help
    assert interpret_scores(check(0.1, losses=losses), [], None) == ""


def test_zero_scores_say_nothing_about_n_and_t():
    assert interpret_scores(check(0.0), [score(6, 3, 0.0), score(5, 3, 0.0)], None).startswith(
        "With n or T changed by one, no puzzle is solved either, so this does not show whether n and T are right. No"
    )


def test_depths_off_by_one_are_scored_on_the_same_puzzles(tiny_model):
    scores = check_depths(tiny_model())
    depths = [(each["n"], each["T"]) for each in scores]
    n, T = depths[0]
    assert depths == [
        (n, T),
        *((a, b) for a, b in ((n - 1, T), (n + 1, T), (n, T - 1), (n, T + 1)) if min(a, b)),
    ]
    assert {each["puzzles"] for each in scores} == {inspect.MAX_PUZZLES // 4} and len(
        {each["loss"] for each in scores}
    ) == len(scores)


def test_depths_of_a_large_model_are_scored_on_one_puzzle(tiny_model, monkeypatch):
    monkeypatch.setattr(inspect, "affordable_puzzles", lambda config: 3)
    assert {each["puzzles"] for each in check_depths(tiny_model(N_sup=1))} == {1}
