"""Choose the weights file, by the same rule for a local folder and a repository on the hub.

Public code saves `step_<N>`, and people rename it freely. If only one file can hold the weights, it is used; among
several steps of one run, the last. If there are several runs, they are listed for the user to choose from.
"""

import re
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path, PurePosixPath

from trm.errors import CheckpointError

USUAL_NAMES = (
    "checkpoint",
    "example_checkpoint",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
    "model.pt",
)
WEIGHT_SUFFIXES = (".safetensors", ".pt", ".pth", ".bin", ".ckpt")
ARRAYS = (".npz",)  # weights of the MLX port; most .npz files are data, so only some names count as weights
INDEX = ".index.json"  # lists the shards of sharded weights
STEP = re.compile(
    r"(?P<run>[\w-]*?)step_(?P<step>\d{1,12})(?P<ema>_ema)?(?P<rest>[\w-]*(\.(pt|pth|bin|ckpt|npz|safetensors))?)"
)
SHARD = re.compile(r"(?P<stem>.+)-\d{5}-of-\d{5}(?P<suffix>\.\w+)")
NPZ_NAMES = re.compile(r"(weights|model|\w*mlx\w*)\.npz")
NOT_WEIGHTS = re.compile(
    r"(optimi[sz]er|scheduler|scaler|rng_state|random_states|training_args|trainer_state)\w*\.\w+"
)
MAX_LISTED = 6
MAX_NAMES = 10_000  # maximum number of files considered in a folder


def choose_weights(names: Iterable[str], where: str, call: Callable[[str], str]) -> str:
    """The weights file among `names`, which are paths relative to a folder: in the folder itself, else in a subfolder.

    `where` names the folder in messages, and `call` returns how a user would refer to one of its files. Raises
    CheckpointError if there is no weights file, or more than one candidate.
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
    """Whether weights are a running average (EMA) or as trained, and the source of this fact, as text.

    The public code evaluates and saves the average. `in_file` describes the averaged copy taken from the file,
    `in_yaml` is the `ema` setting in the file `yaml`, and `default` is used if neither says anything.
    """
    step = STEP.fullmatch(path.name)
    if in_file:
        return f"averaged (EMA): {in_file}"
    if step and step["ema"]:
        return "averaged (EMA): according to the file name"
    if in_yaml is None:
        return default or "averaged (EMA) or as trained: not stated"
    return f"{'averaged (EMA)' if in_yaml else 'as trained'}: {yaml} says ema = {str(in_yaml).lower()}"


def stem_of(name: str) -> str:
    """A file name without its weights suffix."""
    for suffix in (INDEX, *WEIGHT_SUFFIXES, *ARRAYS):
        name = name.removesuffix(suffix)
    return name


def other_steps(path: Path) -> list[str]:
    """File names of other steps of the same run in a file's folder, earliest first."""
    own = STEP.fullmatch(path.name)
    if not own:
        return []
    steps = {}
    for name in _names(path.parent):
        step = STEP.fullmatch(name)
        if (
            step
            and name != path.name
            and "_preds" not in name
            and (step["run"], step["rest"]) == (own["run"], own["rest"])
        ):
            steps[name] = int(step["step"])
    return sorted(steps, key=lambda name: (steps[name], name))


def _names(folder: Path) -> list[str]:
    try:
        return [file.name for file in islice(folder.iterdir(), MAX_NAMES) if file.is_file()]
    except OSError:
        return []


def candidates(files: Iterable[str]) -> list[str]:
    """The files in one folder that may be the weights; ideally a single file."""
    files = _without_shards(sorted(files))
    for single in ("model.safetensors", f"model.safetensors{INDEX}"):
        if single in files:
            return [single]
    runs: dict[tuple[str, str], list[tuple[int, bool, str]]] = {}
    for name in files:
        step = STEP.fullmatch(name)
        if step and "_preds" not in name:
            # of the last step, prefer the averaged copy, which the public code evaluates
            entry = (int(step["step"]), bool(step["ema"]), name)
            runs.setdefault((step["run"], step["rest"]), []).append(entry)
    if runs:
        return [max(steps)[-1] for _, steps in sorted(runs.items())]
    usual = [name for name in USUAL_NAMES if name in files]
    others = [
        name for name in files if name.endswith((*WEIGHT_SUFFIXES, INDEX)) and not NOT_WEIGHTS.fullmatch(name)
    ]
    return usual[:1] or others or [name for name in files if NPZ_NAMES.fullmatch(name)]


def _without_shards(files: list[str]) -> list[str]:
    """The files without the shards listed in an index: the shards are one model, represented by the index."""
    shards = {name: SHARD.fullmatch(name) for name in files}
    return [
        name
        for name in files
        if not (match := shards[name]) or f"{match['stem']}{match['suffix']}{INDEX}" not in files
    ]


def is_shard_of(name: str, index: str) -> bool:
    """Whether a file is one of the shards that an index lists, by their names."""
    match = SHARD.fullmatch(name)
    return bool(match) and f"{match['stem']}{match['suffix']}{INDEX}" == index
