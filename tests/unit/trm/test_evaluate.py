"""Scores worked out by hand: exact by step, cells, halting, and puzzles without labels counted separately."""

import numpy as np
import pytest
import torch

from trm.coordinates import Depth
from trm.data import PuzzleSet
from trm.errors import DataError, PuzzleError
from trm.evaluate import BATCH, Predictions, auc, evaluate, evenly, exact_answers, exact_by_step, predict
from trm.recursion import deep_supervision
from trm.tasks import get_task
from trm.tasks.sudoku import Sudoku

SMALL = Sudoku(2, 2)
SOLVED = "1234341221434321"
PUZZLES = ("123.341221434321", "12..341221434321", "." * 16, "11" + "." * 14)
"""One blank; two blanks; 288 solutions; none."""


@pytest.fixture
def puzzles() -> PuzzleSet:
    inputs = np.stack([SMALL.parse(text) for text in PUZZLES])
    labels = np.zeros_like(inputs)
    labels[:2] = SMALL.parse(SOLVED)
    return PuzzleSet.of("hand", SMALL, inputs, labels, difficulty=("easy", "hard", "", ""))


def test_auc_by_hand():
    """Pairs of a right and a wrong one: (3, 1) and (3, 2) in order, (1.5, 1) in order, (1.5, 2) not: 3 of 4."""
    assert auc(np.array([3.0, 1.0, 1.5, 2.0]), np.array([True, False, True, False])) == 0.75
    assert auc(np.array([1.0, 1.0]), np.array([True, False])) == 0.5
    assert auc(np.array([[1.0], [0.0]]), np.array([[True], [False]])) == 1.0


def test_auc_needs_both_kinds():
    assert auc(np.array([1.0, 2.0]), np.array([True, True])) is None
    assert auc(np.array([1.0, 2.0]), np.array([False, False])) is None


@pytest.mark.parametrize(
    "count, limit, rows",
    [(10, 3, [0, 4, 9]), (10, 1, [0]), (3, 3, [0, 1, 2]), (3, 99, [0, 1, 2]), (1, 1, [0]), (100, 2, [0, 99])],
)
def test_evenly(count, limit, rows):
    assert evenly(count, limit).tolist() == rows


@pytest.mark.parametrize("count, limit", [(1000, 7), (1000, 999), (5, 4), (64, 63)])
def test_evenly_selects_the_requested_number(count, limit):
    rows = evenly(count, limit)
    assert len(rows) == limit and rows[0] == 0 and rows[-1] == count - 1
    assert np.diff(rows).max() - np.diff(rows).min() <= 1


@pytest.mark.parametrize("limit", [0, -3])
def test_a_limit_below_one(limit):
    with pytest.raises(DataError, match="leaves no puzzle"):
        evenly(10, limit)


def test_exact_answers_by_hand():
    answers = np.array([[[1, 2], [3, 4]], [[1, 2], [3, 5]]], np.uint8)  # (steps, puzzles, cells)
    assert exact_answers(answers, np.array([[1, 2], [3, 5]])).tolist() == [[True, False], [True, True]]


def test_predictions_are_those_of_the_recursion_whatever_the_batch(tiny_model, threads):
    """One more puzzle than a batch holds: the last one runs alone."""
    model = tiny_model()
    torch.nn.init.normal_(model.q_head.weight, generator=torch.Generator().manual_seed(1))
    inputs = np.random.default_rng(0).integers(1, 6, (BATCH + 1, 16)).astype(np.uint8)
    shares = []
    found = predict(model, inputs, progress=lambda share, text: shares.append(share))
    tokens, ids = torch.from_numpy(inputs.astype(np.int64)), torch.zeros(BATCH + 1, dtype=torch.long)
    steps = list(deep_supervision(model, tokens, ids, depth=model.config.depth))
    assert found.answers.shape == (3, BATCH + 1, 16)
    for number, step in enumerate(steps):
        assert np.array_equal(found.answers[number], step.heads.logits.argmax(-1))
        assert np.allclose(found.q_halt[number], step.heads.q_halt, atol=1e-4)
        assert np.allclose(found.halting[number], model.halting_logit(step.heads), atol=1e-4)
    assert shares == sorted(shares) and (shares[0], shares[-1]) == (0, 1)
    assert len(predict(model, inputs, depth=Depth(n=1, T=1, N_sup=2)).answers) == 2


