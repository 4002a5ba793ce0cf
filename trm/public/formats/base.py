"""What a format is, and the official one."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from trm.public.description import Description
from trm.public.shapes import Shapes

Settings = dict[str, Any]
Fields = dict[str, tuple[Any, str]]  # of ModelConfig -> value and where it is from
PUBLIC_CODE, ASSUMED, TENSORS = "public code", "assumed: ", "tensors"

BLOCK = r"(self_attn\.(qkv|o)_proj|mlp(_t)?\.(gate_up|down)_proj)\.weight"
COMMON = (
    r"embed_(tokens|pos)\.embedding_weight|lm_head\.weight|q_head\.(weight|bias)|puzzle_emb\.weights"
    r"|(H|L|L\d{1,3})_init"
)


def no_fields(shapes: Shapes, notes: Description) -> Fields:
    """A format whose fields are settled as the official one's."""
    return {}


@dataclass(frozen=True)
class Format:
    """How a code base names what is in its checkpoints."""

    title: str
    source: str  # the public code
    files: str  # what its checkpoints are called
    told: str  # where n, T and the like stand
    supposed: str  # what is assumed where nothing says it
    names: re.Pattern[str]  # of its tensors, without prefixes
    kind: str | None = None  # of its models; None: as for official ones
    mark: re.Pattern[str] | None = None  # a tensor's name that no other format has
    module: re.Pattern[str] | None = None  # what `arch.name` says before the @
    renamed: Mapping[str, str] = field(default_factory=dict)  # a beginning of a tensor's name -> ours
    joined: Callable[[dict[str, Any]], dict[str, Any]] = dict  # our tensors out of several of its own
    synonyms: Mapping[str, str] = field(default_factory=dict)  # its name of a setting -> the official one
    values: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)  # of settings, as official ones
    types: Mapping[str, type] = field(default_factory=dict)  # of settings that official code does not have
    weights: str = ""  # whether they are averaged, where nothing in the file says
    off: Mapping[str, Any] = field(default_factory=dict)  # settings that do not matter at this value
    harmless: frozenset[str] = frozenset()  # settings that do not change what trained weights compute
    shapes: Callable[[dict[str, Tensor], Path], Shapes] = Shapes  # what its tensors tell
    fields: Callable[[Shapes, Description], Fields] = no_fields  # what it settles otherwise

    def plain(self, tensors: dict[str, Any]) -> dict[str, Any]:
        """Its tensors under our names."""
        plain = {}
        for name, tensor in tensors.items():
            start = next((start for start in self.renamed if name.startswith(start)), "")
            plain[self.renamed.get(start, "") + name.removeprefix(start)] = tensor
        return self.joined(plain)

    def official(self, settings: Settings) -> Settings:
        """Its settings by their official names; the first of several that mean the same is taken."""
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
