"""The configuration of a model: its sizes, its components, and the depth of its recursion.

The tensors of a checkpoint determine some fields (sizes, number of layers) but not others (n, T, N_sup, heads,
positions). `assumed` lists the fields whose values had to be assumed, and every user interface marks these values.
"""

from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields, replace
from math import isfinite, isqrt
from reprlib import Repr
from typing import Any, Literal, NamedTuple, get_args

from trm.coordinates import F_H, F_L, Depth
from trm.errors import PuzzleError, UserError

Mixing = Literal["attention", "mlp"]
Positions = Literal["rope", "rope2d", "axial", "learned", "none"]
HALT_ALONE, HALT_OR_CONTINUE, NEVER = "q_halt > 0", "q_halt > q_continue", "never"
Halting = Literal["q_halt > 0", "q_halt > q_continue", "never"]
Tokens = Literal["official", "nano-trm", "digits"]
Names = tuple[str, ...]

# Limits on what a file may request, checked before memory is allocated or time is spent.
MAX_SIZE = 1 << 24  # maximum of any count or width
MAX_LAYERS = 256
MAX_POSITIONS = 1 << 14  # maximum number of positions: prefix and cells
MAX_CALLS = 1 << 16  # maximum number of net calls in all supervision steps together
MAX_LATENTS = 64  # maximum number of z states in a multi-z model


class _Short(Repr):
    def repr_int(self, x: int, level: int) -> str:
        """Return the digits of an integer, or its size in bits: Python refuses to print thousands of digits."""
        return f"a number of {x.bit_length()} bits" if x.bit_length() > 128 else str(x)


SHORT = _Short()  # abbreviates values: a line of YAML can expand to billions of elements
SHORT.maxlevel = 1

# How error messages describe the type of a field.
TYPES = {
    int: "a whole number",
    float: f"a number up to {MAX_SIZE}",
    str: "text",
    Mixing: "attention or mlp",
    Positions: "rope, rope2d, axial, learned or none",
    Halting: f"{HALT_ALONE}, {HALT_OR_CONTINUE} or {NEVER}",
    Tokens: "official, nano-trm or digits",
    Names: "a list of names",
}


def halting_words(rule: Halting) -> str:
    """Describe a halting rule in words."""
    return "never halts: it has no halting head" if rule == NEVER else f"halts when {rule}"


class Forceable(NamedTuple):
    """A configuration field that a checkpoint may lack, and the command-line options that set it."""

    kind: type
    options: tuple[str, ...]
    meaning: str


FORCEABLE = {
    "n": Forceable(int, ("--n", "--L_cycles"), "f_L calls in a latent recursion"),
    "T": Forceable(int, ("--T", "--H_cycles"), "latent recursions in a supervision step"),
    "N_sup": Forceable(int, ("--N_sup", "--halt_max_steps"), "supervision steps"),
    "heads": Forceable(int, ("--heads", "--num_heads"), "attention heads"),
    "positions": Forceable(str, ("--positions", "--pos_encodings"), "rope, rope2d, axial, learned or none"),
    "prefix_length": Forceable(int, ("--prefix", "--puzzle_emb_len"), "positions before the first cell"),
    "sequence_length": Forceable(int, ("--cells", "--seq_len"), "cells of the grid"),
    "task": Forceable(str, ("--task",), "sudoku, maze or arc"),
}


class ConfigError(UserError):
    """Raised for a configuration that does not describe a supported model."""


@dataclass(frozen=True)
class ModelKind:
    """The properties of one kind of model. Each kind has a class in `trm.models` or `trm.successors`."""

    title: str
    nets: int  # 1: the same net is f_L and f_H
    latents: range  # allowed numbers of z states; 0: y and z are the same state
    halting: Halting = HALT_ALONE  # default halting rule
    last_calls: int = 0  # calls backpropagated through in training; 0: the whole last latent recursion
    min_n: int = 1  # 0: a cycle may consist of the f_H call alone
    layer_calls: bool = False  # every layer is a separate call, so n is the number of layers minus one

    def gradient_calls(self, n: int) -> int:
        """Number of calls at the end of a supervision step that training backpropagates through, for a given n."""
        return self.last_calls or n + 1


