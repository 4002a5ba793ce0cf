"""Results as text: one line per value, and tables."""

import io
import shutil
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

WIDTH = shutil.get_terminal_size((100, 24)).columns
"""Columns of what is printed: those of the terminal, or 100 without one."""


@dataclass(frozen=True)
class Output:
    """The result of a command that prints something else for people than for --json."""

    values: Any  # printed as JSON
    text: Any  # for people: text, or values for `format_result`


def plain_console(width: int = WIDTH) -> "Console":
    """Return a console that collects plain text in a buffer, its `file`."""
    from rich.console import Console

    # Without a height, rich ignores the width in an environment of a dumb terminal.
    size = {"width": width, "height": WIDTH}
    return Console(file=io.StringIO(), **size, color_system=None, markup=False, highlight=False)


def wrapped(text: str) -> str:
    """Wrap long lines. What follows the first line of an entry is indented."""
    return "\n".join(
        textwrap.fill(line, WIDTH, subsequent_indent="      ", break_on_hyphens=False)
        for line in text.splitlines()
    )


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table as text. Columns of numbers are aligned on the right; None is an empty cell."""
    from rich.table import Table

    rows = [list(row) for row in rows]
    drawn = Table(box=None, pad_edge=False)
    for index, name in enumerate(columns):
        is_text = any(isinstance(row[index], str) for row in rows)
        drawn.add_column(name, justify="left" if is_text else "right")
    for row in rows:
        drawn.add_row(*("" if value is None else _cell(value) for value in row))
    console = plain_console()
    console.print(drawn)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else _short(value)


def format_result(result: Any) -> str:
    """Format a result as text, with one line `name: value` per value and one block per object in a list.

    Empty texts, lists and objects in it are left out.
    """
    if isinstance(result, str):
        return result.rstrip("\n")
    if isinstance(result, list):
        return "\n\n".join(format_result(item) for item in result) or "none"
    lines = []
    for name, value in _filled(result).items():
        if isinstance(value, str) and "\n" in value:
            lines.append(value)
        elif isinstance(value, list) and value and isinstance(value[0], str):
            lines += [f"{name}:", *(f"  {number:3d}  {item}" for number, item in enumerate(value, 1))]
        elif isinstance(value, dict):
            lines += [f"{name}:", *(f"  {key}: {_short(item)}" for key, item in _filled(value).items())]
        else:
            lines.append(f"{name}: {_short(value)}")
    return "\n".join(lines)


def _filled(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values without empty texts, lists and objects."""
    return {name: value for name, value in values.items() if value not in ("", [], {})}


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4f}"
    if isinstance(value, list):
        return " ".join(_short(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{key} {_short(item)}" for key, item in _filled(value).items())
    return "none" if value is None else str(value)
