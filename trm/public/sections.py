"""Find the model settings in a settings file, inside the wrappers that W&B, Hydra, and other tools add."""

import re
from collections.abc import Collection
from typing import Any

# Public names of T and n. A section with these settings is preferred, because the tensors do not determine them.
CYCLES = {"H_cycles", "L_cycles"}
MAX_DEPTH, MAX_SECTIONS = 4, 1000

Section = tuple[dict[str, Any], dict[str, Any]]
"""The settings of a model, and the outermost dictionary around them."""


def find_section(values: Any, settings: Collection[str]) -> Section | None:
    """The dictionary with the model settings, and the outermost dictionary; None if no dictionary has model settings.

    `settings` are the names of model settings. Dictionaries are searched breadth first. The first dictionary with n or T
    is chosen, otherwise the first that has any other model setting or is an `arch` with a name.
    """
    around = _plain_root(values, settings)
    waiting: list[tuple[Any, Any, int]] = [("", around, 0)]
    other = None
    for _ in range(MAX_SECTIONS):
        if not waiting:
            break
        key, part, depth = waiting.pop(0)
        if not isinstance(part, dict):
            continue
        if CYCLES & part.keys():
            return part, around
        has_settings = part.keys() & set(settings) - {"name"}
        if other is None and (has_settings or (key == "arch" and "name" in part)):
            other = part
        if depth < MAX_DEPTH:
            waiting += [
                (name, unwrapped(inner), depth + 1) for name, inner in part.items() if isinstance(inner, dict)
            ]
    return None if other is None else (other, around)


def _plain_root(values: Any, settings: Collection[str]) -> dict[str, Any]:
    """The outermost dictionary without W&B's `value:` wrappers, and with keys such as `arch.H_cycles` nested."""
    plain: dict[str, Any] = {}
    for key, value in (values if isinstance(values, dict) else {}).items():
        first, dot, rest = key.replace("/", ".").partition(".") if isinstance(key, str) else (key, "", "")
        if dot and rest in settings and isinstance(plain.setdefault(first, {}), dict):
            plain[first][rest] = unwrapped(value)
        else:
            plain[key] = unwrapped(value)
    return plain


def unwrapped(value: Any) -> Any:
    """Remove W&B's wrapper from a value: a dictionary with the key `value` and, in older files, `desc`."""
    if isinstance(value, dict) and "value" in value and value.keys() <= {"value", "desc"}:
        return value["value"]
    return value


def resolved(value: Any, arch: dict[str, Any], around: dict[str, Any]) -> Any:
    """Resolve OmegaConf's `${...}` within the file. Returns None if that fails or the value is missing (`???`)."""
    for _ in range(10):
        if not isinstance(value, str) or ("${" not in value and value != "???"):
            return value
        match = re.fullmatch(r"\$\{(\.*)([\w.]+)\}", value)
        if not match:
            return None
        *outer, last = match[2].split(".")
        places = (
            [arch] if len(match[1]) == 1 and not outer else [_at(around, outer), arch if not match[1] else {}]
        )
        value = next(
            (unwrapped(place[last]) for place in places if isinstance(place, dict) and last in place), None
        )
    return None


def _at(values: Any, keys: list[str]) -> Any:
    for key in keys:
        values = unwrapped(values.get(key)) if isinstance(values, dict) else None
    return values
