"""Attributions for the command line and the page. Torch is imported only to compute them.

`attributed` attributes a logit to the cells of the puzzle. `attended` and `mixed` return the weights between one cell
and every other cell, from the attention of a call or from MLP mixing.
"""

from collections.abc import Callable
from dataclasses import dataclass
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
"""The spans, in words for the last cycle of a step. At another cycle, each ends with this cycle."""
HALTING_LOGIT = -1
MEAN = "mean"  # value of `head` that selects the mean over heads


@dataclass(frozen=True)
class CellEffects:
    """The effects of cells or groups of cells on one logit, or on a difference of two logits, after an f_H call."""

    of: str  # the logit, in words
    step: int
    method: str  # a key of METHODS
    span: str  # a key of SPANS
    puzzle: str
    value: float  # the logit
    cells: list[float | None]  # effect of each cell; None if it was not measured
    table: dict[str, list]  # columns `what` and `effect`
    baseline: float | None = None  # gradients: the logit without givens
    completeness_error: float | None = (
        None  # gradients: difference between the sum of the effects and the logit's change
    )
    points: int | None = None  # gradients: points on the path of integration
    cycle: int | None = None  # None: the last cycle of the step


@dataclass(frozen=True)
class CellWeights:
    """The weights between one cell and every other cell, from the attention of a call or from MLP mixing."""

    of: str  # the weights, in words
    method: str  # a key of MIXING
    layer: str
    fingerprint: str  # hash of the model's weights
    cell: str  # such as r5c5
    relations: dict[
        str, list[float]
    ]  # mean absolute weight with its confidence interval, by relation of two cells
    table: dict[str, list]  # columns `cell`, `receives` and `sends`
    call: str | None = None  # attention: the call, the head and the puzzle
    head: str | None = None
    puzzle: str | None = None
    prefix: float | None = None  # attention: weight of positions that are not cells


def attributed(
    run: "CachedRun",
    *,
    step: int,
    cell: int,
    method: str = "gradients",
    span: str = "cycle",
    cycle: int | None = None,
    token: int | None = None,
    versus: int | None = None,
    progress: "Callable[[float, str], None]",
) -> CellEffects:
    """Attribute a logit after a cycle of supervision step `step`, by default the last one.

    `cell` is an index from 0, or HALTING_LOGIT. `method` and `span` are keys of METHODS and SPANS. `token` defaults to
    the run's answer in the cell. With `versus`, the logit of this token is subtracted. Raises UserError.
    """
    from probes.interventions.attribution import gradients

    if method not in METHODS:
        raise InterventionError(f"There is no method {method!r}. Choose one of: {', '.join(METHODS)}.")
    task, depth = run.task, run.depth
    gradients.AttributedOutput(run, step, cell, 0, span, cycle)  # raises if there is no such call or cell
    halting = cell == HALTING_LOGIT
    if token is None:
        answer = (step - 1) * depth.T + (cycle or depth.T) - 1
        token = 0 if halting else int(run.trace.answers[answer][cell])
    output = gradients.AttributedOutput(run, step, cell, token, span, cycle, versus)
    symbols = task.symbol_names
    minus = "" if versus is None else f" minus logit of {symbols[versus]}"
    name = "halting logit" if halting else f"logit of {symbols[token]}{minus} in {cell_name(task, cell)}"
    if method == "gradients":
        integrated = gradients.integrated_gradients(output, progress=progress)
        names = [cell_name(task, number) for number in range(task.cells)]
        effects = integrated.cells
        cells = integrated.cells.tolist()
        measured = {
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
        measured = {"value": ablated.value}
    table = {"what": names, "effect": [float(effect) for effect in effects]}
    return CellEffects(
        name, step, method, span, task.format(run.inputs), cells=cells, table=table, cycle=cycle, **measured
    )


def cell_name(task: Any, cell: int) -> str:
    """Return the name of a cell, such as r5c5, with rows and columns counted from 1."""
    return f"r{cell // task.columns + 1}c{cell % task.columns + 1}"


def attended(
    run: "CachedRun", *, at: "Coordinates", cell: int, layer: str = "1", head: str = MEAN
) -> CellWeights:
    """Return a cell's attention to and from all cells in one call. Raises InterventionError.

    `layer` and `head` are counted from 1. By default, the attention is averaged over heads.
    """
    from probes.interventions.attribution.attention import attention_of

    maps = attention_of(run, at).weights
    layers, heads = maps.shape[:2]
    of_layer = maps[_number("layer", layer, layers)]
    of_head = of_layer.mean(0) if head == MEAN else of_layer[_number("head", head, heads)]
    prefix = run.model.config.prefix_length
    row_and_column = _row_and_column(run.task, of_head[prefix:, prefix:], cell)
    call = str(Site.of(at))
    return CellWeights(
        of=f"attention in call {call}, layer {layer}, {'mean over heads' if head == MEAN else f'head {head}'}",
        method="attention",
        layer=layer,
        fingerprint=run.model.fingerprint,
        call=call,
        head=head,
        puzzle=run.task.format(run.inputs),
        prefix=round(float(of_head[prefix + cell, :prefix].sum()), 6),
        **row_and_column,
    )


def mixed(model: "Model", task: "Task", *, cell: int, layer: str = "") -> CellWeights:
    """Return the mixing weights of one layer to and from a cell. Raises InterventionError."""
    from probes.interventions.attribution.mixing import mixing

    weights = mixing(model, task, layer)
    return CellWeights(
        of=f"mixing weights of layer {weights.layer}",
        method="mixing",
        layer=weights.layer,
        fingerprint=model.fingerprint,
        **_row_and_column(task, weights.strength, cell),
    )


def _row_and_column(task: "Task", matrix: "np.ndarray", cell: int) -> dict[str, Any]:
    """Return a cell's row (`receives`) and column (`sends`) of a cell-by-cell matrix.

    Also return the mean absolute value of the matrix by relation.
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
    """Convert a number that counts from 1 to an index from 0. Raises InterventionError."""
    if not text.isdecimal() or len(text) > 4 or not 1 <= int(text) <= count:
        raise InterventionError(f"There is no {what} {text[:20]!r}. Choose 1 to {count}.")
    return int(text) - 1
