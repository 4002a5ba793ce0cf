"""The configuration of a public checkpoint: what its tensors and its yaml tell, and what has to be assumed.

Sizes can be read from shapes; n, T, N_sup, heads, positions and the prefix length of attention models cannot. A field
is fields by the first place that knows it: the caller who forces it, the tensors, `all_config.yaml`, `dataset.json`,
the list of known public files, and last the public code's default for the task, which then counts as assumed. Which
place it was is kept for every field, as a wrong n or T loads without an error and ruins the result.
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
OTHER_NAMES = {
    "halting_outputs": "q_head outputs",
    "tokens": "tokens",
    "injection": "injection of x",
    "damping": "lambda_",
    "y_deviation": "H_init_std",
    "z_deviation": "L_init_std",
    "noise": "noise_scale (left out here, so that runs repeat)",
    "mlp_kernel": "dwconv",
}
"""Fields of other formats, shown where they differ from the official one's."""
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
"""Task -> its vocabularies, and the cells of a puzzle that usually goes with each."""
MAX_PREFIX = 64  # positions; above that a length is no usual puzzle with a prefix


def config_from_public(
    weights: Weights, path: Path, *, inside: Any = None, force: Mapping[str, Any] | None = None
) -> tuple[ModelConfig, dict[str, str], tuple[str, ...]]:
    """The configuration of a public checkpoint; for each field where it is from, and as "weights" which copy they are; and
    what else is worth a sentence.

    `path` is the weights file and `inside` are the settings in it; others are looked for beside it. Raises
    CheckpointError naming the first thing that does not fit.
    """
    tensors = weights.tensors
    shapes = weights.format.shapes(tensors, path)
    notes = read_description(path, inside, weights.format, lambda found: disagreement(shapes, found) is None)
    refuse_ppbench(path, notes.data)
    format = format_of_class(notes.module) or weights.format
    _refuse_ema_shadow(tensors, format, path)
    resolver = _FieldResolver(path, check_force(force, path), format.fields(shapes, notes))
    kind = _resolve_kind(resolver, format, shapes, notes)
    if wrong := disagreement(shapes, notes):
        raise CheckpointError(f"{path}: {wrong}")
    known = find_public_checkpoint(path, kind=kind, vocab_size=shapes.vocab_size)
    _resolve_sizes(resolver, shapes, kind)
    task = _resolve_positions(resolver, shapes, notes, known, weights.positions)
    _resolve_recursion(resolver, shapes, notes, known, task)
    for name in resolver.own.keys() - resolver.values.keys():
        resolver.resolve(name)
    if shapes.halting_outputs == 1:
        resolver.resolve("halting_outputs", (1, TENSORS))
    resolver.sources["weights"] = averaging(
        path, in_file=weights.averaged, in_yaml=notes.averaged, yaml=notes.file, usual=format.weights
    )
    assumed = [
        name for name in PUBLIC_NAMES | OTHER_NAMES if resolver.sources.get(name, "").startswith(ASSUMED)
    ]
    caution = (f"{known.repo}: {known.caution}",) if known and known.caution else ()
    said = (*caution, *weights.notes, *resolver.notes, *notes.notes)
    try:
        told = resolver.values | {"assumed": assumed, "unknown": notes.unknown}
        return ModelConfig.from_dict(told), resolver.sources, said
    except ConfigError as error:
        wrong = f" Assumed values can be forced: {options_of(assumed)}." if assumed else ""
        raise CheckpointError(f"{path}: {error}.{wrong}") from None


def options_of(names: Iterable[str]) -> str:
    """The options of the command line that give fields which were assumed."""
    return ", ".join(FORCEABLE[name].options[0] for name in names if name in FORCEABLE)


def _refuse_ema_shadow(tensors: dict[str, Tensor], format: Format, path: Path) -> None:
    """An averaged copy on its own has parameters, but not the states that a run starts from."""
    if format.kind == "eqr":  # it draws them
        return
    if "embed_tokens.embedding_weight" in tensors and not any(name.endswith("_init") for name in tensors):
        raise CheckpointError(
            f"{path} holds the parameters but no initial states (H_init, L_init): this is an averaged copy (EMA shadow) "
            "without its buffers. Open the file of the run's weights, or save both in one: "
            "{'model': state_dict, 'ema': shadow}."
        )


