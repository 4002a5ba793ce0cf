"""What a place says of the weights beside it, by the names of the public code."""

from dataclasses import dataclass, field
from typing import Any

from trm.config import SHORT

MAX_VALUE = 40  # characters of one that is not understood


@dataclass(frozen=True)
class Description:
    """Values by their public names, and the file that they are from."""

    file: str = ""  # what the place is called as the source of a value; empty when there is none
    arch: dict[str, Any] = field(default_factory=dict)
    module: str = ""  # of the model's class, as `arch.name` says it
    kind: str | None = None
    task: str | None = None  # that the path of the training data hints at
    data: str = ""  # that path
    dataset: dict[str, int] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()  # settings that are neither read nor known to have no effect: "key = value"
    averaged: bool | None = None  # whether the run kept an average of its weights (`ema`); None: not said
    notes: tuple[str, ...] = ()  # what was left out, a sentence each


def short(value: Any) -> str:
    """A value of a stranger's file, cut to a few words."""
    text = value if isinstance(value, str) and value.isprintable() else SHORT.repr(value)
    return text if len(text) <= MAX_VALUE else f"{text[: MAX_VALUE - 3]}..."
