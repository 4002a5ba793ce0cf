"""Scenes on disk. Three forms: one small file that is drawn again, a table of all points (Parquet), and what the maps are worth (JSON).

The file that is drawn again is safetensors with JSON beside the arrays, halves for numbers; nothing in it is executed. It is
read without torch and scikit-learn, so that a page can show one before either is imported.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, astuple
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

from probes.latents.procrustes import Match
from probes.latents.projection import About, Curve, Field, Map, Partner, Scene
from probes.latents.quality import Quality
from probes.latents.umap import UMAPSettings
from trm.coordinates import Coordinates
from trm.errors import UserError
from trm.files import plain_json, reading, written_whole

FORMAT = "recursion-lens-scene-2"
LARGEST_FILE = 64 << 20  # bytes
FLOOR = 1e-6  # of residuals in halves: what is below it is rounding
PICTURED = 3  # components of a PCA that its map shows


class SceneError(UserError):
    """A file that is no scene, or a damaged one."""


# ---- to be drawn again


def save_scene(path: Path, scene: Scene) -> None:
    """Write a scene, whole or not at all. Raises OutputError."""
    arrays = {"components": _half(scene.components), "variance": scene.variance.astype(np.float32)}
    arrays["numbers"] = scene.numbers.astype(np.int32)
    for found in scene.maps:
        if found.method != "pca":
            arrays[f"map.{found.method}"] = _half(found.places)
    for field in scene.fields:
        dtype = np.int8 if field.kind == "category" else np.float16
        arrays[f"field.{field.name}"] = np.ascontiguousarray(field.values, dtype)
    for curve in scene.curves:
        values = np.maximum(curve.values, FLOOR) if curve.logarithmic else curve.values
        arrays[f"curve.{curve.name}"] = _half(values)
    facts = {
        "format": FORMAT,
        "about": asdict(scene.about),
        "calls": _written(scene.calls),
        "puzzles": list(scene.puzzles),
        "maps": [
            {
                "method": found.method,
                "quality": {str(axes): asdict(quality) for axes, quality in found.quality.items()},
                "settings": asdict(found.settings) if found.settings else None,
            }
            for found in scene.maps
        ],
        "fields": [
            {"name": field.name, "title": field.title, "kind": field.kind, "levels": list(field.levels)}
            for field in scene.fields
        ],
        "curves": [
            {
                "name": curve.name,
                "title": curve.title,
                "calls": _written(curve.calls),
                "logarithmic": curve.logarithmic,
            }
            for curve in scene.curves
        ],
        "finding": list(scene.finding),
    }
    if scene.partner:
        facts["partner"] = {
            "about": asdict(scene.partner.about),
            "calls": _written(scene.partner.calls),
            "match": asdict(scene.partner.match),
        }
    with written_whole(path) as temporary:
        save_file(arrays, temporary, metadata={"scene": json.dumps(facts)})


def load_scene(path: Path) -> Scene:
    """Read a scene. Raises SceneError."""
    with reading(path, SceneError, "scene of this version", "Make it again.", most=LARGEST_FILE):
        with safe_open(path, "numpy") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
            facts = plain_json((file.metadata() or {})["scene"])
        if facts["format"] != FORMAT:
            raise ValueError("another format")
        places = ("components", "variance", *(name for name in arrays if name.startswith("map.")))
        if not all(np.isfinite(arrays[name]).all() for name in places):
            raise ValueError("points that are nowhere")
        return _scene(arrays, facts)


def _scene(arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> Scene:
    """Raises ValueError and the like where arrays and facts do not fit together."""
    components = arrays["components"].astype(np.float32)
    puzzles, time_points, kept = components.shape
    calls = _read(facts["calls"])
    if (len(facts["puzzles"]), len(calls), len(arrays["numbers"])) != (puzzles, time_points, puzzles):
        raise ValueError("not as many points as are named")
    maps = []
    for made in facts["maps"]:
        places = components[..., :PICTURED] if made["method"] == "pca" else arrays[f"map.{made['method']}"]
        if made["method"] == "pca" and kept < PICTURED:
            places = np.pad(places, ((0, 0), (0, 0), (0, PICTURED - kept)))
        quality = {int(axes): Quality(**found) for axes, found in made["quality"].items()}
        settings = UMAPSettings(**made["settings"]) if made["settings"] else None
        maps.append(Map(made["method"], places.astype(np.float32), quality, settings))
    fields = [
        Field(
            name=made["name"],
            title=made["title"],
            kind=made["kind"],
            values=arrays[f"field.{made['name']}"].astype(
                np.int16 if made["kind"] == "category" else np.float32
            ),
            levels=tuple(made["levels"]),
        )
        for made in facts["fields"]
    ]
    curves = [
        Curve(
            made["name"],
            made["title"],
            _read(made["calls"]),
            arrays[f"curve.{made['name']}"].astype(np.float32),
            made["logarithmic"],
        )
        for made in facts["curves"]
    ]
    if any(field.values.shape != (puzzles, time_points) for field in fields) or any(
        curve.values.shape != (puzzles, len(curve.calls)) for curve in curves
    ):
        raise ValueError("fields or curves of other points")
    return Scene(
        about=About(**facts["about"]),
        calls=calls,
        puzzles=tuple(facts["puzzles"]),
        numbers=arrays["numbers"],
        components=components,
        variance=arrays["variance"],
        maps=tuple(maps),
        fields=tuple(fields),
        curves=tuple(curves),
        finding=tuple(facts["finding"]),
        partner=_partner(facts["partner"], puzzles, time_points) if "partner" in facts else None,
    )


def _partner(facts: Mapping[str, Any], rows: int, time_points: int) -> Partner:
    """Raises ValueError and the like where it is not the second model of such a scene."""
    calls = _read(facts["calls"])
    if len(calls) != time_points or rows % 2:
        raise ValueError("not as many points as the first model has")
    found = facts["match"] | {"variance": tuple(facts["match"]["variance"])}
    return Partner(About(**facts["about"]), calls, Match(**found))


def _half(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values, np.float16)


def _written(calls: tuple[Coordinates, ...]) -> list[list]:
    return [[at.supervision_step, at.cycle, at.call, at.kind] for at in calls]


def _read(calls: list[list]) -> tuple[Coordinates, ...]:
    """Raises TypeError for what is no call."""
    found = tuple(Coordinates(*each) for each in calls)
    if not all([type(part) for part in astuple(at)] == [int, int, int, str] for at in found):
        raise TypeError("calls are counted")
    return found


# ---- for other tools


def columns_of(scene: Scene) -> dict[str, np.ndarray]:
    """Every point of a scene as a row: puzzle (its number in the set, from 0), call, its place on every map, and every field."""
    time_points = len(scene.calls)
    columns: dict[str, np.ndarray] = {"puzzle": np.repeat(scene.numbers, time_points)}
    calls = [scene.call_of(row, time_point) for row in range(len(scene)) for time_point in range(time_points)]
    for name in ("supervision_step", "cycle", "call", "kind"):
        columns[name] = np.array([getattr(at, name) for at in calls])
    for found in scene.maps:
        for axis in range(found.axes):
            columns[f"{found.method}_{axis + 1}"] = found.places[..., axis].ravel().astype(np.float32)
    for field in scene.fields:
        columns[field.name] = field.words().ravel()
    return columns


def coordinates_table(scene: Scene) -> Any:
    """The rows of `columns_of` as an Arrow table, whose metadata says what was projected and how (`recursion-lens`, JSON)."""
    import pyarrow as pa

    columns = columns_of(scene)
    described = json.dumps(summary(scene))
    return pa.table(columns).replace_schema_metadata({"recursion-lens": described})


def write_parquet(path: Path, scene: Scene) -> None:
    """Write the table, whole or not at all. Raises OutputError."""
    import pyarrow.parquet as pq

    table = coordinates_table(scene)
    with written_whole(path) as temporary:
        pq.write_table(table, temporary)


def summary(scene: Scene) -> dict[str, Any]:
    """What was projected, and what each map is worth: plain values, for JSON."""
    return {
        **asdict(scene.about),
        "puzzles": scene.puzzle_count,
        "moments": len(scene.calls),
        "points": len(scene) * len(scene.calls),
        "explained_variance_ratio": [float(f"{share:.6g}") for share in scene.variance],
        "maps": [
            {
                "method": found.method,
                "axes": found.axes,
                "settings": asdict(found.settings) if found.settings else None,
                "quality": [{"axes": axes} | asdict(quality) for axes, quality in found.quality.items()],
            }
            for found in scene.maps
        ],
        "finding": list(scene.finding),
        **(
            {"against": asdict(scene.partner.about), "match": asdict(scene.partner.match)}
            if scene.partner
            else {}
        ),
    }
