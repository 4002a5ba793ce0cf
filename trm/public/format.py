"""Build the configuration of a public checkpoint from its tensors, its settings files, and default values.

Tensor shapes determine the sizes of the model. They do not determine n, T and N_sup, nor, for attention models, the
heads, the position encoding, and the prefix length. Each field uses the first source that has a value: a value forced by
the caller, the tensors, settings files, the list of public checkpoints, and finally the public code's default for the
task, which counts as assumed. The source of every field is recorded, because a model with a wrong n or T loads without
an error but computes wrong results.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from trm.config import FORCEABLE, HALT_ALONE, HALT_OR_CONTINUE, KINDS, SHORT, ConfigError, ModelConfig
from trm.errors import CheckpointError
from trm.public.agreement import disagreement
from trm.public.description import Description
from trm.public.formats import format_of_class
from trm.public.formats.base import ASSUMED, PUBLIC_CODE, TENSORS, Fields, Format
from trm.public.other_models import refuse_ppbench
from trm.public.public_checkpoints import PublicCheckpoint, find_public_checkpoint
from trm.public.settings import read_description
from trm.public.shapes import Shapes
from trm.public.state_dict import Weights
from trm.public.weights import averaging

FORCED = "forced"

# field of ModelConfig -> name in the public code, in the order of `trm inspect`
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
OTHER_NAMES = {
    "halting_outputs": "q_head outputs",
    "tokens": "tokens",
    "injection": "injection of x",
    "damping": "lambda_",
    "y_deviation": "H_init_std",
    "z_deviation": "L_init_std",
    "noise": "noise_scale (not applied here, so that runs are reproducible)",
    "mlp_kernel": "dwconv",
}
"""Fields that the official format does not set, and the names under which `trm inspect` shows them."""
FIELDS_FROM_SHAPES = (
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
"""Usual number of cells per puzzle, by task and vocabulary size."""
MAX_PREFIX = 64  # positions; with a longer prefix, the puzzle does not have the usual size


def config_from_public(
    weights: Weights, path: Path, *, inside: Any = None, force: Mapping[str, Any] | None = None
) -> tuple[ModelConfig, dict[str, str], tuple[str, ...]]:
    """Return the configuration of a public checkpoint, the source of each field, and notes for the user.

    `path` is the weights file, and `inside` are the settings stored in this file. Settings files next to it are also
    read. `force` maps field names to values that override all sources. The entry "weights" of the sources says whether
    the weights are averaged. Raises CheckpointError if the tensors, the settings and the forced values contradict each other.
    """
    tensors = weights.tensors
    shapes = weights.format.shapes(tensors, path)
    notes = read_description(path, inside, weights.format, lambda other: disagreement(shapes, other) is None)
    refuse_ppbench(path, notes.data)
    format = format_of_class(notes.module) or weights.format
    _refuse_ema_shadow(tensors, format, path)
    resolver = _FieldResolver(path, check_force(force, path), format.fields(shapes, notes))
    kind = _resolve_kind(resolver, format, shapes, notes)
    if wrong := disagreement(shapes, notes):
        raise CheckpointError(f"{path}: {wrong}")
    listed = find_public_checkpoint(path, kind=kind, vocab_size=shapes.vocab_size)
    _resolve_sizes(resolver, shapes, kind)
    task = _resolve_positions(resolver, shapes, notes, listed, weights.positions)
    _resolve_recursion(resolver, shapes, notes, listed, task)
    for name in resolver.own.keys() - resolver.values.keys():
        resolver.resolve(name)
    if shapes.halting_outputs == 1:
        resolver.resolve("halting_outputs", (1, TENSORS))
    resolver.sources["weights"] = averaging(
        path, in_file=weights.averaged, in_yaml=notes.averaged, yaml=notes.file, default=format.weights
    )
    assumed = [
        name for name in PUBLIC_NAMES | OTHER_NAMES if resolver.sources.get(name, "").startswith(ASSUMED)
    ]
    caution = (f"{listed.repo}: {listed.caution}",) if listed and listed.caution else ()
    remarks = (*caution, *weights.notes, *resolver.notes, *notes.notes)
    try:
        values = resolver.values | {"assumed": assumed, "unknown": notes.unknown}
        return ModelConfig.from_dict(values), resolver.sources, remarks
    except ConfigError as error:
        hint = f" Assumed values can be forced: {options_of(assumed)}." if assumed else ""
        raise CheckpointError(f"{path}: {error}.{hint}") from None


def options_of(names: Iterable[str]) -> str:
    """The command-line options that force these fields, separated by commas."""
    return ", ".join(FORCEABLE[name].options[0] for name in names if name in FORCEABLE)


def _refuse_ema_shadow(tensors: dict[str, Tensor], format: Format, path: Path) -> None:
    """Raise CheckpointError for an averaged copy without the initial states, which are buffers and not averaged."""
    if format.kind == "eqr":  # EqR draws its initial states at random
        return
    if "embed_tokens.embedding_weight" in tensors and not any(name.endswith("_init") for name in tensors):
        raise CheckpointError(
            f"{path} contains the parameters but no initial states (H_init, L_init): this is an averaged copy (EMA shadow) "
            "without its buffers. Open the file with the weights of the run, or save both in one file: "
            "{'model': state_dict, 'ema': shadow}."
        )


def check_force(force: Mapping[str, Any] | None, path: Path) -> dict[str, Any]:
    """Return a copy of the forced fields. Raises CheckpointError if a field cannot be forced or a value has the wrong type."""
    for name, value in (force or {}).items():
        if name not in FORCEABLE:
            raise CheckpointError(
                f"{path}: {SHORT.repr(name)} cannot be forced. Fields that can be: {', '.join(FORCEABLE)}."
            )
        kind = FORCEABLE[name].kind
        if type(value) is not kind:
            wanted = "a whole number" if kind is int else "text"
            raise CheckpointError(
                f"{path}: {name} can only be forced to {wanted}, not to {SHORT.repr(value)}."
            )
    return dict(force or {})


class _FieldResolver:
    """Collects values and sources of fields. `own` are the fields that the file's format sets."""

    def __init__(self, path: Path, force: dict[str, Any], own: Fields):
        self.path, self.force, self.own = path, force, own
        self.values: dict[str, Any] = {}
        self.sources: dict[str, str] = {}
        self.notes: list[str] = []

    def resolve(self, name: str, *candidates: tuple[Any, str]) -> Any:
        """Set a field and return its value: forced, from `own`, or from the first candidate whose value is not None.

        Raises CheckpointError if the tensors contradict a forced value, or if no source has a value.
        """
        given = [self.own[name]] if name in self.own else [each for each in candidates if each[0] is not None]
        if name in self.force:
            forced = self.force[name]
            if given and given[0][1] == TENSORS and given[0][0] != forced:
                raise CheckpointError(
                    f"{self.path}: {name} cannot be forced to {SHORT.repr(forced)}: the tensors say {given[0][0]}."
                )
            given = [(forced, FORCED)]
        if not given:
            raise CheckpointError(
                f"{self.path}: {name} is not stated anywhere. To open the file, set it with {FORCEABLE[name].options[0]}."
            )
        self.values[name], self.sources[name] = given[0]
        return given[0][0]


