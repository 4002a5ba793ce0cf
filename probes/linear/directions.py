"""Probe directions: the directions along which a probe's output changes fastest, and the plane that captures most of
their length.

A direction is a row of weights in the space of raw states. Probes are fitted on standardised features, so each weight is
divided by the standard deviation of its feature. Nearly parallel directions belong to classes that are hard to separate.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64

from probes.linear.apply import SavedProbe
from probes.linear.probe import ProbeError


def direction_of(probe: SavedProbe, time_point: int, class_name: str = "") -> Float32[np.ndarray, "dim"]:
    """The unit vector along which the probe's output changes fastest, in the space of raw states.

    With more than two classes: the direction of `class_name` minus the mean of the others. Raises ProbeError if the target
    has no such class, or the probe is constant.
    """
    weights, classes = probe.result.weights[time_point], probe.result.classes
    if len(classes) > 2:
        if class_name not in classes:
            raise ProbeError(
                f"The target {probe.target} has no class {class_name!r}. Choose from: {', '.join(classes)}."
            )
        chosen = classes.index(class_name)
        row = weights[chosen] - np.delete(weights, chosen, axis=0).mean(0)
    else:
        row = weights[0] if class_name in ("", classes[-1] if classes else "") else -weights[0]
    direction = row / probe.result.scale[time_point]
    norm = np.linalg.norm(direction)
    if not norm:
        raise ProbeError(f"The probe {probe.target} is constant at this time point, so it has no direction.")
    return (direction / norm).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Plane:
    """Unit vectors projected onto the plane that captures most of their length."""

    names: tuple[str, ...]
    points: Float64[np.ndarray, "direction 2"]  # the projections; a short one lies mostly outside the plane
    share: float  # of the total squared length that lies in the plane, 0 to 1
    cosines: Float64[np.ndarray, "direction direction"]  # between the directions themselves


def plane_of(names: Sequence[str], directions: Float32[np.ndarray, "direction dim"]) -> Plane:
    """The plane through the origin that captures most of the squared length: the first two right singular vectors.

    The sign of each axis makes its coordinate of largest magnitude positive. Raises ProbeError without directions.
    """
    if not len(directions):
        raise ProbeError("These probes are constant, so they have no direction.")
    exact = directions.astype(np.float64)
    _, singular, axes = np.linalg.svd(exact, full_matrices=False)
    points = np.zeros((len(exact), 2))
    projected = exact @ axes[:2].T
    largest = projected[np.abs(projected).argmax(0), range(projected.shape[1])]
    points[:, : projected.shape[1]] = projected * np.where(largest < 0, -1.0, 1.0)
    share = float((singular[:2] ** 2).sum() / (singular**2).sum())
    return Plane(tuple(names), points, share, exact @ exact.T)


def directions_at(
    probes: Sequence[SavedProbe], time_point: int, labels: Sequence[str]
) -> tuple[list[str], Float32[np.ndarray, "direction dim"]]:
    """Names and unit vectors of the directions to show together.

    Several probes (the members of a target group): the direction of each. One probe with more than two classes: the
    direction of each class. Otherwise: the direction at each of its time points, named by `labels`. Constant probes are
    left out.
    """
    first = probes[0]
    if len(probes) > 1:
        selection = [(probe.target.rpartition("_")[2], probe, time_point, "") for probe in probes]
    elif len(first.result.classes) > 2:
        selection = [(name, first, time_point, name) for name in first.result.classes]
    else:
        selection = [(label, first, at, "") for at, label in enumerate(labels)]
    names, vectors = [], []
    for name, probe, at, class_name in selection:
        try:
            vectors.append(direction_of(probe, at, class_name))
        except ProbeError:
            continue
        names.append(name)
    return names, np.array(vectors, np.float32).reshape(len(vectors), first.result.mean.shape[1])
