"""Tables and arrays of a run: all numbers equal those of the trace."""

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from export_runs import DEPTH, HOSTILE, RUNS, SUDOKU, run_of, sudoku_run

from trm.export.run import ExportedRun
from trm.export.table import csv_text, save_arrays
from trm.tasks import get_task


@pytest.mark.parametrize("name", RUNS)
def test_numbers_of_the_table_equal_those_of_the_trace(name):
    run = run_of(name)
    trace = run.trace
    rows = list(csv.DictReader(io.StringIO(csv_text(run))))
    assert len(rows) == 18
    places = [(row["supervision_step"], row["cycle"], row["call"], row["kind"]) for row in rows]
    assert places[:4] == [
        ("1", "1", "1", "f_L"),
        ("1", "1", "2", "f_L"),
        ("1", "1", "3", "f_H"),
        ("1", "2", "1", "f_L"),
    ]
    assert places[-1] == ("3", "2", "3", "f_H")
    assert [np.float32(row["residual_z"]) for row in rows] == trace.residual_z.tolist()
    answers = [row for row in rows if row["kind"] == "f_H"]
    assert [np.float32(row["residual_y"]) for row in answers] == trace.residual_y.tolist()
    assert [np.float32(row["mean_entropy"]) for row in answers] == trace.entropy.tolist()
    assert [row["answer"] for row in answers] == [run.task.format(answer) for answer in trace.answers]
    changed = [
        int((now != before).sum()) for before, now in zip(trace.answers, trace.answers[1:], strict=False)
    ]
    assert [row["cells_changed"] for row in answers] == ["", *map(str, changed)]
    ends = [row for row in rows if row["halt_probability"]]
    assert [np.float32(row["halt_probability"]) for row in ends] == trace.halt_probability.tolist()
    assert {(row["cycle"], row["kind"]) for row in ends} == {("2", "f_H")}
    for row in rows:
        if row["kind"] == "f_L":
            assert not any(
                row[name]
                for name in ("cells_right", "cells_changed", "mean_entropy", "residual_y", "solved", "answer")
            )


@pytest.mark.parametrize(
    "name, right, solved",
    [
        ("sudoku", [14, 15, 16, 16, 16, 16], [0, 0, 1, 1, 1, 1]),
        ("maze", [7, 8, 8, 8, 8, 8], [0, 1, 1, 1, 1, 1]),
        ("arc", [7, 8, 8, 8, 8, 8], [0, 1, 1, 1, 1, 1]),
    ],
)
def test_the_table_counts_correct_cells(name, right, solved):
    rows = [row for row in csv.DictReader(io.StringIO(csv_text(run_of(name)))) if row["kind"] == "f_H"]
    assert [int(row["cells_right"]) for row in rows] == right
    assert [int(row["solved"]) for row in rows] == solved


def test_without_a_solution_these_columns_are_empty():
    rows = {
        name: list(csv.DictReader(io.StringIO(csv_text(ExportedRun.of(replace(make(), labels=None), task)))))[
            -1
        ]
        for name, (make, task) in RUNS.items()
    }
    assert [row["cells_right"] for row in rows.values()] == ["", "", ""]
    assert [row["solved"] for row in rows.values()] == ["1", "1", ""]  # the rules of ARC are unknown


@pytest.mark.parametrize("name", RUNS)
def test_arrays_are_read_back_unchanged(tmp_path, name):
    run = run_of(name)
    save_arrays(tmp_path / "run", run)
    with np.load(tmp_path / "run", allow_pickle=False) as stored:
        assert set(stored) == {
            "metadata", "inputs", "labels", "answers", "probabilities", "entropy", "z_answers", "z_confidence",
            "halt_probability", "residual_y", "residual_z", "z_reverse", "y_reverse",
        }  # fmt: skip
        for field in set(stored) - {"metadata"}:
            array = getattr(run.trace, field)
            assert stored[field].dtype == array.dtype and (stored[field] == array).all()
        facts = json.loads(str(stored["metadata"]))
    assert facts["provenance"]["model"] == "made-up" and facts["depth"] == {"n": 2, "T": 2, "N_sup": 3}
    assert (facts["rows"], facts["symbols"]) == (run.task.rows, list(run.task.symbols))


def test_arrays_without_a_solution(tmp_path):
    save_arrays(tmp_path / "run", ExportedRun.of(replace(sudoku_run(model=HOSTILE), labels=None), SUDOKU))
    with np.load(tmp_path / "run", allow_pickle=False) as stored:
        assert "labels" not in stored
        assert json.loads(str(stored["metadata"]))["provenance"]["model"] == HOSTILE


def test_a_9x9_and_a_6x6_fit(tmp_path):
    for cells in (36, 81):
        task = get_task("sudoku", cells)
        inputs = np.ones(cells, np.uint8)
        trace = replace(
            sudoku_run(), inputs=inputs, labels=None, answers=np.tile(inputs, (6, 1)), z_answers=np.tile(inputs, (18, 1)),
            z_reverse=None, y_reverse=None, probabilities=np.zeros((6, cells, task.vocab_size), np.uint8), z_confidence=np.zeros((18, cells), np.uint8),
        )  # fmt: skip
        assert (
            DEPTH.N_sup == 3
            and ExportedRun.of(trace, task).title == f"made-up: Sudoku {task.rows}x{task.rows}"
        )