ONE_LATENT = range(1, 2)
KINDS = {
    "trm": ModelKind("TRM", nets=1, latents=ONE_LATENT),
    "trm-two-nets": ModelKind("TRM with two nets", nets=2, latents=ONE_LATENT),
    "trm-single-z": ModelKind("TRM with a single z", nets=1, latents=range(0, 1)),
    "trm-multi-z": ModelKind("TRM with multi z", nets=1, latents=range(1, MAX_LATENTS + 1)),
    "hrm": ModelKind("HRM", nets=2, latents=ONE_LATENT, halting=HALT_OR_CONTINUE, last_calls=2),
    "eqr": ModelKind("EqR", nets=1, latents=ONE_LATENT),
    "air": ModelKind("AIR", nets=1, latents=ONE_LATENT, halting=HALT_OR_CONTINUE),
    "urm": ModelKind("URM", nets=1, latents=range(0, 1), min_n=0),
    "sotaku": ModelKind("sotaku", nets=1, latents=range(0, 1), halting=NEVER, min_n=0, layer_calls=True),
}


@dataclass(frozen=True)
class ModelConfig:
    """The configuration of a model of any kind.

    `mlp_width` and `mixing_width` are inner widths of the SwiGLUs, not expansion factors. Raises ConfigError, naming
    the field, if the values do not describe a model.
    """

    task: str  # the task whose tokens the model uses, such as "sudoku"
    vocab_size: int  # V
    sequence_length: int  # cells of the grid, without the prefix
    hidden_size: int  # D
    layers: int  # blocks in the net, or in the net of f_L if there are two
    mlp_width: int  # inner width of the SwiGLU over channels
    mixing: Mixing  # how information is mixed between positions
    mixing_width: int  # inner width of the SwiGLU over positions (mixing "mlp"), else 0
    heads: int  # attention heads (mixing "attention"), else 0
    positions: Positions
    prefix_length: int  # positions before the first cell
    puzzle_ids: int  # rows of the puzzle embedding table, 0 without a table
    puzzle_embedding_size: int  # width of a row, 0 without a table
    n: int  # f_L calls in a latent recursion
    T: int  # latent recursions in a supervision step
    N_sup: int  # supervision steps
    kind: str = "trm"  # one of KINDS
    H_layers: int = 0  # blocks in the net of f_H if there are two nets, else 0
    latents: int = 1  # number of z states: 1, one per f_L call (multi z), or 0 (single z, which is also y)
    rope_theta: float = 10_000.0
    # The halting rule; the default depends on the kind. A model trained with a loss on q_continue compares it with q_halt.
    halting: Halting = None  # type: ignore[assignment]
    halting_outputs: int = (
        2  # number of outputs: 2 (q_halt and q_continue), 1 (q_halt), or 0 (no halting head)
    )
    mlp_kernel: int = 0  # kernel size of the convolution in the SwiGLU over channels (URM), 0 without one
    tokens: Tokens = "official"  # token numbering of the public datasets ("official") or of another code base
    canvas: int = 0  # side of a larger grid with the puzzle at its top left (nano-trm), 0 without such a grid
    injection: str = ""  # AIR: where x is added, for example Lx_H (once in f_L, not in f_H)
    damping: float = 1.0  # EqR: fraction of the state that a call's output replaces
    y_deviation: float = 0.0  # EqR: standard deviation of the random initial y
    z_deviation: float = 0.0  # EqR: standard deviation of the random initial z
    noise: float = 0.0  # EqR: standard deviation of the noise that its code adds in every call; omitted here
    assumed: Names = ()  # names of the fields above that the checkpoint did not contain
    unknown: Names = ()  # checkpoint settings that are not understood: the original model may compute something else

    def __post_init__(self):
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type is int and not 0 <= value <= MAX_SIZE:
                raise ConfigError(f"{field.name} must be from 0 to {MAX_SIZE}, not {SHORT.repr(value)}")
        for name in self.assumed:
            if name not in {field.name for field in fields(self)}:
                raise ConfigError(f"assumed names {SHORT.repr(name)}, which is not a field")
        min_n = KINDS[self.kind].min_n if self.kind in KINDS else 1
        needed = ("vocab_size", "sequence_length", "hidden_size", "layers", "mlp_width", "T", "N_sup")
        for name, least in (*dict.fromkeys(needed, 1).items(), ("n", min_n)):
            if getattr(self, name) < least:
                raise ConfigError(f"{name} must be at least {least}, not {getattr(self, name)}")
        if max(self.layers, self.H_layers) > MAX_LAYERS:
            raise ConfigError(
                f"layers and H_layers must be at most {MAX_LAYERS}, not {self.layers} and {self.H_layers}"
            )
        if self.length > MAX_POSITIONS:
            raise ConfigError(
                f"prefix_length and sequence_length make {self.length} positions, more than {MAX_POSITIONS}"
            )
        if self.N_sup * self.depth.calls_per_step > MAX_CALLS:
            raise ConfigError(
                f"n, T and N_sup make {self.N_sup * self.depth.calls_per_step} net calls, "
                f"more than {MAX_CALLS}"
            )
        if not (self.rope_theta > 0 and isfinite(self.rope_theta)):
            raise ConfigError(f"rope_theta must be positive and finite, not {self.rope_theta}")
        if not 0 < self.damping <= 1:
            raise ConfigError(f"damping must be above 0 and at most 1, not {self.damping}")
        if min(self.y_deviation, self.z_deviation, self.noise) < 0:
            raise ConfigError("y_deviation, z_deviation and noise must not be negative")
        self._check_kind()
        if self.mixing == "attention":
            if self.heads < 1 or self.hidden_size % self.heads:
                raise ConfigError(f"hidden_size {self.hidden_size} does not split into {self.heads} heads")
            parts = {"rope": 2, "rope2d": 4, "axial": 4}.get(self.positions, 1)
            if self.hidden_size // self.heads % parts:
                raise ConfigError(
                    f"{self.positions} needs a head size that {parts} divides, not {self.hidden_size // self.heads}"
                )
            if self.positions == "axial" and self.prefix_length:
                raise ConfigError("axial positions allow no prefix: only cells have a row and a column")
        elif self.mixing_width < 1:
            raise ConfigError("mixing by MLP needs mixing_width of at least 1")
        if bool(self.puzzle_ids) != bool(self.puzzle_embedding_size):
            raise ConfigError("puzzle_ids and puzzle_embedding_size go together: both 0 or both positive")
        if self.canvas and not self.sequence_length < self.canvas**2 <= self.length:
            raise ConfigError(
                f"a canvas of {self.canvas}x{self.canvas} does not fit {self.prefix_length} prefix positions "
                f"and {self.sequence_length} cells"
            )
        if self.puzzle_embedding_size > self.prefix_length * self.hidden_size:
            raise ConfigError(
                f"a puzzle embedding of {self.puzzle_embedding_size} numbers does not fit into "
                f"{self.prefix_length} prefix positions of {self.hidden_size}"
            )

    def _check_kind(self) -> None:
        kind = KINDS.get(self.kind)
        if kind is None:
            raise ConfigError(
                f"unknown kind of model {SHORT.repr(self.kind)}; choose one of {', '.join(KINDS)}"
            )
        if (self.H_layers > 0) != (kind.nets == 2):
            wanted = "at least 1" if kind.nets == 2 else "0"
            raise ConfigError(
                f"H_layers of a model of kind {self.kind} must be {wanted}, not {self.H_layers}"
            )
        if self.latents not in kind.latents:
            raise ConfigError(f"a model of kind {self.kind} cannot have {self.latents} latents")
        if kind.layer_calls and self.n != self.layers - 1:
            raise ConfigError(
                f"n of a model of kind {self.kind} must be its layers minus one, {self.layers - 1}, not {self.n}"
            )
        if self.halting is None:
            object.__setattr__(self, "halting", kind.halting)
        if kind.halting == NEVER != self.halting:
            raise ConfigError(f"halting of a model of kind {self.kind} must be never, not {self.halting}")
        if self.halting_outputs != 2 and (self.halting_outputs > 2 or self.halting == HALT_OR_CONTINUE):
            raise ConfigError(
                f"halting_outputs must be 0, 1 or 2, and 2 to halt by {HALT_OR_CONTINUE}, not {self.halting_outputs}"
            )
        if (self.halting == NEVER) != (not self.halting_outputs):
            raise ConfigError(
                "halting must be never if there is no halting head (halting_outputs 0), and only then"
            )

    @property
    def depth(self) -> Depth:
        return Depth(n=self.n, T=self.T, N_sup=self.N_sup)

    @property
    def layers_per_call(self) -> dict[str, int]:
        """Number of blocks in an f_L call and in an f_H call, by kind of call."""
        if KINDS[self.kind].layer_calls:
            return {F_L: 1, F_H: 1}
        return {F_L: self.layers, F_H: self.H_layers or self.layers}

    @property
    def effective_depth(self) -> int:
        """Number of blocks applied in sequence in a full run. With one net: layers x (n + 1) x T x N_sup."""
        each = self.layers_per_call
        return self.N_sup * self.T * (self.n * each[F_L] + each[F_H])

    @property
    def length(self) -> int:
        """Number of positions in the net's input (P): the prefix and the cells."""
        return self.prefix_length + self.sequence_length

    @property
    def order(self) -> tuple[int, ...]:
        """Index of each position in the net's own order (prefix, then canvas). Empty without a canvas."""
        if not self.canvas:
            return ()
        prefix, (rows, columns) = self.own_prefix, self.grid
        places = range(prefix, prefix + self.canvas**2)
        cells = [places[row * self.canvas + column] for row in range(rows) for column in range(columns)]
        return (*range(prefix), *sorted(set(places) - set(cells)), *cells)

    @property
    def own_prefix(self) -> int:
        """Number of prefix positions before the canvas, or before the cells if there is no canvas."""
        return self.prefix_length - (self.canvas**2 - self.sequence_length if self.canvas else 0)

    @property
    def halting_position(self) -> int:
        """Index of the position that the halting head reads: the first position in the net's own order."""
        return 0 if self.own_prefix or not self.canvas else self.prefix_length

    @property
    def grid(self) -> tuple[int, int]:
        """Number of rows and columns of the square grid of cells."""
        side = isqrt(self.sequence_length)
        return side, self.sequence_length // side

    def check_puzzles(self, cells: int, vocab_size: int) -> None:
        """Raise PuzzleError unless the model accepts puzzles with this number of cells and this vocabulary size."""
        if cells != self.sequence_length:
            raise PuzzleError(
                f"This model takes {self.sequence_length} cells, but the puzzle has {cells} cells. Choose another model."
            )
        if vocab_size != self.vocab_size:
            raise PuzzleError(
                f"This model has {self.vocab_size} tokens, but the puzzle's task has {vocab_size}. Choose another model."
            )

    def check_puzzle_id(self, puzzle_id: int) -> None:
        """Raise PuzzleError if an id is negative or not in the puzzle table. A model without a table ignores the id."""
        if puzzle_id < 0 or (self.puzzle_ids and puzzle_id >= self.puzzle_ids):
            raise PuzzleError(
                f"There is no puzzle id {puzzle_id}: the ids of this model are 0 to {self.puzzle_ids - 1}."
            )

    def with_depth(self, **changes: int) -> "ModelConfig":
        """Return a copy with another n, T or N_sup. Raises ConfigError if a value is not allowed."""
        return replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"assumed": list(self.assumed), "unknown": list(self.unknown)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "ModelConfig":
        """Create a configuration from the dictionary that `to_dict` returned.

        Raises ConfigError, naming the key, if a key is unknown, missing or of the wrong type.
        """
        by_name = {field.name: field for field in fields(cls)}
        for name in values:
            if name not in by_name:
                raise ConfigError(f"unknown key {SHORT.repr(name)}; was it written by a newer version?")
        for name, field in by_name.items():
            if name not in values and field.default is MISSING:
                raise ConfigError(f"missing {name!r}")
        return cls(**{name: _read(name, value, by_name[name].type) for name, value in values.items()})


def _read(name: str, value: Any, wanted: Any) -> Any:
    """Convert a value from JSON or YAML to the type of its field. Raises ConfigError if the type does not fit."""
    if wanted in (int, str) and type(value) is wanted:
        return value
    if wanted is float and type(value) in (int, float) and -MAX_SIZE <= value <= MAX_SIZE:
        return float(value)
    if wanted in (Mixing, Positions, Halting, Tokens) and value in get_args(wanted):
        return value
    if wanted is Names and isinstance(value, list | tuple):
        return tuple(map(str, value))
    raise ConfigError(f"{name} must be {TYPES[wanted]}, not {SHORT.repr(value)}")
