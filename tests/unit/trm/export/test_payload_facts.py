"""Single facts of a payload, and the outputs that need another program."""

from dataclasses import replace

import pytest
from export_runs import SUDOKU, run_of, sudoku_run

from trm.config import NEVER
from trm.errors import UserError
from trm.export.outputs import check_paths
from trm.export.payload import halting_rule, payload, provenance_line, shortened, trace_id


def test_a_grid_without_crops_has_none_and_a_run_has_an_id_of_16_digits():
    sent = payload(sudoku_run(), SUDOKU)
    assert sent["crops"] is None and sent["halts"] and len(sent["trace_id"]) == 16
    assert set(trace_id(sudoku_run())) <= set("0123456789abcdef")
    older = replace(sudoku_run(), labels=None, z_reverse=None, y_reverse=None)
    assert [payload(older, SUDOKU)[name] for name in ("labels", "cells_right", "z_reverse", "y_reverse")] == [
        None
    ] * 4


def test_the_rule_of_a_kind_applies_to_a_run_that_names_none():
    made_by = replace(sudoku_run().provenance, halting="")
    assert (
        halting_rule(replace(made_by, kind="sotaku"))
        == halting_rule(replace(made_by, halting=NEVER))
        == NEVER
    )
    assert halting_rule(replace(made_by, kind="of the future")) == ""


@pytest.mark.parametrize(
    "engine, words", [("", " on CPU, "), ("torch", " on CPU, "), ("other", " on CPU with other, ")]
)
def test_an_engine_is_named_unless_it_is_torch(engine, words):
    trace = sudoku_run()
    assert words in provenance_line(replace(trace, provenance=replace(trace.provenance, engine=engine)))


def test_a_name_of_101_letters_is_cut_to_100():
    assert shortened("x" * 100) == "x" * 100 and shortened("x" * 101) == "x" * 99 + "…"


def test_only_an_mp4_needs_ffmpeg(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    check_paths({"png": tmp_path / "a.png", "gif": tmp_path / "a.gif"})
    with pytest.raises(UserError, match="not on the PATH"):
        check_paths({"mp4": tmp_path / "a.mp4"})


def test_the_mask_of_changes_is_empty_for_the_first_answer():
    run = run_of("sudoku")
    assert [int(run.changed(answer).sum()) for answer in range(6)] == [0, 1, 1, 0, 0, 0]
    assert run.first_answer == run.film_calls("answer")[0]
