"""Where a checkpoint's settings may be: in a file named like the weights, next to them, in Hydra's folder, or one up."""

import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from trm.public.weights import candidates, stem_of

BESIDE = ("all_config.yaml", "all_config.yml", "config.yaml", "config.yml", "hparams.yaml", ".hydra/config.yaml", "all_config.json",
          "config.json", "hparams.json")  # fmt: skip
OWN_NAMES = ("{}.yaml", "{}.yml", "{}.json", "{}_config.yaml", "{}.config.yaml")


def own_settings_files(weights: str) -> list[str]:
    """Settings files named like the weights: they belong to these weights even if several models share the folder."""
    stem = stem_of(weights)
    return [name.format(stem) for name in OWN_NAMES if name.format(stem) != weights]


def local_settings_files(weights: Path) -> list[Path]:
    """All settings files that may be read next to the weights and one folder up, whether or not they exist."""
    folder, upper = weights.parent, weights.parent.parent
    beside = (*own_settings_files(weights.name), *BESIDE, "dataset.json", "identifiers.json")
    return [*(folder / name for name in beside), *(upper / name for name in BESIDE)]


def parent_describes(names: Iterable[str], folder: str) -> bool:
    """Whether settings in a folder describe the weights in its subfolder `folder`.

    `names` are the paths of the files below the folder. The settings do not if other subfolders have models too. Steps
    of one run, whose folder names differ only in numbers, do not count as other models.
    """
    below: dict[str, list[str]] = {}
    for name in names:
        first, _, rest = name.partition("/")
        if rest and "/" not in rest:
            below.setdefault(first, []).append(rest)
    models = {_numberless(other) for other, files in below.items() if candidates(files)}
    return models <= {_numberless(folder)}


def _numberless(name: str) -> str:
    return re.sub(r"\d+", "#", name)


def hub_settings_files(weights: str, names: Iterable[str]) -> list[str]:
    """The files in a repository that may describe the weights at this path."""
    names, place = set(names), PurePosixPath(weights)
    folder, upper = place.parent, place.parent.parent
    wanted = [
        str(folder / name)
        for name in (*own_settings_files(place.name), *BESIDE, "dataset.json", "identifiers.json")
    ]
    if folder != upper:
        root = "" if str(upper) == "." else f"{upper}/"
        below = (name.removeprefix(root) for name in names if name.startswith(root))
        if parent_describes(below, folder.name):
            wanted += [str(upper / name) for name in BESIDE]
    return [name for name in wanted if name in names]
