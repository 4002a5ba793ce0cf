"""Steering directions in state space, written as text.

head:7          the row of the output head for a symbol: the direction in which that symbol's logit grows fastest
embedding:7     the input embedding of a symbol
probe:F:t:c     class c at time point t of the probe in file F, both counted from 0
0.1,-0.2,...    D numbers; a single number is repeated D times
"""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from probes.interventions.sites import InterventionError
from trm.model import Model
from trm.tasks.base import Task


def direction_of(text: str, model: Model, task: Task, *, what: str) -> Float[Tensor, "dim"]:
    """The direction described by a text. Raises InterventionError, prefixed by `what`, if it is invalid or zero."""
    kind, _, rest = text.partition(":")
    if kind in ("head", "embedding"):
        table = model.unembedding() if kind == "head" else model.token_embedding()
        vector = table[token_of(rest, task)].detach()
    elif kind == "probe":
        vector = _of_probe(rest, model)
    else:
        vector = vector_of(text, model, what=what)
    if not vector.any():
        raise InterventionError(f"{what}: this direction is zero.")
    return vector.float()


def token_of(symbol: str, task: Task) -> int:
    """The token of a printed symbol, or of `t` followed by the token's number. Raises InterventionError."""
    symbols = [*task.symbols]
    if symbol in symbols:
        return symbols.index(symbol)
    if symbol[:1] == "t" and symbol[1:].isdecimal() and int(symbol[1:]) < len(symbols):
        return int(symbol[1:])
    raise InterventionError(
        f"There is no symbol {symbol!r} in {task.name}. Give one of {''.join(symbols[1:])}, or t0 to t{len(symbols) - 1}."
    )


def vector_of(text: str, model: Model, *, what: str) -> Float[Tensor, "dim"]:
    """Parse comma-separated numbers. Raises InterventionError."""
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    size = model.config.hidden_size
    if len(numbers) not in (1, size) or not np.isfinite(numbers).all():
        raise InterventionError(f"{what[:80]}: give one number, or {size} numbers separated by commas.")
    return torch.tensor(numbers, device=model.device).expand(size)


def _of_probe(text: str, model: Model) -> Float[Tensor, "dim"]:
    """A probe's weight vector for one class, rescaled to the units of the state."""
    from probes.linear.files import load_probe

    file, time_point, row = [*text.rsplit(":", 2), "", ""][:3]
    if not (time_point.isdecimal() and row.isdecimal()):
        raise InterventionError(f"probe:{text} is not a direction. Write probe:FILE:time_point:class.")
    probe, _ = load_probe(Path(file))
    time_points, rows, dim = probe.weights.shape
    if int(time_point) >= time_points or int(row) >= rows or dim != model.config.hidden_size:
        raise InterventionError(
            f"The probe {file} has {time_points} time points, {rows} classes and {dim} dimensions: {time_point}:{row} does "
            f"not exist, or the states have another size ({model.config.hidden_size})."
        )
    scale = probe.scale[int(time_point)]
    return torch.from_numpy(probe.weights[int(time_point), int(row)] / scale).to(model.device)
