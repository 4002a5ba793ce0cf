"""A generated section of a document, delimited by two marks, and percentages as all sections print them."""

from pathlib import Path

from trm.errors import UserError
from trm.files import reading, written_whole


def marks(name: str) -> tuple[str, str]:
    """The marks of a section, comments in Markdown."""
    return f"<!-- {name}: begin -->", f"<!-- {name}: end -->"


def write_section(document: Path, name: str, text: str) -> None:
    """Replace the text between the marks of that name, or append it with marks. Creates the document if needed.

    Raises UserError if one mark is there without the other.
    """
    begin, end = marks(name)
    old = "# Findings\n"
    if document.is_file():
        with reading(document, UserError, "text", "Give a Markdown document."):
            old = document.read_text("utf-8")
    if (begin in old) != (end in old) or old.find(begin) > old.find(end):
        raise UserError(f"{document} has one of the marks {begin} and {end} without the other. Restore it.")
    if begin in old:
        before, _, rest = old.partition(begin)
        after = rest.partition(end)[2]
    else:
        before, after = old.rstrip("\n") + "\n\n", "\n"
    with written_whole(document) as temporary:
        temporary.write_text(f"{before}{begin}\n{text.rstrip()}\n{end}{after}", "utf-8")


def percent(share: float | None, digits: int = 1) -> str:
    """A share in percent; "none" for None."""
    return "none" if share is None else f"{100 * share:.{digits}f} %"
