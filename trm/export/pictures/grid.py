"""Only the grid after one call in a run, as SVG, for pages with their own title and text."""

from trm.coordinates import Coordinates
from trm.export.call_view import call_view
from trm.export.pictures.cell_view import Grid
from trm.export.pictures.cells.cell import grid_shapes
from trm.export.pictures.picture import Appearance, window
from trm.export.pictures.primitives import Picture, Rect
from trm.export.pictures.sentences import sentences
from trm.export.pictures.skin import skin_of
from trm.export.pictures.svg import svg
from trm.export.run import ExportedRun

EDGE = 2  # margin for the outer half of the outline


def grid_svg(
    run: ExportedRun, at: Coordinates, *, appearance: Appearance | None = None, side: int = 360
) -> str:
    """The grid after the call at these coordinates as SVG, at most `side` pixels wide and high plus the edge."""
    appearance = appearance or Appearance()
    rows, columns = window(run)
    cell = max(side // max(rows, columns), 1)
    grid = Grid(run.task, skin_of(run.task), appearance.palette, rows, columns, cell, EDGE, EDGE)
    width, height = cell * columns + 2 * EDGE, cell * rows + 2 * EDGE
    texts = sentences(run, at, appearance.mode)
    return svg(
        Picture(
            width=width,
            height=height,
            title=texts.place,
            description=texts.event,
            palette=appearance.palette,
            shapes=(
                Rect(0, 0, width, height, appearance.palette.paper),
                *grid_shapes(grid, call_view(run, at, appearance.mode, marks=appearance.marks)),
            ),
        )
    )
