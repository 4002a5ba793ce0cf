"""Figures of the pages that open with a recorded result look as they did: data, axes, lines, colours and texts.

What is compared with is in `figures/`, one file for each page, with the sums of long lists of numbers in their place.
After a wanted change, write them again and read the difference:
`FIGURES=write .venv/bin/pytest tests/app/screens/test_figures_look.py`.
"""

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pytest

from app.screens.compare.views import VIEWS as COMPARE_VIEWS
from app.screens.halting.page import VIEWS as HALTING_VIEWS
from app.screens.interventions.sweeps import SECTIONS
from app.ui import charts

FOLDER = Path(__file__).parent / "figures"
LONG = 9  # parts; longer lists are summed
LEFT_OUT = ("template", "uirevision", "font", "modebar", "tickfont")
PROBES_VIEWS = ("Over steps", "All targets", "By cell", "Confusion matrix", "Probe directions")
PAGES = {
    "halting": ({"model": "sudoku-trm"}, "halting_view", list(HALTING_VIEWS)),
    "compare": ({"model": "maze-trm", "compare_with": "maze-hrm"}, "compare-view", list(COMPARE_VIEWS)),
    "probes": ({"model": "sudoku-hrm"}, "probes_view", PROBES_VIEWS),
    "interventions": ({"model": "sudoku-trm"}, "interventions_figure", list(SECTIONS)),
    "latents": ({"model": "maze-trm"}, "latents_colour", ("solved", "step", "difficulty")),
}


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
def test_the_figures_of_a_page_look_as_they_did(open_app, monkeypatch, page):
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
    link, choice, views = PAGES[page]
    app = open_app(page, **link)
    found: dict[str, Any] = {}  # by name
    for view in views:
        drawn.clear()
        app.set(choice, view)
        assert not app.errors, view
        found |= {f"{key}, {view}": figure for key, figure in drawn.items() if figure not in found.values()}
    file = FOLDER / f"{page}.json"
    if os.environ.get("FIGURES") == "write":
        FOLDER.mkdir(exist_ok=True)
        file.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", "utf-8")
    seen_leaves, known_leaves = (
        dict(leaves(value)) for value in (found, json.loads(file.read_text("utf-8")))
    )
    assert seen_leaves.keys() == known_leaves.keys() and len(found) >= len(views) - 1
    for place, known in known_leaves.items():
        expected = pytest.approx(known, rel=1e-3) if isinstance(known, float) else known
        assert seen_leaves[place] == expected, place
