"""The grid of one moment of a run and nothing else, as SVG: for a page that says the rest itself."""

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

EDGE = 2  # around the grid, for the half of its outline that lies outside


def grid_svg(
    run: ExportedRun, at: Coordinates, *, appearance: Appearance | None = None, side: int = 360
) -> str:
    """What the cells show after the call at these coordinates, in a picture of at most `side` pixels and its edge."""
    look = appearance or Appearance()
    rows, columns = window(run)
    cell = max(side // max(rows, columns), 1)
    grid = Grid(run.task, skin_of(run.task), look.palette, rows, columns, cell, EDGE, EDGE)
    width, height = cell * columns + 2 * EDGE, cell * rows + 2 * EDGE
    said = sentences(run, at, look.mode)
    return svg(
        Picture(
            width=width,
            height=height,
            title=said.place,
            description=said.event,
            palette=look.palette,
            shapes=(
                Rect(0, 0, width, height, look.palette.paper),
                *grid_shapes(grid, call_view(run, at, look.mode, marks=look.marks)),
            ),
        )
    )
