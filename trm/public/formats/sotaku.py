"""sotaku (github.com/chenglou/sotaku): a state dict with its own tensor names and no settings.

The file does not say how many heads and iterations the model has, or which position encoding.
"""

import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trm.public.description import Description
from trm.public.formats.base import ASSUMED, PUBLIC_CODE, TENSORS, Fields, Format
from trm.public.shapes import Shapes, shape_of

HEAD = 32  # channels per head in every experiment with 2-D rotary positions
ITERATIONS = 16
LAYER = re.compile(r"layers\.(\d{1,3})\.(.*)")


def joined(tensors: dict[str, Any]) -> dict[str, Any]:
    """Combine the query, key, and value matrices of each layer, and rename each layer to a separate net."""
    combined = {}
    for name, tensor in tensors.items():
        layer = LAYER.fullmatch(name)
        if layer is None:
            combined[name] = tensor
            continue
        net, part = f"layer{int(layer[1]) + 1}.layers.0.", layer[2]
        if part.startswith(("k_proj.", "v_proj.")):
            continue
        if part.startswith("q_proj."):
            parts = [tensors.get(name.replace("q_proj", f"{each}_proj")) for each in "qkv"]
            whole = all(isinstance(each, torch.Tensor) and each.shape == tensor.shape for each in parts)
            combined[f"{net}self_attn.qkv_proj.{part.removeprefix('q_proj.')}"] = (
                torch.cat(parts) if whole else tensor
            )
        else:
            combined[net + part.replace("out_proj.", "self_attn.o_proj.")] = tensor
    return combined


class SotakuShapes(Shapes):
    """The sizes that sotaku's tensors determine, as attributes."""

    def __init__(self, tensors: dict[str, Tensor], path: Path):
        self.hidden_size, self.vocab_size = shape_of("initial_encoder.weight", tensors, path)
        self.mlp_width = shape_of("layer1.layers.0.linear1.weight", tensors, path)[0]
        layers = (re.match(r"layer(\d{1,3})\.", name) for name in tensors)
        self.layers = max(int(layer[1]) for layer in layers if layer)
        self.H_layers = self.length = self.mixing_width = self.latents = self.mlp_kernel = 0
        self.puzzle_ids = self.puzzle_embedding_size = self.halting_outputs = 0
        self.mixing, self.attention_width, self.positions = "attention", self.hidden_size, None
        self.kind = "sotaku"


def fields(shapes: Shapes, notes: Description) -> Fields:
    """All fields. Each layer counts as a call, the last layer as f_H, and each iteration as a supervision step."""
    digits = shapes.vocab_size - 1
    usual = f"{ASSUMED}sotaku default"
    return {
        "n": (shapes.layers - 1, f"{TENSORS}: the last of {shapes.layers} layers is f_H"),
        "T": (1, PUBLIC_CODE),
        "N_sup": (ITERATIONS, usual),
        "heads": (max(1, shapes.hidden_size // HEAD), f"{usual}, head size {HEAD}"),
        "positions": ("axial", usual),
        "rope_theta": (10.0, PUBLIC_CODE),
        "prefix_length": (0, PUBLIC_CODE),
        "sequence_length": (digits**2, TENSORS),
        "task": ("sudoku", TENSORS),
        "tokens": ("digits", PUBLIC_CODE),
        "latents": (0, PUBLIC_CODE),
        "halting_outputs": (0, TENSORS),
    }


FORMAT = Format(
    "sotaku",
    "chenglou/sotaku",
    "`model_<experiment>.pt`, `<experiment>_checkpoint_step<N>.pt`",
    "no file",
    "16 iterations (N_sup), heads of 32 channels, 2-D positions",
    re.compile(
        r"(initial_encoder|pred_proj|output_head)\.(weight|bias)"
        r"|layers\.\d{1,3}\.(norm[12]|[qkv]_proj|out_proj|linear[12])\.(weight|bias)"
    ),
    kind="sotaku",
    mark=re.compile(r"(initial_encoder|pred_proj)\.(weight|bias)"),
    weights="as trained: sotaku does not average weights",
    joined=joined,
    shapes=SotakuShapes,
    fields=fields,
)
