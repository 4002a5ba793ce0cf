"""Projections on disk: a file to draw again (safetensors), a table of all points (Parquet) and a summary (JSON).

The safetensors file stores arrays in half precision and everything else as JSON in its metadata; nothing in it is executed. Reading
it needs neither torch nor scikit-learn, so a page can draw a projection before either is imported.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, astuple
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

from probes.latents.procrustes import AlignmentScore
from probes.latents.projection import (
    EmbeddedPoints,
    Field,
    Projection,
    ProjectionMetadata,
    SecondModel,
    StepCurve,
)
from probes.latents.quality import Quality
from probes.latents.umap import UMAPSettings
from trm.coordinates import Coordinates
from trm.errors import UserError
from trm.files import atomic_file, reading, strict_json

FORMAT = "recursion-lens-scene-2"
LARGEST_FILE = 64 << 20  # bytes
FLOOR = 1e-6  # smallest residual stored: anything smaller is rounding error in half precision
PCA_AXES = 3  # components in the PCA embedding


class ProjectionError(UserError):
    """The file is damaged, or is not a projection."""


# ---- safetensors


def save_projection(path: Path, projection: Projection) -> None:
    """Write a projection atomically. Raises OutputError."""
    arrays = {"components": _half(projection.components), "variance": projection.variance.astype(np.float32)}
    arrays["numbers"] = projection.puzzle_numbers.astype(np.int32)
    for embedding in projection.embeddings:
        if embedding.method != "pca":
            arrays[f"map.{embedding.method}"] = _half(embedding.coordinates)
    for field in projection.fields:
        dtype = np.int8 if field.kind == "category" else np.float16
        arrays[f"field.{field.name}"] = np.ascontiguousarray(field.values, dtype)
    for curve in projection.curves:
        values = np.maximum(curve.values, FLOOR) if curve.logarithmic else curve.values
        arrays[f"curve.{curve.name}"] = _half(values)
    facts = {
        "format": FORMAT,
        "about": asdict(projection.metadata),
        "calls": _calls_to_json(projection.calls),
        "puzzles": list(projection.puzzles),
        "maps": [
            {
                "method": embedding.method,
                "quality": {str(axes): asdict(quality) for axes, quality in embedding.quality.items()},
                "settings": asdict(embedding.settings) if embedding.settings else None,
            }
            for embedding in projection.embeddings
        ],
        "fields": [
            {"name": field.name, "title": field.title, "kind": field.kind, "levels": list(field.levels)}
            for field in projection.fields
        ],
        "curves": [
            {
                "name": curve.name,
                "title": curve.title,
                "calls": _calls_to_json(curve.calls),
                "logarithmic": curve.logarithmic,
            }
            for curve in projection.curves
        ],
        "finding": list(projection.sentences),
    }
    if projection.second_model:
        facts["partner"] = {
            "about": asdict(projection.second_model.metadata),
            "calls": _calls_to_json(projection.second_model.calls),
            "match": asdict(projection.second_model.alignment_score),
        }
    with atomic_file(path) as temporary:
        save_file(arrays, temporary, metadata={"scene": json.dumps(facts)})


def load_projection(path: Path) -> Projection:
    """Read a projection. Raises ProjectionError."""
    with reading(path, ProjectionError, "projection of this version", "Make it again.", most=LARGEST_FILE):
        with safe_open(path, "numpy") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
            facts = strict_json((file.metadata() or {})["scene"])
        if facts["format"] != FORMAT:
            raise ValueError("another format")
        drawn = ("components", "variance", *(name for name in arrays if name.startswith("map.")))
        if not all(np.isfinite(arrays[name]).all() for name in drawn):
            raise ValueError("coordinates that are not finite")
        return _projection(arrays, facts)


def _projection(arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> Projection:
    """Build the projection. Raises ValueError or similar if arrays and facts do not match."""
    components = arrays["components"].astype(np.float32)
    puzzles, time_points, stored = components.shape
    calls = _calls_from_json(facts["calls"])
    if (len(facts["puzzles"]), len(calls), len(arrays["numbers"])) != (puzzles, time_points, puzzles):
        raise ValueError("the number of points does not match the number of puzzles and calls")
    embeddings = []
    for entry in facts["maps"]:
        if entry["method"] == "pca":
            missing = max(0, PCA_AXES - stored)
            coordinates = np.pad(components[..., :PCA_AXES], ((0, 0), (0, 0), (0, missing)))
        else:
            coordinates = arrays[f"map.{entry['method']}"]
        quality = {int(axes): Quality(**values) for axes, values in entry["quality"].items()}
        settings = UMAPSettings(**entry["settings"]) if entry["settings"] else None
        embeddings.append(EmbeddedPoints(entry["method"], coordinates.astype(np.float32), quality, settings))
    fields = [
        Field(
            name=entry["name"],
            title=entry["title"],
            kind=entry["kind"],
            values=arrays[f"field.{entry['name']}"].astype(
                np.int16 if entry["kind"] == "category" else np.float32
            ),
            levels=tuple(entry["levels"]),
        )
        for entry in facts["fields"]
    ]
    curves = [
        StepCurve(
            entry["name"],
            entry["title"],
            _calls_from_json(entry["calls"]),
            arrays[f"curve.{entry['name']}"].astype(np.float32),
            entry["logarithmic"],
        )
        for entry in facts["curves"]
    ]
    if any(field.values.shape != (puzzles, time_points) for field in fields) or any(
        curve.values.shape != (puzzles, len(curve.calls)) for curve in curves
    ):
        raise ValueError("fields or curves of other points")
    return Projection(
        metadata=ProjectionMetadata(**facts["about"]),
        calls=calls,
        puzzles=tuple(facts["puzzles"]),
        puzzle_numbers=arrays["numbers"],
        components=components,
        variance=arrays["variance"],
        embeddings=tuple(embeddings),
        fields=tuple(fields),
        curves=tuple(curves),
        sentences=tuple(facts["finding"]),
        second_model=_second_model(facts["partner"], puzzles, time_points) if "partner" in facts else None,
    )


def _second_model(facts: Mapping[str, Any], rows: int, time_points: int) -> SecondModel:
    """Read the second model. Raises ValueError or similar if it does not match a projection of this many rows and time
    points.
    """
    calls = _calls_from_json(facts["calls"])
    if len(calls) != time_points or rows % 2:
        raise ValueError("the second model does not have as many points as the first")
    score = facts["match"] | {"variance": tuple(facts["match"]["variance"])}
    return SecondModel(ProjectionMetadata(**facts["about"]), calls, AlignmentScore(**score))


def _half(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values, np.float16)


def _calls_to_json(calls: tuple[Coordinates, ...]) -> list[list]:
    return [[at.supervision_step, at.cycle, at.call, at.kind] for at in calls]


def _calls_from_json(rows: list[list]) -> tuple[Coordinates, ...]:
    """Read calls. Raises TypeError unless each row holds three integers and the name of a net."""
    calls = tuple(Coordinates(*row) for row in rows)
    if not all([type(part) for part in astuple(at)] == [int, int, int, str] for at in calls):
        raise TypeError("a call is three integers and a kind")
    return calls


# ---- for other tools


def columns_of(projection: Projection) -> dict[str, np.ndarray]:
    """One row per point: puzzle (index in the set, from 0), call, its coordinates in every embedding, and its value of
    every field.
    """
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


def coordinates_table(projection: Projection) -> Any:
    """The rows of `columns_of` as an Arrow table; its metadata holds `summary` as JSON under the key `recursion-lens`."""
    import pyarrow as pa

    columns = columns_of(projection)
    described = json.dumps(summary(projection))
    return pa.table(columns).replace_schema_metadata({"recursion-lens": described})


def write_parquet(path: Path, projection: Projection) -> None:
    """Write the table atomically. Raises OutputError."""
    import pyarrow.parquet as pq

    table = coordinates_table(projection)
    with atomic_file(path) as temporary:
        pq.write_table(table, temporary)


def summary(projection: Projection) -> dict[str, Any]:
    """What was projected and the quality of each embedding, as plain values for JSON."""
    values = {
        **asdict(projection.metadata),
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
        values["second_model"] = asdict(projection.second_model.metadata)
        values["alignment"] = asdict(projection.second_model.alignment_score)
    return values
