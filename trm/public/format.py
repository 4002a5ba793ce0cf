"""The configuration of a public checkpoint: what its tensors and its yaml tell, and what has to be assumed.

Sizes can be read from shapes; n, T, N_sup, heads, positions and the prefix length of attention models cannot. A field
is settled by the first place that knows it: the caller who forces it, the tensors, `all_config.yaml`, `dataset.json`,
the list of known public files, and last the public code's default for the task, which then counts as assumed. Which
place it was is kept for every field, as a wrong n or T loads without an error and ruins the result.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from trm.config import HALT_ALONE, HALT_OR_CONTINUE, KINDS, SHORT, ConfigError, ModelConfig
from trm.errors import CheckpointError
from trm.public.config_yaml import Description, read_description
from trm.public.known_files import KnownFile, known_file
from trm.public.shapes import Shapes
from trm.public.weights import averaging

TENSORS, FORCED, ASSUMED, PUBLIC_CODE = "tensors", "forced", "assumed: ", "public code"

# field of ModelConfig -> name in the public code, in the order in which an inspection shows them
PUBLIC_NAMES = {
    "kind": "arch.name",
    "task": "task",
    "n": "L_cycles",
    "T": "H_cycles",
    "N_sup": "halt_max_steps",
    "heads": "num_heads",
    "positions": "pos_encodings",
    "prefix_length": "puzzle_emb_len",
    "sequence_length": "seq_len",
    "vocab_size": "vocab_size",
    "hidden_size": "hidden_size",
    "layers": "L_layers",
    "H_layers": "H_layers",
    "latents": "latents",
    "mlp_width": "mlp_width",
    "mixing": "mixing",
    "mixing_width": "mixing_width",
    "puzzle_ids": "num_puzzle_identifiers",
    "puzzle_embedding_size": "puzzle_emb_ndim",
    "rope_theta": "rope_theta",
    "halting": "halts when",
}
FORCEABLE = {
    "n": int,
    "T": int,
    "N_sup": int,
    "heads": int,
    "positions": str,
    "prefix_length": int,
    "sequence_length": int,
    "task": str,
}
TOLD_BY_SHAPES = (
    "vocab_size",
    "hidden_size",
    "layers",
    "mlp_width",
    "mixing",
    "mixing_width",
    "puzzle_ids",
    "puzzle_embedding_size",
)

USUAL_CELLS = {"sudoku": {6: 16, 8: 36, 11: 81}, "maze": {6: 900}, "arc": {12: 900}}
"""Task -> its vocabularies, and the cells of a puzzle that usually goes with each."""
LONGEST_PREFIX = 64  # positions; above that a length is no usual puzzle with a prefix


def config_from_public(
    tensors: dict[str, Tensor],
    path: Path,
    *,
    force: Mapping[str, Any] | None = None,
    averaged: bool = False,
) -> tuple[ModelConfig, dict[str, str]]:
    """The configuration of a public checkpoint, and for each field where it is from; as "weights" what they are.

    `path` is the weights file, of which `averaged` is known to hold an averaged copy; yaml and dataset.json are looked for
    beside it. Raises CheckpointError naming the first thing that does not fit.
    """
    notes = read_description(path)
    shapes = Shapes(tensors, path)
    settled = _Settled(path, check_force(force, path))
    kind = _settle_kind(settled, shapes, notes)
    _agree(shapes, notes, kind, path)
    known = known_file(path, kind=kind, vocab_size=shapes.vocab_size)
    _settle_sizes(settled, shapes, kind)
    task = _settle_positions(settled, shapes, notes, known)
    _settle_recursion(settled, shapes, notes, known, task)
    settled.sources["weights"] = averaging(path, in_file=averaged, in_yaml=notes.averaged, yaml=notes.file)
    assumed = [name for name in PUBLIC_NAMES if settled.sources[name].startswith(ASSUMED)]
    try:
        told = settled.values | {"assumed": assumed, "unknown": notes.unknown}
        return ModelConfig.from_dict(told), settled.sources
    except ConfigError as error:
        wrong = f" Of these, {', '.join(assumed)} were assumed and can be forced." if assumed else ""
        raise CheckpointError(f"{path}: {error}.{wrong}") from None


def check_force(force: Mapping[str, Any] | None, path: Path) -> dict[str, Any]:
    """The forced fields. Raises CheckpointError for one that cannot be forced, or not to that."""
    for name, value in (force or {}).items():
        if name not in FORCEABLE:
            raise CheckpointError(
                f"{path}: {SHORT.repr(name)} cannot be forced. Can be: {', '.join(FORCEABLE)}."
            )
        if type(value) is not FORCEABLE[name]:
            wanted = "a whole number" if FORCEABLE[name] is int else "text"
            raise CheckpointError(
                f"{path}: {name} can only be forced to {wanted}, not to {SHORT.repr(value)}."
            )
    return dict(force or {})


class _Settled:
    """Fields settled so far, and where each is from."""

    def __init__(self, path: Path, force: dict[str, Any]):
        self.path, self.force = path, force
        self.values: dict[str, Any] = {}
        self.sources: dict[str, str] = {}

    def settle(self, name: str, *places: tuple[Any, str]) -> Any:
        """Take the value of the first place that knows one. Raises CheckpointError when tensors contradict a forced one."""
        told = [place for place in places if place[0] is not None]
        if name in self.force:
            forced = self.force[name]
            if told and told[0][1] == TENSORS and told[0][0] != forced:
                raise CheckpointError(
                    f"{self.path}: {name} cannot be forced to {SHORT.repr(forced)}: the tensors say {told[0][0]}."
                )
            told = [(forced, FORCED)]
        if not told:
            raise CheckpointError(f"{self.path}: nothing says what {name} is. Force it to open the file.")
        self.values[name], self.sources[name] = told[0]
        return told[0][0]


def _settle_kind(settled: _Settled, shapes: Shapes, notes: Description) -> str:
    if notes.kind == "trm" and shapes.H_layers:
        return settled.settle("kind", ("trm-two-nets", TENSORS))
    return settled.settle("kind", (notes.kind, notes.file), (shapes.kind, TENSORS))


def _settle_sizes(settled: _Settled, shapes: Shapes, kind: str) -> None:
    for name in TOLD_BY_SHAPES:
        settled.settle(name, (getattr(shapes, name), TENSORS))
    # A net of f_H that the kind does not have is left to be named when the weights are loaded.
    settled.settle("H_layers", (max(shapes.H_layers, 1) if KINDS[kind].nets == 2 else 0, TENSORS))
    latents = {"trm-single-z": 0, "trm-multi-z": max(shapes.latents, 1)}.get(kind, 1)
    settled.settle("latents", (latents, TENSORS))


def _settle_positions(settled: _Settled, shapes: Shapes, notes: Description, known: KnownFile | None) -> str:
    """How many positions are prefix and how many cells, and of which task. Returns the task."""
    length, cells = shapes.length, notes.dataset.get("seq_len")
    wanted = settled.force.get("sequence_length")
    told = _told_prefix(shapes, notes, settled.values["kind"])
    if length and wanted is not None:
        told.insert(0, (length - wanted, TENSORS))
    elif length and cells is not None:
        told.append((length - cells, "tensors and dataset.json"))
    prefix = settled.force.get("prefix_length", told[0][0] if told else None)
    seen = wanted or cells or (length - prefix if length and prefix is not None else None)
    task = _settle_task(settled, shapes, notes, known, seen)

    usual = USUAL_CELLS.get(task, {}).get(shapes.vocab_size)
    if length and usual and 0 <= length - usual <= LONGEST_PREFIX:
        told.append((length - usual, TENSORS))
    default = _default_label(settled.values["kind"], task)
    usual_prefix = (
        16,
        PUBLIC_CODE if notes.arch else default,
    )  # what its class takes where the yaml has no such key
    prefix = settled.settle("prefix_length", *told, _of(known, "prefix_length"), usual_prefix)
    if not length:
        settled.settle(
            "sequence_length", (cells, "dataset.json"), _of(known, "sequence_length"), (usual, default)
        )
    elif cells not in (None, length - prefix):
        raise CheckpointError(
            f"{settled.path}: dataset.json says seq_len = {cells}, the tensors say {length - prefix}."
        )
    else:
        source = settled.sources["prefix_length"]
        settled.settle("sequence_length", (length - prefix, source if source == default else TENSORS))
    return task


def _told_prefix(shapes: Shapes, notes: Description, kind: str) -> list[tuple[int, str]]:
    """What settles the prefix whatever the task is."""
    if not shapes.puzzle_ids:
        return [(0, TENSORS)]
    if "puzzle_emb_len" in notes.arch:
        length = notes.arch["puzzle_emb_len"]
        return [(length, notes.file) if length else (shapes.prefix_rows, TENSORS)]  # 0: as long as its vector
    return [(shapes.prefix_rows, TENSORS)] if kind == "hrm" else []


def _settle_task(
    settled: _Settled, shapes: Shapes, notes: Description, known: KnownFile | None, cells: int | None
) -> str:
    """The task whose tokens the model speaks; "unknown" for a vocabulary of none."""
    fitting = [task for task, usual in USUAL_CELLS.items() if shapes.vocab_size in usual]
    if len(fitting) == 1:
        by_tokens = fitting[0]
    else:  # 6 tokens: a Sudoku of 4x4, or a maze
        by_tokens = ("sudoku" if cells == 16 else "maze") if fitting else "unknown"
    forced = settled.force.get("task")
    if forced and forced not in fitting:
        raise CheckpointError(
            f"{settled.path}: task cannot be forced to {SHORT.repr(forced)}: the tensors know {shapes.vocab_size} "
            f"tokens, as {' and '.join(fitting) or 'no task'} would have."
        )
    if notes.task and notes.task not in fitting and not forced:
        raise CheckpointError(
            f"{settled.path}: {notes.file} says that it was trained on {notes.task}, but the tensors know "
            f"{shapes.vocab_size} tokens, which {notes.task} has not. Is it the yaml of another checkpoint?"
        )
    if len(fitting) == 1:
        return settled.settle("task", (by_tokens, TENSORS))
    named = (known.task, known.source) if known else (None, "")
    return settled.settle(
        "task", (notes.task, notes.file), named, (by_tokens, TENSORS) if not forced else (None, "")
    )


def _settle_recursion(
    settled: _Settled, shapes: Shapes, notes: Description, known: KnownFile | None, task: str
) -> None:
    """What no tensor tells: depth, heads and kind of positions."""
    kind, arch = settled.values["kind"], notes.arch
    default = _default_label(kind, task)
    n, T = (2, 2) if kind == "hrm" else (4 if task in ("maze", "arc") else 6, 3)
    usual_n = (n, default)
    if kind == "trm-multi-z":
        usual_n = (shapes.latents, f"{ASSUMED}one call for each latent")
    settled.settle("n", (arch.get("L_cycles"), notes.file), _of(known, "n"), usual_n)
    settled.settle("T", (arch.get("H_cycles"), notes.file), _of(known, "T"), (T, default))
    # a fork evaluates with more steps than it trained with
    steps = (arch.get("halt_max_steps_eval", arch.get("halt_max_steps")), notes.file)
    settled.settle("N_sup", steps, _of(known, "N_sup"), (16, default))
    settled.settle("rope_theta", (arch.get("rope_theta"), notes.file), (10_000.0, PUBLIC_CODE))
    no_continue = arch.get("no_ACT_continue") if kind != "hrm" else None
    trained = (None if no_continue is None else HALT_ALONE if no_continue else HALT_OR_CONTINUE, notes.file)
    settled.settle("halting", trained, (KINDS[kind].halting, PUBLIC_CODE))
    mlp = shapes.mixing == "mlp"
    heads = (
        [(0, TENSORS)] if mlp else [(arch.get("num_heads"), notes.file), _of(known, "heads"), (8, default)]
    )
    settled.settle("heads", *heads)
    told = (shapes.told_positions, TENSORS)
    settled.settle(
        "positions", told, (arch.get("pos_encodings"), notes.file), _of(known, "positions"), ("rope", default)
    )


def _of(known: KnownFile | None, name: str) -> tuple[Any, str]:
    return (known.values.get(name), known.source) if known else (None, "")


def _default_label(kind: str, task: str) -> str:
    """What a value is called that only the public code's default speaks for."""
    if kind == "hrm":
        return f"{ASSUMED}HRM default"
    return f"{ASSUMED}{task if task in USUAL_CELLS else 'TRM'} default"


