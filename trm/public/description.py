"""The settings that describe a checkpoint, under the names of the public code."""

from dataclasses import dataclass, field
from typing import Any

from trm.config import SHORT

MAX_VALUE = 40  # maximum number of characters shown for a value


@dataclass(frozen=True)
class Description:
    """The settings of a checkpoint under their public names, and the file that contains them."""

    file: str = ""  # file name shown as the source of values; empty if there is no settings file
    arch: dict[str, Any] = field(default_factory=dict)
    module: str = ""  # Python module of the model class, from `arch.name`
    kind: str | None = None
    task: str | None = None  # guessed from the path of the training data
    data: str = ""  # path of the training data; several paths are joined by spaces
    dataset: dict[str, int] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()  # "key = value" for settings that are not read and may have an effect
    averaged: bool | None = None  # whether training averaged the weights (`ema`); None if not stated
    notes: tuple[str, ...] = ()  # one sentence per file or setting that was not read


def short(value: Any) -> str:
    """Printable text for a value from an untrusted file, at most MAX_VALUE characters long."""
    text = value if isinstance(value, str) and value.isprintable() else SHORT.repr(value)
    return text if len(text) <= MAX_VALUE else f"{text[: MAX_VALUE - 3]}..."