def _resolve_kind(resolver: _FieldResolver, format: Format, shapes: Shapes, notes: Description) -> str:
    if format.kind:
        return resolver.resolve("kind", (format.kind, TENSORS if format.mark else notes.file))
    if notes.kind == "trm" and shapes.H_layers:
        return resolver.resolve("kind", ("trm-two-nets", TENSORS))
    return resolver.resolve("kind", (notes.kind, notes.file), (shapes.kind, TENSORS))


def _resolve_sizes(resolver: _FieldResolver, shapes: Shapes, kind: str) -> None:
    for name in FIELDS_FROM_SHAPES:
        resolver.resolve(name, (getattr(shapes, name), TENSORS))
    # For a kind without a separate f_H net, loading the weights reports the extra tensors.
    resolver.resolve("H_layers", (max(shapes.H_layers, 1) if KINDS[kind].nets == 2 else 0, TENSORS))
    latents = {"trm-single-z": 0, "trm-multi-z": max(shapes.latents, 1)}.get(kind, 1)
    resolver.resolve("latents", (latents, TENSORS))


def _resolve_positions(
    resolver: _FieldResolver,
    shapes: Shapes,
    notes: Description,
    listed: PublicCheckpoint | None,
    carried: int,
) -> str:
    """Resolve the prefix length, the number of cells and the task, and return the task.

    `carried` is the number of positions in the training states that the file contains; 0 without such states.
    """
    length, (cells, cells_from) = shapes.length or carried, _cells(notes)
    forced_cells = resolver.force.get("sequence_length")
    prefixes = _prefix_candidates(resolver, shapes, notes)
    if length and forced_cells is not None:
        prefixes.insert(0, (length - forced_cells, TENSORS))
    elif length and cells is not None:
        prefixes.append((length - cells, f"tensors and {cells_from}"))
    prefix = resolver.force.get("prefix_length", prefixes[0][0] if prefixes else None)
    likely_cells = forced_cells or cells or (length - prefix if length and prefix is not None else None)
    task = _resolve_task(resolver, shapes, notes, listed, likely_cells)

    usual = USUAL_CELLS.get(task, {}).get(shapes.vocab_size)
    if length and usual and 0 <= length - usual <= MAX_PREFIX:
        prefixes.append((length - usual, TENSORS))
    default = _default_label(resolver.values["kind"], task)
    by_code = notes.arch and shapes.puzzle_ids  # the default of the model class if the yaml lacks the key
    usual_prefix = (1 if resolver.values["kind"] == "hrm" else 16, PUBLIC_CODE if by_code else default)
    prefix = resolver.resolve(
        "prefix_length", *prefixes, _listed_value(listed, "prefix_length"), usual_prefix
    )
    if not length:
        resolver.resolve(
            "sequence_length", (cells, cells_from), _listed_value(listed, "sequence_length"), (usual, default)
        )
    elif cells not in (None, length - prefix):
        raise CheckpointError(
            f"{resolver.path}: {cells_from} says seq_len = {cells}, but the tensors say {length - prefix}."
        )
    else:
        source = resolver.sources["prefix_length"]
        resolver.resolve("sequence_length", (length - prefix, source if source == default else TENSORS))
    if not shapes.puzzle_ids and prefix:
        resolver.notes.append(
            f"the puzzle table (puzzle_emb.weights) is not in the file: the prefix of {prefix} positions is zeros"
        )
    return task


