"""Where probes point: the directions along which their readings change fastest, and the plane that shows most of them.

A direction is a row of weights, in the space of states as they are: features are standardised when a probe is fitted, so a
weight is divided by the deviation of its feature. Directions close to each other are told apart by little.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64

from probes.linear.apply import SavedProbe
from probes.linear.probe import ProbeError


def direction_of(probe: SavedProbe, time_point: int, class_name: str = "") -> Float32[np.ndarray, "dim"]:
    """The unit vector along which the probe's reading changes fastest, in the space of states as they are.

    Of several classes that of one, against the mean of the others. Raises ProbeError where the class is none of them.
    """
    weights, classes = probe.result.weights[time_point], probe.result.classes
    if len(classes) > 2:
        if class_name not in classes:
            raise ProbeError(
                f"{class_name!r} is no class of {probe.target}. Choose from: {', '.join(classes)}."
            )
        chosen = classes.index(class_name)
        row = weights[chosen] - np.delete(weights, chosen, axis=0).mean(0)
    else:
        row = weights[0] if class_name in ("", classes[-1] if classes else "") else -weights[0]
    direction = row / probe.result.scale[time_point]
    norm = np.linalg.norm(direction)
    if not norm:
        raise ProbeError(
            f"The probe {probe.target} has no direction at this time point: it always reads the same."
        )
    return (direction / norm).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Plane:
    """Unit directions seen in the plane that holds most of them."""

    names: tuple[str, ...]
    places: Float64[
        np.ndarray, "direction 2"
    ]  # ends of arrows from 0; the shorter, the more of one lies outside
    share: float  # of all squared lengths that lies in the plane, 0 to 1
    cosines: Float64[np.ndarray, "direction direction"]  # between the directions themselves


def plane_of(names: Sequence[str], directions: Float32[np.ndarray, "direction dim"]) -> Plane:
    """The plane through 0 in which unit directions keep most of their squared length: their first two singular vectors.

    Of each axis the sign is the one that makes its largest coordinate positive. Raises ProbeError where there is none.
    """
    if not len(directions):
        raise ProbeError("These probes have no direction: they always read the same.")
    exact = directions.astype(np.float64)
    _, singular, axes = np.linalg.svd(exact, full_matrices=False)
    places = np.zeros((len(exact), 2))
    found = exact @ axes[:2].T
    largest = found[np.abs(found).argmax(0), range(found.shape[1])]
    places[:, : found.shape[1]] = found * np.where(largest < 0, -1.0, 1.0)
    share = float((singular[:2] ** 2).sum() / (singular**2).sum())
    return Plane(tuple(names), places, share, exact @ exact.T)


def directions_at(
    probes: Sequence[SavedProbe], time_point: int, labels: Sequence[str]
) -> tuple[list[str], Float32[np.ndarray, "direction dim"]]:
    """The directions that are worth seeing together, by name: of the classes of one probe, of several probes (the members of a
    group) each one's, else those of a single one at all of its time points, which `labels` name. Those without length are left out.
    """
    first = probes[0]
    if len(probes) > 1:
        asked = [(probe.target.rpartition("_")[2], probe, time_point, "") for probe in probes]
    elif len(first.result.classes) > 2:
        asked = [(name, first, time_point, name) for name in first.result.classes]
    else:
        asked = [(label, first, at, "") for at, label in enumerate(labels)]
    names, found = [], []
    for name, probe, at, class_name in asked:
        try:
            found.append(direction_of(probe, at, class_name))
        except ProbeError:
            continue
        names.append(name)
    return names, np.array(found, np.float32).reshape(len(found), first.result.mean.shape[1])
