"""List the settings files of a checkpoint: in its folder, in Hydra's folder `.hydra`, or in the parent folder."""

import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from trm.public.weights import candidates, stem_of

BESIDE = ("all_config.yaml", "all_config.yml", "config.yaml", "config.yml", "hparams.yaml", ".hydra/config.yaml", "all_config.json",
          "config.json", "hparams.json")  # fmt: skip
OWN_NAMES = ("{}.yaml", "{}.yml", "{}.json", "{}_config.yaml", "{}.config.yaml")


def own_settings_files(weights: str) -> list[str]:
    """Names of settings files that include the name of the weights file and therefore belong only to these weights."""
    stem = stem_of(weights)
    return [name.format(stem) for name in OWN_NAMES if name.format(stem) != weights]


def local_settings_files(weights: Path) -> list[Path]:
    """Paths of all settings files that may be read for the weights, whether or not the files exist."""
    folder, upper = weights.parent, weights.parent.parent
    beside = (*own_settings_files(weights.name), *BESIDE, "dataset.json", "identifiers.json")
    return [*(folder / name for name in beside), *(upper / name for name in BESIDE)]


def parent_describes(names: Iterable[str], folder: str) -> bool:
    """Whether settings in the parent folder describe the weights in its subfolder `folder`.

    `names` are file paths relative to the parent folder. The result is False if another subfolder contains a model.
    Subfolders whose names differ only in numbers are steps of one run and do not count as other models.
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
    """The paths among `names`, the files of a repository, that may describe the weights at the path `weights`."""
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
