"""Pages that open with a recorded result look as they did: their texts, tables, figures and controls.

What is compared with is in `pages/`, one file for each page, with the sums of long lists of numbers in their place.
After a wanted change, write them again and read the difference:
`PAGES=write .venv/bin/pytest tests/app/screens/test_pages_look.py`.
"""

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pandas as pd
import pytest

from app.screens.compare.views import VIEWS as COMPARE_VIEWS
from app.screens.halting.page import VIEWS as HALTING_VIEWS
from app.screens.interventions.sweeps import SECTIONS
from app.ui import charts
from probes.interventions.presets import EXPERIMENTS
from probes.training_axis.figures import FIGURES

FOLDER = Path(__file__).parent / "pages"
LONG = 9  # parts; longer lists are summed
MEASURED = "This takes"  # in a text about this machine
LEFT_OUT = ("template", "uirevision", "font", "modebar", "tickfont")
PROBES_VIEWS = ("Over steps", "All targets", "By cell", "Confusion matrix", "Probe directions")
TARGETS = ("given", "right at end", "singles round", "solution")
PAGES = {
    "halting": ({"model": "sudoku-trm"}, {"halting_view": HALTING_VIEWS, "training_figure": FIGURES}),
    "compare": ({"model": "maze-trm", "compare_with": "maze-hrm"}, {"compare-view": COMPARE_VIEWS}),
    "probes": ({"model": "sudoku-hrm"}, {"probes_target": TARGETS, "probes_view": PROBES_VIEWS}),
    "interventions": ({"model": "sudoku-trm"}, {"interventions_figure": SECTIONS, "experiment": EXPERIMENTS}),
    "latents": ({"model": "maze-trm"}, {"latents_colour": ("solved", "step", "difficulty")}),
}
"""Links to pages and, by the keys of controls, what is chosen there one after the other."""


def summary(value: Any) -> Any:
    """A figure as JSON: long lists become their length and two sums, one of them of numbers times their places."""
    if isinstance(value, dict) and "bdata" in value:  # how plotly writes an array
        value = np.frombuffer(base64.b64decode(value["bdata"]), value["dtype"])
    if isinstance(value, dict):
        return {name: summary(part) for name, part in value.items() if name not in LEFT_OUT}
    if isinstance(value, list | tuple | np.ndarray):
        array = np.asarray(value, dtype=object if isinstance(value, list | tuple) else None)
        try:
            numbers = array.astype(float).ravel()
            numbers = np.where(np.isfinite(numbers), numbers, 0)
        except (TypeError, ValueError):
            numbers = None
        parts = value.tolist() if isinstance(value, np.ndarray) else value
        if numbers is None and len(parts) >= LONG:
            return f"{len(parts)} parts, {crc32(json.dumps([summary(part) for part in parts]).encode())}"
        if numbers is None or numbers.size < LONG:
            return [summary(part) for part in parts]
        places = np.arange(numbers.size) / numbers.size
        return {"count": numbers.size, "sum": short(numbers.sum()), "by place": short(numbers @ places)}
    return short(value) if isinstance(value, float | np.floating) else value


def texts(block: Any) -> Iterator[str]:
    """What can be read in a part of a page, controls and tables included."""
    for element in getattr(block, "children", {}).values():
        yield from texts(element)
    proto, value = getattr(block, "proto", None), getattr(block, "value", None)
    about = {
        name: getattr(proto, name, None)
        for name in ("label", "help", "options", "body", "delta", "placeholder")
    }
    if isinstance(value, pd.DataFrame):
        about |= {"label": value.to_csv(index=False, float_format="%.4g")}
    elif block.type == "metric":
        about |= {"body": value}
    parts = [
        ", ".join(getattr(option, "content", option) for option in part) if name == "options" else str(part)
        for name, part in about.items()
        if part
    ]
    if parts and block.type not in ("html", "bidi_component"):
        yield f"{block.type}: {', '.join(parts)}"


def short(number: float) -> float:
    return float(f"{number:.4g}")


def leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """The numbers and texts of nested lists and dictionaries, with their places."""
    if isinstance(value, dict | list) and value:
        for name, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(part, f"{place}/{name}")
    else:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        yield place, float(value) if is_number and np.isfinite(value) else str(value)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_looks_as_it_did(open_app, monkeypatch, page):
    drawn: dict[str, Any] = {}
    show = charts.show

    def seen(figure: Any, **options: Any) -> Any:
        parts = figure.to_plotly_json()
        drawn[options["key"]] = {
            "layout": summary(parts["layout"]),
            "data": [summary(one) for one in parts["data"]],
        }
        return show(figure, **options)

    monkeypatch.setattr(charts, "show", seen)
    link, choices = PAGES[page]
    app = open_app(page, **link)
    found: dict[str, Any] = {}  # by name
    said: list[str] = []
    for key, value in ((key, value) for key, values in choices.items() for value in values):
        drawn.clear()
        app.set(key, value)
        assert not app.errors, value
        found |= {
            f"{name}, {value}": figure for name, figure in drawn.items() if figure not in found.values()
        }
        new = [text for text in texts(app.test.main) if text not in said and MEASURED not in text]
        said += dict.fromkeys(new)
    found["texts"] = said
    file = FOLDER / f"{page}.json"
    if os.environ.get("PAGES") == "write":
        FOLDER.mkdir(exist_ok=True)
        file.write_text(json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False) + "\n", "utf-8")
    known = json.loads(file.read_text("utf-8"))
    assert found.pop("texts") == known.pop("texts")
    seen_leaves, known_leaves = dict(leaves(found)), dict(leaves(known))
    assert seen_leaves.keys() == known_leaves.keys()
    for place, leaf in known_leaves.items():
        expected = pytest.approx(leaf, rel=1e-3) if isinstance(leaf, float) else leaf
        assert seen_leaves[place] == expected, place
