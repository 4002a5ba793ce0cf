"""Where the settings of weights may lie: under the weights' own name, beside them, as Hydra keeps them, or a folder up."""

import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from trm.public.weights import candidates, stem_of

BESIDE = ("all_config.yaml", "all_config.yml", "config.yaml", "config.yml", "hparams.yaml", ".hydra/config.yaml", "all_config.json",
          "config.json", "hparams.json")  # fmt: skip
OWN_NAMES = ("{}.yaml", "{}.yml", "{}.json", "{}_config.yaml", "{}.config.yaml")


def own_settings_files(weights: str) -> list[str]:
    """Files called like the weights: they belong to nothing else, even where several models share a folder."""
    stem = stem_of(weights)
    return [name.format(stem) for name in OWN_NAMES if name.format(stem) != weights]


def local_settings_files(weights: Path) -> list[Path]:
    """Every file that may be read beside weights and a folder up, whether it is there or not."""
    folder, upper = weights.parent, weights.parent.parent
    beside = (*own_settings_files(weights.name), *BESIDE, "dataset.json", "identifiers.json")
    return [*(folder / name for name in beside), *(upper / name for name in BESIDE)]


def parent_describes(names: Iterable[str], folder: str) -> bool:
    """Whether what lies in a folder describes the weights in the folder below it called `folder`.

    `names` are the files below it, as paths. Not so where folders of other models lie there too; steps of one run, whose
    folders differ in their numbers only, are no other models.
    """
    below: dict[str, list[str]] = {}
    for name in names:
        first, _, rest = name.partition("/")
        if rest and "/" not in rest:
            below.setdefault(first, []).append(rest)
    kept = {_numberless(other) for other, files in below.items() if candidates(files)}
    return kept <= {_numberless(folder)}


def _numberless(name: str) -> str:
    return re.sub(r"\d+", "#", name)


def hub_settings_files(weights: str, names: Iterable[str]) -> list[str]:
    """Of a repository's files those that may describe the weights at this path in it."""
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
