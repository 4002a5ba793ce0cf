"""Read the settings of public weights from the weights file, `dataset.json`, and yaml or JSON files near it.

These files are untrusted. Only plain values are read, in bounded memory, and a yaml tag that would create an object
becomes an inert value. Anchors are accepted, because `yaml.dump` writes them if a list occurs twice, and all references
to an anchor share one object. Merge keys (`<<`) are rejected, because they copy their content, so that a few lines can
expand without bound. No public code writes merge keys.
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

# Settings that are read, and their types in the public code.
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

# Other settings that public code writes. They do not change the output of trained weights: they concern training, follow
# from the tensors, or are replaced by options of this library.
NO_EFFECT = {
    "loss", "halt_exploration_prob", "expansion", "forward_dtype", "batch_size",
    # settings for the run, its data, and its optimizer, found in files without sections
    "arch", "data_path", "data_paths", "data_paths_test", "evaluators", "global_batch_size", "epochs", "eval_interval",
    "min_eval_interval", "checkpoint_every_eval", "checkpoint_path", "load_checkpoint", "eval_save_outputs", "seed",
    "lr", "lr_min_ratio", "lr_warmup_steps", "weight_decay", "beta1", "beta2", "puzzle_emb_lr",
    "puzzle_emb_weight_decay", "freeze_weights", "ema", "ema_rate", "project_name", "run_name", "_wandb", "wandb_version",
    "device", "num_workers", "output_dir", "save_dir", "log_dir", "data_dir", "dataset", "learning_rate", "optimizer",
    "scheduler", "max_steps", "num_epochs", "grad_clip", "wandb", "compile", "amp", "dtype", "_target_", "format",
}  # fmt: skip
TRAINING_ONLY = re.compile(r"\w*dropout\w*|grid_noise_\w+")
OFF = {"causal": False}  # settings without effect at this value; lora_* settings have no effect at 0
MAX_JSON = 1 << 20  # bytes
MAX_NUMBER = 1 << 40  # largest integer accepted; Python refuses to print very long numbers
MAX_NAMES = 1000  # maximum number of files considered in a folder

# Module in `arch.name` -> kind. The name is only compared; the module is never imported.
MODULES = {
    "trm": "trm",
    "trm_singlez": "trm-single-z",
    "trm_hier6": "trm-multi-z",
    "hrm": "hrm",
    "hrm_act_v1": "hrm",
}
OTHER_MODULES = {  # modules of unsupported models, and the reason
    "transformers_baseline": "It is a Transformer without recursion: there is nothing to step through.",
    "rsm": "It is RSM, which makes one pass without supervision steps: there is nothing to step through.",
    "fprm": "It is FPRM, a convolutional net that runs to a fixed point: not supported.",
}
TASK_IN_PATH = re.compile(r"(?<![a-z])(?P<arc>arc(?![a-z])|arc\d\w*)|(?P<sudoku>sudoku)|(?P<maze>maze)")


def read_description(
    path: Path, inside: Any, format: Format, agrees: Callable[[Description], bool]
) -> Description:
    """Return the settings that describe the weights at `path`.

    `inside` are the settings stored in the weights file, and `format` is the format of its tensor names. The nearest
    source with n or T is used, otherwise the nearest source with any model setting. Settings in the parent folder are
    used only if they cannot belong to another model and `agrees`, which checks them against the tensors, returns True.
    Raises CheckpointError if a yaml next to the weights is invalid, or if a value is unsupported or has the wrong type.
    """
    descriptions, notes = [], []
    for values, label, place in _near(path, inside):
        section = find_section(values, ARCH)
        if section is not None and _is_of_a_model(section, place):
            descriptions.append(_described(section, label, place, format))
        elif place.name in ("all_config.yaml", "config.yaml") and place.parent == path.parent:
            notes.append(
                f"{place} has no `arch` section. Remove the file to open the checkpoint with defaults."
            )
    if not any(CYCLES & each.arch.keys() for each in descriptions):
        above, not_read = _above(path, format, agrees)
        descriptions += above
        notes += not_read
    if notes and not descriptions:
        refused = next((note for note in notes if "no `arch`" in note), None)
        if refused:
            raise CheckpointError(refused)
    nearest = next(iter(descriptions), Description())
    best = next((each for each in descriptions if CYCLES & each.arch.keys()), nearest)
    other_notes = tuple(note for note in notes if "no `arch`" not in note)
    return replace(best, dataset=_dataset(path), notes=(*best.notes, *other_notes))


def _near(path: Path, inside: Any) -> Iterator[tuple[Any, str, Path]]:
    """Yield values, label, and path of each source: the weights file, files named like it, and other files next to it."""
    if inside:
        yield inside, path.name, path
    own = [path.with_name(name) for name in own_settings_files(path.name)]
    for place in (*own, *(path.parent / name for name in BESIDE)):
        if place.is_file() and not (place.suffix == ".json" and place.stat().st_size > MAX_JSON):
            values = _read(place)
            yield values, place.relative_to(path.parent).as_posix(), place


def _read(place: Path) -> Any:
    """Read the values in a yaml or JSON file. Returns None for a JSON file that is invalid or from Transformers.

    Raises CheckpointError if a yaml file is invalid.
    """
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
    """Settings in the parent folder, and one sentence per file that was not read."""
    upper, descriptions, notes = path.parent.parent, [], []
    places = [upper / name for name in BESIDE if (upper / name).is_file()] if upper != path.parent else []
    for place in places:
        label = f"../{place.relative_to(upper).as_posix()}"
        try:
            values = _read(place)
            section = find_section(values, ARCH)
            usable = section is not None and _is_of_a_model(section, place)
            description = _described(section, label, place, format) if usable else None
        except CheckpointError:
            description = None
        if description is None:
            continue
        if not parent_describes(_files_below(upper), path.parent.name):
            notes.append(f"{label} was not read, because there are other models below that folder")
        elif not agrees(description):
            notes.append(f"{label} was not read, because it describes a model of other sizes")
        else:
            descriptions.append(description)
    return descriptions, notes


def _files_below(folder: Path) -> Iterator[str]:
    for below in sorted(folder.iterdir())[:MAX_NAMES]:
        if below.is_dir() and not below.name.startswith("."):
            try:
                yield from (f"{below.name}/{file.name}" for file in sorted(below.iterdir())[:MAX_NAMES])
            except OSError:
                continue


def _is_of_a_model(section: Section, place: Path) -> bool:
    """Whether a section contains settings of a supported model.

    Any section of a yaml is accepted. Many tools write JSON, and a weights file may contain anything, so a section from
    these files must include n or T.
    """
    return place.suffix in (".yaml", ".yml") or bool(CYCLES & section[0].keys())


def _described(section: Section, label: str, place: Path, format: Format) -> Description:
    inner, around = section
    arch = {key: unwrapped(value) for key, value in inner.items()}
    name = arch.get("name")
    if isinstance(name, str) and "@" not in name and unwrapped(around.get("arch")) is not inner:
        del arch["name"]  # this is the name of the run, not of the model class
    module = _module(arch.get("name"))
    format = format_of_class(module) or format
    arch = format.official(arch)
    read, notes = {}, []
    types = {**ARCH, **format.types}
    for key in types:
        value = resolved(arch.get(key), arch, around)
        if value is None and arch.get(key) is not None:
            notes.append(f"{label}: {key} = {short(arch[key])} cannot be resolved and was not read")
        if value is not None:
            read[key] = _typed(place, key, value, types[key])
    if read.get("rms_norm_eps", 1e-5) != 1e-5:
        raise CheckpointError(
            f"{place}: rms_norm_eps = {read['rms_norm_eps']:g} is not supported; it must be 1e-05."
        )
    averaged = around.get("ema") if isinstance(around.get("ema"), bool) else None
    paths = _data_paths(around)
    return Description(
        file=label,
        arch=read,
        module=module,
        kind=format.kind or _kind(read, module, place),
        task=_task(paths),
        data=" ".join(paths)[:1000],
        unknown=_unknown(arch, types),
        averaged=averaged,
        notes=tuple(notes),
    )


def _typed(place: Path, key: str, value: Any, wanted: type) -> Any:
    """Convert a value to its type in the public code. Raises CheckpointError if the value does not fit."""
    if wanted is int and type(value) is float and value.is_integer():
        value = int(value)
    if wanted is float and type(value) in (int, float, str):  # yaml reads 1e-5 (no point) as text
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
    """Whether a setting is unset or cannot change the output of trained weights."""
    if value is None or key in NO_EFFECT:
        return True
    off = (key in OFF and value is OFF[key]) or (
        isinstance(key, str) and key.startswith("lora_") and not value
    )
    return off or bool(isinstance(key, str) and TRAINING_ONLY.fullmatch(key))


def _module(name: Any) -> str:
    """The last part of the module name in `arch.name`; empty if the name is not text."""
    return name.partition("@")[0].rpartition(".")[2] if isinstance(name, str) else ""


def _kind(arch: dict[str, Any], module: str, path: Path) -> str | None:
    if "name" not in arch:
        return None
    if module not in MODULES:
        other = "If it is one of these under another name, put that name into the file."
        raise CheckpointError(
            f"{path}: arch.name says {SHORT.repr(module)}, which is not supported (supported: {', '.join(MODULES)}). "
            f"{OTHER_MODULES.get(module, other)}"
        )
    return MODULES[module]


def _data_paths(values: dict[str, Any]) -> list[str]:
    """Paths of the training data. TRM's yaml has a list of paths, HRM's yaml has a single path."""
    paths = values.get("data_paths") or values.get("data_path")
    return [path for path in (paths if isinstance(paths, list) else [paths]) if isinstance(path, str)]


def _task(paths: list[str]) -> str | None:
    """The task, inferred from the paths of the training data; None if the paths do not name a task."""
    for path in paths:
        for part in reversed(PurePosixPath(path.lower()).parts):
            match = TASK_IN_PATH.search(part)
            if match:
                return match.lastgroup
    return None


def _dataset(path: Path) -> dict[str, int]:
    """Sizes from the dataset.json next to the weights; empty if it is unreadable or several models share the folder."""
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
