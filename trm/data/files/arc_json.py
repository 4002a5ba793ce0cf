"""The JSON layouts of ARC collections, each split into tasks by name.

{task: {"train": pairs, "test": pairs}}                   a collection
{"train": pairs, "test": pairs}                           one task, named after its file
[{"input": grid, "output": grid}, ...]                    pairs only, as in re-arc: all are test pairs
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
    """Name and unvalidated content of each task; empty without tasks. `stem` is the name of a task without one."""
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
    """Whether an object contains collections under split names, rather than pairs."""
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
