"""Exports of figures: an offline page, and tables that read back unchanged."""

import io

from pyarrow.csv import read_csv
from pyarrow.parquet import read_table

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
