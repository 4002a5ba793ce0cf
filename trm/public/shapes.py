"""Infer the sizes of a public model from the shapes of its tensors."""

import re
from pathlib import Path

from torch import Tensor

from trm.errors import CheckpointError

LATENT = re.compile(r"L(\d{1,3})_init")


class Shapes:
    """The fields of ModelConfig that the tensors determine, as attributes.

    `length` is the number of positions (prefix and cells), or 0 if unknown. `positions` is None if the tensors do not
    determine the position encoding. Raises CheckpointError, which names the first tensor that is missing, empty, or not
    a matrix.
    """

    def __init__(self, tensors: dict[str, Tensor], path: Path):
        def shape(name: str) -> tuple[int, int]:
            return shape_of(name, tensors, path)

        self.vocab_size, self.hidden_size = shape("embed_tokens.embedding_weight")
        self.layers, self.H_layers = _layers(tensors, "L_level"), _layers(tensors, "H_level")
        self.mlp_width = shape("L_level.layers.0.mlp.down_proj.weight")[1]
        self.length = self.mixing_width = self.attention_width = 0
        self.mixing = "attention"
        if "L_level.layers.0.mlp_t.down_proj.weight" in tensors:
            self.mixing = "mlp"
            self.length, self.mixing_width = shape("L_level.layers.0.mlp_t.down_proj.weight")
        elif "L_level.layers.0.self_attn.o_proj.weight" in tensors:
            self.attention_width = shape("L_level.layers.0.self_attn.o_proj.weight")[1]
        self.positions = "none" if self.mixing == "mlp" else None
        if "embed_pos.embedding_weight" in tensors:
            self.positions = "learned"
            self.length = self.length or shape("embed_pos.embedding_weight")[0]
        self.puzzle_ids = self.puzzle_embedding_size = 0
        if "puzzle_emb.weights" in tensors:
            self.puzzle_ids, self.puzzle_embedding_size = shape("puzzle_emb.weights")
        self.latents = max(
            (int(match[1]) for name in tensors if (match := LATENT.fullmatch(name))), default=0
        )
        q_bias = tensors.get("q_head.bias")
        self.halting_outputs = 1 if q_bias is not None and q_bias.numel() == 1 else 2
        kernel = tensors.get("L_level.layers.0.mlp.dwconv.weight")
        self.mlp_kernel = kernel.shape[-1] if kernel is not None and kernel.ndim == 3 else 0
        self.kind = self._kind("H_init" in tensors)

    @property
    def prefix_rows(self) -> int:
        """Number of positions that a puzzle embedding fills; the last position may be partly filled."""
        return -(-self.puzzle_embedding_size // self.hidden_size)

    def _kind(self, has_y: bool) -> str:
        """The kind of model, from the names of the tensors."""
        if self.H_layers:
            return "hrm"
        if self.latents:
            return "trm-multi-z"
        return "trm" if has_y else "trm-single-z"


def shape_of(name: str, tensors: dict[str, Tensor], path: Path) -> tuple[int, int]:
    """Rows and columns of the matrix `name`. Raises CheckpointError if the tensor is missing, empty, or not a matrix."""
    if name not in tensors:
        raise CheckpointError(f"{path}: tensor {name} is missing, so this is not a TRM or HRM checkpoint.")
    if tensors[name].ndim != 2:
        raise CheckpointError(f"{path}: tensor {name} has {tensors[name].ndim} dimensions instead of 2.")
    if not tensors[name].numel():
        raise CheckpointError(f"{path}: tensor {name} is empty, so this is not a TRM or HRM checkpoint.")
    rows, columns = tensors[name].shape
    return rows, columns


def _layers(tensors: dict[str, Tensor], net: str) -> int:
    numbers = (re.match(rf"{net}\.layers\.(\d{{1,9}})\.", name) for name in tensors)
    return max((int(match[1]) for match in numbers if match), default=-1) + 1
