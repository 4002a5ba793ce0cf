"""A puzzle grid that shows what the probes decode in each cell, as HTML with fixed tags and escaped text."""

from html import escape
from typing import Any

import streamlit as st

from app.ui import charts


def draw(
    result: dict[str, Any],
    state: str,
    time_point: int,
    *,
    given: list[bool],
    symbols: list[str],
    picture: bool,
) -> None:
    """Draw the grid at one time point of `result`, the output of `probes apply`. `symbols` are the puzzle's symbols."""
    readings = [one for one in result["readings"] if one["state"] == state]
    rows, columns = result["grid"]
    pencil = len(readings) > 1
    cells = []
    for cell in range(rows * columns):
        read = [one["read"][time_point][cell] for one in readings]
        true = [one["true"][time_point][cell] if one["true"] else None for one in readings]
        label = f'data-cell="{cell // columns},{cell % columns}"'
        if all(value is None for value in read):
            mark = "given" if given[cell] else ""
            text = escape(symbols[cell]) if not picture or symbols[cell].isalpha() else ""
            block = " block" if picture and symbols[cell] in ("#", "wall") else ""
            cells.append(f'<span class="{mark}{block}" {label}>{text}</span>')
            continue
        inner = _pencil(readings, read, true) if pencil else escape(_short(read[0]))
        wrong = not pencil and true[0] is not None and _differs(read[0], true[0])
        decoded = ",".join("" if value is None else str(value) for value in read)
        mark = "wrong" if wrong else "read"
        cells.append(
            f'<span class="{mark}{" pencil" if pencil else ""}" {label} data-read="{escape(decoded)}">{inner}</span>'
        )
    box = " boxes" if (rows, columns) == (9, 9) and not picture else ""
    st.html(
        f'{_style()}<div class="probe-grid{box}" data-testid="probe-grid" translate="no" data-state="{escape(state)}" '
        f'data-time-point="{time_point}" style="--columns:{columns};--rows:{rows}" role="img" '
        f'aria-label="What the probe decodes in each cell">{"".join(cells)}</div>'
    )


def _pencil(readings: list[dict[str, Any]], read: list[Any], true: list[Any]) -> str:
    """Return small marks for the members decoded as yes; false ones are struck through, missed ones have a dashed ring."""
    marks = []
    for reading, value, truth in zip(readings, read, true, strict=True):
        text = escape(reading["target"].rpartition("_")[2])
        kind = ""
        if truth is not None and value != truth:
            kind = "false" if value == "yes" else "missed"
        label = text if value == "yes" or kind == "missed" else ""
        marks.append(f'<i class="{kind}">{label}</i>')
    return "".join(marks)


def _differs(read: Any, true: Any) -> bool:
    """Return whether a decoded value counts as wrong: a different class, or a number that is off by more than 0.5."""
    if isinstance(true, str):
        return read != true
    return abs(read - true) > 0.5


def _short(value: Any) -> str:
    """Return the text of a cell: yes and no as marks, directions as arrows, numbers with one decimal."""
    if isinstance(value, str):
        return {
            "yes": "●", "no": "·", "up": "↑", "right": "→", "down": "↓", "left": "←"
        }.get(value, value)  # fmt: skip
    return f"{value:.1f}"


def _style() -> str:
    dark = charts.is_dark()
    ink, paper, line, soft = (
        ("#e6ebf0", "#10151b", "#44505d", "#8d99a6") if dark else ("#18222d", "#ffffff", "#c3cacf", "#6b7785")
    )
    read, wrong = charts.colour("z"), charts.colour("unsolved")
    return f"""<style>
.probe-grid {{ --ink: {ink}; --paper: {paper}; --line: {line}; --soft: {soft}; --read: {read}; --wrong: {wrong};
  display: grid; grid-template-columns: repeat(var(--columns), minmax(0, 1fr)); width: min(100%, 64svh);
  aspect-ratio: var(--columns) / var(--rows); border: 2px solid var(--ink); border-radius: 4px;
  container-type: inline-size; background: var(--paper); color: var(--ink); }}
.probe-grid[data-state="y"] {{ --read: {charts.colour("y")}; }}
.probe-grid > span {{ display: grid; place-content: center; min-width: 0; min-height: 0; overflow: hidden;
  box-shadow: inset -1px -1px 0 var(--line); font-size: calc(52cqw / var(--columns)); line-height: 1;
  font-variant-numeric: tabular-nums; }}
.probe-grid > .given {{ font-weight: 700; }}
.probe-grid > .block {{ background: var(--soft); }}
.probe-grid > .read {{ color: var(--read); }}
.probe-grid > .wrong {{ color: var(--wrong); text-decoration: underline wavy; text-underline-offset: 0.16em;
  text-decoration-thickness: 0.05em; background: color-mix(in srgb, var(--wrong) 12%, transparent); }}
.probe-grid > .pencil {{ grid-template: repeat(3, 1fr) / repeat(3, 1fr); place-content: stretch; padding: 3%;
  font-size: calc(25cqw / var(--columns)); font-weight: 600; }}
.probe-grid .pencil i {{ display: grid; place-content: center; font-style: normal; }}
.probe-grid .pencil .false {{ color: var(--wrong); text-decoration: line-through; }}
.probe-grid .pencil .missed {{ color: var(--soft); opacity: 0.75; font-weight: 400;
  outline: 1px dashed currentColor; outline-offset: -2px; border-radius: 50%; }}
.probe-grid.boxes > span:nth-child(3n):not(:nth-child(9n)) {{ border-right: 2px solid var(--ink); }}
.probe-grid.boxes > span:nth-child(n + 19):nth-child(-n + 27), .probe-grid.boxes > span:nth-child(n + 46):nth-child(-n + 54) {{
  border-bottom: 2px solid var(--ink); }}
</style>"""
