"""The player's timeline: zoom, cursor, strips and markers."""

from itertools import pairwise

import numpy as np
import pytest
from eventful_run import CELL, SUDOKU, shown_part
from player_page import Player
from playwright.sync_api import expect
from standalone import cut, made_up_trace, random_answers, sent, show

from trm.coordinates import Depth


def units(player: Player) -> list[str]:
    """The labels on the time axis."""
    return player.root.locator(".units:not([hidden]) span").all_text_contents()


def test_plus_and_minus_zoom_to_the_current_step_and_cycle(open_run):
    player = open_run()
    player.press("Shift+ArrowRight", "ArrowRight")
    assert player.position == (2, 2, 3, "f_H")
    seen = []
    for key in ["-", "+", "+", "+", "-", "-"]:
        player.press(key)
        seen.append(shown_part(player))
        assert player.position == (2, 2, 3, "f_H")
    run, step, cycle = ("run", [0, 24]), ("step", [6, 6]), ("cycle", [9, 3])
    assert seen == [run, step, cycle, cycle, step, run]


def test_the_axis_labels_its_units_and_the_window_follows_the_call(open_run):
    player = open_run()
    assert units(player) == ["1", "2", "3", "4"]
    player.press("+")
    assert units(player) == ["1", "2"]
    player.press("Shift+ArrowRight")
    assert shown_part(player) == ("step", [6, 6])
    player.press("+")
    assert units(player) == ["1", "2", "f_H"]
    player.press("ArrowDown")
    assert player.position == (2, 2, 1, "f_L")
    assert shown_part(player) == ("cycle", [9, 3])
    assert player.root.locator(".units:not([hidden]) .current").all_text_contents() == ["1"]


def test_buttons_zoom_and_name_the_current_step_and_cycle(open_run):
    player = open_run()
    button = player.root.get_by_test_id
    player.press("Shift+ArrowRight", "ArrowRight")
    assert [button(f"zoom-{name}").inner_text() for name in ("run", "step", "cycle")] == [
        "all 4 steps",
        "step 2",
        "cycle 2",
    ]
    for name, zoom in [
        ("zoom-cycle", "cycle"),
        ("zoom-out", "step"),
        ("zoom-in", "cycle"),
        ("zoom-run", "run"),
        ("zoom-step", "step"),
    ]:
        button(name).click()
        assert shown_part(player)[0] == zoom
        assert button(f"zoom-{zoom}").get_attribute("aria-pressed") == "true"
        assert player.root.locator(".zoom [aria-pressed=true]").count() == 1


@pytest.mark.parametrize("touch", [False, True], ids=["mouse", "touch"])
def test_a_double_press_zooms_in_and_at_the_deepest_level_out(open_run, touch):
    player = open_run(has_touch=touch)
    strip = player.root.locator(".track-entropy").bounding_box()
    at = strip["x"] + strip["width"] * 0.6, strip["y"] + strip["height"] / 2

    def press_until_it_zooms():
        """Twice, and more often where two presses take longer than a double press may."""
        before = shown_part(player)[0]

        def has_zoomed() -> bool:
            player.page.touchscreen.tap(*at) if touch else player.page.mouse.click(*at)
            return shown_part(player)[0] != before

        player.eventually(has_zoomed, "another zoom")

    press_until_it_zooms()
    assert player.position == (3, 1, 3, "f_H")
    assert shown_part(player) == ("step", [12, 6])
    press_until_it_zooms()
    assert player.position == (3, 2, 1, "f_L")
    assert shown_part(player) == ("cycle", [15, 3])
    press_until_it_zooms()
    assert shown_part(player) == ("run", [0, 24])


def test_two_slow_presses_do_not_zoom(open_run):
    player = open_run()
    player.root.locator(".track-entropy").click()
    player.page.wait_for_timeout(
        500
    )  # by the time of the browser's events, which a clock of the page does not set
    player.root.locator(".track-entropy").click()
    assert shown_part(player)[0] == "run"


