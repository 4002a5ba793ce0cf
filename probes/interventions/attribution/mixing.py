"""Which cells do the weights bring together? The matrix of MLP mixing as a board, and any such matrix by what cells share.

MLP mixing sends each channel's values at all positions through a SwiGLU, down(silu(gate) * up). Drawn is down @ up: the way
through it with all gates held equal. The gates are functions of the state, may close a way or turn its sign, and the block's
norm follows, so this is a view of the weights, to first order, and not of a run.
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
PEERS = "peers"  # of all kinds together
RATIO = "peers / others"


def boxes(task: Task) -> np.ndarray:
    """Of each cell of a Sudoku its box, from 0, row by row."""
    row, column = np.divmod(np.arange(task.cells), task.columns)
    return row // task.box_rows * (task.columns // task.box_columns) + column // task.box_columns


def relations(task: Task) -> dict[str, Bool[np.ndarray, "cells cells"]]:
    """What two different cells may share, at [a, b], and `OTHERS` that share none of it; {} where the task has no such thing.

    Cells of one row of a box share both row and box.
    """
    row, column = np.divmod(np.arange(task.cells), task.columns)
    apart = ~np.eye(task.cells, dtype=bool)
    if hasattr(task, "box_rows"):
        box = boxes(task)
        found = {
            name: (unit[:, None] == unit) & apart
            for name, unit in (("row", row), ("column", column), ("box", box))
        }
    elif task.name == "maze":
        found = {"neighbours": abs(row[:, None] - row) + abs(column[:, None] - column) == 1}
    else:
        return {}
    return found | {OTHERS: apart & ~np.any(list(found.values()), axis=0)}


def peers_of(task: Task) -> Bool[np.ndarray, "cells cells"]:
    """At [a, b]: whether b is a peer of a. Raises InterventionError for a task that has none."""
    found = relations(task)
    if not found:
        raise InterventionError(f"Cells of {task.name} puzzles have no peers.")
    return np.any([pairs for name, pairs in found.items() if name != OTHERS], axis=0)


@dataclass(frozen=True)
class Strength:
    """Of a matrix between cells: its mean size over pairs of one kind, with the band of a bootstrap over cells."""

    mean: float
    low: float
    high: float

    def rounded(self) -> list[float]:
        return [round(value, 5) for value in (self.mean, self.low, self.high)]


def by_relation(task: Task, matrix: Float[np.ndarray, "to from"]) -> dict[str, Strength]:
    """Mean |matrix| over the pairs of each kind; first that of all peers, second to last that of all others, then their `RATIO`.

    A cell is drawn with all that comes into it. {} for a task whose cells have no peers.
    """
    found = relations(task)
    if not found:
        return {}
    size = np.abs(matrix)
    kinds = found if len(found) == 2 else {PEERS: peers_of(task)} | found
    sums = np.stack([(size * pairs).sum(1) for pairs in kinds.values()], 1)
    counts = np.stack([pairs.sum(1) for pairs in kinds.values()], 1)
    draws = ratio(*(BY_PUZZLE.sums(values) for values in (sums, counts)))  # (resample, kind)
    rows = np.vstack((ratio(sums.sum(0), counts.sum(0)), draws))  # as it is, then the resamples
    rows = np.column_stack((rows, ratio(rows[:, 0], rows[:, -1])))  # peers stand first, others last
    ends = BY_PUZZLE.band(rows[1:])
    return {
        name: Strength(float(rows[0, place]), *map(float, ends[:, place]))
        for place, name in enumerate((*kinds, RATIO))
    }


@dataclass(frozen=True, eq=False)
class Mixing:
    """How strongly a layer's weights bring each cell's values into another's, for MLP mixing."""

    layer: str  # a name of `layer_names`
    strength: Float[np.ndarray, "to from"]  # between cells, the prefix left out; without unit
    by_relation: dict[str, Strength]


def layer_names(config: ModelConfig) -> tuple[str, ...]:
    """The layers of all nets: 1, 2 where one net makes all calls, else L1, L2 (f_L), H1, H2 (f_H)."""
    counts = {"L": config.layers, "H": config.H_layers} if config.H_layers else {"": config.layers}
    return tuple(f"{net}{number + 1}" for net, count in counts.items() for number in range(count))


def mixing(model: "Model", task: Task, layer: str = "") -> Mixing:
    """The product of a layer's two position matrices, down @ up; the first layer's if none is named.

    Raises InterventionError where positions are mixed by attention, or there is no such layer.
    """
    from trm.layers import Net

    if model.config.mixing != "mlp":
        raise InterventionError(
            "This model mixes positions by attention: look at its attention maps instead."
        )
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
