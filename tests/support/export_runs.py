"""Runs made up for the tests of exports: the answers are given, everything else is drawn around them."""

import numpy as np
from jaxtyping import UInt8

from trm.coordinates import Depth
from trm.export.run import ExportedRun
from trm.provenance import Provenance
from trm.tasks import get_task
from trm.tasks.arc import encode
from trm.tasks.base import Task
from trm.trace import Trace, quantised

DEPTH = Depth(n=2, T=2, N_sup=3)  # 6 answers, 18 calls
SUDOKU = get_task("sudoku", 16)
MAZE = get_task("maze", 16)
ARC = get_task("arc")

HOSTILE = '</script><!--<b onclick="x">\'&amp;]]> \u202eשלום 🙂\x00\x1b\n' + "x" * 300  # noqa: RUF001 (Hebrew)
"""A name that would break a page, an XML file or a line that is not careful."""


def made_up(
    task: Task,
    inputs: UInt8[np.ndarray, "cells"],
    labels: UInt8[np.ndarray, "cells"] | None,
    answers: UInt8[np.ndarray, "f_H cells"],
    *,
    model: str = "made-up",
) -> Trace:
    """A run of DEPTH, or of fewer supervision steps, that gave these answers."""
    rng = np.random.default_rng(0)
    steps = len(answers) // DEPTH.T
    calls = steps * DEPTH.calls_per_step
    z_answers = np.repeat(answers, DEPTH.n + 1, axis=0)
    return Trace(
        provenance=Provenance(
            model, "0123456789abcdef", "trm", task.name, "cpu", "float32", "0.0", "2030-01-02"
        ),
        depth=DEPTH,
        trained=DEPTH,
        inputs=inputs,
        labels=labels,
        answers=answers,
        probabilities=quantised(0.9 * np.eye(task.vocab_size)[answers] + 0.1 / task.vocab_size),
        entropy=np.linspace(1.5, 0.1, len(answers), dtype=np.float32),
        z_answers=z_answers,
        z_confidence=rng.integers(60, 256, z_answers.shape).astype(np.uint8),
        halt_probability=np.array([0.1, 0.4, 0.9], np.float32)[:steps],
        residual_y=np.geomspace(0.9, 0.004, len(answers)).astype(np.float32),
        residual_z=np.geomspace(0.8, 0.003, calls).astype(np.float32),
        z_reverse=z_answers[::-1].copy(),
        y_reverse=answers[::-1].copy(),
    )


def sudoku_run(**options: str) -> Trace:
    """A 4x4 Sudoku. Answers: two cells wrong, so that two more break a rule; one of them mended; then the solution."""
    inputs = SUDOKU.parse("1.3.....2..4....")
    solution = SUDOKU.solutions(inputs)[0]
    first = solution.copy()
    first[[1, 15]] = 2 + (first[[1, 15]] - 1) % 4
    second = solution.copy()
    second[15] = first[15]
    return made_up(SUDOKU, inputs, solution, np.stack([first, second, *[solution] * 4]), **options)


def maze_run(**options: str) -> Trace:
    """A 4x4 maze with a single path; the first answer has a gap in it and a branch into a dead end."""
    inputs = MAZE.parse("S...###.###.G...")
    solution = MAZE.parse("Sooo###o###oGooo")
    first = MAZE.parse("Soo.###o###oGooo")
    return made_up(MAZE, inputs, solution, np.stack([first, *[solution] * 5]), **options)


def arc_run(**options: str) -> Trace:
    """A 1x3 grid that becomes 2x2; the first answer's border is broken."""
    inputs, output = encode([[1, 2, 3]]), encode([[1, 2], [3, 4]])
    torn = output.copy()
    torn[2] = 5
    return made_up(ARC, inputs, output, np.stack([torn, *[output] * 5]), **options)


RUNS = {"sudoku": (sudoku_run, SUDOKU), "maze": (maze_run, MAZE), "arc": (arc_run, ARC)}


def run_of(name: str) -> ExportedRun:
    make, task = RUNS[name]
    return ExportedRun.of(make(), task)
