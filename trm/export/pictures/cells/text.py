"""Cells with their symbol as text (Sudoku)."""

from collections.abc import Iterator
from functools import lru_cache
from math import ceil

from trm.export.call_view import READS_Z, CallView
from trm.export.pictures.cell_view import CAPITAL, CellView, Grid, outline
from trm.export.pictures.fonts import measure
from trm.export.pictures.primitives import Corner, Hatch, Rect, Shape, Text
from trm.tasks.base import Task

LEAST = 0.02  # smallest probability that is drawn


def paint(cell: CellView) -> Iterator[Shape]:
    """The shapes of a cell."""
    palette = cell.palette
    yield cell.rect(_ground(cell))
    if "conflict" in cell.marks:
        yield Hatch(cell.x, cell.y, cell.size, cell.size, palette.hatch, 2.5, 10)
    if "changed" in cell.marks:
        yield Corner(cell.x, cell.y, cell.size * 0.24, palette.accent)
    if "stable" in cell.marks:
        side = cell.size * 0.14
        yield Rect(cell.x, cell.y + cell.size - side, side, side, palette.goal)
    if cell.mode == "probabilities" and "given" not in cell.marks:
        yield from _pencil(cell)
        return
    yield from _symbol(cell)
    if cell.secondary is not None:
        size = cell.size * 0.24
        secondary = cell.grid.task.symbols[cell.secondary]
        x, y = cell.x + cell.size * 0.84, cell.y + cell.size * 0.1 + size * CAPITAL
        yield Text(x, y, secondary, size, palette.soft, middle=True)


def _ground(cell: CellView) -> str:
    palette = cell.palette
    if cell.mode == "confidence":
        return palette.mix(palette.accent, 0.45 * cell.confidence)
    if cell.mode == "change" and "changed" in cell.marks:
        return palette.mix(palette.accent, 0.22)
    return palette.surface if "given" in cell.marks else palette.paper


def _symbol(cell: CellView) -> Iterator[Shape]:
    palette, marks = cell.palette, cell.marks
    tone = palette.wrong if "wrong" in marks else palette.faint if cell.is_empty else palette.ink
    is_dimmed = cell.mode == "change" and "changed" not in marks
    shows_z = cell.mode in READS_Z and "given" not in marks
    if is_dimmed:
        tone = palette.faint
    elif shows_z and cell.confidence is not None:
        tone = palette.mix(tone, 0.4 + 0.6 * cell.confidence)
    size = cell.size * 0.6
    x, y = cell.middle
    baseline = y + size * CAPITAL / 2
    bold = "given" in marks or (cell.mode == "change" and "changed" in marks)
    yield Text(x, baseline, cell.symbol, size, tone, bold=bold, italic=shows_z, middle=True)
    if "wrong" in marks and not is_dimmed:
        width = measure(cell.symbol, size, italic=shows_z)
        yield Rect(x - width / 2, baseline + size * 0.1, width, size * 0.09, tone)


def _pencil(cell: CellView) -> Iterator[Shape]:
    """Pencil marks: each symbol is small at its own position, and grows towards the middle as its probability rises."""
    if cell.probabilities is None:
        return
    palette, task = cell.palette, cell.grid.task
    for token, across, down in _places(task):
        p = float(cell.probabilities[token])
        if p < LEAST:
            continue
        size = cell.size * (0.17 + 0.43 * p)
        x, y = (place + (0.5 - place) * p * p for place in (across, down))
        tone = palette.mix(palette.ink, round(0.4 + 0.6 * p, 1))
        baseline = cell.y + y * cell.size + size * CAPITAL / 2
        yield Text(cell.x + x * cell.size, baseline, task.symbols[token], size, tone, middle=True)


@lru_cache(maxsize=16)
def _places(task: Task) -> tuple[tuple[int, float, float], ...]:
    """For each symbol of an answer, its token and the position of its pencil mark, as fractions of the cell."""
    tokens = [token for token, name in enumerate(task.symbol_names) if name not in ("blank", "pad")]
    across = getattr(task, "box_columns", 0) or ceil(len(tokens) ** 0.5)
    down = ceil(len(tokens) / across)
    return tuple(
        (token, (place % across + 0.5) / across, (place // across + 0.5) / down)
        for place, token in enumerate(tokens)
    )


def lines(grid: Grid, view: CallView) -> Iterator[Shape]:
    """Thin lines between cells, and thick lines between boxes and around the grid."""
    palette, width, height = grid.palette, grid.width, grid.height
    box_rows, box_columns = getattr(grid.task, "box_rows", 0), getattr(grid.task, "box_columns", 0)
    for strong, thick, tone in ((False, 1, palette.cell_line), (True, 2, palette.ink)):
        for row in range(1, grid.rows):
            if _closes_box(row, box_rows) == strong:
                yield Rect(grid.left, grid.top + row * grid.cell - 1, width, thick, tone)
        for column in range(1, grid.columns):
            if _closes_box(column, box_columns) == strong:
                yield Rect(grid.left + column * grid.cell - 1, grid.top, thick, height, tone)
    yield from outline(grid.left, grid.top, width, height, 2, palette.ink)


def _closes_box(place: int, box: int) -> bool:
    return bool(box) and place % box == 0