@pytest.fixture
def halting_model(tiny_model):
    """A model that halts after different numbers of steps, and on some puzzles never."""
    model = tiny_model(N_sup=4)
    torch.nn.init.normal_(model.q_head.weight, generator=torch.Generator().manual_seed(6))
    model.q_head.bias.data[0] += 4.5
    return model


def test_early_exit_gives_the_answers_at_the_halting_step(halting_model, threads):
    inputs = np.random.default_rng(0).integers(1, 6, (41, 16)).astype(np.uint8)
    whole, early = (predict(halting_model, inputs, batch=4, early_exit=exits) for exits in (False, True))
    halts = whole.halting > 0
    steps = np.where(halts.any(0), halts.argmax(0) + 1, 4)
    assert len(set(steps)) > 2 and early.steps.tolist() == steps.tolist() and (whole.steps == 4).all()
    for number in range(4):
        last = np.minimum(number + 1, steps) - 1
        assert np.array_equal(early.answers[number], whole.answers[last, np.arange(41)])
        assert np.allclose(early.halting[number], whole.halting[last, np.arange(41)], atol=1e-4)


def test_scores_with_early_exit_are_those_at_the_halting_step(halting_model, puzzles):
    halting_model.q_head.bias.data[0] = 100.0  # halts after the first step
    one = evaluate(halting_model, SMALL, puzzles, early_exit=True)
    whole = evaluate(halting_model, SMALL, puzzles)
    assert one["exact_by_step"] == whole["exact_by_step"][:1] * 4 and one["steps_saved"] == 0.75
    assert one["mean_halt_step"] == 1 and one["halt_auc"] is one["halt_auc_last_step"] is None
    assert "steps_saved" not in whole


@pytest.fixture
def scripted(monkeypatch, tiny_model, puzzles):
    """A model whose predictions are written down: puzzle 0 is right from step 2 on, puzzle 1 never."""
    right, inputs = SMALL.parse(SOLVED), puzzles.inputs
    wrong = np.where(inputs > 1, inputs, 2).astype(np.uint8)  # every blank filled with a 1
    answers = np.stack([wrong, wrong, wrong])
    answers[1:, 0] = right
    answers[2, 2] = right  # obeys the rules, though the puzzle has many solutions
    q_halt = np.array([[-1, -2, 0, 0], [2, -3, 0, 0], [3, -4, 0, 0]], np.float32)
    script = Predictions(answers, q_halt, halting=q_halt, steps=np.full(4, 3))
    monkeypatch.setattr("trm.evaluate.predict", lambda *_, **__: script)
    return tiny_model()


def test_evaluate_by_hand(scripted, puzzles):
    scores = evaluate(scripted, SMALL, puzzles)
    assert scores["count"] == 2
    assert scores["exact"] == 0.5
    assert scores["exact_by_step"] == [0.0, 0.5, 0.5]
    assert scores["blank_cell"] == pytest.approx(1 / 3)  # of 1 + 2 blanks the first is right
    assert scores["cell"] == pytest.approx(30 / 32)
    assert scores["halt_auc"] == 1.0 and scores["halt_auc_last_step"] == 1.0
    assert scores["mean_halt_step"] == 2.5  # step 2, and 3 for the one that never halts
    assert scores["without_one_solution"] == {"count": 2, "solved": 1}
    assert {group: line["exact"] for group, line in scores["by_difficulty"].items()} == {
        "easy, 12-17 givens": 1.0,
        "hard, 12-17 givens": 0.0,
    }
    assert scores["seconds"] >= 0


