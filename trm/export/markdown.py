"""Markdown: tables, and generated sections of a document.

Two markers delimit each section; the text around them is left unchanged.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from trm.errors import UserError
from trm.files import atomic_file, reading


def markers(name: str) -> tuple[str, str]:
    """Return the begin and end markers of a section, which are Markdown comments."""
    return f"<!-- {name}: begin -->", f"<!-- {name}: end -->"


def write_section(document: Path, name: str, text: str) -> None:
    """Write a text between the markers of this name, or at the end of the document if it has no markers.

    The document is created if needed. Raises UserError if one marker is present without the other.
    """
    begin, end = markers(name)
    old = "# Findings\n"
    if document.is_file():
        with reading(document, UserError, "text", "Give a Markdown document."):
            old = document.read_text("utf-8")
    if (begin in old) != (end in old) or old.find(begin) > old.find(end):
        raise UserError(
            f"{document} has one of the markers {begin} and {end} without the other. Restore the missing one."
        )
    if begin in old:
        before, _, rest = old.partition(begin)
        after = rest.partition(end)[2]
    else:
        before, after = old.rstrip("\n") + "\n\n", "\n"
    with atomic_file(document) as temporary:
        temporary.write_text(f"{before}{begin}\n{text.rstrip()}\n{end}{after}", "utf-8")


def percent(share: float | None, digits: int = 1) -> str:
    """Format a fraction in percent; "none" for None."""
    return "none" if share is None else f"{100 * share:.{digits}f}%"


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table with a row of column names."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
