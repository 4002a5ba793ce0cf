"""Probe files: one safetensors file per probe, with its metadata as JSON. No code in a file is ever executed."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

from probes.linear.mdl import CodeLength, entropy_bits
from probes.linear.probe import PARAMETERS, ProbeResult, ProbeSettings
from probes.linear.scores import Score
from probes.linear.splits import PARTS, Split
from trm import __version__
from trm.errors import UserError
from trm.files import atomic_file, reading, strict_json

LARGEST_FILE = 256 << 20  # bytes
KIND = "recursion-lens probe"


class ProbeFileError(UserError):
    """The file is damaged, or is not a probe."""


def save_probe(path: Path, result: ProbeResult, *, about: Mapping[str, str] | None = None) -> None:
    """Write the probes of all time points, and their scores, to one file. A failed write leaves no partial file.

    `about` is metadata such as the model's fingerprint and the state. Raises OutputError if the file cannot be written.
    """
    arrays = {name: getattr(result, name) for name in (*PARAMETERS, "counts")}
    arrays |= {f"split.{part}": getattr(result.split, part) for part in PARTS}
    arrays |= {
        f"scores.{name}": np.stack([score.value, score.low, score.high])
        for name, score in result.scores.items()
    }
    facts = {
        "kind": KIND,
        "version": __version__,
        "name": result.name,
        "classes": list(result.classes),
        "pooled": result.pooled,
        "settings": asdict(result.settings),
        "about": dict(about or {}),
    }
    if result.code:
        arrays["code"] = np.stack([result.code.bits, result.code.uniform_bits])
        facts["code_puzzles"] = list(result.code.puzzles)
    with atomic_file(path) as temporary:
        save_file(
            {name: np.ascontiguousarray(array) for name, array in arrays.items()},
            temporary,
            metadata={"probe": json.dumps(facts)},
        )


def load_probe(path: Path) -> tuple[ProbeResult, dict[str, str]]:
    """Read a probe file: the probes and their metadata. Raises ProbeFileError. Does not import torch."""
    with reading(path, ProbeFileError, "probe of this version", "Fit it again.", most=LARGEST_FILE):
        with safe_open(path, "numpy") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
            facts = strict_json((file.metadata() or {})["probe"])
        _check(arrays, facts)
        return _result(arrays, facts), facts["about"]


def _result(arrays: dict[str, np.ndarray], facts: dict) -> ProbeResult:
    settings = facts["settings"] | {name: tuple(facts["settings"][name]) for name in ("C", "alpha")}
    code = None
    if "code" in arrays:
        entropy = entropy_bits(arrays["counts"][PARTS.index("train")])
        code = CodeLength(*arrays["code"], entropy, tuple(facts["code_puzzles"]))
    return ProbeResult(
        name=facts["name"],
        classes=tuple(facts["classes"]),
        settings=ProbeSettings(**settings),
        split=Split(**{part: arrays[f"split.{part}"] for part in PARTS}),
        pooled=facts["pooled"],
        counts=arrays["counts"],
        scores={
            name.removeprefix("scores."): Score(*array)
            for name, array in arrays.items()
            if name.startswith("scores.")
        },
        code=code,
        **{name: arrays[name] for name in PARAMETERS},
    )


def _check(arrays: dict[str, np.ndarray], facts: dict) -> None:
    """Check that the arrays and facts are those of a probe. Raises ValueError or TypeError."""
    if facts["kind"] != KIND:
        raise ValueError("another kind of file")
    texts = [facts["name"], *facts["classes"], *facts["about"], *facts["about"].values()]
    if not all(isinstance(text, str) for text in texts) or type(facts["pooled"]) is not bool:
        raise TypeError("names must be text")
    time_points, rows, dim = arrays["weights"].shape
    columns = max(1, len(facts["classes"]))
    if rows != (columns if columns > 2 else 1):
        raise ValueError("number of rows does not match the classes")
    shapes = {
        "mean": (np.float32, (time_points, dim)),
        "scale": (np.float32, (time_points, dim)),
        "weights": (np.float32, (time_points, rows, dim)),
        "intercept": (np.float32, (time_points, rows)),
        "present": (np.bool_, (time_points, columns)),
        "regularisation": (np.float64, (time_points,)),
        "counts": (np.int64, (3, time_points, columns)),
    }
    shapes |= {f"split.{part}": (np.int64, (arrays[f"split.{part}"].size,)) for part in PARTS}
    shapes |= {name: (np.float64, (3, time_points)) for name in arrays if name.startswith("scores.")}
    if "code" in arrays:
        shapes["code"] = (np.float64, (2, time_points))
        if not all(type(count) is int for count in facts["code_puzzles"]):
            raise TypeError("puzzle counts must be integers")
    if {name: (array.dtype, array.shape) for name, array in arrays.items()} != shapes:
        raise ValueError("arrays do not match those of a probe")
    parameters = [arrays[name] for name in PARAMETERS]
    if not all(np.isfinite(array).all() for array in parameters) or not (arrays["scale"] > 0).all():
        raise ValueError("parameters are not finite, or a scale is not positive")
    if any(array.dtype.kind == "f" and np.isinf(array).any() for array in arrays.values()):
        raise ValueError("scores are infinite")  # NaN is allowed: a time point without a score
