"""Projections on disk: one safetensors file of plain arrays, with the settings as JSON. Nothing in it is executed.

A PCA is its arrays. umap-learn keeps models as pickles only, so of a UMAP the pool (its principal components), the places
and the settings are written. Reading runs no optimisation: the library's model is built again around the places as they
are, when states are first placed among them, in the same way as after fitting. So places of new states equal those
before writing, as long as umap-learn is of the same version; `UMAPProjection.library` names the one that was used.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from probes.covariance import MOST_DIMENSIONS, StatesError
from probes.latents.pca_umap import MOST_COMPONENTS, MOST_IN_POOL, PCA, UMAPProjection, UMAPSettings
from trm import __version__
from trm.errors import UserError
from trm.files import written_whole

LARGEST_FILE = 256 << 20  # bytes
KIND = "recursion-lens projection"


class ProjectionError(UserError):
    """A file that is no projection, or a damaged one."""


def save_projection(
    path: Path, projection: PCA | UMAPProjection, *, about: Mapping[str, str] | None = None
) -> None:
    """Write a projection, whole or not at all. `about` says what it was fitted on, such as the model's fingerprint.

    Raises OutputError where the file cannot be written.
    """
    pca = projection if isinstance(projection, PCA) else projection.pca
    arrays = {
        "mean": pca.mean,
        "components": pca.components,
        "explained_variance": pca.explained_variance,
    }
    facts = {
        "kind": KIND,
        "version": __version__,
        "total_variance": pca.total_variance,
        "count": pca.count,
        "about": dict(about or {}),
    }
    if isinstance(projection, UMAPProjection):
        arrays |= {"pool": projection.pool, "embedding": projection.embedding}
        facts |= {"settings": asdict(projection.settings), "library": projection.library}
    with written_whole(path) as temporary:
        save_file(
            {name: np.ascontiguousarray(array) for name, array in arrays.items()},
            temporary,
            metadata={"projection": json.dumps(facts)},
        )


def load_projection(path: Path) -> tuple[PCA | UMAPProjection, dict[str, str]]:
    """Read a projection, and what it is about. Raises ProjectionError; imports no umap-learn."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise ProjectionError(f"{path} is larger than {LARGEST_FILE >> 20} MiB, which no projection is.")
        with safe_open(path, "numpy") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
            facts = json.loads((file.metadata() or {})["projection"])
        _check(arrays, facts)
        pca = PCA(
            mean=arrays["mean"],
            components=arrays["components"],
            explained_variance=arrays["explained_variance"],
            total_variance=facts["total_variance"],
            count=facts["count"],
        )
        if "settings" not in facts:
            return pca, facts["about"]
        settings = UMAPSettings(**facts["settings"])
        return UMAPProjection(settings, facts["library"], pca, arrays["pool"], arrays["embedding"]), facts[
            "about"
        ]
    except OSError as error:
        raise ProjectionError(f"{path} cannot be read: {error.strerror or error}.") from None
    except (
        SafetensorError, StatesError, KeyError, TypeError, ValueError, IndexError, AttributeError, RecursionError,
    ):  # fmt: skip
        raise ProjectionError(
            f"{path} is no projection of this version, or is damaged. Fit it again."
        ) from None


def _check(arrays: dict[str, np.ndarray], facts: dict) -> None:
    """Raises ValueError unless facts and arrays are those of a PCA, or of a UMAP with its PCA."""
    if facts["kind"] != KIND:
        raise ValueError("another kind of file")
    components, dim = arrays["components"].shape
    shapes = {
        "mean": (np.float64, (dim,)),
        "components": (np.float64, (components, dim)),
        "explained_variance": (np.float64, (components,)),
    }
    if dim > MOST_DIMENSIONS or components > dim:
        raise ValueError("more components than there can be")
    if "settings" in facts:
        points = len(arrays["pool"])
        settings = UMAPSettings(**facts["settings"])
        if any(type(value) is not int for name, value in asdict(settings).items() if name != "min_dist"):
            raise TypeError("settings are whole numbers")
        shapes |= {
            "pool": (np.float32, (points, components)),
            "embedding": (np.float32, (points, settings.dimensions)),
        }
        if not settings.neighbours < points == facts["count"] <= MOST_IN_POOL or components > MOST_COMPONENTS:
            raise ValueError("not the sizes of a UMAP")
        if not isinstance(facts["library"], str):
            raise TypeError("a version is text")
    if {name: (array.dtype, array.shape) for name, array in arrays.items()} != shapes:
        raise ValueError("not the arrays of a projection")
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise ValueError("numbers that are not finite")
    total, count, about = facts["total_variance"], facts["count"], facts["about"]
    if not (type(total) is float and 0 <= total < np.inf and type(count) is int and count > 0):
        raise ValueError("not the facts of a PCA")
    if not all(isinstance(text, str) for item in about.items() for text in item):
        raise TypeError("what it is about is text")
