"""Directions along which the output of a probe changes fastest, and the plane that captures most of their length.

A direction is computed from the probe's weights, in the space of raw states. Probes are fitted on standardised
features, so each weight is divided by the standard deviation of its feature. Classes whose directions are nearly
parallel are hard to separate.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64

from probes.linear.files import SavedProbe
from probes.linear.probe import ProbeError


def direction_of(probe: SavedProbe, time_point: int, class_name: str = "") -> Float32[np.ndarray, "dim"]:
    """Return the unit vector along which the probe's output changes fastest, in the space of raw states, [dim].

    For numeric targets, the output is the predicted number. For two classes, it is the log odds of `class_name` (by
    default the second class). For more classes, it is the logit of `class_name` minus the mean logit of the other
    classes. Raises ProbeError if `class_name` is not one of the target's classes, or if the probe is constant.
    """
    weights, classes = probe.result.weights[time_point], probe.result.classes
    if class_name not in classes and (class_name or len(classes) > 2):
        raise ProbeError(
            f"The target {probe.target} has no class {class_name!r}. Choose from: {', '.join(classes) or 'none'}."
        )
    if len(classes) > 2:
        chosen = classes.index(class_name)
        row = weights[chosen] - np.delete(weights, chosen, axis=0).mean(0)
    else:
        row = -weights[0] if class_name and class_name == classes[0] else weights[0]
    direction = row / probe.result.scale[time_point]
    norm = np.linalg.norm(direction)
    if not norm:
        raise ProbeError(f"The probe {probe.target} is constant at this time point, so it has no direction.")
    return (direction / norm).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Plane:
    """Projections of unit vectors onto the plane that captures most of their squared length."""

    names: tuple[str, ...]
    points: Float64[np.ndarray, "direction 2"]  # projections; a short projection is mostly outside the plane
    share: float  # fraction of the total squared length that lies in the plane, 0 to 1
    cosines: Float64[np.ndarray, "direction direction"]  # cosine similarities of the unit vectors


def plane_of(names: Sequence[str], directions: Float32[np.ndarray, "direction dim"]) -> Plane:
    """Project unit vectors onto the plane that captures most of their squared length.

    The plane passes through the origin and is spanned by the first two right singular vectors of the directions. The
    sign of each axis is chosen so that its coordinate of largest magnitude is positive. Raises ProbeError if there are
    no directions.
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
    """Return the names and unit vectors of the directions to show in one figure.

    For several probes (the members of a target group), return the direction of each probe. For one probe with more than
    two classes, return the direction of each class. Otherwise, return the direction at each time point, named by
    `labels`. Constant probes are left out.
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
