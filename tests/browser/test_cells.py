"""Cells: the history of the selected one, marks on the grid, and modes that an older recording lacks."""

from dataclasses import replace

import numpy as np
import pytest
from eventful_run import SHALLOW, SUDOKU
from player_page import Player
from standalone import cut, growing_path, made_up_trace, sent, show

from trm.tasks import get_task
from trm.trace import Trace

MAZE = get_task("maze", 900)


def history(player: Player) -> list[str]:
    return player.root.locator("[data-event]").all_text_contents()


def test_the_history_of_a_cell_and_links_to_its_calls(open_run):
    player = open_run()
    player.cell(1, 1).click()
    assert history(player) == [
        "last changed at step 4, cycle 1",
        "changed 3 times",
        "first correct at step 2, cycle 2",
        "lost once, back for good at step 4, cycle 1",
    ]
    player.root.locator("[data-event=right]").click()
    assert player.position == (2, 2, 3, "f_H")
    player.root.locator("[data-event=final]").click()
    assert player.position == (4, 1, 3, "f_H")
    player.press("d")
    assert history(player)[2:] == ["first correct at step 1, cycle 2", "and stayed correct"]
    player.press("Escape")
    assert history(player) == []


def test_no_answer_of_a_growing_run_is_called_final(open_run, run):
    player = open_run(trace=cut(run, 2))
    player.cell(1, 1).click()
    assert history(player)[0] == "unchanged since step 2, cycle 2"
    show(player.page, sent(SUDOKU, run))
    assert history(player)[0] == "last changed at step 4, cycle 1"


# ---- marks on the grid


def test_cells_that_stay_correct_are_marked_and_unmarked(open_run, run):
    player = open_run()
    assert not player.flagged("stable")
    player.press("m")
    free = {f"{cell // 4},{cell % 4}" for cell in np.flatnonzero(run.inputs == 1).tolist()}
    assert player.flagged("stable") == free - {"1,1", "1,2"}
    player.press("ArrowRight")
    assert player.flagged("stable") == free - {"1,1"}
    assert player.cell(1, 2).get_attribute("aria-description") == "stayed correct"
    assert player.cell(1, 1).get_attribute("aria-description") is None
    assert "stayed correct" in player.root.locator(".legend").inner_text()
    button = player.root.get_by_test_id("marks")
    assert button.get_attribute("aria-pressed") == "true"
    player.press("5")
    assert not player.flagged("stable")  # z has no such marks
    player.press("1")
    button.click()
    assert not player.flagged("stable") and button.get_attribute("aria-pressed") == "false"
    assert player.cell(1, 2).get_attribute("aria-description") is None


PICTURE = "root => root.querySelector('canvas.picture').toDataURL()"


@pytest.fixture(scope="module")
def maze_run() -> Trace:
    puzzle = MAZE.generate(np.random.default_rng(1), "hard")
    return made_up_trace(MAZE, puzzle, growing_path(MAZE, puzzle, SHALLOW), depth=SHALLOW)


def dropped(trace: Trace, answer: int) -> set[str]:
    """Cells that were path in one of the last two answers (within a step) and are not path now."""
    path = trace.answers[max(0, answer - SHALLOW.T) : answer] == 5
    cells = path.any(0) & (trace.answers[answer] != 5)
    recent = path[-1] if len(path) else cells
    # cells dropped a whole step ago are gone; path two answers ago but not in the previous one: dropped one cycle ago
    cells &= recent | (len(path) > 1 and path[0])
    return {f"{cell // 30},{cell % 30}" for cell in np.flatnonzero(cells).tolist()}


def test_dead_ends_fade_call_by_call(open_run, maze_run):
    player = open_run(MAZE, maze_run)
    for answer in range(4):
        assert player.flagged("dropped") == dropped(maze_run, answer)
        player.press("ArrowRight")
    pictures = set()
    for _ in range(3):
        player.press("ArrowDown")
        pictures.add(player.root.evaluate(PICTURE))
    assert len(pictures) == 3


def test_with_reduced_motion_dead_ends_do_not_fade(open_run, maze_run):
    player = open_run(MAZE, maze_run, reduced_motion="reduce")
    player.press("ArrowRight", "ArrowDown")
    assert player.flagged("dropped") == dropped(maze_run, 1)
    still = player.root.evaluate(PICTURE)
    player.press("ArrowDown")
    assert player.root.evaluate(PICTURE) == still


@pytest.mark.parametrize("marks", [False, True], ids=["plain", "marked"])
def test_partial_drawing_equals_full_drawing(open_run, maze_run, marks):
    player = open_run(MAZE, maze_run)
    if marks:
        player.press("m")
    for key in ["ArrowRight", "ArrowDown", "End", "Home"]:
        player.press(key)
        step_by_step = player.root.evaluate(PICTURE)
        player.press("2", "1")
        assert player.root.evaluate(PICTURE) == step_by_step, f"after {key}"


# ---- recordings without reverse embedding


def test_a_mode_that_an_older_recording_lacks_says_so_and_falls_back(open_run, run):
    player = open_run(trace=replace(run, z_reverse=None, y_reverse=None))
    button = player.root.get_by_test_id("mode-reverse")
    assert "not recorded in this run" in button.get_attribute("title")
    player.press("6")
    caption = player.root.locator(".caption")
    assert caption.inner_text().startswith("This older recording has no reverse embedding")
    assert player.mode == "z" and button.get_attribute("aria-pressed") == "false"
    texts = player.root.locator("[data-cell]").all_text_contents()
    assert texts == [SUDOKU.symbols[token] for token in run.z_answers[2]]
    show(player.page, sent(SUDOKU, run))  # the same run, recorded again: the selected mode is shown
    assert player.mode == "reverse" and "not in this" not in button.get_attribute("title")
    assert caption.inner_text().startswith("z decoded by reverse embedding")


def test_reverse_embedding_shows_y_small_where_it_differs_from_z(open_run, run):
    player = open_run()
    player.press("6", "ArrowRight")
    small = player.root.locator("[data-cell]").evaluate_all(
        "cells => cells.map((c) => c.dataset.small ?? '')"
    )
    symbols = SUDOKU.symbols
    z, y = run.z_reverse[5], run.y_reverse[1]
    assert small == ["" if a == b else symbols[b] for a, b in zip(z, y, strict=True)]
    assert any(small)
    player.press("Space")  # in modes that show z every call is played
    player.eventually(lambda: player.position[3] == "f_L", "an f_L call")


def test_a_blank_answer_is_visible_in_the_probabilities_mode(open_run, run):
    """As a dot, as in the other modes; an empty cell would look undecoded."""
    blank = SUDOKU.symbols.index(".")
    certain = np.zeros_like(run.probabilities)
    certain[..., blank] = 255
    player = open_run(trace=replace(run, probabilities=certain))
    player.press("2")
    inked = player.root.locator("canvas.pencil").evaluate(
        """canvas => {
          const side = canvas.width / 4;
          const pixels = canvas.getContext("2d").getImageData(side, side, side, side).data;
          return pixels.some((value, at) => at % 4 === 3 && value > 0);
        }"""
    )
    assert inked
