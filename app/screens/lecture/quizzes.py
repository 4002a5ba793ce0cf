"""Questions of the lecture with choices: predictions about a run, which the player then checks, and exercises.

The choices of a `text` question are in the language files. Those of the other kinds are computed from the run:

halt    the supervision step after which the model would halt
cell    the cell whose answer is the first to settle
depth   the number of layers in sequence up to a call of the second supervision step
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from app.screens.lecture.runs import SceneRun
from app.screens.lecture.scenes import Scene
from trm.coordinates import Coordinates
from trm.export.run_facts import Facts

CHOICES = 4  # of a computed question
DEPTH_AT = (2, 1, 3)  # supervision step, cycle and f_L call of the question about depth


@dataclass(frozen=True)
class Quiz:
    """A question with choices."""

    right: int  # number of the right choice, from 0
    choices: tuple[Facts, ...] = ()  # values of each computed choice
    reveal: dict[str, Any] | None = None  # the view that shows the answer
    facts: Facts = field(default_factory=dict)  # for the texts


NO_FACTS: Facts = dict.fromkeys(
    ("quiz_step", "quiz_cycle", "quiz_row", "quiz_column", "quiz_call", "quiz_depth")
) | {"predicts": False}


def quiz_of(scene: Scene, run: SceneRun, start: Coordinates) -> Quiz | None:
    """Return the question of a scene that starts at `start` in its run; None if it has none, or the run allows none."""
    if scene.quiz == "text":
        return Quiz(scene.right - 1)
    if not scene.quiz:
        return None
    return {"halt": _halt, "cell": _cell, "depth": _depth}[scene.quiz](run, start)


def _halt(run: SceneRun, start: Coordinates) -> Quiz:
    depth, halt = run.trace.depth, run.facts["halt_step"]
    steps = range(1, depth.N_sup + 1)
    near = halt or depth.N_sup // 2
    chosen = sorted(sorted(steps, key=lambda step: (abs(step - near), step))[:CHOICES])
    choices = [{"step": step} for step in chosen] + [{"step": None}]  # None: never
    reveal = _view(halt or depth.N_sup, depth.T, depth.n + 1)
    return Quiz(chosen.index(halt) if halt else len(chosen), tuple(choices), reveal, {"predicts": True})


def _cell(run: SceneRun, start: Coordinates) -> Quiz | None:
    trace, task, T = run.trace, run.task, run.trace.depth.T
    answer = (start.supervision_step - 1) * T + start.cycle - 1
    changes = trace.answers[1:] != trace.answers[:-1]  # (f_H - 1, cells)
    settled = np.where(changes.any(0), len(changes) - np.argmax(changes[::-1], 0), 0)  # f_H call, from 0
    open_cells = np.flatnonzero((settled > answer) & ~task.givens(trace.inputs))
    order = open_cells[np.argsort(settled[open_cells], kind="stable")]
    later = order[settled[order] > settled[order[0]]] if order.size else order
    if not later.size:
        return None
    first = int(order[0])
    others = later[np.linspace(0, later.size - 1, min(CHOICES - 1, later.size)).astype(int)]
    cells = sorted({first, *map(int, others)})
    places = [divmod(cell, task.columns) for cell in cells]
    row, column = divmod(first, task.columns)
    step, cycle = divmod(int(settled[first]), T)
    return Quiz(
        cells.index(first),
        tuple({"row": row + 1, "column": column + 1} for row, column in places),
        _view(step + 1, cycle + 1, trace.depth.n + 1, cell=[row, column]),
        {"predicts": True}
        | {"quiz_row": row + 1, "quiz_column": column + 1, "quiz_step": step + 1, "quiz_cycle": cycle + 1},
    )


def _depth(run: SceneRun, start: Coordinates) -> Quiz:
    depth, facts = run.trace.depth, run.facts
    step, cycle, call = (min(*pair) for pair in zip(DEPTH_AT, (depth.N_sup, depth.T, depth.n), strict=True))
    of_cycle = depth.n * facts["layers"] + facts["H_layers"]
    cycles = (step - 1) * depth.T + cycle - 1
    right = cycles * of_cycle + call * facts["layers"]
    wrong = [cycles * (depth.n + 1) + call, call * facts["layers"], right + of_cycle, facts["depth"]]
    counts = sorted({right, *[count for count in wrong if count != right][: CHOICES - 1]})
    return Quiz(
        counts.index(right),
        tuple({"count": count} for count in counts),
        _view(step, cycle, call),
        {"predicts": True, "quiz_depth": right} | {"quiz_step": step, "quiz_cycle": cycle, "quiz_call": call},
    )


def _view(step: int, cycle: int, call: int, cell: list[int] | None = None) -> dict[str, Any]:
    return {"supervision_step": step, "cycle": cycle, "call": call, "cell": cell, "mode": "answer"}
