"""Choose the weights file in a local folder or a repository on the hub, by the same rules.

Public code saves files named `step_<N>`, which people rename freely, or `epoch_<N>.ckpt`. A single possible weights file
is used. Of several steps of one run, the last step is used. If there are several runs, an error lists their files.
"""

import re
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from trm.errors import CheckpointError

USUAL_NAMES = (
    "checkpoint",
    "example_checkpoint",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
    "model.pt",
)
WEIGHT_SUFFIXES = (".safetensors", ".pt", ".pth", ".bin", ".ckpt")
ARRAYS = (".npz",)  # weights of the MLX port; most .npz files are data, so only NPZ_NAMES count
INDEX = ".index.json"  # suffix of a file that lists the shards of a model
STEP = re.compile(
    r"(?P<run>[\w-]*?)step_(?P<step>\d{1,12})(?P<ema>_ema)?(?P<rest>[\w-]*(\.(pt|pth|bin|ckpt|npz|safetensors))?)"
)
EPOCH = re.compile(  # also as Lightning writes it: epoch=3-step=1200.ckpt, epoch=3-val_loss=0.25.ckpt
    r"(?P<run>((?!step)[\w-])*?)epoch[_=-]?(?P<epoch>\d{1,9})([_-]step[_=-]?(?P<step>\d{1,12}))?"
    r"(?P<rest>([_-][a-zA-Z]\w*=[\d.]+)*)(?P<suffix>\.(pt|pth|bin|ckpt|safetensors))"
)
SHARD = re.compile(r"(?P<stem>.+)-\d{5}-of-\d{5}(?P<suffix>\.\w+)")
NPZ_NAMES = re.compile(r"(weights|model|\w*mlx\w*)\.npz")
NOT_WEIGHTS = re.compile(
    r"(optimi[sz]er|scheduler|scaler|rng_state|random_states|training_args|training_axis|trainer_state)\w*\.\w+"
)
MAX_LISTED = 6
MAX_NAMES = 10_000  # maximum number of files considered in a folder


def choose_weights(names: Iterable[str], where: str, call: Callable[[str], str]) -> str:
    """Choose the weights file from `names`, paths relative to a folder.

    Subfolders are searched only if the folder itself contains no weights. `where` is the folder's name in messages, and
    `call` converts a path to the name that a user would type. Raises CheckpointError if there is no weights file, or
    more than one candidate.
    """
    folders: dict[str, list[str]] = {}
    for name in names:
        path = PurePosixPath(name)
        folders.setdefault(str(path.parent), []).append(path.name)
    by_folder = {folder: candidates(files) for folder, files in sorted(folders.items())}
    if by_folder.get("."):
        possible = by_folder["."]
    else:
        possible = [str(PurePosixPath(folder, name)) for folder, names in by_folder.items() for name in names]
    if not possible and any(name.endswith(".distcp") for files in folders.values() for name in files):
        raise CheckpointError(
            f"{where} is a distributed checkpoint (torch.distributed). Merge it: python -m "
            "torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER model.pt, then open model.pt."
        )
    if not possible:
        raise CheckpointError(
            f"{where} contains no model: no model.safetensors, step_<N>, checkpoint or other weights file."
        )
    if len(possible) > 1:
        listed = ", ".join(call(name) for name in possible[:MAX_LISTED])
        more = f" and {len(possible) - MAX_LISTED} more" if len(possible) > MAX_LISTED else ""
        raise CheckpointError(f"{where} contains several models. Name one of them: {listed}{more}.")
    return possible[0]


def averaging(path: Path, *, in_file: str, in_yaml: bool | None, yaml: str, default: str) -> str:
    """A text that says whether the weights are a running average (EMA) or as trained, and how this is known.

    The public code evaluates and saves the average. `in_file` describes the averaged copy in the file and is empty
    without an averaged copy. `in_yaml` is the `ema` setting in the file `yaml`. `default` is the text if no source
    says whether the weights are averaged.
    """
    step = STEP.fullmatch(path.name)
    if in_file:
        return f"averaged (EMA): {in_file}"
    if step and step["ema"]:
        return "averaged (EMA): according to the file name"
    if in_yaml is None:
        return default or "averaged (EMA) or as trained: not stated"
    return f"{'averaged (EMA)' if in_yaml else 'as trained'}: {yaml} says ema = {str(in_yaml).lower()}"


class RunStep(NamedTuple):
    """The place of a weights file in its run, according to the name of the file."""

    run: tuple[str, str, str]  # the parts of the name that all files of the run share, and the unit
    number: int
    unit: str  # "step" or "epoch"
    is_average: bool = False

    @classmethod
    def of(cls, name: str) -> "RunStep | None":
        """Read the name of a file. None if it has no number."""
        if epoch := EPOCH.fullmatch(name):
            unit = "epoch" if epoch["step"] is None else "step"
            return cls((epoch["run"], epoch["suffix"], unit), int(epoch["step"] or epoch["epoch"]), unit)
        step = STEP.fullmatch(name)
        if step is None or "_preds" in name:
            return None
        return cls((step["run"], step["rest"], "step"), int(step["step"]), "step", bool(step["ema"]))


def stem_of(name: str) -> str:
    """Remove the suffix of weights files from a file name."""
    for suffix in (INDEX, *WEIGHT_SUFFIXES, *ARRAYS):
        name = name.removesuffix(suffix)
    return name


def steps_of_run(path: Path) -> dict[str, RunStep]:
    """Return the files in the same folder that belong to the same run as a weights file, earliest first.

    The file itself is among them. Empty if the name of the file has no number.
    """
    own = RunStep.of(path.name)
    steps = {name: step for name in _names(path.parent) if (step := RunStep.of(name))} if own else {}
    files = [name for name, step in steps.items() if step.run == own.run]
    return {name: steps[name] for name in sorted(files, key=lambda name: (steps[name].number, name))}


def _names(folder: Path) -> list[str]:
    try:
        return [file.name for file in islice(folder.iterdir(), MAX_NAMES) if file.is_file()]
    except OSError:
        return []


def candidates(files: Iterable[str]) -> list[str]:
    """Names of the files in one folder that may be the weights; of each run, only the last step."""
    files = _without_shards(sorted(files))
    for single in ("model.safetensors", f"model.safetensors{INDEX}"):
        if single in files:
            return [single]
    runs: dict[tuple[str, ...], list[tuple[int, bool, str]]] = {}
    for name in files:
        if step := RunStep.of(name):
            # for the last step, prefer the averaged copy, which the public code evaluates
            runs.setdefault(step.run, []).append((step.number, step.is_average, name))
    if runs:
        return [max(steps)[-1] for _, steps in sorted(runs.items())]
    usual = [name for name in USUAL_NAMES if name in files]
    others = [
        name for name in files if name.endswith((*WEIGHT_SUFFIXES, INDEX)) and not NOT_WEIGHTS.fullmatch(name)
    ]
    return usual[:1] or others or [name for name in files if NPZ_NAMES.fullmatch(name)]


def _without_shards(files: list[str]) -> list[str]:
    """Remove shards whose index is among the files: the index represents the whole model."""
    shards = {name: SHARD.fullmatch(name) for name in files}
    return [
        name
        for name in files
        if not (match := shards[name]) or f"{match['stem']}{match['suffix']}{INDEX}" not in files
    ]


def is_shard_of(name: str, index: str) -> bool:
    """Whether a file is a shard of the model with this index, according to the file names."""
    match = SHARD.fullmatch(name)
    return bool(match) and f"{match['stem']}{match['suffix']}{INDEX}" == index
