"""Pictures of made-up runs: their files, and what is drawn in them."""

from pathlib import Path
from xml.etree import ElementTree

from matplotlib.text import Text

from trm.coordinates import F_H, F_L, Coordinates
from trm.export.outputs import OutputRequest, write
from trm.export.pictures.film import FrameTiming
from trm.export.pictures.palette import Appearance
from trm.export.pictures.picture import RunPicture
from trm.export.pictures.text import drawing
from trm.export.run import ExportedRun
from trm.progress import no_progress

SVG = "{http://www.w3.org/2000/svg}"
FIRST, SECOND, LAST = Coordinates(1, 1, 3, F_H), Coordinates(1, 2, 3, F_H), Coordinates(3, 2, 3, F_H)
BEFORE = Coordinates(1, 1, 1, F_L)


def rgb(colour: str) -> tuple[int, int, int]:
    return tuple(int(colour[at : at + 2], 16) for at in (1, 3, 5))


class Drawn:
    """A picture of a run after one call, and its pixels."""

    def __init__(self, run: ExportedRun, at: Coordinates, **look):
        with drawing():
            self.picture = RunPicture(run, [at], Appearance(**look))
        (self.image,) = self.picture.frames()
        self.texts = [text.get_text() for text in self.picture.figure.findobj(Text)]

    def cell(self, row: int, column: int, x: float, y: float) -> tuple[int, int, int]:
        """The colour at a position within a cell, from (0, 0) to (1, 1)."""
        grid = self.picture.grid
        place = (grid.left + (column + x) * grid.side, grid.top + (row + y) * grid.side)
        return self.image.getpixel((int(place[0]), int(place[1])))

    def colours_in(self, row: int, column: int) -> set[tuple[int, int, int]]:
        grid = self.picture.grid
        left, top = grid.left + column * grid.side, grid.top + row * grid.side
        cell = self.image.crop((int(left), int(top), int(left + grid.side), int(top + grid.side)))
        return {colour for _, colour in cell.getcolors(1 << 16)}


def saved(tmp_path: Path, run: ExportedRun, format: str, at: Coordinates = FIRST, **look) -> Path:
    path = tmp_path / f"picture.{format}"
    request = OutputRequest({format: path}, at, None, FrameTiming(), appearance=Appearance(**look))
    write(run, request, no_progress)
    return path


def svg_root(tmp_path: Path, run: ExportedRun, at: Coordinates = FIRST, **look) -> ElementTree.Element:
    return ElementTree.fromstring(saved(tmp_path, run, "svg", at, **look).read_bytes())


def svg_texts(root: ElementTree.Element) -> list[str]:
    return [node.text for node in root.iter(f"{SVG}text")]
