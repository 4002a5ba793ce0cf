"""The settings that describe a checkpoint, under the names of the public code."""

from dataclasses import dataclass, field
from typing import Any

from trm.config import SHORT

MAX_VALUE = 40  # maximum number of characters of a value that are shown


@dataclass(frozen=True)
class Description:
    """Settings by their public names, and the file they come from."""

    file: str = ""  # file name to give as the source of a value; empty without a file
    arch: dict[str, Any] = field(default_factory=dict)
    module: str = ""  # module of the model's class, from `arch.name`
    kind: str | None = None
    task: str | None = None  # guessed from the path of the training data
    data: str = ""  # that path
    dataset: dict[str, int] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()  # settings that are neither read nor known to have no effect: "key = value"
    averaged: bool | None = None  # whether the run averaged its weights (`ema`); None: not stated
    notes: tuple[str, ...] = ()  # a sentence for each file or setting that was not read


def short(value: Any) -> str:
    """A value from an untrusted file, abbreviated and printable."""
    text = value if isinstance(value, str) and value.isprintable() else SHORT.repr(value)
    return text if len(text) <= MAX_VALUE else f"{text[: MAX_VALUE - 3]}..."
