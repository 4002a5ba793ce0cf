"""Save and load projections (safetensors), and export all points as a table (Parquet) with a summary (JSON).

Loading needs neither torch nor scikit-learn, so a page can draw a projection before it imports them.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from probes.latents.projection import Projection
from trm.errors import UserError
from trm.results import as_json, load


class ProjectionError(UserError):
    """The file is damaged, or is not a projection."""


def load_projection(path: Path) -> Projection:
    """Read a projection from a safetensors file. Raises ProjectionError."""
    return load(
        path, Projection, refusal=ProjectionError, thing="projection of this version", remedy="Make it again."
    )


# ---- for other tools


def columns_of(projection: Projection) -> dict[str, np.ndarray]:
    """Return table columns with one row per point: puzzle index (from 0), call, coordinates and field values."""
    time_points = len(projection.calls)
    columns: dict[str, np.ndarray] = {"puzzle": np.repeat(projection.puzzle_numbers, time_points)}
    calls = [
        projection.call_of(row, time_point)
        for row in range(len(projection))
        for time_point in range(time_points)
    ]
    for name in ("supervision_step", "cycle", "call", "kind"):
        columns[name] = np.array([getattr(at, name) for at in calls])
    for embedding in projection.embeddings:
        for axis in range(embedding.axes):
            column = embedding.coordinates[..., axis].ravel().astype(np.float32)
            columns[f"{embedding.method}_{axis + 1}"] = column
    for field in projection.fields:
        columns[field.name] = field.labels().ravel()
    return columns


def summary(projection: Projection) -> dict[str, Any]:
    """Return the metadata of a projection and the quality of each embedding as JSON-compatible values."""
    values = {
        **as_json(projection.provenance),
        "state": projection.state,
        "calls": projection.calls_option,
        "position": projection.position,
        "puzzles": projection.puzzle_count,
        "time_points": len(projection.calls),
        "points": len(projection) * len(projection.calls),
        "explained_variance_ratio": [float(f"{share:.6g}") for share in projection.variance],
        "embeddings": [
            {
                "method": embedding.method,
                "axes": embedding.axes,
                "settings": asdict(embedding.settings) if embedding.settings else None,
                "quality": [{"axes": axes} | asdict(quality) for axes, quality in embedding.quality.items()],
            }
            for embedding in projection.embeddings
        ],
        "summary": list(projection.sentences),
    }
    if projection.second_model:
        values["second_model"] = as_json(projection.second_model.provenance)
        values["alignment"] = asdict(projection.second_model.alignment_score)
    return values
