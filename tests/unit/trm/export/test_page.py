"""The offline page of a run: it contains the payload, loads nothing, and hostile text stays text."""

import json
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from drawn_runs import SECOND
from export_runs import HOSTILE, RUNS, SUDOKU, run_of, sudoku_run

from trm.errors import UserError
from trm.export.page import document, page
from trm.export.payload import payload
from trm.export.run import ExportedRun
from trm.export.table import csv_text

SCRIPT = "const text = '</script><!--';"
STYLE = ".player::after { content: '</style>'; }"


class Elements(HTMLParser):
    """Elements in order, attributes that load something, and the text by element."""

    def __init__(self, text: str):
        super().__init__()
        self.names, self.links, self.texts = [], [], {}
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.names.append(tag)
        self.links += [value for name, value in attributes if name in ("src", "href", "srcset", "action")]

    def handle_data(self, data):
        if self.names:
            self.texts[self.names[-1]] = self.texts.get(self.names[-1], "") + data


@pytest.mark.parametrize("name", RUNS)
def test_the_page_contains_the_payload(name):
    run = run_of(name)
    elements = Elements(page(run))
    data = page(run).split('id="run">')[1].split("</script>")[0]
    assert json.loads(data) == payload(run.trace, run.task) | {"label": ""}
    assert elements.names.count("script") == 2 and elements.names.count("style") == 1
    assert elements.links == ["data:,"]
    assert elements.texts["h1"].strip() == run.title and elements.texts["p"].strip() == run.provenance
    assert "2030-01-02" in run.provenance


@pytest.mark.parametrize(
    "options, view",
    [
        ({}, None),
        ({"mode": "z"}, {"supervision_step": 1, "cycle": 1, "call": 3, "mode": "z"}),
        ({"start": SECOND}, {"supervision_step": 1, "cycle": 2, "call": 3}),
    ],
)
def test_the_page_opens_at_a_call_and_in_a_view(options, view):
    data = page(run_of("sudoku"), **options).split('id="run">')[1].split("</script>")[0]
    assert json.loads(data)["start"] == view


def test_hostile_names_stay_text_on_the_page():
    plain = Elements(page(run_of("sudoku")))
    run = ExportedRun.of(sudoku_run(model=HOSTILE), SUDOKU, puzzle=HOSTILE, note=HOSTILE)
    text = page(run)
    elements = Elements(text)
    assert elements.names == [
        *plain.names[: plain.names.index("p") + 1],
        "p",
        *plain.names[plain.names.index("p") + 1 :],
    ]
    assert elements.links == plain.links
    assert '</script><!--<b onclick="x">' in elements.texts["h1"] and "🙂" in elements.texts["title"]
    assert text.encode() and "\x00" not in text and "\x1b" not in text


def test_end_tags_in_the_data_are_escaped():
    trace = sudoku_run()
    hostile = replace(trace, provenance=replace(trace.provenance, kind="</script><!--<script>"))
    text = page(ExportedRun.of(hostile, SUDOKU))
    data = text.split('id="run">')[1].split("</script>")[0]
    assert json.loads(data)["kind"] == "</script><!--<script>" and "<" not in data


def test_the_players_own_text_cannot_end_its_element():
    text = document("", "", script=SCRIPT, start="", style=STYLE, own_style="")
    assert text.count("</script>") == text.count("</style>") == 1 and text.count("<!--") == 0
    assert r"const text = '\x3c/script>\x3c!--'" in text


def test_nan_is_an_error():
    trace = sudoku_run()
    run = ExportedRun.of(replace(trace, residual_z=np.full_like(trace.residual_z, np.nan)), SUDOKU)
    with pytest.raises(UserError, match="NaN or infinite values"):
        page(run)
    assert "nan" in csv_text(run)
