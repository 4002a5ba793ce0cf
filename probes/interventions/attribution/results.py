"""Attribution as the command line prints it and the page draws it."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from probes.interventions.fork import KeptRun

METHODS = {
    "gradients": "integrated gradients: what each cell adds, on the way from the puzzle without givens",
    "givens": "what the number loses when a given is taken away",
    "units": "what the number loses when a row, column or box is taken away",
}
SPANS = {"cycle": "the step's last cycle", "step": "the whole step", "run": "all steps up to it"}
HALTING_CELL = -1


def attributed(
    run: "KeptRun",
    *,
    step: int,
    cell: int,
    method: str = "gradients",
    span: str = "cycle",
    token: int | None = None,
    tell: "Callable[[float, str], None]",
) -> dict[str, Any]:
    """One attribution: facts, a table, and `cells`, a number for every cell of the grid (NaN as None).

    `cell` from 0, -1 for the halting logit; `token` is the one that the run answers in the cell after that step, if not
    given. `span`: through the step's last cycle, the whole step, or the run up to there. Raises UserError.
    """
    from probes.interventions.attribution import gradients

    if method not in METHODS:
        raise gradients.InterventionError(
            f"There is no method {method!r}. Choose one of: {', '.join(METHODS)}."
        )
    task, depth = run.task, run.depth
    reading = gradients.Reading(run, step, cell, 0, span)  # raises where there is no such step or cell
    halting = cell == HALTING_CELL
    if token is None:
        token = 0 if halting else int(run.trace.answers[step * depth.T - 1][cell])
    reading = gradients.Reading(run, step, cell, token, span)
    name = "halting logit" if halting else f"logit of {task.symbols[token]} in {cell_name(task, cell)}"
    facts: dict[str, Any] = {
        "of": name,
        "step": step,
        "method": method,
        "span": span,
        "puzzle": task.format(run.inputs),
    }
    if method == "gradients":
        found = gradients.integrated_gradients(reading, tell=tell)
        names = [cell_name(task, number) for number in range(task.cells)]
        effects = found.cells
        cells = found.cells.tolist()
        facts |= {
            "value": found.value,
            "baseline": found.baseline,
            "completeness_error": found.error,
            "points": found.points,
        }
    else:
        groups = gradients.single_givens(task, run.inputs) if method == "givens" else gradients.units(task)
        taken = gradients.ablation(reading, groups, tell=tell)
        names, effects = list(taken.names), taken.effect
        cells = [None] * task.cells
        if method == "givens":
            for (_, where), effect in zip(groups, taken.effect, strict=True):
                cells[int(where.argmax())] = float(effect)
        facts |= {"value": taken.value}
    return facts | {"cells": cells, "table": {"what": names, "effect": [float(effect) for effect in effects]}}


def cell_name(task: Any, cell: int) -> str:
    """Such as r5c5, counted from 1."""
    return f"r{cell // task.columns + 1}c{cell % task.columns + 1}"
