"""Write docs/data.md and docs/checkpoints.md, the lists of readable files: `python -m scripts.build_docs`."""

from pathlib import Path

from trm.data.files import kinds
from trm.public.formats import document

DOCS = Path(__file__).parents[1] / "docs"

if __name__ == "__main__":
    for name, text in (("data.md", kinds.document()), ("checkpoints.md", document.document())):
        (DOCS / name).write_text(text, encoding="utf-8")
