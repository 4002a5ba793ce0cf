"""What describes public weights: the settings in their own file, in a yaml or JSON beside or above them, and `dataset.json`.

Strangers wrote these: only plain values are read, in bounded memory, and a tag that would make an object is an inert
value. Anchors may be repeated (`yaml.dump` writes them where a list occurs twice), which costs nothing as all
repetitions are one object. Merging (`<<`) copies instead, so a few lines of it can grow without end; no public code
writes it.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from trm.config import SHORT
from trm.errors import CheckpointError
from trm.public.description import Description, short
from trm.public.formats import format_of_class
from trm.public.formats.base import Format
from trm.public.other_models import PORT_KEYS
from trm.public.plain_yaml import read_yaml
from trm.public.sections import CYCLES, Section, find_section, resolved, unwrapped
from trm.public.settings_files import BESIDE, own_settings_files, parent_describes
from trm.public.weights import candidates

# What is read, and the type that each value has in the public code.
ARCH = {
    "name": str,
    "H_cycles": int,
    "L_cycles": int,
    "H_layers": int,
    "L_layers": int,
    "hidden_size": int,
    "num_heads": int,
    "halt_max_steps": int,
    "halt_max_steps_eval": int,
    "mlp_t": bool,
    "no_ACT_continue": bool,
    "pos_encodings": str,
    "puzzle_emb_len": int,
    "puzzle_emb_ndim": int,
    "rms_norm_eps": float,
    "rope_theta": float,
    "seq_len": int,
    "vocab_size": int,
    "num_puzzle_identifiers": int,
}
DATASET = ("seq_len", "vocab_size", "num_puzzle_identifiers")

# What else public code writes there. None of it changes what trained weights compute: it is of training, is told by the
# tensors, or is chosen here.
NO_EFFECT = {
    "loss", "halt_exploration_prob", "expansion", "forward_dtype", "batch_size",
    # of settings that are all on one level: the run, its data and its optimizer
    "arch", "data_path", "data_paths", "data_paths_test", "evaluators", "global_batch_size", "epochs", "eval_interval",
    "min_eval_interval", "checkpoint_every_eval", "checkpoint_path", "load_checkpoint", "eval_save_outputs", "seed",
    "lr", "lr_min_ratio", "lr_warmup_steps", "weight_decay", "beta1", "beta2", "puzzle_emb_lr",
    "puzzle_emb_weight_decay", "freeze_weights", "ema", "ema_rate", "project_name", "run_name", "_wandb", "wandb_version",
    "device", "num_workers", "output_dir", "save_dir", "log_dir", "data_dir", "dataset", "learning_rate", "optimizer",
    "scheduler", "max_steps", "num_epochs", "grad_clip", "wandb", "compile", "amp", "dtype", "_target_", "format",
}  # fmt: skip
TRAINING_ONLY = re.compile(r"\w*dropout\w*|grid_noise_\w+")
OFF = {"causal": False}  # settings that are of no effect at this value; lora_*: at 0
MAX_JSON = 1 << 20  # bytes
MAX_NUMBER = 1 << 40  # no setting is as large, and Python does not print numbers of any length
MAX_NAMES = 1000  # of a folder that are looked at

# Module of `arch.name` -> kind. Only the name is looked up; the module itself is never imported.
MODULES = {
    "trm": "trm",
    "trm_singlez": "trm-single-z",
    "trm_hier6": "trm-multi-z",
    "hrm": "hrm",
    "hrm_act_v1": "hrm",
}
OTHER_MODULES = {  # what cannot be shown, and why
    "transformers_baseline": "It is a Transformer without recursion: there is nothing to step through.",
    "rsm": "It is RSM, one pass without supervision steps: there is nothing to step through.",
    "fprm": "It is FPRM, a net of convolutions that runs until it rests: not supported.",
}
TASK_IN_PATH = re.compile(r"(?<![a-z])(?P<arc>arc(?![a-z])|arc\d\w*)|(?P<sudoku>sudoku)|(?P<maze>maze)")


def read_description(
    path: Path, inside: Any, format: Format, agrees: Callable[[Description], bool]
) -> Description:
    """What describes the weights at `path`, of which `inside` are the settings in the file itself and `format` the format
    that the names of tensors tell.

    The nearest place that tells n or T is taken, else the nearest that tells anything. A folder up, settings count only
    where they are of no other model and `agrees` finds nothing in the tensors against them. Raises CheckpointError when a
    yaml beside the weights cannot be understood.
    """
    found, notes = [], []
    for values, label, place in _near(path, inside):
        section = find_section(values, ARCH)
        if section is not None and _is_of_a_model(section, place):
            found.append(_described(section, label, place, format))
        elif place.name in ("all_config.yaml", "config.yaml") and place.parent == path.parent:
            notes.append(
                f"{place} has no `arch` section. Remove the file to open the checkpoint with defaults."
            )
    if not any(CYCLES & each.arch.keys() for each in found):
        above, left_out = _above(path, format, agrees)
        found += above
        notes += left_out
    if notes and not found:
        refused = next((note for note in notes if "no `arch`" in note), None)
        if refused:
            raise CheckpointError(refused)
    best = next((each for each in found if CYCLES & each.arch.keys()), next(iter(found), Description()))
    left = tuple(note for note in notes if "no `arch`" not in note)
    return replace(best, dataset=_dataset(path), notes=(*best.notes, *left))


def _near(path: Path, inside: Any) -> Iterator[tuple[Any, str, Path]]:
    """Settings in the file, under its own name and beside it: values, what the place is called, the place."""
    if inside:
        yield inside, path.name, path
    own = [path.with_name(name) for name in own_settings_files(path.name)]
    for place in (*own, *(path.parent / name for name in BESIDE)):
        if place.is_file() and not (place.suffix == ".json" and place.stat().st_size > MAX_JSON):
            values = _read(place)
            yield values, place.relative_to(path.parent).as_posix(), place


def _read(place: Path) -> Any:
    """Values of a yaml, or of a JSON that is not of another library. Raises CheckpointError for a yaml."""
    if place.suffix != ".json":
        return read_yaml(place)
    try:
        values = json.loads(place.read_text("utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return None
    port = isinstance(values, dict) and any(values.get(key) for key in PORT_KEYS)
    return None if port and not CYCLES & values.keys() else values


def _above(
    path: Path, format: Format, agrees: Callable[[Description], bool]
) -> tuple[list[Description], list[str]]:
    """Settings a folder up, and a sentence on each that was left out."""
    upper, found, notes = path.parent.parent, [], []
    places = [upper / name for name in BESIDE if (upper / name).is_file()] if upper != path.parent else []
    for place in places:
        label = f"../{place.relative_to(upper).as_posix()}"
        try:
            values = _read(place)
            section = find_section(values, ARCH)
            known = section is not None and _is_of_a_model(section, place)
            description = _described(section, label, place, format) if known else None
        except CheckpointError:
            description = None
        if description is None:
            continue
        if not parent_describes(_files_below(upper), path.parent.name):
            notes.append(f"{label} was not read, as other models lie below it too")
        elif not agrees(description):
            notes.append(f"{label} was not read, as it describes a model of other sizes")
        else:
            found.append(description)
    return found, notes


def _files_below(folder: Path) -> Iterator[str]:
    for below in sorted(folder.iterdir())[:MAX_NAMES]:
        if below.is_dir() and not below.name.startswith("."):
            try:
                yield from (f"{below.name}/{file.name}" for file in sorted(below.iterdir())[:MAX_NAMES])
            except OSError:
                continue


def _is_of_a_model(section: Section, place: Path) -> bool:
    """Whether settings are those of a model here. A yaml by its names is; many tools write JSON, and a file of weights may
    hold anything.
    """
    return place.suffix in (".yaml", ".yml") or bool(CYCLES & section[0].keys())


def _described(section: Section, label: str, place: Path, format: Format) -> Description:
    found, around = section
    arch = {key: unwrapped(value) for key, value in found.items()}
    name = arch.get("name")
    if isinstance(name, str) and "@" not in name and unwrapped(around.get("arch")) is not found:
        del arch["name"]  # that of the run
    module = _module(arch.get("name"))
    format = format_of_class(module) or format
    arch = format.official(arch)
    known, notes = {}, []
    types = {**ARCH, **format.types}
    for key in types:
        value = resolved(arch.get(key), arch, around)
        if value is None and arch.get(key) is not None:
            notes.append(f"{label}: {key} = {short(arch[key])} is not resolved, so it is not read")
        if value is not None:
            known[key] = _typed(place, key, value, types[key])
    if known.get("rms_norm_eps", 1e-5) != 1e-5:
        raise CheckpointError(
            f"{place}: rms_norm_eps = {known['rms_norm_eps']:g} is not known here; known: 1e-05."
        )
    averaged = around.get("ema") if isinstance(around.get("ema"), bool) else None
    paths = _data_paths(around)
    return Description(
        file=label,
        arch=known,
        module=module,
        kind=format.kind or _kind(known, module, place),
        task=_task(paths),
        data=" ".join(paths)[:1000],
        unknown=_unknown(arch, types),
        averaged=averaged,
        notes=tuple(notes),
    )


def _typed(place: Path, key: str, value: Any, wanted: type) -> Any:
    """A value in the type that it has in the public code. Raises CheckpointError."""
    if wanted is int and type(value) is float and value.is_integer():
        value = int(value)
    if wanted is float and type(value) in (int, float, str):  # yaml reads 1e-5, which has no point, as text
        try:
            return float(value)
        except (ValueError, OverflowError):
            pass
    elif type(value) is wanted and not (wanted is int and abs(value) > MAX_NUMBER):
        return value
    raise CheckpointError(f"{place}: {key} must be of type {wanted.__name__}, not {SHORT.repr(value)}.")


def _unknown(arch: dict[str, Any], types: Mapping[str, type]) -> tuple[str, ...]:
    return tuple(
        f"{short(key)} = {short(value)}"
        for key, value in arch.items()
        if key not in types and not _is_understood(key, value)
    )


def _is_understood(key: Any, value: Any) -> bool:
    """Whether a setting is read, is not set, or cannot change what trained weights compute."""
    if value is None or key in NO_EFFECT:
        return True
    off = (key in OFF and value is OFF[key]) or (
        isinstance(key, str) and key.startswith("lora_") and not value
    )
    return off or bool(isinstance(key, str) and TRAINING_ONLY.fullmatch(key))


def _module(name: Any) -> str:
    """The module of a class, as `arch.name` says it."""
    return name.partition("@")[0].rpartition(".")[2] if isinstance(name, str) else ""


def _kind(arch: dict[str, Any], module: str, path: Path) -> str | None:
    if "name" not in arch:
        return None
    if module not in MODULES:
        other = "If it is one of these under another name, write that name into the file."
        raise CheckpointError(
            f"{path}: arch.name says {SHORT.repr(module)}, which is not known; known: {', '.join(MODULES)}. "
            f"{OTHER_MODULES.get(module, other)}"
        )
    return MODULES[module]


def _data_paths(values: dict[str, Any]) -> list[str]:
    """Where the training data was: TRM's yaml has a list of paths, HRM's has one."""
    paths = values.get("data_paths") or values.get("data_path")
    return [path for path in (paths if isinstance(paths, list) else [paths]) if isinstance(path, str)]


def _task(paths: list[str]) -> str | None:
    """The task that the training data is called after."""
    for path in paths:
        for part in reversed(PurePosixPath(path.lower()).parts):
            match = TASK_IN_PATH.search(part)
            if match:
                return match.lastgroup
    return None


def _dataset(path: Path) -> dict[str, int]:
    """Sizes in the dataset.json beside weights; empty where there is none that can be read, or where it is of several."""
    file = path.with_name("dataset.json")
    try:
        if (
            not file.is_file()
            or file.stat().st_size > MAX_JSON
            or len(candidates(each.name for each in path.parent.iterdir())) > 1
        ):
            return {}
        values = json.loads(file.read_text("utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(values, dict):
        return {}
    sizes = {key: values[key] for key in DATASET if type(values.get(key)) is int}
    return {key: size for key, size in sizes.items() if 0 <= size <= MAX_NUMBER}
