"""Which file holds the weights: one rule for a folder on this machine and for a repository on the hub.

Public code saves `step_<N>`, people rename it to anything. A single file that can be meant is taken; of several steps
of one run the last one is. Where several runs lie side by side nobody can know, so they are listed.
"""

import re
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath

from trm.errors import CheckpointError

USUAL_NAMES = ("checkpoint", "example_checkpoint", "pytorch_model.bin", "model.pt")
WEIGHT_SUFFIXES = (".safetensors", ".pt", ".pth", ".bin", ".ckpt")
STEP = re.compile(
    r"(?P<run>[\w-]*?)step_(?P<step>\d{1,12})(?P<ema>_ema)?(?P<rest>[\w-]*(\.(pt|pth|bin|ckpt))?)"
)
MOST_LISTED = 6


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
    if not meant:
        raise CheckpointError(
            f"{where} holds no model: no model.safetensors, step_<N>, checkpoint or other file of weights in it."
        )
    if len(meant) > 1:
        listed = ", ".join(call(name) for name in meant[:MOST_LISTED])
        more = f" and {len(meant) - MOST_LISTED} more" if len(meant) > MOST_LISTED else ""
        raise CheckpointError(f"{where} holds several models. Name one of them: {listed}{more}.")
    return meant[0]


def averaging(path: Path, *, in_file: bool, in_yaml: bool | None, yaml: str) -> str:
    """Whether weights are a running average (EMA), which the public code evaluates and saves, or as trained; and who says so."""
    step = STEP.fullmatch(path.name)
    if in_file:
        return "averaged (EMA): the copy `ema` in the file"
    if step and step["ema"]:
        return "averaged (EMA): the file's name"
    if in_yaml is None:
        return "averaged (EMA) or as trained: nothing says"
    return f"{'averaged (EMA)' if in_yaml else 'as trained'}: {yaml} says ema = {str(in_yaml).lower()}"


def candidates(files: Iterable[str]) -> list[str]:
    """The files of one folder that can be meant as its weights; best if it is one."""
    files = sorted(files)
    if "model.safetensors" in files:
        return ["model.safetensors"]
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
    return usual[:1] or [name for name in files if name.endswith(WEIGHT_SUFFIXES)]
