"""Names that are anything but harmless: as markup, as Markdown, in other scripts, and far too long."""

import json
from pathlib import Path
from typing import Any

from trm.checkpoint import save_model

MARKUP = "<script>document.title='broken'</script> <img src=x onerror=\"document.title='broken'\">"
MARKDOWN = "**bold** [link](http://x.test) $x^2$ :red[red] :material/home: `code` # ~"
SCRIPTS = "\u202eשלום العربية 日本 🧩👩‍👩‍👧 'so' & \"so\""  # noqa: RUF001 (that is the point)
TITLE = f"{MARKUP} {MARKDOWN} {SCRIPTS} {'x' * 300}"
MODEL = f"{MARKUP}/{MARKDOWN.replace('/', '|')} {SCRIPTS}/{'m' * 200}"
"""Of a model: a path of folders, so that it can hold a slash."""
ARC_TASK = f"<img src=x onerror=document.title='broken'> *a* שלום 🧩 {'t' * 40}"


def hostile_models(folder: Path, model: Any) -> None:
    """A folder for --model-dir that holds one model under MODEL."""
    place = folder / MODEL
    place.mkdir(parents=True)
    save_model(place, model.config, model.state_dict())


def hostile_arc(folder: Path) -> None:
    """A folder for --data-dir that holds one ARC task under ARC_TASK."""
    folder.mkdir()
    pair = {"input": [[1, 2], [3, 4]], "output": [[4, 3], [2, 1]]}
    (folder / f"{ARC_TASK}.json").write_text(json.dumps({"train": [pair], "test": [pair]}))
