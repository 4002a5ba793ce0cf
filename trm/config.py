"""What a model is, in numbers: its sizes, its parts, and how deep it recurses.

Some of these a checkpoint's tensors tell (sizes, number of layers), some they do not (n, T, N_sup, heads,
positions). A value that was not found but supposed is named in `assumed`, and every front end shows it as such.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from math import isqrt
from typing import Any, Literal

from trm.coordinates import Depth
from trm.errors import UserError

Mixing = Literal["attention", "mlp"]
Positions = Literal["rope", "learned", "none"]

LARGEST_SIZE = 1 << 24  # no count in a configuration is larger; bounds memory before any is taken


class ConfigError(UserError):
    """A configuration that describes no model we know."""


@dataclass(frozen=True)
class ModelConfig:
    """A Tiny Recursive Model. Widths are inner widths of the SwiGLU nets, not expansion factors."""

    task: str  # the task whose tokens it speaks, such as "sudoku"
    vocab_size: int  # V
    sequence_length: int  # cells of the grid, without the prefix
    hidden_size: int  # D
    layers: int  # blocks in the net
    mlp_width: int  # inner width of the SwiGLU over channels
    mixing: Mixing  # what mixes positions
    mixing_width: int  # inner width of the SwiGLU over positions (mixing "mlp"), else 0
    heads: int  # attention heads (mixing "attention"), else 0
    positions: Positions
    prefix_length: int  # positions before the first cell; the halting head reads position 0
    puzzle_ids: int  # rows of the puzzle embedding table, 0 without one
    puzzle_embedding_size: int  # width of a row, 0 without a table
    n: int  # f_L calls in a latent recursion
    T: int  # latent recursions in a supervision step
    N_sup: int  # supervision steps
    kind: str = "trm"
    rope_theta: float = 10_000.0
    assumed: tuple[str, ...] = ()  # fields above that the checkpoint did not contain

    def __post_init__(self):
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type is int and not (type(value) is int and 0 <= value <= LARGEST_SIZE):
                raise ConfigError(f"{field.name} must be a whole number up to {LARGEST_SIZE}, not {value!r}")
        needed = ("vocab_size", "sequence_length", "hidden_size", "layers", "mlp_width", "n", "T", "N_sup")
        for name in needed:
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.kind != "trm":
            raise ConfigError(f"models of kind {self.kind!r} are not known; known: trm")
        if self.mixing == "attention":
            if self.heads < 1 or self.hidden_size % self.heads:
                raise ConfigError(f"hidden_size {self.hidden_size} does not split into {self.heads} heads")
            if self.positions == "rope" and self.hidden_size // self.heads % 2:
                raise ConfigError(f"rope needs an even head size, not {self.hidden_size // self.heads}")
        elif self.mixing == "mlp":
            if self.mixing_width < 1:
                raise ConfigError("mixing by MLP needs mixing_width of at least 1")
        else:
            raise ConfigError(f"mixing must be attention or mlp, not {self.mixing!r}")
        if self.positions not in ("rope", "learned", "none"):
            raise ConfigError(f"positions must be rope, learned or none, not {self.positions!r}")
        if bool(self.puzzle_ids) != bool(self.puzzle_embedding_size):
            raise ConfigError("puzzle_ids and puzzle_embedding_size go together: both 0 or both positive")
        if self.puzzle_embedding_size > self.prefix_length * self.hidden_size:
            raise ConfigError(
                f"a puzzle embedding of {self.puzzle_embedding_size} numbers does not fit into "
                f"{self.prefix_length} prefix positions of {self.hidden_size}"
            )

    @property
    def depth(self) -> Depth:
        return Depth(n=self.n, T=self.T, N_sup=self.N_sup)

    @property
    def length(self) -> int:
        """P: positions the net sees, prefix and cells."""
        return self.prefix_length + self.sequence_length

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of the (square) grid that the cells form."""
        side = isqrt(self.sequence_length)
        return side, self.sequence_length // side

    def with_depth(self, **changes: int) -> "ModelConfig":
        """The same model at another n, T or N_sup."""
        return replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"assumed": list(self.assumed)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "ModelConfig":
        """Read what `to_dict` wrote.

        Raises ConfigError naming the first key that is unknown, missing or of the wrong type.
        """
        known = {field.name: field for field in fields(cls)}
        for name in values:
            if name not in known:
                raise ConfigError(f"unknown key {name!r}; was it written by a newer version?")
        checked = dict(values)
        if "assumed" in checked:
            if not isinstance(checked["assumed"], list | tuple):
                raise ConfigError(f"assumed must be a list of names, not {checked['assumed']!r}")
            checked["assumed"] = tuple(map(str, checked["assumed"]))
        for name, field in known.items():
            if field.type is str and not isinstance(checked.get(name, ""), str):
                raise ConfigError(f"{name} must be text, not {checked[name]!r}")
        try:
            return cls(**checked)
        except TypeError as error:
            missing = str(error).rpartition(": ")[2]
            raise ConfigError(f"missing {missing}") from None
