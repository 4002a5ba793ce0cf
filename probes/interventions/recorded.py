"""Recorded results that the Interventions page shows before anything is computed: one JSON file per model and sweep.

    assets/recorded/interventions/<model>/<name>.json

Each file holds the `fingerprint` of the weights and the `command` that reproduces it.
"""

import json
from pathlib import Path
from typing import Any

from trm.errors import UserError
from trm.files import atomic_file, reading, strict_json
from trm.registry import ASSETS, model_names

RECORDED = ASSETS / "recorded" / "interventions"
LARGEST = 1 << 20  # bytes
DEFAULT_EXPERIMENT = "without-y"  # the experiment that the page opens with


def record(model_name: str, name: str, result: dict[str, Any]) -> Path:
    """Write a result for the page. Raises UserError for a model that is not bundled."""
    if model_name not in model_names():
        raise UserError(f"{model_name} is not a bundled model. Use --out instead of --record.")
    path = RECORDED / model_name / f"{name}.json"
    with atomic_file(path) as temporary:
        temporary.write_text(json.dumps(result) + "\n", encoding="utf-8")
    return path


def recorded(model_name: str, name: str) -> dict[str, Any] | None:
    """A model's recorded result; None if it does not exist or cannot be read."""
    path = RECORDED / model_name / f"{name}.json"
    try:
        with reading(path, UserError, "recorded result", "Record it again.", most=LARGEST):
            result = strict_json(path.read_bytes())
    except UserError:
        return None
    return result if isinstance(result, dict) and isinstance(result.get("fingerprint"), str) else None
