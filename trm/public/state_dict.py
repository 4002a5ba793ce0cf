"""Tensors of a public checkpoint by their plain names, whatever they were nested in and saved through.

`torch.compile`, DataParallel, the loss head and the model's wrapper each leave a prefix. What remains must be names of
the public code: the first one that is not says what the file probably is instead.
"""

import json
import re
from pathlib import Path
from typing import Any

from torch import Tensor

from trm.errors import CheckpointError

EMA = "ema"
WRAPPERS = (EMA, "model", "state_dict")  # an averaged copy first: it is what the public code evaluates
PREFIXES = re.compile(r"(_orig_mod\.|module\.)*(model\.)?(_orig_mod\.|module\.)*(inner\.)?")

BLOCK = r"(self_attn\.(qkv|o)_proj|mlp(_t)?\.(gate_up|down)_proj)\.weight"
PUBLIC_NAME = re.compile(
    r"embed_(tokens|pos)\.embedding_weight|lm_head\.weight|q_head\.(weight|bias)|puzzle_emb\.weights"
    rf"|(H|L|L\d{{1,3}})_init|[HL]_level\.layers\.\d{{1,9}}\.{BLOCK}"
)
PORT_KEYS = ("architectures", "auto_map", "model_type")  # in the config.json of a Transformers model
LARGEST_CONFIG = 1 << 20  # bytes


def unwrap(stored: Any, path: Path) -> tuple[dict[str, Tensor], bool]:
    """The state dict inside the dictionaries it may be nested in, and whether one of these says that it is an averaged copy
    (EMA). Raises CheckpointError when there is none.
    """
    averaged = False
    for _ in range(4):
        inner = [key for key in WRAPPERS if isinstance(stored, dict) and _is_dict(stored.get(key))]
        if not inner:
            break
        averaged |= inner[0] == EMA
        stored = stored[inner[0]]
    if not _is_dict(stored) or not all(isinstance(value, Tensor) for value in stored.values()):
        raise CheckpointError(f"{path} is not a state dict: it holds other things than named tensors.")
    return {str(name): tensor for name, tensor in stored.items()}, averaged


def _is_dict(value: Any) -> bool:
    return isinstance(value, dict) and bool(value)


def plain_names(tensors: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Names without the prefixes of wrappers. Raises CheckpointError naming the first one that no public code writes."""
    plain = {}
    for name, tensor in tensors.items():
        bare = name[PREFIXES.match(name).end() :]
        if not PUBLIC_NAME.fullmatch(bare):
            raise CheckpointError(
                f"{path}: tensor {name} does not belong to a TRM or HRM checkpoint. {_probably(name, path)}"
            )
        if bare in plain:
            raise CheckpointError(f"{path}: two tensors are both called {bare} once prefixes are removed.")
        plain[bare] = tensor
    return plain


def _probably(name: str, path: Path) -> str:
    """What a file with such a tensor is likely to be, and what to do."""
    architecture = _transformers_architecture(path)
    if architecture:
        return (
            f"This is probably a port to Transformers (config.json says {architecture}), which renames tensors: "
            "open the checkpoint it was made from."
        )
    if re.search(r"[qkv]_proj|H_layers|L_layers|transformer\.|encoder\.|model\.layers\.", name):
        return "This is probably a port to Transformers or another model: open a checkpoint of the public TRM or HRM code."
    return "This is probably another model."


def _transformers_architecture(path: Path) -> str | None:
    """What the config.json beside the weights says of a Transformers model; None where there is none."""
    file = path.parent / "config.json"
    try:
        if file.stat().st_size > LARGEST_CONFIG:
            return None
        values = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(values, dict):
        return None
    for key in PORT_KEYS:
        if values.get(key):
            return f"{key} = {json.dumps(values[key])[:60]}"
    return None