def check_force(force: Mapping[str, Any] | None, path: Path) -> dict[str, Any]:
    """The forced fields. Raises CheckpointError for one that cannot be forced, or not to that."""
    for name, value in (force or {}).items():
        if name not in FORCEABLE:
            raise CheckpointError(
                f"{path}: {SHORT.repr(name)} cannot be forced. Can be: {', '.join(FORCEABLE)}."
            )
        kind = FORCEABLE[name].kind
        if type(value) is not kind:
            wanted = "a whole number" if kind is int else "text"
            raise CheckpointError(
                f"{path}: {name} can only be forced to {wanted}, not to {SHORT.repr(value)}."
            )
    return dict(force or {})


class _FieldResolver:
    """Fields fields so far, and where each is from. `own` are those that the file's format settles its own way."""

    def __init__(self, path: Path, force: dict[str, Any], own: Fields):
        self.path, self.force, self.own = path, force, own
        self.values: dict[str, Any] = {}
        self.sources: dict[str, str] = {}
        self.notes: list[str] = []

    def resolve(self, name: str, *places: tuple[Any, str]) -> Any:
        """Take the value of the first place that knows one. Raises CheckpointError when tensors contradict a forced one."""
        told = [self.own[name]] if name in self.own else [place for place in places if place[0] is not None]
        if name in self.force:
            forced = self.force[name]
            if told and told[0][1] == TENSORS and told[0][0] != forced:
                raise CheckpointError(
                    f"{self.path}: {name} cannot be forced to {SHORT.repr(forced)}: the tensors say {told[0][0]}."
                )
            told = [(forced, FORCED)]
        if not told:
            raise CheckpointError(
                f"{self.path}: nothing says what {name} is. Force it to open the file: {FORCEABLE[name].options[0]}."
            )
        self.values[name], self.sources[name] = told[0]
        return told[0][0]


def _resolve_kind(resolver: _FieldResolver, format: Format, shapes: Shapes, notes: Description) -> str:
    if format.kind:
        return resolver.resolve("kind", (format.kind, TENSORS if format.mark else notes.file))
    if notes.kind == "trm" and shapes.H_layers:
        return resolver.resolve("kind", ("trm-two-nets", TENSORS))
    return resolver.resolve("kind", (notes.kind, notes.file), (shapes.kind, TENSORS))


def _resolve_sizes(resolver: _FieldResolver, shapes: Shapes, kind: str) -> None:
    for name in FIELDS_FROM_SHAPES:
        resolver.resolve(name, (getattr(shapes, name), TENSORS))
    # A net of f_H that the kind does not have is left to be named when the weights are loaded.
    resolver.resolve("H_layers", (max(shapes.H_layers, 1) if KINDS[kind].nets == 2 else 0, TENSORS))
    latents = {"trm-single-z": 0, "trm-multi-z": max(shapes.latents, 1)}.get(kind, 1)
    resolver.resolve("latents", (latents, TENSORS))


