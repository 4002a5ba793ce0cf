"""The Compare page in a browser: two models on one clock, and figures below. test_pair_clock.py presses more keys."""

import pytest
from pair_page import STATE, Pair, check
from playwright.sync_api import expect

from trm.checkpoint import load_model
from trm.data import load_presets
from trm.engine.choice import choose
from trm.record import record
from trm.tasks import get_task


@pytest.mark.slow
def test_two_models_are_stepped_together_and_compared(served, new_page):
    page = new_page()
    page.goto(f"{served.url}/compare?against=sudoku-hrm")
    page.get_by_test_id("pair").wait_for()
    pair = Pair(page)
    task = get_task("sudoku")
    tokens = task.parse(load_presets("sudoku")[0].puzzle)
    runs = tuple(record(choose(load_model(name)), task, tokens) for name in ("sudoku-trm", "sudoku-hrm"))
    pair.press("End")
    pair.left.eventually(
        lambda: [place[0] for place in pair.positions] == [16, 16], "both runs to their ends"
    )
    for key in ("Shift+ArrowLeft", "ArrowLeft", "ArrowDown", "5", "+", "d"):
        pair.press(key)
        (left, right), states = pair.positions, [player.root.evaluate(STATE) for player in pair.players]
        assert left[0] == right[0] and left[3] == right[3], (
            key
        )  # one step, one kind: T and n are not the same
        assert states[0] == states[1], key
    pair.press("1", "-")
    check(pair, runs, task)
    pair.root.get_by_test_id("align-call").click()
    pair.press("Home", *["ArrowRight"] * 4)
    assert [place[:2] for place in pair.positions] == [(2, 2), (5, 1)]  # the fifth f_H call of each
    check(pair, runs, task)
    pair.left.eventually(
        lambda: "align=call" in page.url and "against=sudoku-hrm" in page.url, "a link to this"
    )
    page.goto(f"{served.url}/compare")  # a session that starts here shows the recorded pair
    expect(page.locator(".js-plotly-plot")).to_have_count(1)
    page.get_by_text("Similarity (CKA)", exact=True).click()
    expect(page.locator(".js-plotly-plot .heatmaplayer image")).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
