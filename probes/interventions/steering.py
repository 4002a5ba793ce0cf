"""Directions in the space of states, named in words: what an intervention moves a state along.

head:7          the row of the answer's head for a symbol: along it the logit of that symbol grows fastest
embedding:7     the input embedding of a symbol
probe:F:m:c     of the probe in file F, its class c at its moment m, both counted from 0
0.1,-0.2,...    D numbers; a single one stands for D equal ones
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
    """The direction that a text names. Raises InterventionError, in which `what` says where, if it has no length."""
    kind, _, rest = text.partition(":")
    if kind in ("head", "embedding"):
        table = model.answer_vectors() if kind == "head" else model.token_vectors()
        vector = table[token_of(rest, task)].detach()
    elif kind == "probe":
        vector = _of_probe(rest, model)
    else:
        vector = vector_of(text, model, what=what)
    if not vector.any():
        raise InterventionError(f"{what}: this direction has no length.")
    return vector.float()


def token_of(symbol: str, task: Task) -> int:
    """The token of a printed symbol, or of `t` and its number. Raises InterventionError."""
    symbols = [*task.symbols]
    if symbol in symbols:
        return symbols.index(symbol)
    if symbol[:1] == "t" and symbol[1:].isdecimal() and int(symbol[1:]) < len(symbols):
        return int(symbol[1:])
    raise InterventionError(
        f"There is no symbol {symbol!r} in {task.name}. Give one of {''.join(symbols[1:])}, or t0 to t{len(symbols) - 1}."
    )


def vector_of(text: str, model: Model, *, what: str) -> Float[Tensor, "dim"]:
    """Numbers with commas between. Raises InterventionError."""
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    size = model.config.hidden_size
    if len(numbers) not in (1, size) or not np.isfinite(numbers).all():
        raise InterventionError(f"{what[:80]}: give one number, or {size} with commas between.")
    return torch.tensor(numbers, device=model.device).expand(size)


def _of_probe(text: str, model: Model) -> Float[Tensor, "dim"]:
    """Along which a fitted probe's class grows, in the units of the state."""
    from probes.linear.files import load_probe

    file, time_point, row = [*text.rsplit(":", 2), "", ""][:3]
    if not (time_point.isdecimal() and row.isdecimal()):
        raise InterventionError(f"probe:{text} is no direction. Write probe:FILE:moment:class.")
    probe, _ = load_probe(Path(file))
    time_points, rows, dim = probe.weights.shape
    if int(time_point) >= time_points or int(row) >= rows or dim != model.config.hidden_size:
        raise InterventionError(
            f"The probe {file} has {time_points} moments of {rows} rows of {dim} numbers: there is no {time_point}:{row} "
            f"for states of {model.config.hidden_size}."
        )
    scale = probe.scale[int(time_point)]
    return torch.from_numpy(probe.weights[int(time_point), int(row)] / scale).to(model.device)
