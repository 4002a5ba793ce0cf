"""What is taken away opens elsewhere: a page without network, tables that read back as they were."""

import io

from pyarrow.csv import read_csv
from pyarrow.parquet import read_table

from app.ui.downloads import csv, html, parquet

TABLE = {"step": [1, 2, 3], "name": ["a", 'b"<script>', "ü, c"], "share": [0.5, 0.25, None]}


def test_tables_read_back():
    assert read_table(io.BytesIO(parquet(TABLE))).to_pydict() == TABLE
    assert read_csv(io.BytesIO(csv(TABLE))).to_pydict() == TABLE


def test_a_figure_is_a_page_of_its_own():
    from plotly.graph_objects import Figure

    page = html(Figure().add_scatter(x=[1, 2], y=[3, 4]), "</title><script>bad()").decode()
    assert "<title>&lt;/title&gt;&lt;script&gt;bad()</title>" in page
    assert "<script src" not in page and len(page) > 1_000_000  # plotly itself is inside
