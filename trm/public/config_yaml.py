"""What the files beside a public checkpoint say: `all_config.yaml` of its run, and `dataset.json` where it was kept.

Strangers wrote that yaml: only plain values of it are read, in bounded memory. Anchors may be repeated (`yaml.dump`
writes them where a list occurs twice), which costs nothing as all repetitions are one object. Merging (`<<`) copies
instead, so a few lines of it can grow without end; no public code writes it.
"""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from trm.config import SHORT
from trm.errors import CheckpointError

YAML_NAMES = ("all_config.yaml", "config.yaml")
LARGEST_YAML = 1 << 16  # bytes; a public configuration has about two thousand, and each may cost a kilobyte
MOST_BRACKETS = 1000  # reading brackets within brackets takes time that grows with the square of their number

# What is read of the yaml's `arch`, and the type that each value has in the public code.
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
}
DATASET = ("seq_len", "vocab_size", "num_puzzle_identifiers")

# What else public code writes into `arch`. None of it changes what trained weights compute: it is of training, is told by the
# tensors, or is chosen here.
OF_NO_EFFECT = {
    "loss", "halt_exploration_prob", "expansion", "forward_dtype", "batch_size", *DATASET,
    # of a yaml that keeps everything in one level: the run, its data and its optimizer
    "arch", "data_path", "data_paths", "data_paths_test", "evaluators", "global_batch_size", "epochs", "eval_interval",
    "min_eval_interval", "checkpoint_every_eval", "checkpoint_path", "load_checkpoint", "eval_save_outputs", "seed",
    "lr", "lr_min_ratio", "lr_warmup_steps", "weight_decay", "beta1", "beta2", "puzzle_emb_lr",
    "puzzle_emb_weight_decay", "freeze_weights", "ema", "ema_rate", "project_name", "run_name",
}  # fmt: skip
LONGEST_VALUE = 40  # characters of one that is not understood

# Module of `arch.name` -> kind. Only the name is looked up; the module itself is never imported.
MODULES = {
    "trm": "trm",
    "trm_singlez": "trm-single-z",
    "trm_hier6": "trm-multi-z",
    "hrm": "hrm",
    "hrm_act_v1": "hrm",
}
TASK_IN_PATH = re.compile(r"(?<![a-z])(?P<arc>arc(?![a-z])|arc\d\w*)|(?P<sudoku>sudoku)|(?P<maze>maze)")


@dataclass(frozen=True)
class Description:
    """Values by their public names, and the file that they are from."""

    file: str = ""  # name of the yaml; empty when there is none
    arch: dict[str, Any] = field(default_factory=dict)
    kind: str | None = None
    task: str | None = None  # that the path of the training data hints at
    dataset: dict[str, int] = field(default_factory=dict)
    unknown: tuple[
        str, ...
    ] = ()  # settings under `arch` that are neither read nor known to have no effect: "key = value"
    averaged: bool | None = (
        None  # whether the run kept an average of its weights (`ema`), which it then saves; None: not said
    )


def read_description(path: Path) -> Description:
    """What lies beside the weights at `path`. Raises CheckpointError when a yaml is there but cannot be understood."""
    dataset = _dataset(path.parent / "dataset.json")
    file = next((path.parent / name for name in YAML_NAMES if (path.parent / name).is_file()), None)
    if file is None:
        return Description(dataset=dataset)
    values = read_yaml(file)
    values = values if isinstance(values, dict) else {}
    sections = (values.get(name) for name in ("arch", "config"))
    arch = next((section for section in sections if isinstance(section, dict)), values)  # some keep it flat
    if not ARCH.keys() & arch.keys():
        raise CheckpointError(
            f"{file} has no `arch` section. Remove the file to open the checkpoint with defaults."
        )
    known = {key: arch[key] for key in ARCH if arch.get(key) is not None}
    for key, value in known.items():
        if type(value) is not ARCH[key] and (ARCH[key], type(value)) not in ((float, int), (float, str)):
            raise CheckpointError(
                f"{file}: {key} must be of type {ARCH[key].__name__}, not {SHORT.repr(value)}."
            )
    known |= {key: _number(file, key, known[key]) for key in ("rms_norm_eps", "rope_theta") if key in known}
    if known.get("rms_norm_eps", 1e-5) != 1e-5:
        raise CheckpointError(
            f"{file}: rms_norm_eps = {known['rms_norm_eps']:g} is not known here; known: 1e-05."
        )
    averaged = values.get("ema") if isinstance(values.get("ema"), bool) else None
    return Description(file.name, known, _kind(known, path), _task(values), dataset, _unknown(arch), averaged)


def _unknown(arch: dict[str, Any]) -> tuple[str, ...]:
    settings = (key for key, value in arch.items() if value is not None)
    return tuple(
        f"{short(key)} = {short(arch[key])}" for key in settings if key not in ARCH.keys() | OF_NO_EFFECT
    )


def short(value: Any) -> str:
    """A value of a stranger's file, cut to a few words."""
    text = value if isinstance(value, str) and value.isprintable() else SHORT.repr(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 3]}..."


def _number(file: Path, key: str, value: Any) -> float:
    """A float; yaml reads 1e-5, which has no point, as text."""
    try:
        return float(value)
    except (ValueError, OverflowError):
        raise CheckpointError(f"{file}: {key} must be of type float, not {SHORT.repr(value)}.") from None


def _kind(arch: dict[str, Any], path: Path) -> str | None:
    if "name" not in arch:
        return None
    module = arch["name"].partition("@")[0].rpartition(".")[2]
    if module not in MODULES:
        raise CheckpointError(
            f"{path}: arch.name says {SHORT.repr(module)}, which is not known; known: {', '.join(MODULES)}."
        )
    return MODULES[module]


def _task(values: dict[str, Any]) -> str | None:
    """The task that the training data is called after: TRM's yaml has a list of paths, HRM's has one."""
    paths = values.get("data_paths") or values.get("data_path")
    for path in paths if isinstance(paths, list) else [paths]:
        if isinstance(path, str):
            for part in reversed(PurePosixPath(path.lower()).parts):
                match = TASK_IN_PATH.search(part)
                if match:
                    return match.lastgroup
    return None


def _dataset(file: Path) -> dict[str, int]:
    """Sizes in a dataset.json; empty where there is none that can be read."""
    try:
        if file.stat().st_size > LARGEST_YAML:
            return {}
        values = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(values, dict):
        return {}
    return {key: values[key] for key in DATASET if type(values.get(key)) is int}


class _PlainLoader(yaml.SafeLoader):
    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                raise yaml.constructor.ConstructorError(problem="merge keys are not read")


def read_yaml(path: Path) -> Any:
    """The values in a yaml file. Raises CheckpointError when it is too large, cannot be read, or is not plain yaml."""
    try:
        if path.stat().st_size > LARGEST_YAML:
            raise CheckpointError(
                f"{path} is larger than {LARGEST_YAML >> 10} KiB, which no configuration is."
            )
        text = path.read_text("utf-8")
        if text.count("[") + text.count("{") > MOST_BRACKETS:
            raise yaml.YAMLError("too deep or too long")
        return yaml.load(text, _PlainLoader)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}.") from None
    # Dates and numbers that are none (2001-99-99) reach us as whatever their parsers raise.
    except (yaml.YAMLError, ValueError, TypeError, ArithmeticError, LookupError, RecursionError):
        raise CheckpointError(
            f"{path} is not plain yaml (tags that make objects and merge keys are refused)."
        ) from None