def _resolve_positions(
    resolver: _FieldResolver, shapes: Shapes, notes: Description, known: PublicCheckpoint | None, carried: int
) -> str:
    """How many positions are prefix and how many cells, and of which task; `carried` are those of states that the file
    holds. Returns the task.
    """
    length, (cells, cells_from) = shapes.length or carried, _cells(notes)
    wanted = resolver.force.get("sequence_length")
    told = _prefix_candidates(resolver, shapes, notes)
    if length and wanted is not None:
        told.insert(0, (length - wanted, TENSORS))
    elif length and cells is not None:
        told.append((length - cells, f"tensors and {cells_from}"))
    prefix = resolver.force.get("prefix_length", told[0][0] if told else None)
    seen = wanted or cells or (length - prefix if length and prefix is not None else None)
    task = _resolve_task(resolver, shapes, notes, known, seen)

    usual = USUAL_CELLS.get(task, {}).get(shapes.vocab_size)
    if length and usual and 0 <= length - usual <= MAX_PREFIX:
        told.append((length - usual, TENSORS))
    default = _default_label(resolver.values["kind"], task)
    by_code = notes.arch and shapes.puzzle_ids  # what its class takes where the yaml has no such key
    usual_prefix = (1 if resolver.values["kind"] == "hrm" else 16, PUBLIC_CODE if by_code else default)
    prefix = resolver.resolve("prefix_length", *told, _of(known, "prefix_length"), usual_prefix)
    if not length:
        resolver.resolve(
            "sequence_length", (cells, cells_from), _of(known, "sequence_length"), (usual, default)
        )
    elif cells not in (None, length - prefix):
        raise CheckpointError(
            f"{resolver.path}: {cells_from} says seq_len = {cells}, the tensors say {length - prefix}."
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
    """What settles the prefix whatever the task is. Without a puzzle table the model may never have had one, or it was
    dropped from the file: then the prefix is still there, filled with zeros.
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
        return [(rows, where)]  # 0: as long as its vector
    return [(0, notes.file)] if length == 0 else []


def _resolve_task(
    resolver: _FieldResolver,
    shapes: Shapes,
    notes: Description,
    known: PublicCheckpoint | None,
    cells: int | None,
) -> str:
    """The task whose tokens the model speaks; "unknown" for a vocabulary of none."""
    fitting = [task for task, usual in USUAL_CELLS.items() if shapes.vocab_size in usual]
    if len(fitting) == 1:
        by_tokens = fitting[0]
    else:  # 6 tokens: a Sudoku of 4x4, or a maze
        by_tokens = ("sudoku" if cells == 16 else "maze") if fitting else "unknown"
    forced = resolver.force.get("task")
    if forced and forced not in fitting:
        raise CheckpointError(
            f"{resolver.path}: task cannot be forced to {SHORT.repr(forced)}: the tensors know {shapes.vocab_size} "
            f"tokens, as {' and '.join(fitting) or 'no task'} would have."
        )
    if notes.task and notes.task not in fitting and not fitting and not forced:
        resolver.notes.append(
            f"{notes.file} says that it was trained on {notes.task}, but no {notes.task} here has {shapes.vocab_size} tokens: "
            "puzzles cannot be shown, raw numbers can (trm forward)"
        )
        return resolver.resolve("task", ("unknown", TENSORS))
    if notes.task and notes.task not in fitting and not forced:
        raise CheckpointError(
            f"{resolver.path}: {notes.file} says that it was trained on {notes.task}, but the tensors know "
            f"{shapes.vocab_size} tokens, which {notes.task} has not. Is it the yaml of another checkpoint?"
        )
    if len(fitting) == 1:
        return resolver.resolve("task", (by_tokens, TENSORS))
    named = (known.task, known.source) if known else (None, "")
    return resolver.resolve(
        "task", (notes.task, notes.file), named, (by_tokens, TENSORS) if not forced else (None, "")
    )


def _resolve_recursion(
    resolver: _FieldResolver, shapes: Shapes, notes: Description, known: PublicCheckpoint | None, task: str
) -> None:
    """What no tensor tells: depth, heads and kind of positions."""
    kind, arch = resolver.values["kind"], notes.arch
    default = _default_label(kind, task)
    n, T = (2, 2) if kind == "hrm" else (4 if task in ("maze", "arc") else 6, 3)
    usual_n = (n, default)
    if kind == "trm-multi-z":
        usual_n = (shapes.latents, f"{ASSUMED}one call for each latent")
    resolver.resolve("n", (arch.get("L_cycles"), notes.file), _of(known, "n"), usual_n)
    resolver.resolve("T", (arch.get("H_cycles"), notes.file), _of(known, "T"), (T, default))
    # a fork evaluates with more steps than it trained with
    steps = (arch.get("halt_max_steps_eval", arch.get("halt_max_steps")), notes.file)
    resolver.resolve("N_sup", steps, _of(known, "N_sup"), (16, default))
    resolver.resolve("rope_theta", (arch.get("rope_theta"), notes.file), (10_000.0, PUBLIC_CODE))
    no_continue = arch.get("no_ACT_continue") if kind != "hrm" else None
    trained = (None if no_continue is None else HALT_ALONE if no_continue else HALT_OR_CONTINUE, notes.file)
    resolver.resolve("halting", trained, (KINDS[kind].halting, PUBLIC_CODE))
    mlp = shapes.mixing == "mlp"
    heads = (
        [(0, TENSORS)] if mlp else [(arch.get("num_heads"), notes.file), _of(known, "heads"), (8, default)]
    )
    resolver.resolve("heads", *heads)
    told = (shapes.positions, TENSORS)
    resolver.resolve(
        "positions", told, (arch.get("pos_encodings"), notes.file), _of(known, "positions"), ("rope", default)
    )


def _of(known: PublicCheckpoint | None, name: str) -> tuple[Any, str]:
    return (known.values.get(name), known.source) if known else (None, "")


def _default_label(kind: str, task: str) -> str:
    """What a value is called that only the public code's default speaks for."""
    if kind == "hrm":
        return f"{ASSUMED}HRM default"
    return f"{ASSUMED}{task if task in USUAL_CELLS else 'TRM'} default"
