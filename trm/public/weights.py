"""Which file holds the weights: one rule for a folder on this machine and for a repository on the hub.

Public code saves `step_<N>`, people rename it to anything. A single file that can be meant is taken; of several steps
of one run the last one is. Where several runs lie side by side nobody can know, so they are listed.
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
ARRAYS = (
    ".npz",
)  # weights of the MLX port; most files of this kind are data, so only some names are taken for weights
INDEX = ".index.json"  # lists the shards of weights
STEP = re.compile(
    r"(?P<run>[\w-]*?)step_(?P<step>\d{1,12})(?P<ema>_ema)?(?P<rest>[\w-]*(\.(pt|pth|bin|ckpt|npz|safetensors))?)"
)
SHARD = re.compile(r"(?P<stem>.+)-\d{5}-of-\d{5}(?P<suffix>\.\w+)")
NPZ_NAMES = re.compile(r"(weights|model|\w*mlx\w*)\.npz")
NOT_WEIGHTS = re.compile(
    r"(optimi[sz]er|scheduler|scaler|rng_state|random_states|training_args|trainer_state)\w*\.\w+"
)
MAX_LISTED = 6
MAX_NAMES = 10_000  # of a folder that are looked at


def choose_weights(names: Iterable[str], where: str, call: Callable[[str], str]) -> str:
    """The weights among files named by paths relative to a folder: those of the folder itself, else of one below it.

    `where` is the folder in messages, and `call` says how a user would name a file of it. Raises CheckpointError when
    there are none, and when several can be meant.
    """
    folders: dict[str, list[str]] = {}
    for name in names:
        path = PurePosixPath(name)
        folders.setdefault(str(path.parent), []).append(path.name)
    found = {folder: candidates(files) for folder, files in sorted(folders.items())}
    if found.get("."):
        meant = found["."]
    else:
        meant = [str(PurePosixPath(folder, name)) for folder, names in found.items() for name in names]
    if not meant and any(name.endswith(".distcp") for files in folders.values() for name in files):
        raise CheckpointError(
            f"{where} is a checkpoint of torch.distributed, in pieces. Gather it: python -m "
            "torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER model.pt, then open model.pt."
        )
    if not meant:
        raise CheckpointError(
            f"{where} holds no model: no model.safetensors, step_<N>, checkpoint or other file of weights in it."
        )
    if len(meant) > 1:
        listed = ", ".join(call(name) for name in meant[:MAX_LISTED])
        more = f" and {len(meant) - MAX_LISTED} more" if len(meant) > MAX_LISTED else ""
        raise CheckpointError(f"{where} holds several models. Name one of them: {listed}{more}.")
    return meant[0]


def averaging(path: Path, *, in_file: str, in_yaml: bool | None, yaml: str, usual: str) -> str:
    """Whether weights are a running average (EMA), which the public code evaluates and saves, or as trained; and who says so."""
    step = STEP.fullmatch(path.name)
    if in_file:
        return f"averaged (EMA): {in_file}"
    if step and step["ema"]:
        return "averaged (EMA): the file's name"
    if in_yaml is None:
        return usual or "averaged (EMA) or as trained: nothing says"
    return f"{'averaged (EMA)' if in_yaml else 'as trained'}: {yaml} says ema = {str(in_yaml).lower()}"


def stem_of(name: str) -> str:
    """A file's name without what says that it holds weights."""
    for suffix in (INDEX, *WEIGHT_SUFFIXES, *ARRAYS):
        name = name.removesuffix(suffix)
    return name


def other_steps(path: Path) -> list[str]:
    """Other steps of the same run beside a file, the earliest first."""
    mine = STEP.fullmatch(path.name)
    if not mine:
        return []
    found = {}
    for name in _names(path.parent):
        step = STEP.fullmatch(name)
        if (
            step
            and name != path.name
            and "_preds" not in name
            and (step["run"], step["rest"]) == (mine["run"], mine["rest"])
        ):
            found[name] = int(step["step"])
    return sorted(found, key=lambda name: (found[name], name))


def _names(folder: Path) -> list[str]:
    try:
        return [file.name for file in islice(folder.iterdir(), MAX_NAMES) if file.is_file()]
    except OSError:
        return []


def candidates(files: Iterable[str]) -> list[str]:
    """The files of one folder that can be meant as its weights; best if it is one."""
    files = _without_shards(sorted(files))
    for single in ("model.safetensors", f"model.safetensors{INDEX}"):
        if single in files:
            return [single]
    runs: dict[tuple[str, str], list[tuple[int, bool, str]]] = {}
    for name in files:
        step = STEP.fullmatch(name)
        if step and "_preds" not in name:
            # of the last step the averaged copy, which is what the public code evaluates
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
    """Shards that an index lists are one model, which the index stands for."""
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
