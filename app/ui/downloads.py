"""Exports a figure: the equivalent command, the figure as HTML, and the data that it shows."""

import io
import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import streamlit as st

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

Table = Mapping[str, Sequence]  # columns of equal length


def offer(
    name: str,
    *,
    figure: "Figure | None" = None,
    table: Table | None = None,
    data: Any = None,
    command: str = "",
) -> None:
    """Draw the export popover under a figure. `name` is the name of the files without extension.

    Each file is created when the user presses its button.
    """
    with st.popover("Export", icon=":material/download:", key=f"export-{name}"):
        if command:
            st.caption("Equivalent command:")
            st.code(command, language="bash", wrap_lines=True)
        row = st.container(horizontal=True)
        if figure is not None:
            _button(row, name, "html", "Figure (HTML)", "text/html", lambda: html(figure, name))
        if table is not None:
            _button(row, name, "parquet", "Parquet", "application/vnd.apache.parquet", lambda: parquet(table))
            _button(row, name, "csv", "CSV", "text/csv", lambda: csv(table))
        if data is not None:
            _button(
                row, name, "json", "JSON", "application/json", lambda: json.dumps(data, indent=1).encode()
            )
        if figure is not None:
            st.caption("For a PNG, use the camera button on the figure.")


def _button(place: Any, name: str, ending: str, label: str, mime: str, make: Any) -> None:
    place.download_button(
        label, make, file_name=f"{name}.{ending}", mime=mime, key=f"export-{name}-{ending}", on_click="ignore"
    )


def html(figure: "Figure", title: str) -> bytes:
    """Export a figure as an HTML page that works offline. The page includes plotly, which takes 5 MB."""
    from plotly.graph_objects import Figure

    alone = Figure(figure).update_layout(template="plotly_white", title=None)
    body = alone.to_html(full_html=True, include_plotlyjs=True, config={"displaylogo": False})
    return body.replace("<head>", f"<head><title>{escape(title)}</title>", 1).encode()


def parquet(table: Table) -> bytes:
    import pyarrow
    from pyarrow.parquet import write_table

    out = io.BytesIO()
    write_table(pyarrow.table(dict(table)), out)
    return out.getvalue()


def csv(table: Table) -> bytes:
    import pyarrow
    from pyarrow.csv import write_csv

    out = io.BytesIO()
    write_csv(pyarrow.table(dict(table)), out)
    return out.getvalue()