def _agree(shapes: Shapes, notes: Description, kind: str, path: Path) -> None:
    """Refuse a yaml or dataset.json that belongs to other weights."""
    found = {
        "hidden_size": shapes.hidden_size,
        "L_layers": shapes.layers,
        "puzzle_emb_ndim": shapes.puzzle_embedding_size,
        "mlp_t": shapes.mixing == "mlp",
    }
    if kind == "hrm" and shapes.H_layers:  # a TRM's yaml may say 0 all the same
        found["H_layers"] = shapes.H_layers
    for key, value in found.items():
        if notes.arch.get(key, value) != value:
            raise CheckpointError(
                f"{path}: the yaml says {key} = {notes.arch[key]}, the tensors say {value}."
            )
    if notes.arch.get("pos_encodings", "learned") != "learned" and shapes.told_positions == "learned":
        raise CheckpointError(
            f"{path}: the yaml says pos_encodings = {notes.arch['pos_encodings']}, the tensors hold learned positions."
        )
    for key, value in (("vocab_size", shapes.vocab_size), ("num_puzzle_identifiers", shapes.puzzle_ids)):
        if value and notes.dataset.get(key, value) != value:
            raise CheckpointError(
                f"{path}: dataset.json says {key} = {notes.dataset[key]}, the tensors say {value}."
            )