def test_a_click_in_a_zoomed_strip_goes_to_that_call(open_run):
    player = open_run()
    player.press("Shift+ArrowRight", "+")
    strip = player.root.locator(".track-residual-z")
    width = strip.bounding_box()["width"]
    strip.click(position={"x": width * 4.5 / 6, "y": 8})
    assert player.position == (2, 2, 2, "f_L")


def test_the_cursor_is_at_the_call_at_every_zoom(open_run):
    player = open_run()
    player.press("Shift+ArrowRight")
    for expected in (8.5 / 24, 2.5 / 6, 2.5 / 3):
        cursor = player.root.locator(".cursor").bounding_box()
        plot = player.root.locator(".track-halting").bounding_box()
        middle = cursor["x"] + cursor["width"] / 2
        assert (middle - plot["x"]) / plot["width"] == pytest.approx(expected, abs=0.005)
        player.press("+")


def test_the_halting_probability_is_that_of_the_step_end_and_is_labelled_so_before(open_run, run):
    player = open_run()
    value, event = player.root.get_by_test_id("halt-probability"), player.root.locator(".event")
    shown = "node => getComputedStyle(node.previousElementSibling, '::after').content"
    assert value.inner_text() == f"{run.halt_probability[0]:.3f}" and "end of step" in value.evaluate(shown)
    assert event.inner_text().endswith("halting is decided at the end of the step")
    player.press("Shift+ArrowRight", "ArrowLeft")  # to the last call of the first step
    assert value.inner_text() == f"{run.halt_probability[0]:.3f}" and value.evaluate(shown) == "none"
    assert event.inner_text().endswith(f"(p\u00a0=\u00a0{run.halt_probability[0]:.2f})")


def test_all_strips_show_the_value_under_the_pointer(open_run, run):
    player = open_run()
    names = player.root.locator(".gutter span").all_text_contents()
    wanted = ["P(halt)", "correct cells", "changed cells", "entropy (bits)", "‖Δy‖ / ‖y‖", "‖Δz‖ / ‖z‖"]
    assert names[1:7] == wanted
    strip = player.root.locator(".track-right")
    width = strip.bounding_box()["width"]
    strip.hover(position={"x": width * 1.5 / 8, "y": 5})
    tip = player.root.locator(".tip")
    assert tip.inner_text() == "step 1, cycle 2: correct cells 15/16"
    assert player.root.locator(".hover-line").is_visible()
    player.press("+", "+")
    player.root.locator(".track-residual-z").hover(position={"x": width * 0.5, "y": 5})
    assert tip.inner_text() == f"step 1, cycle 1, f_L 2: ‖Δz‖ / ‖z‖ {run.residual_z[1]:.2f}"
    player.page.mouse.move(5, 5)
    assert not tip.is_visible() and not player.root.locator(".hover-line").is_visible()


def test_hovering_the_curves_of_a_cell_names_its_symbols(open_run, run):
    player = open_run()
    player.cell(1, 1).click()
    strip = player.root.locator(".track-cell")
    strip.hover(position={"x": strip.bounding_box()["width"] * 3.5 / 8, "y": 10})
    likely = int(run.probabilities[3, CELL].argmax())
    said = player.root.locator(".tip").inner_text()
    assert said.startswith(
        f"step 2, cycle 2: {SUDOKU.symbol_names[likely]} {run.probabilities[3, CELL, likely] / 255:.2f}"
    )
    player.press("Escape")
    strip.hover(position={"x": 30, "y": 12})
    assert player.root.locator(".tip").inner_text() == "step 1, cycle 1"


