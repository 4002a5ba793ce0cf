"""Attribution as the command line prints it and the page draws it. Imports no torch before something is computed.

What a logit is due to in the puzzle; and what one cell takes of every other and gives to them, by the attention of a call, or
by the weights of MLP mixing.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from probes.interventions.sites import InterventionError, Site

if TYPE_CHECKING:
    import numpy as np

    from trm.coordinates import Coordinates
    from trm.model import Model
    from trm.tasks.base import Task

METHODS = {
    "gradients": "integrated gradients: what each cell adds, on the way from the puzzle without givens",
    "givens": "how far the value falls when one given is removed",
    "units": "how far the value falls when a row, column or box is removed",
}
MIXING = {
    "attention": "how much a cell attends to every other in one call, and they to it; attention models",
    "mixing": "how strongly the weights of MLP mixing bring every cell into a cell, and it into them, whatever the puzzle",
}
SPANS = {"cycle": "the step's last cycle", "step": "the whole step", "run": "all steps up to it"}
HALTING_LOGIT = -1
MEAN = "mean"  # in the place of a head: the mean of all


def attributed(
    run: "CachedRun",
    *,
    step: int,
    cell: int,
    method: str = "gradients",
    span: str = "cycle",
    token: int | None = None,
    progress: "Callable[[float, str], None]",
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
    reading = gradients.AttributedOutput(
        run, step, cell, 0, span
    )  # raises where there is no such step or cell
    halting = cell == HALTING_LOGIT
    if token is None:
        token = 0 if halting else int(run.trace.answers[step * depth.T - 1][cell])
    reading = gradients.AttributedOutput(run, step, cell, token, span)
    name = "halting logit" if halting else f"logit of {task.symbols[token]} in {cell_name(task, cell)}"
    facts: dict[str, Any] = {
        "of": name,
        "step": step,
        "method": method,
        "span": span,
        "puzzle": task.format(run.inputs),
    }
    if method == "gradients":
        found = gradients.integrated_gradients(reading, progress=progress)
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
        taken = gradients.ablation(reading, groups, progress=progress)
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


def attended(
    run: "CachedRun", *, at: "Coordinates", cell: int, layer: str = "1", head: str = MEAN
) -> dict[str, Any]:
    """The attention of one call from a cell and to it. Layers and heads are counted from 1. Raises InterventionError."""
    from probes.interventions.attribution.attention import attention_of

    maps = attention_of(run, at).weights
    layers, heads = maps.shape[:2]
    of_layer = maps[_number("layer", layer, layers)]
    of_head = of_layer.mean(0) if head == MEAN else of_layer[_number("head", head, heads)]
    prefix = run.model.config.prefix_length
    around = _around(run.task, of_head[prefix:, prefix:], cell)
    call = str(Site.of(at))
    facts = {
        "of": f"attention in call {call}, layer {layer}, {'mean of all heads' if head == MEAN else f'head {head}'}",
        "method": "attention",
        "call": call,
        "layer": layer,
        "head": head,
        "puzzle": run.task.format(run.inputs),
        "prefix": round(
            float(of_head[prefix + cell, :prefix].sum()), 6
        ),  # taken of positions that are no cells
        "fingerprint": run.model.fingerprint,
    }
    return facts | around


def mixed(model: "Model", task: "Task", *, cell: int, layer: str = "") -> dict[str, Any]:
    """The weights of one layer, from a cell and to it. Raises InterventionError."""
    from probes.interventions.attribution.mixing import mixing

    found = mixing(model, task, layer)
    facts = {
        "of": f"mixing weights of layer {found.layer}",
        "method": "mixing",
        "layer": found.layer,
        "fingerprint": model.fingerprint,
    }
    return facts | _around(task, found.strength, cell)


def _around(task: "Task", matrix: "np.ndarray", cell: int) -> dict[str, Any]:
    """A matrix between cells as one cell has it: `takes`, its row, and `gives`, its column; and its mean size by what cells share."""
    from probes.interventions.attribution.mixing import by_relation

    if not 0 <= cell < task.cells:
        raise InterventionError(f"There is no cell {cell + 1}: the grid has {task.cells}.")
    takes, gives = (values.astype(float).round(6).tolist() for values in (matrix[cell], matrix[:, cell]))
    return {
        "cell": cell_name(task, cell),
        "relations": {name: share.rounded() for name, share in by_relation(task, matrix).items()},
        "table": {
            "cell": [cell_name(task, number) for number in range(task.cells)],
            "takes": takes,
            "gives": gives,
        },
    }


def _number(what: str, text: str, count: int) -> int:
    """A number from 1 as an index. Raises InterventionError."""
    if not text.isdecimal() or len(text) > 4 or not 1 <= int(text) <= count:
        raise InterventionError(f"There is no {what} {text[:20]!r}. Choose 1 to {count}.")
    return int(text) - 1
