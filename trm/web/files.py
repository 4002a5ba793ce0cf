"""The files of a model for the browser: the nets as ONNX graphs, the other tensors, and the facts that the player shows."""

import json
from typing import Any

import numpy as np
from safetensors.numpy import save

from trm import __version__
from trm.engine.choice import EngineError
from trm.engine.graph import net_graph
from trm.export.payload import run_facts
from trm.model import Model
from trm.provenance import Provenance
from trm.tasks import task_of

KINDS = ("trm", "trm-two-nets", "hrm")  # kinds whose calls `model.js` knows
TABLES = {
    "embed_tokens": "embed_tokens.embedding_weight",
    "lm_head": "lm_head.weight",
    "q_head.weight": "q_head.weight",
    "q_head.bias": "q_head.bias",
    "H_init": "H_init",
    "L_init": "L_init",
}
"""Names of the tensors outside the nets, and their names in a checkpoint."""
CONFIG = (
    "hidden_size", "vocab_size", "sequence_length", "prefix_length", "halting_position", "halting"
)  # fmt: skip


def web_files(model: Model) -> dict[str, bytes]:
    """Return the files of a model by name: `model.json`, `tables.safetensors`, `L.onnx` and, for two nets, `H.onnx`.

    Raises EngineError for a model that `model.js` cannot run.
    """
    config = model.config
    if (
        config.kind not in KINDS
        or config.puzzle_ids
        or config.positions == "learned"
        or not config.halting_outputs
    ):
        raise EngineError(
            f"{model.name} cannot run in a browser. TRM and HRM models without a puzzle table and learned positions can."
        )
    nets = {"L.onnx": model.L_level} | ({"H.onnx": model.H_level} if config.H_layers else {})
    tensors = {name: _array(model, place) for name, place in TABLES.items()}
    return {
        "model.json": json.dumps(_description(model, list(nets)), separators=(",", ":")).encode(),
        "tables.safetensors": save(tensors),
        **{name: net_graph(net, config.length).SerializeToString() for name, net in nets.items()},
    }


def _array(model: Model, name: str) -> np.ndarray:
    return np.ascontiguousarray(model.state_dict()[name].float().numpy())


def _description(model: Model, nets: list[str]) -> dict[str, Any]:
    config, task = model.config, task_of(model.config)
    label = (
        f"{model.name} ({model.fingerprint[:8]}), float32 in this browser with ONNX Runtime Web, computed live with version "
        f"{__version__}"
    )
    facts = run_facts(task, Provenance.of(model), config.depth, config.depth)
    return {
        "config": {name: getattr(config, name) for name in CONFIG},
        "facts": facts | {"weights": model.fingerprint, "label": label, "rules": None, "crops": None},
        "nets": nets,
    }
