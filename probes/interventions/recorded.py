"""What the page Interventions shows before anything is computed: one small JSON file for each model and sweep.

    assets/recorded/interventions/<model>/<name>.json

Each says of which weights it is (`fingerprint`) and which command makes it (`command`).
"""

import json
from pathlib import Path
from typing import Any

from trm.errors import UserError
from trm.files import plain_json, reading, written_whole
from trm.registry import ASSETS, model_names

RECORDED = ASSETS / "recorded" / "interventions"
LARGEST = 1 << 20  # bytes
DEFAULT_EXPERIMENT = "without-y"  # the experiment that the page opens with


def record(model_name: str, name: str, result: dict[str, Any]) -> Path:
    """Keep a result for the page. Raises UserError for a model that does not come with the app."""
    if model_name not in model_names():
        raise UserError(
            f"{model_name} is no bundled model. Leave --record out, and use --out to write elsewhere."
        )
    path = RECORDED / model_name / f"{name}.json"
    with written_whole(path) as temporary:
        temporary.write_text(json.dumps(result) + "\n", encoding="utf-8")
    return path


def recorded(model_name: str, name: str) -> dict[str, Any] | None:
    """What is kept of a model; None where there is nothing that can be read."""
    path = RECORDED / model_name / f"{name}.json"
    try:
        with reading(path, UserError, "recorded result", "Record it again.", most=LARGEST):
            found = plain_json(path.read_bytes())
    except UserError:
        return None
    return found if isinstance(found, dict) and isinstance(found.get("fingerprint"), str) else None
