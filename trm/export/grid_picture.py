"""The grid of one moment of a run and nothing else, as SVG: for a page that says the rest itself."""

from trm.coordinates import Coordinates
from trm.export.cells import Grid, grid_parts
from trm.export.primitives import PAPER, Rect, Scene
from trm.export.run import Run
from trm.export.scene import window
from trm.export.skin import skin_of
from trm.export.svg import svg

EDGE = 2  # around the grid, for the half of its outline that lies outside


def grid_svg(run: Run, at: Coordinates, *, side: int = 360) -> str:
    """What y shows after the call at these coordinates, in a picture of at most `side` pixels and its edge."""
    rows, columns = window(run)
    cell = max(side // max(rows, columns), 1)
    moment = run.moment(at)
    grid = Grid(run.task, skin_of(run.task), rows, columns, cell, EDGE, EDGE)
    width, height = cell * columns + 2 * EDGE, cell * rows + 2 * EDGE
    parts = (Rect(0, 0, width, height, PAPER), *grid_parts(grid, moment))
    return svg(Scene(width, height, moment.place, moment.event, parts))
