"""How the command line speaks: results for people, a line of progress."""

import sys
import time
from typing import Any

ENOUGH_TO_GUESS = 1.0  # seconds of work after which the time left is worth naming


def readable(result: Any) -> str:
    """A result for people: one `name: value` a line, lists of objects as blocks."""
    if isinstance(result, list):
        return "\n\n".join(readable(item) for item in result) or "none"
    lines = []
    for name, value in result.items():
        if isinstance(value, str) and "\n" in value:
            lines.append(value)
        elif isinstance(value, list) and value and isinstance(value[0], str):
            lines += [f"{name}:", *(f"  {number:3d}  {item}" for number, item in enumerate(value, 1))]
        elif isinstance(value, dict):
            lines += [f"{name}:", *(f"  {key}: {_short(item)}" for key, item in value.items())]
        else:
            lines.append(f"{name}: {_short(value)}")
    return "\n".join(lines)


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4f}"
    if isinstance(value, list):
        return " ".join(_short(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{key} {_short(item)}" for key, item in value.items())
    return "none" if value is None else str(value)


def tell(text: str) -> None:
    """A line on stderr, where it does not mix with results."""
    print(text, file=sys.stderr, flush=True)


class Progress:
    """Counts on one line of a terminal, with the time left; says nothing where nobody looks."""

    def __init__(self, what: str, total: int | None = None):
        self.what, self.total = what, total
        self.began = time.monotonic()
        self.shown = False

    def count(self, done: int, total: int | None = None) -> None:
        if not sys.stderr.isatty():
            return
        total = total or self.total
        of = f" of {total}" if total else ""
        print(f"\r{done}{of} {self.what}{self._left(done, total)}\033[K", end="", file=sys.stderr, flush=True)
        self.shown = True

    def _left(self, done: int, total: int | None) -> str:
        spent = time.monotonic() - self.began
        if not total or not done or spent < ENOUGH_TO_GUESS:
            return ""
        return f", {spent * (total - done) / done:.0f} s left"

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *error: object) -> None:
        if self.shown:
            print(file=sys.stderr)
