"""The public checkpoint form: what its tensors and its yaml tell, and what has to be assumed.

Tensor names carry prefixes of the wrappers they were saved through; sizes can be read from shapes; n, T, N_sup, heads,
positions and the prefix length of attention models cannot. Those come from `all_config.yaml` when it is there, else
they are the public code's defaults for the task and are listed in `ModelConfig.assumed`.
"""

import json
import re
from pathlib import Path
from typing import Any

import yaml
from torch import Tensor

from trm.config import SHORT, ConfigError, ModelConfig
from trm.errors import CheckpointError

WRAPPERS = ("ema", "model", "state_dict")  # an averaged copy first: it is what the public code evaluates
LARGEST_YAML = 1 << 20  # bytes

# What is read of the yaml's `arch`, and the type that each value has in the public code.
ARCH = {
    "name": str,
    "H_cycles": int,
    "L_cycles": int,
    "L_layers": int,
    "hidden_size": int,
    "num_heads": int,
    "halt_max_steps": int,
    "mlp_t": bool,
    "pos_encodings": str,
    "puzzle_emb_len": int,
    "puzzle_emb_ndim": int,
    "rope_theta": float,
}

# vocabulary -> task, cells of its public data set, f_L calls of the public TRM trained on it
TASK_DEFAULTS = {11: ("sudoku", 81, 6), 6: ("maze", 900, 4), 12: ("arc", 900, 4)}


def unwrap(stored: Any, path: Path) -> dict[str, Tensor]:
    """The state dict inside the dictionaries it may be nested in. Raises CheckpointError when there is none."""
    for _ in range(4):
        inner = next(
            (
                stored[key]
                for key in WRAPPERS
                if isinstance(stored, dict) and isinstance(stored.get(key), dict)
            ),
            None,
        )
        if inner is None:
            break
        stored = inner
    if (
        not isinstance(stored, dict)
        or not stored
        or not all(isinstance(value, Tensor) for value in stored.values())
    ):
        raise CheckpointError(f"{path} is not a state dict: it holds other things than named tensors.")
    return {str(name): tensor for name, tensor in stored.items()}


