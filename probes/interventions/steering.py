"""Steering directions in state space, written as text.

head:7                  the weight vector of symbol 7 in the output head: the direction in which its logit grows fastest
embedding:7             the input embedding of symbol 7
recorded:solution:4:7   the direction of class 7 of the probe `solution`, fitted to this state after supervision step 4 and
                        recorded for a bundled model; for a target that is a number, without the class
probe:F:t:c             the weight vector of class c at time point t in probe file F, with t and c counted from 0
0.1,-0.2,...            D numbers, or a single number that is repeated D times
"""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from probes.interventions.sites import InterventionError
from trm.model import Model
from trm.registry import model_names
from trm.tasks.base import Task


def direction_of(text: str, model: Model, task: Task, *, state: str = "", what: str) -> Float[Tensor, "dim"]:
    """Return the direction that `text` describes, not normalised. `what` names the intervention in error messages.

    `state` is the state to steer, for which a recorded probe must have been fitted. Raises InterventionError if the
    direction is invalid or zero, and UserError if a probe file cannot be read.
    """
    kind, _, rest = text.partition(":")
    if kind in ("head", "embedding"):
        table = model.unembedding() if kind == "head" else model.token_embedding()
        vector = table[token_of(rest, task)].detach()
    elif kind == "recorded":
        vector = _of_recorded_probe(rest, state, model)
    elif kind == "probe":
        vector = _of_probe(rest, model)
    else:
        vector = vector_of(text, model, what=what)
    if not vector.any():
        raise InterventionError(f"{what}: this direction is zero.")
    return vector.float()


def token_of(symbol: str, task: Task) -> int:
    """Return the token of a printed symbol, or of text such as t3 for token 3. Raises InterventionError."""
    symbols = [*task.symbols]
    if symbol in symbols[1:]:  # 0 is the padding token, whose symbol other tokens have too
        return symbols.index(symbol, 1)
    if symbol[:1] == "t" and symbol[1:].isdecimal() and int(symbol[1:]) < len(symbols):
        return int(symbol[1:])
    raise InterventionError(
        f"There is no symbol {symbol!r} in {task.name}. Give one of {''.join(symbols[1:])}, or t0 to t{len(symbols) - 1}."
    )


def vector_of(text: str, model: Model, *, what: str) -> Float[Tensor, "dim"]:
    """Parse comma-separated numbers; a single number is repeated for all dimensions. Raises InterventionError."""
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    size = model.config.hidden_size
    if len(numbers) not in (1, size) or not np.isfinite(numbers).all():
        raise InterventionError(f"{what[:80]}: give one number, or {size} numbers separated by commas.")
    return torch.tensor(numbers, device=model.device).expand(size)


def _of_recorded_probe(text: str, state: str, model: Model) -> Float[Tensor, "dim"]:
    """Return the unit vector of a class of a recorded probe. Raises InterventionError if nothing fits the text."""
    from probes.linear.directions import direction_of
    from probes.linear.experiment.files import RECORDED, SUFFIX
    from probes.linear.files import open_probe

    target, step, class_name = [*text.split(":", 2), "", ""][:3]
    path = RECORDED / model.name / f"{target}.{state}{SUFFIX}"
    if model.name not in model_names() or not path.parent.is_dir():
        raise InterventionError(f"No probes were recorded for {model.name}. Choose another direction.")
    if not target.isidentifier() or not path.is_file():
        names = sorted(each.name.split(".")[0] for each in path.parent.glob(f"*.{state}{SUFFIX}"))
        raise InterventionError(
            f"No probe of {state} was recorded for {target[:40]!r}. Choose one of: {', '.join(names) or 'y, z'}."
        )
    probe = open_probe(path)
    if probe.provenance.fingerprint != model.fingerprint:
        raise InterventionError(f"The recorded probes are of other weights than {model.name}.")
    steps = [str(at.supervision_step) for at in probe.time_points]
    if step not in steps:
        raise InterventionError(f"The probe {target} was fitted after the steps {', '.join(steps)}.")
    return torch.from_numpy(direction_of(probe, steps.index(step), class_name)).to(model.device)


def _of_probe(text: str, model: Model) -> Float[Tensor, "dim"]:
    """Return a probe's weight vector for one class, rescaled to the units of the state."""
    from probes.linear.files import open_probe

    file, time_point, row = [*text.rsplit(":", 2), "", ""][:3]
    if not (time_point.isdecimal() and row.isdecimal()):
        raise InterventionError(f"probe:{text} is not a direction. Write probe:FILE:time_point:class.")
    probe = open_probe(Path(file)).result
    time_points, rows, dim = probe.weights.shape
    if int(time_point) >= time_points or int(row) >= rows or dim != model.config.hidden_size:
        raise InterventionError(
            f"The probe {file} has {time_points} time points, {rows} classes and {dim} dimensions: {time_point}:{row} does "
            f"not exist, or the states have another size ({model.config.hidden_size})."
        )
    scale = probe.scale[int(time_point)]
    return torch.from_numpy(probe.weights[int(time_point), int(row)] / scale).to(model.device)
