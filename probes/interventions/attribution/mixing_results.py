"""What one cell takes of every other and gives to them, as the command line prints it and the page draws it: by the attention of a
call, or by the weights of MLP mixing.
"""

from typing import TYPE_CHECKING, Any

from probes.interventions.attribution.results import cell_name
from probes.interventions.sites import InterventionError, Place

if TYPE_CHECKING:
    import numpy as np

    from probes.interventions.fork import KeptRun
    from trm.config import ModelConfig
    from trm.coordinates import Coordinates
    from trm.models import Model
    from trm.tasks.base import Task

MEAN = "mean"  # in the place of a head: the mean of all
METHODS = {
    "attention": "how much a cell attends to every other in one call, and they to it; attention models",
    "mixing": "how strongly the weights of MLP mixing bring every cell into a cell, and it into them, whatever the puzzle",
}


def layer_names(config: "ModelConfig") -> tuple[str, ...]:
    """The layers of all nets: 1, 2 where one net makes all calls, else L1, L2 (f_L), H1, H2 (f_H)."""
    counts = {"L": config.layers, "H": config.H_layers} if config.H_layers else {"": config.layers}
    return tuple(f"{net}{number + 1}" for net, count in counts.items() for number in range(count))


def attended(
    run: "KeptRun", *, at: "Coordinates", cell: int, layer: str = "1", head: str = MEAN
) -> dict[str, Any]:
    """The attention of one call from a cell and to it. Layers and heads are counted from 1. Raises InterventionError."""
    from probes.interventions.attribution.attention import attention_of

    maps = attention_of(run, at).weights
    layers, heads = maps.shape[:2]
    of_layer = maps[_number("layer", layer, layers)]
    of_head = of_layer.mean(0) if head == MEAN else of_layer[_number("head", head, heads)]
    prefix = run.model.config.prefix_length
    around = _around(run.task, of_head[prefix:, prefix:], cell)
    call = str(Place.of(at))
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
