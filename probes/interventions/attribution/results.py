"""Attribution results, as printed by the command line and drawn by the page. Torch is imported only to compute them.

Covers the attribution of a logit to the cells of the puzzle, and what one cell receives from and sends to every other
cell, by the attention of a call or the weights of MLP mixing.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from probes.interventions.sites import InterventionError, Site

if TYPE_CHECKING:
    import numpy as np

    from probes.interventions.fork import CachedRun
    from trm.coordinates import Coordinates
    from trm.model import Model
    from trm.tasks.base import Task

METHODS = {
    "gradients": "integrated gradients from the puzzle without givens",
    "givens": "leave-one-out: decrease in the logit when one given is removed",
    "units": "decrease in the logit when a row, column or box is removed",
}
MIXING = {
    "attention": "attention from one cell to every other and back in one call (attention models)",
    "mixing": "mixing weights from every cell to one cell and back, for any puzzle (MLP models)",
}
SPANS = {"cycle": "last cycle of the step", "step": "whole step", "run": "all steps so far"}
HALTING_LOGIT = -1
MEAN = "mean"  # instead of a head: the mean over heads


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
    """Compute one attribution: facts, a table, and `cells`, one number per cell of the grid (None if it has none).

    `cell`: from 0, or HALTING_LOGIT. `token`: by default, the run's own answer in the cell after that step. `span`: one
    of SPANS. Raises UserError.
    """
    from probes.interventions.attribution import gradients

    if method not in METHODS:
        raise InterventionError(f"There is no method {method!r}. Choose one of: {', '.join(METHODS)}.")
    task, depth = run.task, run.depth
    output = gradients.AttributedOutput(run, step, cell, 0, span)  # raises if there is no such step or cell
    halting = cell == HALTING_LOGIT
    if token is None:
        token = 0 if halting else int(run.trace.answers[step * depth.T - 1][cell])
    output = gradients.AttributedOutput(run, step, cell, token, span)
    name = "halting logit" if halting else f"logit of {task.symbols[token]} in {cell_name(task, cell)}"
    facts: dict[str, Any] = {
        "of": name,
        "step": step,
        "method": method,
        "span": span,
        "puzzle": task.format(run.inputs),
    }
    if method == "gradients":
        integrated = gradients.integrated_gradients(output, progress=progress)
        names = [cell_name(task, number) for number in range(task.cells)]
        effects = integrated.cells
        cells = integrated.cells.tolist()
        facts |= {
            "value": integrated.value,
            "baseline": integrated.baseline,
            "completeness_error": integrated.error,
            "points": integrated.points,
        }
    else:
        groups = gradients.single_givens(task, run.inputs) if method == "givens" else gradients.units(task)
        ablated = gradients.ablation(output, groups, progress=progress)
        names, effects = list(ablated.names), ablated.effect
        cells = [None] * task.cells
        if method == "givens":
            for (_, mask), effect in zip(groups, ablated.effect, strict=True):
                cells[int(mask.argmax())] = float(effect)
        facts |= {"value": ablated.value}
    return facts | {"cells": cells, "table": {"what": names, "effect": [float(effect) for effect in effects]}}


def cell_name(task: Any, cell: int) -> str:
    """Name of a cell such as r5c5, counted from 1."""
    return f"r{cell // task.columns + 1}c{cell % task.columns + 1}"


def attended(
    run: "CachedRun", *, at: "Coordinates", cell: int, layer: str = "1", head: str = MEAN
) -> dict[str, Any]:
    """Attention from and to a cell in one call. Layers and heads are counted from 1. Raises InterventionError."""
    from probes.interventions.attribution.attention import attention_of

    maps = attention_of(run, at).weights
    layers, heads = maps.shape[:2]
    of_layer = maps[_number("layer", layer, layers)]
    of_head = of_layer.mean(0) if head == MEAN else of_layer[_number("head", head, heads)]
    prefix = run.model.config.prefix_length
    row_and_column = _row_and_column(run.task, of_head[prefix:, prefix:], cell)
    call = str(Site.of(at))
    facts = {
        "of": f"attention in call {call}, layer {layer}, {'mean over heads' if head == MEAN else f'head {head}'}",
        "method": "attention",
        "call": call,
        "layer": layer,
        "head": head,
        "puzzle": run.task.format(run.inputs),
        # attention to positions that are not cells
        "prefix": round(float(of_head[prefix + cell, :prefix].sum()), 6),
        "fingerprint": run.model.fingerprint,
    }
    return facts | row_and_column


def mixed(model: "Model", task: "Task", *, cell: int, layer: str = "") -> dict[str, Any]:
    """Mixing weights of one layer to and from a cell. Raises InterventionError."""
    from probes.interventions.attribution.mixing import mixing

    weights = mixing(model, task, layer)
    facts = {
        "of": f"mixing weights of layer {weights.layer}",
        "method": "mixing",
        "layer": weights.layer,
        "fingerprint": model.fingerprint,
    }
    return facts | _row_and_column(task, weights.strength, cell)


def _row_and_column(task: "Task", matrix: "np.ndarray", cell: int) -> dict[str, Any]:
    """A cell's row (`receives`) and column (`sends`) of a matrix between cells, and the matrix's mean absolute value by
    relation.
    """
    from probes.interventions.attribution.mixing import by_relation

    if not 0 <= cell < task.cells:
        raise InterventionError(f"There is no cell {cell + 1}: the grid has {task.cells}.")
    receives, sends = (values.astype(float).round(6).tolist() for values in (matrix[cell], matrix[:, cell]))
    return {
        "cell": cell_name(task, cell),
        "relations": {name: share.rounded() for name, share in by_relation(task, matrix).items()},
        "table": {
            "cell": [cell_name(task, number) for number in range(task.cells)],
            "receives": receives,
            "sends": sends,
        },
    }


def _number(what: str, text: str, count: int) -> int:
    """Convert a number counted from 1 to an index. Raises InterventionError."""
    if not text.isdecimal() or len(text) > 4 or not 1 <= int(text) <= count:
        raise InterventionError(f"There is no {what} {text[:20]!r}. Choose 1 to {count}.")
    return int(text) - 1
