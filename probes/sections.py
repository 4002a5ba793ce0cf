"""Sections of a document that are generated: each stands between two marks, so that the rest is left as it is."""

from pathlib import Path

from trm.errors import UserError
from trm.files import written_whole

TITLE = "# Findings\n"


def write_section(document: Path, name: str, text: str) -> None:
    """Put the text between the marks of this name, at the end where there are none yet; the document is made if missing.

    Raises UserError where there is one mark without the other, OutputError where the document cannot be written.
    """
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    old = document.read_text("utf-8") if document.is_file() else TITLE
    if (begin in old) != (end in old) or old.find(begin) > old.find(end):
        raise UserError(f"{document} has one of the marks {begin} and {end} without the other. Restore it.")
    if begin in old:
        before, _, rest = old.partition(begin)
        after = rest.partition(end)[2]
    else:
        before, after = old.rstrip("\n") + "\n\n", "\n"
    with written_whole(document) as temporary:
        temporary.write_text(f"{before}{begin}\n{text.rstrip()}\n{end}{after}", "utf-8")
