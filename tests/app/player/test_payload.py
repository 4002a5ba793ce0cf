"""The payload: plain Python types, arrays of the right length, and counts that agree with the task."""

import base64
import json
from dataclasses import replace

import numpy as np
import pytest

from trm.config import KINDS, NEVER
from trm.export.payload import payload
from trm.record import growing_trace, record
from trm.tasks import get_task
from trm.tasks.arc import encode
from trm.tasks.base import PADDING, Task
from trm.tasks.sudoku import Sudoku
from trm.trace import Trace, quantised

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


def test_the_payload_has_only_plain_python_types(trace):
    sent = payload(
        trace, TASK, start={"supervision_step": 1, "cycle": 1, "call": 3, "cell": None, "mode": "answer"}
    )
    # exact types: a NumPy float is a float to isinstance, and Streamlit would send its printed form
    foreign = {type(value) for value in walk(sent)} - {dict, list, str, int, float, bool, type(None)}
    assert not foreign
    assert json.loads(json.dumps(sent, allow_nan=False)) == sent


def test_arrays_are_complete(trace):
    sent = payload(trace, TASK)
    cells, vocab, calls, answers, steps = 16, 6, 18, 6, 3  # N_sup=3, T=2, n=2
    assert (array(sent, "inputs", cells) == PUZZLE).all()
    assert (array(sent, "givens", cells) == (PUZZLE > 1)).all()
    assert (array(sent, "labels", cells) == trace.labels).all()
    assert (array(sent, "answers", answers, cells) == trace.answers).all()
    assert (array(sent, "probabilities", answers, cells, vocab).sum(-1, dtype=int) == 255).all()
    assert (array(sent, "z_answers", calls, cells) == trace.z_answers).all()
    assert (array(sent, "z_confidence", calls, cells) == trace.z_confidence).all()
    assert (array(sent, "z_reverse", calls, cells) == trace.z_reverse).all()
    assert (array(sent, "y_reverse", answers, cells) == trace.y_reverse).all()
    assert sent["halt_probability"] == pytest.approx(trace.halt_probability.tolist(), rel=1e-5)
    assert [len(sent[name]) for name in ("halt_probability", "entropy", "residual_y", "residual_z")] == [
        steps,
        answers,
        answers,
        calls,
    ]


def test_fields_that_an_older_trace_lacks_are_none(trace):
    sent = payload(replace(trace, z_reverse=None, y_reverse=None), TASK)
    assert sent["z_reverse"] is None and sent["y_reverse"] is None


def test_the_initially_selected_cell_is_the_one_that_changed_most(trace):
    """Among cells that are not given and count towards the score."""
    answers = np.tile(trace.inputs, (6, 1))
    answers[1::2, 0] = 5  # a given, changed five times
    answers[2:, 3], answers[4:, 3] = 2, 3  # twice
    answers[3:, 4] = 4  # once
    moved = replace(trace, answers=answers)
    assert payload(moved, TASK)["most_changed_cell"] == 3
    unsaid = trace.labels.copy()
    unsaid[3] = PADDING
    assert payload(replace(moved, labels=unsaid), TASK)["most_changed_cell"] == 4


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


def test_without_a_unique_solution_nothing_is_called_correct(tiny_model):
    sent = payload(record(tiny_model(), TASK, TASK.parse("11" + "." * 14)), TASK)
    assert sent["labels"] is None and sent["cells_right"] is None
    assert array(sent, "input_conflicts", 16).tolist() == [1, 1] + [0] * 14


def test_a_growing_trace_keeps_its_id_and_another_run_has_another(tiny_model):
    model = tiny_model()
    grown = [payload(trace, TASK) for trace in growing_trace(model, TASK, PUZZLE)]
    assert [sent["steps"] for sent in grown] == [1, 2, 3]
    assert len({sent["trace_id"] for sent in grown}) == 1
    others = [
        record(model, TASK, TASK.parse("1.3.....2.......")),
        record(model, TASK, PUZZLE, depth=replace(model.config.depth, N_sup=2)),
    ]
    assert grown[0]["trace_id"] not in {payload(other, TASK)["trace_id"] for other in others}