def test_evaluate_without_labels(scripted, puzzles, monkeypatch):
    rows = np.array([2, 3])
    every = predict_of(monkeypatch, rows)
    scores = evaluate(scripted, SMALL, puzzles.take(rows))
    assert every and scores["count"] == 0
    assert scores["exact"] is None and scores["cell"] is None and scores["mean_halt_step"] is None
    assert scores["halt_auc"] is None and scores["exact_by_step"] == [None] * 3
    assert scores["without_one_solution"] == {"count": 2, "solved": 1}


def predict_of(monkeypatch, rows) -> Predictions:
    """The scripted predictions of some puzzles."""
    import trm.evaluate

    script = trm.evaluate.predict()
    taken = Predictions(
        script.answers[:, rows], script.q_halt[:, rows], script.halting[:, rows], script.steps[rows]
    )
    monkeypatch.setattr("trm.evaluate.predict", lambda *_, **__: taken)
    return taken


def test_exact_by_step_of_a_scripted_model(scripted, puzzles, monkeypatch):
    predict_of(monkeypatch, np.array([0, 1]))
    assert exact_by_step(scripted, puzzles.take(np.array([0, 1])), depth=scripted.config.depth) == [
        0.0,
        0.5,
        0.5,
    ]


def test_puzzles_of_another_size(tiny_model, puzzles):
    with pytest.raises(PuzzleError, match="takes 25 cells"):
        evaluate(tiny_model(sequence_length=25), SMALL, puzzles)
    with pytest.raises(PuzzleError, match="has 5 tokens"):
        evaluate(tiny_model(vocab_size=5), SMALL, puzzles)


def test_padding_in_labels_is_not_scored(tiny_model):
    """ARC labels end at a border; what the model writes beyond it does not count."""
    answers = np.array([[[5, 1, 9, 9], [5, 2, 0, 0]]], np.uint8)
    assert exact_answers(answers, np.array([[5, 1, 0, 0], [5, 1, 0, 0]])).tolist() == [[True, False]]


def test_the_caveat_for_blank_arc_ids(tiny_model):
    arc = get_task("arc")
    model = tiny_model(
        task="arc", vocab_size=12, sequence_length=900, puzzle_ids=3, puzzle_embedding_size=8, N_sup=1
    )
    inputs = np.stack([arc.parse("12/34"), arc.parse("5")])
    for ids, noted in (([0, 0], True), ([2, 1], False)):
        ids = np.array(ids, np.int32)
        scores = evaluate(model, arc, PuzzleSet.of("two", arc, inputs, inputs, puzzle_identifiers=ids))
        assert ("note" in scores) == noted
    strange = PuzzleSet.of("two", arc, inputs, inputs, puzzle_identifiers=np.array([0, 3], np.int32))
    with pytest.raises(PuzzleError, match="no puzzle id 3"):
        evaluate(model, arc, strange)


def test_mazes_are_scored_by_any_shortest_path(tiny_model, monkeypatch):
    """Two ways of equal length round a block: the label takes one, the answer the other."""
    maze = get_task("maze", 25)
    inputs = maze.parse("#####|#S..#|#.#.#|#..G#|#####".replace("|", "\n"))
    one, other = maze.solutions(inputs)
    script = Predictions(
        other[None, None], np.zeros((1, 1), np.float32), np.zeros((1, 1), np.float32), np.ones(1, int)
    )
    monkeypatch.setattr("trm.evaluate.predict", lambda *_, **__: script)
    model = tiny_model(task="maze", sequence_length=25)
    scores = evaluate(model, maze, PuzzleSet.of("one", maze, inputs[None], one[None]))
    assert (scores["exact"], scores["any_shortest_path"]) == (0.0, 1.0)
