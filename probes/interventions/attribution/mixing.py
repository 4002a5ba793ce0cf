"""Mixing weights between cells in models with MLP mixing, and a summary of any cell-by-cell matrix by relation.

MLP mixing passes the values of a channel at all positions through a SwiGLU, down(silu(gate) * up). The mixing weights
are the product down @ up, which assumes that all gates have the same value. In a run, the gates depend on the state and
can close a path or flip its sign, and a norm follows the block. The mixing weights are therefore a first-order view of
the model, not of a run.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float

from probes.interventions.sites import InterventionError
from probes.stats import BY_PUZZLE, ratio
from trm.config import ModelConfig
from trm.tasks.base import Task

if TYPE_CHECKING:
    from trm.model import Model

OTHERS = "all others"
PEERS = "peers"  # all relations together
RATIO = "peers / others"


def boxes(task: Task) -> np.ndarray:
    """Return the index of the box of each cell of a Sudoku. Boxes are counted from 0, row by row."""
    row, column = np.divmod(np.arange(task.cells), task.columns)
    return row // task.box_rows * (task.columns // task.box_columns) + column // task.box_columns


def relations(task: Task) -> dict[str, Bool[np.ndarray, "cells cells"]]:
    """Return a mask of cell pairs for each relation, and for `OTHERS`, the unrelated pairs of different cells.

    Relations overlap: two cells in the same row can also be in the same box. A task without relations gives {}.
    """
    row, column = np.divmod(np.arange(task.cells), task.columns)
    apart = ~np.eye(task.cells, dtype=bool)
    if hasattr(task, "box_rows"):
        box = boxes(task)
        masks = {
            name: (unit[:, None] == unit) & apart
            for name, unit in (("row", row), ("column", column), ("box", box))
        }
    elif task.name == "maze":
        masks = {"neighbours": abs(row[:, None] - row) + abs(column[:, None] - column) == 1}
    else:
        return {}
    return masks | {OTHERS: apart & ~np.any(list(masks.values()), axis=0)}


def peers_of(task: Task) -> Bool[np.ndarray, "cells cells"]:
    """Return the mask of cell pairs that are peers. Raises InterventionError for a task without peers."""
    masks = relations(task)
    if not masks:
        raise InterventionError(f"Cells of {task.name} puzzles have no peers.")
    return np.any([pairs for name, pairs in masks.items() if name != OTHERS], axis=0)


@dataclass(frozen=True)
class Strength:
    """Mean absolute value of a cell-by-cell matrix over the pairs of one relation.

    `low` and `high` are the 95 % confidence interval from a bootstrap over cells.
    """

    mean: float
    low: float
    high: float

    def rounded(self) -> list[float]:
        return [round(value, 5) for value in (self.mean, self.low, self.high)]


def by_relation(task: Task, matrix: Float[np.ndarray, "to from"]) -> dict[str, Strength]:
    """Compute the mean of |matrix| over the pairs of each relation. A task without peers gives {}.

    The result has all peers first, then each relation, then OTHERS and RATIO. The bootstrap resamples the rows of the
    matrix, so a cell is resampled together with everything that it receives.
    """
    masks = relations(task)
    if not masks:
        return {}
    size = np.abs(matrix)
    kinds = masks if len(masks) == 2 else {PEERS: peers_of(task)} | masks
    sums = np.stack([(size * pairs).sum(1) for pairs in kinds.values()], 1)
    counts = np.stack([pairs.sum(1) for pairs in kinds.values()], 1)
    draws = ratio(*(BY_PUZZLE.sums(values) for values in (sums, counts)))  # (resample, relation)
    rows = np.vstack((ratio(sums.sum(0), counts.sum(0)), draws))  # the estimate, then the resamples
    rows = np.column_stack((rows, ratio(rows[:, 0], rows[:, -1])))  # peers come first, others last
    ends = BY_PUZZLE.band(rows[1:])
    return {
        name: Strength(float(rows[0, column]), *map(float, ends[:, column]))
        for column, name in enumerate((*kinds, RATIO))
    }


@dataclass(frozen=True, eq=False)
class Mixing:
    """Mixing weights of one layer between cells, in a model with MLP mixing."""

    layer: str  # one of `layer_names`
    strength: Float[np.ndarray, "to from"]  # weights between cells, without the prefix; no unit
    by_relation: dict[str, Strength]


def layer_names(config: ModelConfig) -> tuple[str, ...]:
    """Return the names of all layers: 1, 2 in a single net, or L1, L2 (f_L) and H1, H2 (f_H) in two nets."""
    counts = {"L": config.layers, "H": config.H_layers} if config.H_layers else {"": config.layers}
    return tuple(f"{net}{number + 1}" for net, count in counts.items() for number in range(count))


def mixing(model: "Model", task: Task, layer: str = "") -> Mixing:
    """Compute the mixing weights down @ up of a layer, by default of the first layer.

    Raises InterventionError if the model mixes positions by attention, or has no such layer.
    """
    from trm.layers import Net

    if model.config.mixing != "mlp":
        raise InterventionError("This model mixes positions by attention. Use its attention maps instead.")
    names = layer_names(model.config)
    layer = layer or names[0]
    if layer not in names:
        raise InterventionError(f"There is no layer {layer}. Choose one of: {', '.join(names)}.")
    blocks = [block for net in model.children() if isinstance(net, Net) for block in net.layers]
    part = blocks[names.index(layer)].mlp_t
    _, up = part.gate_up_proj.weight.detach().chunk(2, dim=0)
    prefix = model.config.prefix_length
    strength = (part.down_proj.weight.detach() @ up)[prefix:, prefix:].float().cpu().numpy()
    return Mixing(layer, strength, by_relation(task, strength))
