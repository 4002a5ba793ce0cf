"""Exports of figures: an offline page, and tables that read back unchanged."""

import io
from unittest.mock import MagicMock

import pytest
from pyarrow.csv import read_csv
from pyarrow.parquet import read_table

from app.ui import downloads
from app.ui.downloads import csv, html, parquet

TABLE = {"step": [1, 2, 3], "name": ["a", 'b"<script>', "ü, c"], "share": [0.5, 0.25, None]}


def test_tables_read_back_unchanged():
    assert read_table(io.BytesIO(parquet(TABLE))).to_pydict() == TABLE
    assert read_csv(io.BytesIO(csv(TABLE))).to_pydict() == TABLE


def test_a_figure_is_exported_as_an_offline_page():
    from plotly.graph_objects import Figure

    page = html(Figure().add_scatter(x=[1, 2], y=[3, 4]), "</title><script>bad()").decode()
    assert "<title>&lt;/title&gt;&lt;script&gt;bad()</title>" in page
    assert "<script src" not in page and len(page) > 1_000_000  # includes plotly


@pytest.mark.parametrize(
    "given, endings",
    [
        ({"figure": object()}, ["html"]),
        ({"table": TABLE}, ["parquet", "csv"]),
        ({"data": {"a": 1}}, ["json"]),
        (
            {"figure": object(), "table": TABLE, "data": [], "command": "trm"},
            ["html", "parquet", "csv", "json"],
        ),
    ],
)
def test_only_what_a_figure_has_is_offered(monkeypatch, given, endings):
    page = MagicMock()
    monkeypatch.setattr(downloads, "st", page)
    downloads.offer("curve", **given)
    buttons = page.container.return_value.download_button.call_args_list
    assert [call.kwargs["file_name"] for call in buttons] == [f"curve.{ending}" for ending in endings]
    hint = "For a PNG, use the camera button on the figure."
    assert (hint in [call.args[0] for call in page.caption.call_args_list]) == ("figure" in given)