def trace_of(task: Task, like: Trace, inputs, answers, labels=None) -> Trace:
    """A run of another task with these answers: one supervision step with a cycle per answer and one f_L call per cycle."""
    answers = np.array(answers, np.uint8)
    count = len(answers)
    return replace(
        like,
        depth=replace(like.depth, n=1, T=count, N_sup=1),
        inputs=inputs,
        labels=labels,
        answers=answers,
        probabilities=quantised(np.eye(task.vocab_size)[answers]),
        entropy=np.zeros(count, np.float32),
        z_answers=np.repeat(answers, 2, 0),
        z_confidence=np.repeat(answers, 2, 0),
        halt_probability=np.zeros(1, np.float32),
        residual_y=np.zeros(count, np.float32),
        residual_z=np.zeros(2 * count, np.float32),
        z_reverse=np.repeat(answers, 2, 0),
        y_reverse=answers,
    )


MAZE = get_task("maze", 16)
TWO_WAYS = ["S...", ".##.", ".##.", "...G"]


def maze(*rows: str) -> np.ndarray:
    return MAZE.parse("".join(rows))


def test_any_shortest_path_solves_a_maze(trace):
    above, below = maze("Sooo", ".##o", ".##o", "...G"), maze("S...", "o##.", "o##.", "oooG")
    longer = maze("Sooo", ".##o", ".##o", "..oG")
    sent = payload(trace_of(MAZE, trace, maze(*TWO_WAYS), [above, below, longer]), MAZE)
    assert sent["solved"] == [True, True, False]
    assert (
        sent["labels"] is None and sent["cells_right"] is None
    )  # two shortest paths: neither is the solution
    assert sent["looks"] == ["pad", "wall", "open", "start", "goal", "path"]


def test_the_score_of_a_maze_counts_its_open_cells(trace):
    inputs, solution = maze("S...", "###.", "###.", "G..."), maze("Sooo", "###o", "###o", "Gooo")
    half, walls_gone = maze("Sooo", "###o", "###.", "G..."), np.where(inputs == 1, 2, solution)
    sent = payload(trace_of(MAZE, trace, inputs, [inputs, half, walls_gone, solution], solution), MAZE)
    assert (sent["cells_total"], sent["scored"]) == (8, "open")
    assert sent["cells_right"] == [0, 4, 8, 8]
    assert sent["solved"] == [False, False, False, True]


def test_arc_scores_the_cells_of_the_output_and_sends_the_crops(trace):
    task = get_task("arc")
    inputs, output = encode([[1, 2, 3]]), encode([[1, 2], [3, 4]])
    other = np.where(output == PADDING, 7, output)  # cells beyond the border do not count
    torn = output.copy()
    torn[1] = 1  # a border in the middle of the first row
    sent = payload(trace_of(task, trace, inputs, [inputs, torn, other, output], output), task)
    assert (sent["cells_total"], sent["scored"]) == (8, "")  # four colours and four of their border
    assert sent["cells_right"][1:] == [7, 8, 8]
    assert sent["crops"]["input"] == [1, 3]
    assert sent["crops"]["answers"] == [[1, 3], [2, 1], [2, 2], [2, 2]]
    assert sent["crops"]["z"] == [size for size in sent["crops"]["answers"] for _ in range(2)]
    assert sent["crops"]["z_reverse"] == sent["crops"]["z"] and sent["crops"]["solution"] == [2, 2]
    assert sent["looks"][:3] == ["pad", "border", "#000000"]


@pytest.mark.parametrize("name", ["sudoku", "maze", "arc"])
def test_every_task_is_sent_as_plain_python_types(trace, name):
    task = get_task(name)
    blank = np.full(task.cells, 2, np.uint8)
    sent = payload(trace_of(task, trace, blank, [blank, blank], blank), task)
    assert not {type(value) for value in walk(sent)} - {dict, list, str, int, float, bool, type(None)}
    assert len(sent["looks"]) == len(sent["symbols"]) == task.vocab_size


@pytest.mark.parametrize("kind", KINDS)
def test_the_halting_rule_is_that_of_the_kind(trace, kind):
    made = replace(trace.provenance, kind=kind, halting="" if kind != "sotaku" else NEVER)
    sent = payload(replace(trace, provenance=made), TASK)
    assert sent["halt_rule"] == KINDS[kind].halting and sent["halts"] == (kind != "sotaku")
    assert sent["kind"] == kind