def plain_names(tensors: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Names without the prefixes of torch.compile, DataParallel, the loss head and the model's wrapper."""
    plain = {}
    for name, tensor in tensors.items():
        bare = re.sub(r"^(_orig_mod\.|module\.)*(model\.)?(_orig_mod\.|module\.)*(inner\.)?", "", name)
        if bare in plain:
            raise CheckpointError(f"{path}: two tensors are both called {bare} once prefixes are removed.")
        plain[bare] = tensor
    return plain


def config_from_public(tensors: dict[str, Tensor], path: Path) -> ModelConfig:
    """The configuration of a public TRM checkpoint, from its shapes, the yaml and dataset.json beside it, and defaults.

    Raises CheckpointError naming the first thing that does not fit.
    """
    arch = _arch(path)
    _refuse_other_kinds(tensors, arch, path)
    sizes = _Shapes(tensors, path)
    _agree(arch, sizes, path)
    assumed: list[str] = []

    def known(key: str, field: str, default: Any) -> Any:
        if key in arch:
            return arch[key]
        assumed.append(field)
        return default

    task, usual_cells, usual_n = TASK_DEFAULTS.get(sizes.vocab_size, ("unknown", 0, 6))
    if "puzzle_emb.weights" not in tensors:
        prefix = 0
    elif arch:
        prefix = arch.get("puzzle_emb_len") or -(-sizes.puzzle_embedding_size // sizes.hidden_size)
    elif sizes.length and usual_cells:
        prefix = sizes.length - usual_cells
    else:
        prefix = known("puzzle_emb_len", "prefix_length", 16)
    cells = _dataset_cells(path)
    if sizes.length and cells not in (None, sizes.length - prefix):
        raise CheckpointError(
            f"{path}: dataset.json says seq_len = {cells}, the tensors say {sizes.length - prefix}."
        )
    if sizes.length:
        cells = sizes.length - prefix
    elif cells is None:
        assumed.append("sequence_length")
        cells = usual_cells
    mlp = sizes.mixing == "mlp"
    positions = "learned" if sizes.learned else "none" if mlp else known("pos_encodings", "positions", "rope")
    config = {
        "task": task,
        "vocab_size": sizes.vocab_size,
        "sequence_length": cells,
        "hidden_size": sizes.hidden_size,
        "layers": sizes.layers,
        "mlp_width": sizes.mlp_width,
        "mixing": sizes.mixing,
        "mixing_width": sizes.mixing_width,
        "heads": 0 if mlp else known("num_heads", "heads", 8),
        "positions": positions,
        "prefix_length": prefix,
        "puzzle_ids": sizes.puzzle_ids,
        "puzzle_embedding_size": sizes.puzzle_embedding_size,
        "n": known("L_cycles", "n", usual_n),
        "T": known("H_cycles", "T", 3),
        "N_sup": known("halt_max_steps", "N_sup", 16),
        "rope_theta": arch.get("rope_theta", 10_000.0),
        "assumed": assumed,
    }
    try:
        return ModelConfig.from_dict(config)
    except ConfigError as error:
        raise CheckpointError(f"{path}: {error}.") from None


class _Shapes:
    """Sizes that the tensors' shapes tell."""

    def __init__(self, tensors: dict[str, Tensor], path: Path):
        def shape(name: str, dims: int = 2) -> tuple[int, ...]:
            if name not in tensors:
                raise CheckpointError(f"{path}: tensor {name} is missing, so this is no TRM checkpoint.")
            if tensors[name].ndim != dims:
                raise CheckpointError(
                    f"{path}: tensor {name} has {tensors[name].ndim} dimensions instead of {dims}."
                )
            if not tensors[name].numel():
                raise CheckpointError(f"{path}: tensor {name} is empty, so this is no TRM checkpoint.")
            return tuple(tensors[name].shape)

        self.vocab_size, self.hidden_size = shape("embed_tokens.embedding_weight")
        numbers = [
            int(match[1]) for name in tensors if (match := re.match(r"L_level\.layers\.(\d{1,9})\.", name))
        ]
        self.layers = max(numbers, default=-1) + 1
        self.mlp_width = shape("L_level.layers.0.mlp.down_proj.weight")[1]
        self.length = self.mixing_width = 0  # P is not known from attention without learned positions
        self.mixing = "attention"
        if "L_level.layers.0.mlp_t.down_proj.weight" in tensors:
            self.mixing = "mlp"
            self.length, self.mixing_width = shape("L_level.layers.0.mlp_t.down_proj.weight")
        self.learned = "embed_pos.embedding_weight" in tensors
        if self.learned and not self.length:
            self.length = shape("embed_pos.embedding_weight")[0]
        self.puzzle_ids = self.puzzle_embedding_size = 0
        if "puzzle_emb.weights" in tensors:
            self.puzzle_ids, self.puzzle_embedding_size = shape("puzzle_emb.weights")


def _arch(path: Path) -> dict[str, Any]:
    """What is known from `arch` in the yaml beside a checkpoint; empty when there is none. Raises CheckpointError."""
    for name in ("all_config.yaml", "config.yaml"):
        file = path.parent / name
        if file.is_file():
            break
    else:
        return {}
    if file.stat().st_size > LARGEST_YAML:
        raise CheckpointError(f"{file} is larger than {LARGEST_YAML >> 20} MiB, which no configuration is.")
    try:
        values = yaml.safe_load(file.read_text("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError):
        raise CheckpointError(f"{file} is not plain yaml (tags that make objects are refused).") from None
    arch = values.get("arch", values) if isinstance(values, dict) else None
    if not isinstance(arch, dict):
        raise CheckpointError(
            f"{file} has no `arch` section. Remove the file to open the checkpoint with defaults."
        )
    known = {key: arch[key] for key in ARCH if arch.get(key) is not None}
    for key, value in known.items():
        if type(value) is not ARCH[key] and (ARCH[key], type(value)) != (float, int):
            raise CheckpointError(
                f"{file}: {key} must be of type {ARCH[key].__name__}, not {SHORT.repr(value)}."
            )
    return known


def _refuse_other_kinds(tensors: dict[str, Tensor], arch: dict[str, Any], path: Path) -> None:
    name = arch.get("name", "")
    module = name.partition("@")[0].rpartition(".")[2]
    if any(key.startswith("H_level.") for key in tensors):
        raise CheckpointError(
            f"{path} is an HRM or a TRM with two nets (it has H_level); only single-net TRM is opened."
        )
    if name and module != "trm":
        raise CheckpointError(f"{path}: arch.name {name!r} is not known; known: trm.")


def _agree(arch: dict[str, Any], sizes: _Shapes, path: Path) -> None:
    """Refuse a yaml that belongs to other weights."""
    found = {
        "hidden_size": sizes.hidden_size,
        "L_layers": sizes.layers,
        "puzzle_emb_ndim": sizes.puzzle_embedding_size,
        "mlp_t": sizes.mixing == "mlp",
    }
    for key, value in found.items():
        if arch.get(key, value) != value:
            raise CheckpointError(f"{path}: the yaml says {key} = {arch[key]}, the tensors say {value}.")
    if arch.get("pos_encodings", "learned") != "learned" and sizes.learned:
        raise CheckpointError(
            f"{path}: the yaml says pos_encodings = {arch['pos_encodings']}, the tensors hold learned positions."
        )


def _dataset_cells(path: Path) -> int | None:
    """`seq_len` of a dataset.json beside the checkpoint, where somebody kept one."""
    file = path.parent / "dataset.json"
    if not file.is_file() or file.stat().st_size > LARGEST_YAML:
        return None
    try:
        cells = json.loads(file.read_text("utf-8"))["seq_len"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return cells if isinstance(cells, int) else None
