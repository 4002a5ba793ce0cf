"""Define the `Format` class and the official format."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from trm.public.description import Description
from trm.public.shapes import Shapes

Settings = dict[str, Any]
Fields = dict[str, tuple[Any, str]]
"""Fields of ModelConfig, each with its value and source."""
PUBLIC_CODE, ASSUMED, TENSORS = "public code", "assumed: ", "tensors"

BLOCK = r"(self_attn\.(qkv|o)_proj|mlp(_t)?\.(gate_up|down)_proj)\.weight"
COMMON = (
    r"embed_(tokens|pos)\.embedding_weight|lm_head\.weight|q_head\.(weight|bias)|puzzle_emb\.weights"
    r"|(H|L|L\d{1,3})_init"
)


def no_fields(shapes: Shapes, notes: Description) -> Fields:
    """Return no fields, so that all fields are resolved as in the official format."""
    return {}


@dataclass(frozen=True)
class Format:
    """The names of tensors and settings in the checkpoints of one code base."""

    title: str
    source: str  # repositories of the public code
    files: str  # usual names of its checkpoints
    settings_in: str  # files that contain n, T, and similar settings
    assumed: str  # values that are assumed if no file states them
    names: re.Pattern[str]  # names of all tensors in the format, without wrapper prefixes
    kind: str | None = None  # kind of all models in the format; None: determined as for official checkpoints
    mark: re.Pattern[str] | None = None  # a tensor name that no other format has
    module: re.Pattern[str] | None = None  # module of the model class, from `arch.name` before the @
    renamed: Mapping[str, str] = field(default_factory=dict)  # prefix of a tensor name -> official prefix
    joined: Callable[[dict[str, Any]], dict[str, Any]] = dict  # combines tensors into official tensors
    synonyms: Mapping[str, str] = field(default_factory=dict)  # setting in this format -> official name
    values: Mapping[str, Callable[[Any], Any]] = field(
        default_factory=dict
    )  # setting in this format -> function that converts its value to the official value
    types: Mapping[str, type] = field(default_factory=dict)  # types of settings that the official code lacks
    weights: str = ""  # whether weights are averaged, in words, if no file says it
    off: Mapping[str, Any] = field(default_factory=dict)  # settings without effect at this value
    harmless: frozenset[str] = frozenset()  # settings that do not change the output of trained weights
    shapes: Callable[[dict[str, Tensor], Path], Shapes] = Shapes  # reads sizes from tensors in this format
    fields: Callable[[Shapes, Description], Fields] = no_fields  # fields with values specific to this format

    def plain(self, tensors: dict[str, Any]) -> dict[str, Any]:
        """Rename and combine tensors in this format to official tensors."""
        plain = {}
        for name, tensor in tensors.items():
            start = next((start for start in self.renamed if name.startswith(start)), "")
            plain[self.renamed.get(start, "") + name.removeprefix(start)] = tensor
        return self.joined(plain)

    def official(self, settings: Settings) -> Settings:
        """Convert settings in this format to official names and values. If the settings contain several names for the same value, the first one is used."""
        named: Settings = {}
        for key in (*self.synonyms, *settings):
            if key in settings and self.synonyms.get(key, key) not in named:
                value = settings[key]
                named[self.synonyms.get(key, key)] = self.values[key](value) if key in self.values else value
        return {
            key: value
            for key, value in named.items()
            if key not in self.harmless and not (key in self.off and value == self.off[key])
        }


OFFICIAL = Format(
    "TRM or HRM",
    "SamsungSAILMontreal/TinyRecursiveModels, sapientinc/HRM, the MLX port",
    "`step_<N>`, `checkpoint`, .pt, .ckpt, .npz, safetensors",
    "the file, `<its name>.yaml`, `all_config.yaml`, `config.yaml` of W&B or Hydra, `config.json`, the parent folder; the list of known files",
    "n, T, N_sup, heads, rope or no positions, a prefix of 16 (HRM: as long as its puzzle vector), 900 cells for mazes and ARC",
    re.compile(rf"{COMMON}|[HL]_level\.layers\.\d{{1,9}}\.{BLOCK}"),
)
