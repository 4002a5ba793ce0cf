"""Represent the parts of a pickle that are not plain values: storages in the file, and placeholders for objects."""

from typing import Any, NamedTuple

import torch
from torch import Tensor


class HarmfulError(ValueError):
    """Raised for a pickle that would call a harmful function. The function is not called; the whole file is rejected."""


class StorageView(NamedTuple):
    """A storage in the file and its saved dtype. The storage is None if a pickle is read without its tensors."""

    storage: torch.UntypedStorage | None
    dtype: torch.dtype


class InertObject:
    """A placeholder for an object in a pickle. It records the name, arguments, state, and parts of the object."""

    __slots__ = ("arguments", "name", "parts", "state")

    def __init__(self, name: str, arguments: Any = ()):
        self.name, self.arguments = name, arguments
        self.state: Any = None
        self.parts: dict[Any, Any] = {}

    def __repr__(self) -> str:
        return f"<{self.name}>"

    @property
    def attributes(self) -> dict[Any, Any]:
        """The attributes of a dataclass or Namespace, or the items of a dictionary subclass."""
        state = self.state
        if isinstance(state, tuple) and len(state) == 2:  # (__dict__, __slots__)
            state = {**(state[0] or {}), **(state[1] or {})} if all(map(_dict_or_none, state)) else None
        return {**(state if isinstance(state, dict) else {}), **self.parts}


def _dict_or_none(value: Any) -> bool:
    return value is None or isinstance(value, dict)


class InertName(InertObject):
    """A placeholder for a class or function that a pickle names."""


def plain_settings(stored: Any) -> Any:
    """Return the plain values in the content of a file, without tensors, as nested dictionaries and lists.

    Namespaces, dataclasses, and OmegaConf containers become dictionaries.
    """
    return _Plain().of(stored, 0)


class _Plain:
    """Traverses a bounded part of a file's content and does not follow cycles."""

    MAX_DEPTH, MAX_PARTS = 8, 20_000

    def __init__(self) -> None:
        self.left = self.MAX_PARTS
        self.open: set[int] = set()

    def of(self, value: Any, depth: int) -> Any:
        self.left -= 1
        if depth > self.MAX_DEPTH or self.left < 0 or id(value) in self.open:
            return None
        if isinstance(value, InertName) or not isinstance(value, dict | list | tuple | InertObject):
            return (
                value.name if isinstance(value, InertName) else None if isinstance(value, Tensor) else value
            )
        self.open.add(id(value))
        try:
            if isinstance(value, list | tuple):
                return [self.of(part, depth + 1) for part in value[:1000]]
            if isinstance(value, dict):
                return {
                    key: self.of(part, depth + 1)
                    for key, part in value.items()
                    if not isinstance(part, Tensor)
                }
            return self.thing(value, depth)
        finally:
            self.open.discard(id(value))

    def thing(self, value: InertObject, depth: int) -> Any:
        attributes = value.attributes
        for key in ("_content", "_val"):  # OmegaConf's containers and values
            if key in attributes:
                return self.of(attributes[key], depth)
        return self.of(attributes, depth) if attributes else repr(value)[:80]
