"""The log of a run: of one that is being trained, a damaged one, and that of a bundled model."""

import csv

import pytest

from trm.errors import UserError
from trm.training.folder import locked
from trm.training.log import CURVE, LOG, is_training, machine_of, metrics, read_curve, read_log, write_curve

LINES = [
    {"update": 0, "minutes": 0.0, "machine": "one core"},
    {"update": 10, "minutes": 1.0, "loss": 2.0, "cells": 0.5, "exact_in_flight": 0.1},
    {"update": 20, "minutes": 2.0, "held_out_exact_by_step": [0.1] * 15 + [0.4], "n": 2, "T": 2, "grid_cells": 81},
    {"update": 30, "minutes": 3.0, "held_out_exact_by_step": [0.2] * 15 + [0.9], "n": 6, "T": 3, "grid_cells": 81},
    {"update": 30, "minutes": 3.0, "finished": True},
]  # fmt: skip


def test_a_line_that_is_still_being_written_is_left_out(tmp_path):
    (tmp_path / LOG).write_text('{"update": 1, "minutes": 0.5, "loss": 2.5}\n{"update": 2, "lo')
    assert read_log(tmp_path) == [{"update": 1, "minutes": 0.5, "loss": 2.5}]
    (tmp_path / LOG).write_text('{"upd')
    assert read_log(tmp_path) == []


def test_a_folder_without_a_log(tmp_path):
    with pytest.raises(UserError, match=r"log\.jsonl cannot be read: No such file"):
        read_log(tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        "[]",
        "7",
        "{",
        '{"loss": 2.0}',
        '{"update": 1, "minutes": 0.5, "loss": "low"}',
        '{"update": 1, "minutes": 0.5, "loss": NaN}',
        '{"update": 1, "minutes": 0.5, "held_out_exact_by_step": 0.5}',
        '{"update": 1, "minutes": 0.5, "held_out_exact_by_step": [null]}',
    ],
)
def test_a_log_with_figures_that_are_not_numbers(tmp_path, line):
    (tmp_path / LOG).write_text(
        '{"update": 1, "minutes": 0.5, "machine": "x", "held_out_exact_by_step": [0.5, 1]}\n'
    )
    assert read_log(tmp_path)[0]["update"] == 1
    (tmp_path / LOG).write_text(line + "\n")
    with pytest.raises(UserError, match=r"log\.jsonl is not a log of a training run, or is damaged"):
        read_log(tmp_path)


def test_the_curve_of_a_bundled_model_is_that_of_its_log(tmp_path):
    write_curve(tmp_path / CURVE, LINES)
    assert read_curve(tmp_path) == metrics(LINES)
    assert [row.get("held_out_exact") for row in metrics(LINES)] == [None, 0.4, 0.9]
    assert [row.get("held_out_exact_1") for row in metrics(LINES)] == [None, 0.1, 0.2]
    rows = list(csv.DictReader((tmp_path / CURVE).open()))
    assert [row["held_out_exact"] for row in rows] == ["", "0.4", "0.9"]
    assert [row["update"] for row in rows] == ["10", "20", "30"]


@pytest.mark.parametrize(
    "text", ["minutes,update,loss\n1,2,low\n", "minutes,loss\n1,2\n", "minutes,update,loss\n1,2,[2]\n"]
)
def test_a_damaged_curve_is_an_error(tmp_path, text):
    (tmp_path / CURVE).write_text(text)
    with pytest.raises(UserError, match=r"curve\.csv is not a training curve, or is damaged"):
        read_curve(tmp_path)


def test_updates_that_a_killed_run_repeats_count_once():
    """A resumed run goes on from its last save, which is earlier than its last line."""
    lost = [{"update": update, "minutes": 1.0, "loss": 9.0} for update in (11, 12)]
    resumed = {"update": 10, "minutes": 1.0, "machine": "one core"}
    assert metrics([*LINES[:2], *lost, resumed, *LINES[2:]]) == metrics(LINES)


def test_a_folder_into_which_a_process_trains(tmp_path):
    assert not is_training(tmp_path)
    with locked(tmp_path):
        assert is_training(tmp_path) and is_training(tmp_path)
    assert not is_training(tmp_path)
    assert not is_training(tmp_path / "none")


def test_the_machine_of_a_run_is_the_last_one():
    assert machine_of([{"machine": "one core"}, {"update": 1}, {"machine": "a GPU"}]) == "a GPU"
    assert machine_of([{"update": 1}]) == "an unrecorded machine"
