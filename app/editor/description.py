"""Describes a task for the editor's script: its symbols, the appearance of its cells, and the keys for its symbols."""

from typing import Any

import numpy as np

from trm.tasks.base import Task

HINTS = {
    "sudoku": "Click a cell and type its digit. Contradictions are flagged but allowed: the model accepts any grid.",
    "maze": "Drag to draw; right-drag to erase. The model accepts any maze.",
    "arc": "Drag to paint; right-drag to paint black.",
}


def describe_task(task: Task) -> dict[str, Any]:
    """Return the description of a task as JSON-compatible data."""
    drawn = any(task.looks)
    return {
        "kind": f"{task.name} {task.rows}x{task.columns}",
        "name": {"arc": "ARC"}.get(task.name, task.name.capitalize()),
        "drawn": drawn,
        "resizable": has_sizes(task),
        "max_size": [task.rows, task.columns],
        "box_rows": getattr(task, "box_rows", 0),
        "box_columns": getattr(task, "box_columns", 0),
        "looks": list(task.looks),
        "symbols": list(task.symbols),
        "names": list(task.symbol_names),
        "writable": list(task.writable),
        "blank": task.writable[0],
        "once": list(task.unique_tokens),
        "keys": keys_of(task),
        "key_labels": key_labels(task),
        "separator": "/" if has_sizes(task) else "",
        "hint": HINTS.get(task.name, ""),
    }


def has_sizes(task: Task) -> bool:
    """Whether the grids of the task vary in size and are padded to a larger grid."""
    return task.crop(np.zeros(task.cells, np.uint8)) is not None


def keys_of(task: Task) -> dict[str, int]:
    """Return the token that each key enters.

    Keys are the symbols, the first letters of named cells (such as w for wall), and 0 for a blank cell.
    """
    keys = {task.symbols[token].lower(): token for token in task.writable}
    for token in task.writable:
        look = task.looks[token]
        if look and not look.startswith("#"):
            keys.setdefault(look[0], token)
    keys.setdefault("0", task.writable[0])
    return keys


def key_labels(task: Task) -> str:
    """Describe the keys that enter a task's tokens, as text."""
    digits = [task.symbols[token] for token in task.writable if task.symbols[token].isdigit()]
    return (
        f"{digits[0]} … {digits[-1]}" if digits else " ".join(task.looks[token][0] for token in task.writable)
    )


def grid_of(task: Task, tokens: np.ndarray) -> dict[str, Any]:
    """Return the rows, columns and tokens (in row-major order) of a puzzle, without padding."""
    crop = task.crop(tokens)
    rows, columns = (task.rows, task.columns) if crop is None else map(int, crop)
    cells = tokens.reshape(task.rows, task.columns)[:rows, :columns]
    return {"rows": rows, "columns": columns, "tokens": cells.ravel().tolist()}
