"""The payload: Python's own types all the way down, arrays of the right length, and counts that agree with the task."""

import base64
import json
from dataclasses import replace

import numpy as np
import pytest

from app.player.payload import payload
from trm.record import growing_trace, record
from trm.tasks.sudoku import Sudoku

TASK = Sudoku(2, 2)
PUZZLE = TASK.parse("1.3.....2..4....")


@pytest.fixture
def trace(tiny_model):
    return record(tiny_model(), TASK, PUZZLE)


def array(sent: dict, name: str, *shape: int) -> np.ndarray:
    return np.frombuffer(base64.b64decode(sent[name], validate=True), np.uint8).reshape(shape)


def walk(value):
    yield value
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from walk(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from walk(inner)


def test_only_pythons_own_types(trace):
    sent = payload(
        trace, TASK, start={"supervision_step": 1, "cycle": 1, "call": 3, "cell": None, "mode": "answer"}
    )
    # exact types: a NumPy float is a float to isinstance, and Streamlit would send its printed form
    foreign = {type(value) for value in walk(sent)} - {dict, list, str, int, float, bool, type(None)}
    assert not foreign
    assert json.loads(json.dumps(sent, allow_nan=False)) == sent


def test_arrays_arrive_whole(trace):
    sent = payload(trace, TASK)
    cells, vocab, calls, answers, steps = 16, 6, 18, 6, 3  # N_sup=3, T=2, n=2
    assert (array(sent, "inputs", cells) == PUZZLE).all()
    assert (array(sent, "givens", cells) == (PUZZLE > 1)).all()
    assert (array(sent, "labels", cells) == trace.labels).all()
    assert (array(sent, "answers", answers, cells) == trace.answers).all()
    assert (array(sent, "probabilities", answers, cells, vocab).sum(-1, dtype=int) == 255).all()
    assert (array(sent, "z_answers", calls, cells) == trace.z_answers).all()
    assert (array(sent, "z_confidence", calls, cells) == trace.z_confidence).all()
    assert sent["halt_probability"] == pytest.approx(trace.halt_probability.tolist(), rel=1e-5)
    assert [len(sent[name]) for name in ("halt_probability", "entropy", "residual_y", "residual_z")] == [
        steps,
        answers,
        answers,
        calls,
    ]


def test_counts_agree_with_the_task(trace):
    solution = trace.labels
    answers = trace.answers.copy()
    answers[-1] = solution
    answers[-2] = solution
    answers[-2, 1] = solution[0]  # breaks a rule beside the given 1
    sent = payload(replace(trace, answers=answers), TASK)
    conflicts = array(sent, "conflicts", 6, 16)
    assert (conflicts == np.stack([TASK.conflicts(answer) for answer in answers])).all()
    assert conflicts[-2, [0, 1]].all() and not conflicts[-1].any()
    assert sent["cells_right"] == [int((answer == solution).sum()) for answer in answers]
    assert sent["cells_right"][-2:] == [15, 16]
    assert sent["cells_total"] == 16
    assert sent["solved"] == [bool(TASK.is_solved(PUZZLE, answer)) for answer in answers]
    assert sent["solved"][-2:] == [False, True]


def test_without_one_solution_nothing_is_called_right(tiny_model):
    sent = payload(record(tiny_model(), TASK, TASK.parse("11" + "." * 14)), TASK)
    assert sent["labels"] is None and sent["cells_right"] is None
    assert array(sent, "input_conflicts", 16).tolist() == [1, 1] + [0] * 14


def test_a_growing_trace_keeps_its_name_and_another_run_has_another(tiny_model):
    model = tiny_model()
    grown = [payload(trace, TASK) for trace in growing_trace(model, TASK, PUZZLE)]
    assert [sent["steps"] for sent in grown] == [1, 2, 3]
    assert len({sent["trace_id"] for sent in grown}) == 1
    others = [
        record(model, TASK, TASK.parse("1.3.....2.......")),
        record(model, TASK, PUZZLE, depth=replace(model.config.depth, N_sup=2)),
    ]
    assert grown[0]["trace_id"] not in {payload(other, TASK)["trace_id"] for other in others}
