"""A made-up run in which much happens at known places, and how a timeline is read."""

from dataclasses import replace

import numpy as np
from player_page import Player
from standalone import made_up_trace

from trm.coordinates import Depth
from trm.tasks import get_task
from trm.trace import Trace

SHALLOW = Depth(n=2, T=2, N_sup=4)  # 8 answers, 24 calls
SUDOKU = get_task("sudoku", 16)
# At which answers: first at step 2, cycle 2; broken at step 3, cycle 2; again at step 4
SOLVED = [0, 0, 0, 1, 1, 0, 1, 1]
CELL = 5  # the cell that is wrong where the run is not solved, and 6 wrong only in the first answer


def eventful_run() -> Trace:
    """A 4x4 Sudoku that is solved, broken and solved again, and runs one step deeper than it was trained to."""
    puzzle = SUDOKU.generate(np.random.default_rng(3), "easy")
    inputs = puzzle.inputs.copy()
    inputs[[CELL, 6]] = 1  # no givens
    answers = np.repeat(puzzle.labels[None], len(SOLVED), 0)
    answers[np.array(SOLVED) == 0, CELL] = 2 + (puzzle.labels[CELL] - 1) % 4
    answers[0, 6] = 2 + (puzzle.labels[6] - 1) % 4
    trace = made_up_trace(SUDOKU, replace(puzzle, inputs=inputs), answers, depth=SHALLOW)
    return replace(trace, trained=replace(trace.trained, N_sup=3))


def shown_part(player: Player) -> tuple[str, list[float]]:
    """The zoom, and the first call and the number of calls of every strip, which must agree."""
    boxes = player.root.locator(".plot svg").evaluate_all(
        "plots => plots.map((plot) => plot.getAttribute('viewBox'))"
    )
    assert len(set(boxes)) == 1
    start, _, width, _ = map(float, boxes[0].split())
    return player.root.get_by_test_id("timeline").get_attribute("data-zoom"), [start, width]