def _cells(notes: Description) -> tuple[int | None, str]:
    if "seq_len" in notes.dataset:
        return notes.dataset["seq_len"], "dataset.json"
    return notes.arch.get("seq_len"), notes.file


def _prefix_candidates(resolver: _FieldResolver, shapes: Shapes, notes: Description) -> list[tuple[int, str]]:
    """The prefix length and its source, if they do not depend on the task; else an empty list.

    If the puzzle table was removed from a file, the model keeps its prefix, filled with zeros.
    """
    size = shapes.puzzle_embedding_size or notes.arch.get("puzzle_emb_ndim")
    if size == 0 and "puzzle_emb_ndim" in notes.arch:
        return [(0, notes.file if not shapes.puzzle_ids else TENSORS)]
    length = notes.arch.get("puzzle_emb_len")
    if length:
        return [(length, notes.file)]
    rows = -(-size // shapes.hidden_size) if size else None
    where = TENSORS if shapes.puzzle_ids else notes.file
    if (length == 0 and rows is not None) or (rows is not None and resolver.values["kind"] == "hrm"):
        return [(rows, where)]  # a length of 0 in the yaml means the positions that a puzzle embedding fills
    return [(0, notes.file)] if length == 0 else []


def _resolve_task(
    resolver: _FieldResolver,
    shapes: Shapes,
    notes: Description,
    listed: PublicCheckpoint | None,
    cells: int | None,
) -> str:
    """The task whose tokens the model uses; "unknown" if no task has the model's vocabulary size."""
    fitting = [task for task, usual in USUAL_CELLS.items() if shapes.vocab_size in usual]
    if len(fitting) == 1:
        by_tokens = fitting[0]
    else:  # 6 tokens: a Sudoku of 4x4, or a maze
        by_tokens = ("sudoku" if cells == 16 else "maze") if fitting else "unknown"
    forced = resolver.force.get("task")
    if forced and forced not in fitting:
        raise CheckpointError(
            f"{resolver.path}: task cannot be forced to {SHORT.repr(forced)}: the tensors have {shapes.vocab_size} "
            f"tokens, which fits {' and '.join(fitting) or 'no task'}."
        )
    if notes.task and notes.task not in fitting and not fitting and not forced:
        resolver.notes.append(
            f"{notes.file} says that it was trained on {notes.task}, but no supported {notes.task} has {shapes.vocab_size} "
            "tokens: puzzles cannot be shown, but trm forward can write raw outputs"
        )
        return resolver.resolve("task", ("unknown", TENSORS))
    if notes.task and notes.task not in fitting and not forced:
        raise CheckpointError(
            f"{resolver.path}: {notes.file} says that it was trained on {notes.task}, but the tensors have "
            f"{shapes.vocab_size} tokens, which does not fit {notes.task}. Is it the yaml of another checkpoint?"
        )
    if len(fitting) == 1:
        return resolver.resolve("task", (by_tokens, TENSORS))
    named = (listed.task, listed.source) if listed else (None, "")
    return resolver.resolve(
        "task", (notes.task, notes.file), named, (by_tokens, TENSORS) if not forced else (None, "")
    )


def _resolve_recursion(
    resolver: _FieldResolver, shapes: Shapes, notes: Description, listed: PublicCheckpoint | None, task: str
) -> None:
    """Resolve the fields that the tensors do not determine: n, T, N_sup, halting, heads, and position encoding."""
    kind, arch = resolver.values["kind"], notes.arch
    default = _default_label(kind, task)
    n, T = (2, 2) if kind == "hrm" else (4 if task in ("maze", "arc") else 6, 3)
    usual_n = (n, default)
    if kind == "trm-multi-z":
        usual_n = (shapes.latents, f"{ASSUMED}one call per latent")
    resolver.resolve("n", (arch.get("L_cycles"), notes.file), _listed_value(listed, "n"), usual_n)
    resolver.resolve("T", (arch.get("H_cycles"), notes.file), _listed_value(listed, "T"), (T, default))
    # one fork uses more supervision steps in evaluation than in training
    steps = (arch.get("halt_max_steps_eval", arch.get("halt_max_steps")), notes.file)
    resolver.resolve("N_sup", steps, _listed_value(listed, "N_sup"), (16, default))
    resolver.resolve("rope_theta", (arch.get("rope_theta"), notes.file), (10_000.0, PUBLIC_CODE))
    is_trm = KINDS[kind].halting == HALT_ALONE  # the code of the others does not look at this setting
    no_continue = arch.get("no_ACT_continue") if is_trm else None
    trained = (None if no_continue is None else HALT_ALONE if no_continue else HALT_OR_CONTINUE, notes.file)
    resolver.resolve("halting", trained, (KINDS[kind].halting, PUBLIC_CODE))
    mlp = shapes.mixing == "mlp"
    heads = (
        [(0, TENSORS)]
        if mlp
        else [(arch.get("num_heads"), notes.file), _listed_value(listed, "heads"), (8, default)]
    )
    resolver.resolve("heads", *heads)
    learned = (shapes.positions, TENSORS)
    resolver.resolve(
        "positions",
        learned,
        (arch.get("pos_encodings"), notes.file),
        _listed_value(listed, "positions"),
        ("rope", default),
    )


def _listed_value(listed: PublicCheckpoint | None, name: str) -> tuple[Any, str]:
    return (listed.values.get(name), listed.source) if listed else (None, "")


def _default_label(kind: str, task: str) -> str:
    """The source text for a default value of the public code."""
    if kind == "hrm":
        return f"{ASSUMED}HRM default"
    return f"{ASSUMED}{task if task in USUAL_CELLS else 'TRM'} default"