@pytest.mark.parametrize(("n", "T"), [(6, 3), (6, 4), (2, 6)])
def test_no_label_of_the_timeline_is_cut_on_a_phone(open_run, n, T):
    depth = Depth(n=n, T=T, N_sup=16)
    puzzle = SUDOKU.generate(np.random.default_rng(3), "easy")
    trace = made_up_trace(SUDOKU, puzzle, random_answers(SUDOKU, depth), depth=depth)
    player = open_run(trace=trace, width=390, height=844)
    for zoom in ("run", "step", "cycle"):
        player.root.get_by_test_id(f"zoom-{zoom}").click()
        cut_off = player.root.evaluate(
            "root => [...root.querySelectorAll('.calls button, .cycle > span, .units span, .zoom button, .gutter *')]"
            ".filter((node) => node.clientWidth && node.scrollWidth > node.clientWidth + 0.5).map((node) => node.textContent)"
        )
        assert cut_off == []
    player.root.get_by_test_id("zoom-run").click()
    numbers = player.root.locator(".units i:visible").evaluate_all(
        "nodes => nodes.filter((node) => node.textContent).map((node) => node.getBoundingClientRect()).map(({ left, right }) => [left, right])"
    )
    assert len(numbers) >= 8
    assert all(later[0] - former[1] >= 2 for former, later in pairwise(numbers))
    rows = player.root.locator(".cycle").evaluate_all("nodes => nodes.map((node) => node.offsetTop)")
    assert len(set(rows)) == {3: 1, 4: 2, 6: 3}[T]  # one row if legible, else even rows of two


# ---- markers


def overlapping(player: Player) -> list[tuple[float, float]]:
    """The left edges of flags that overlap."""
    boxes = [flag.bounding_box() for flag in player.root.locator(".flag").all()]
    lefts = sorted(box["x"] for box in boxes)
    assert len(lefts) == 4
    return [(one, next_) for one, next_ in pairwise(lefts) if next_ - one < boxes[0]["width"] - 0.5]


def test_markers_describe_events_and_go_there(open_run):
    player = open_run()
    entries = player.root.locator("[data-marker]")
    assert entries.all_inner_texts() == [
        "S\nsolved at step 2, cycle 2, for good at step 4, cycle 1",
        "X\nsolution lost at step 3, cycle 2",
        "H\nwould halt at step 3 (halts when q_halt > 0)",
        "T\ntrained depth ends at step 3",
    ]
    for kind, place in [("lost", (3, 2)), ("solved", (2, 2)), ("halt", (3, 2)), ("trained", (3, 2))]:
        player.root.locator(f"[data-marker={kind}]").click()
        assert player.position == (*place, 3, "f_H")


def test_markers_differ_by_letter_and_shape(open_run):
    player = open_run()
    flags = player.root.locator(".flag i")
    assert flags.all_text_contents() == ["S", "X", "H", "T"]
    shapes = flags.evaluate_all(
        "flags => flags.map((flag) => getComputedStyle(flag).clipPath + getComputedStyle(flag).borderRadius)"
    )
    assert len(set(shapes)) == 4


def test_flags_do_not_overlap_and_only_those_in_the_window_are_shown(open_run):
    player = open_run(width=390, height=844)
    for width in (390, 250, 390):
        player.page.set_viewport_size({"width": width, "height": 844})
        player.eventually(lambda: not overlapping(player), f"flags beside each other at {width}")
    player.root.locator("[data-marker=solved]").click()
    player.press("+")
    assert player.root.locator(".flag:visible").all_text_contents() == ["S"]


def test_a_marker_has_its_text_on_hover_and_on_focus(open_run):
    player = open_run()
    tip = player.root.locator(".tip")
    player.root.locator(".flag.lost").hover()
    assert tip.inner_text() == "solution lost at step 3, cycle 2"
    player.page.mouse.move(5, 5)
    expect(tip).to_be_hidden()
    player.root.locator("[data-marker=solved]").focus()
    assert "solved at step 2, cycle 2" in tip.inner_text()
    player.press("Enter")
    assert player.position == (2, 2, 3, "f_H")


def test_a_growing_run_keeps_the_focus_on_its_marker_and_the_zoom(open_run, run):
    player = open_run(trace=cut(run, 2))
    player.press("+")
    player.root.locator("[data-marker=solved]").focus()
    show(player.page, sent(SUDOKU, cut(run, 3)))
    assert player.root.locator("[data-marker=solved]").evaluate("node => node === document.activeElement")
    assert shown_part(player) == ("step", [0, 6])
    assert "computed up to step 3 of 4" in player.root.locator("[data-marker=arrived]").inner_text()
