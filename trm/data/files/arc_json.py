"""Splits the JSON of an ARC collection into named tasks. These layouts are supported:

{task: {"train": pairs, "test": pairs}}                   a collection
{"train": pairs, "test": pairs}                           one task; its name is the file name
[{"input": grid, "output": grid}, ...]                    pairs only, as in re-arc; all become test pairs
{"training": {task: ...}, "evaluation": {task: ...}}      both splits in one file
[{"id": task, "train": pairs, "test": pairs}, ...]        rows of a table
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

SPLITS = frozenset(
    ("train", "test", "training", "testing", "evaluation", "eval", "validation", "public", "tasks", "challenges", "data")
)  # fmt: skip
NAMES = ("id", "task_id", "name", "task", "task_name", "key")
PAIR = ("input", "output")


def tasks_in(content: Any, stem: str) -> Iterator[tuple[str, Any]]:
    """Yield (name, unvalidated content) for each task in parsed JSON. Tasks without a name are named after `stem`."""
    if isinstance(content, Mapping):
        if "train" in content and "test" in content and not _are_splits(content):
            yield stem, content
        elif content and _are_splits(content):
            for part in content.values():
                yield from tasks_in(part, stem)
        else:
            yield from content.items()
    elif isinstance(content, list) and content:
        if all(map(_is_pair, content)):
            yield stem, {"train": [], "test": content}
        elif all(isinstance(row, Mapping) and "test" in row for row in content):
            for number, row in enumerate(content, 1):
                name = next((row[key] for key in NAMES if isinstance(row.get(key), str)), f"{stem}-{number}")
                yield name, row


def _are_splits(content: Mapping) -> bool:
    """Return whether the keys of an object are names of splits and its values are collections of tasks."""
    return all(
        str(name).lower() in SPLITS
        and (
            (isinstance(part, Mapping) and bool(part) and "input" not in part and all(map(_is_task, part.values())))
            or (isinstance(part, list) and bool(part) and all(map(_is_task, part)))
        )
        for name, part in content.items()
    )  # fmt: skip


def _is_task(content: Any) -> bool:
    return isinstance(content, Mapping) and "test" in content


def _is_pair(content: Any) -> bool:
    return isinstance(content, Mapping) and set(PAIR) <= content.keys() and "test" not in content
