"""Draw a run after one call, as a picture or as the frames of a film.

A picture shows, from top to bottom, the title, the position in the recursion, the grid, the legend, the event of the
call, a caption, the strips of the run, a note, and the provenance. All frames of a film share one layout, so that no
element moves: what all of them show is drawn once.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.transforms import Affine2D
from PIL import Image

from trm import __version__
from trm.coordinates import Coordinates
from trm.export.call_view import READS_Z, CallView, call_view
from trm.export.pictures.grid import GridPainter, window
from trm.export.pictures.ink import Ink
from trm.export.pictures.palette import LIGHT, Appearance, Palette
from trm.export.pictures.sentences import say, sentences
from trm.export.pictures.skin import skin_of
from trm.export.pictures.strips import StripPainter, strips_of
from trm.export.pictures.text import Length, drawing, measure, wrap
from trm.export.run import ExportedRun

MARGIN = 24
TEXT_WIDTH = 540  # minimum width of text
GRID_SIDE = 600  # maximum side of the grid
LARGEST_CELL, SMALLEST_CELL = 72, 10  # bounds on the side of a cell
TITLE, PLACE, BODY, SMALL = 18, 14.5, 13.5, 12  # font sizes
LINE = 1.35  # line height, relative to the font size
MAX_LINES = 3  # maximum lines of a title or sentence; longer texts are cut
MAX_NOTE_LINES = 8  # maximum lines of a footnote
SWATCH = 12  # side of a mark in the legend
INCH = 72  # points
PAPER_UNIT = 0.58  # points per unit on paper, where text is 7 to 8 points high
PAPER_MARGIN = 3
PRINTED = replace(LIGHT, paper="#ffffff")
PNG_DPI = 2 * INCH
SAMPLED_CALLS = 8  # calls of a film whose colours are looked up
EDGE = 2  # margin of a grid alone, for the outer half of its outline


class RunPicture:
    """A picture of a run with the same layout for all `calls`. Create and use it within `drawing()`.

    A unit of its layout is one point or, for a picture that is `inches` wide, PAPER_UNIT.
    """

    def __init__(
        self,
        run: ExportedRun,
        calls: Sequence[Coordinates],
        appearance: Appearance | None = None,
        *,
        inches: Length | None = None,
    ):
        self.run, self.appearance = run, appearance or Appearance()
        palette = self.appearance.palette
        self.palette = PRINTED if inches and palette is LIGHT else palette
        self.unit = PAPER_UNIT if inches else 1.0
        self.margin = PAPER_MARGIN if inches else MARGIN
        self.moving: list[Artist] = []
        self._sentences = {at: sentences(run, at, self.appearance.mode) for at in calls}
        rows, columns = window(run)
        side: Length = min(max(GRID_SIDE // max(rows, columns), SMALLEST_CELL), LARGEST_CELL)
        self.text_width: Length = max(side * columns, TEXT_WIDTH)
        if inches:
            self.text_width = inches * INCH / self.unit - 2 * self.margin
            side = min(side, (self.text_width - 2 * EDGE) / columns)
        self._lay_out(rows, columns, side)

    def _lay_out(self, rows: int, columns: int, side: Length) -> None:
        """Place all parts from top to bottom, and draw those that all calls share."""
        run, palette, width = self.run, self.palette, self.text_width
        fixed, texts = Ink(), self._sentences.values()
        self._place_y = self._lines(fixed, run.title, self.margin, TITLE, palette.ink)
        y = self._place_y + self._room(PLACE, [text.place for text in texts]) + 12
        left = self.margin + (width - columns * side) / 2
        self.grid = GridPainter(run.task, palette, rows, columns, left, y, side)
        y += rows * side + 12
        self._legend_y = y
        y = self._legend(Ink(), None, y) + 8
        self._event_y = y
        self._caption_y = y + self._room(BODY, [text.event for text in texts])
        y = self._caption_y + self._room(BODY, [text.caption for text in texts]) + 10
        self.strips = StripPainter(run, palette, strips_of(run), self.margin, round(y), width)
        self.strips.paint(fixed)
        y += self.strips.height + 6
        for note in filter(None, (run.note, run.provenance)):
            y = self._lines(fixed, note, y, SMALL, palette.soft, MAX_NOTE_LINES)
        self.size = round(width + 2 * self.margin), round(y + self.margin - 4)
        self.figure = _figure(*self.size, self.unit, palette.paper)
        _add(self.figure, fixed, self.unit)

    def _room(self, size: Length, texts: Iterable[str]) -> Length:
        """Height of the text with the most lines."""
        return LINE * size * max(len(wrap(text, size, self.text_width, MAX_LINES)) for text in texts)

    def _lines(
        self, ink: Ink, text: str, y: Length, size: Length, colour: str, most: int = MAX_LINES
    ) -> Length:
        """Draw a text below y, in at most `most` lines. Returns the lower end."""
        for line in wrap(text, size, self.text_width, most):
            y += LINE * size
            ink.text(self.margin, y - 0.35 * size, line, size, colour)
        return y

    def show(self, at: Coordinates, *, outlined: bool = False) -> CallView:
        """Draw the parts that depend on the call, instead of those of the call before. Returns what the cells show."""
        for artist in self.moving:
            artist.remove()
        ink, palette, texts = Ink(), self.palette, self._sentences[at]
        view = call_view(self.run, at, self.appearance.mode, marks=self.appearance.marks)
        self._lines(ink, texts.place, self._place_y, PLACE, palette.soft)
        self.grid.paint(ink, view)
        self._legend(ink, view, self._legend_y)
        self._lines(ink, texts.event, self._event_y, BODY, palette.ink)
        self._lines(ink, texts.caption, self._caption_y, BODY, palette.soft)
        self.strips.mark(ink, at)
        self.moving = _add(self.figure, ink, self.unit, outlined=outlined)
        return view

    def _legend(self, ink: Ink, view: CallView | None, y: Length) -> Length:
        """Draw the label and count of each mark. Returns the lower end. All counts have space for the largest."""
        most = "0" * len(str(self.run.task.cells))
        x, baseline = float(self.margin), y + SMALL
        for name, label in self._mark_names().items():
            room = SWATCH + 6 + measure(f"{label} {most}", SMALL)
            if x > self.margin and x + room > self.margin + self.text_width:
                x, baseline = float(self.margin), baseline + 1.5 * SMALL
            if view:
                _swatch(ink, name, x, baseline - 10.5, self.palette)
                text = f"{label} {int(getattr(view, name).sum())}"
                ink.text(x + SWATCH + 6, baseline, text, SMALL, self.palette.soft)
            x += room + 14
        return baseline + 0.35 * SMALL

    def _mark_names(self) -> dict[str, str]:
        """Labels of the marks that can occur in pictures of the run."""
        appearance, skin = self.appearance, skin_of(self.run.task)
        possible = {
            "wrong": self.run.trace.labels is not None,
            "dropped": appearance.mode == "answer",
            "stable": appearance.marks and appearance.mode not in READS_Z,
        }
        return {
            name: say(skin.conflict if name == "conflict" else f"mark_{name}")
            for name in (*skin.marks, "stable")
            if possible.get(name, True)
        }

    def save(self, path: Path, format: str, at: Coordinates) -> None:
        """Write the picture of a call as PNG, SVG or PDF."""
        view, texts = self.show(at), self._sentences[at]
        title = f"{self.run.title}. {texts.place}"
        if format != "svg":
            save_figure(self.figure, path, format, title)
            return
        about = [texts.event, texts.caption.rstrip("."), *self._marked_cells(view), self.run.provenance]
        path.write_text(svg_text(self.figure, title, ". ".join(about)), "utf-8")

    def _marked_cells(self, view: CallView) -> Iterator[str]:
        """List the cells with each mark, for screen readers: "wrong: r1c2, r3c4"."""
        for name, label in self._mark_names().items():
            places = (
                divmod(cell, self.run.task.columns) for cell in np.flatnonzero(getattr(view, name)).tolist()
            )
            if cells := ", ".join(f"r{row + 1}c{column + 1}" for row, column in places):
                yield f"{label}: {cells}"

    def __len__(self) -> int:
        """Number of calls."""
        return len(self._sentences)

    def frames(self) -> Iterator[Image.Image]:
        """Yield the picture of each call as pixels, one per unit. Other threads can draw between two frames."""
        canvas = FigureCanvasAgg(self.figure)
        with drawing():
            canvas.draw()
            background = canvas.copy_from_bbox(self.figure.bbox)
        for at in self._sentences:
            with drawing():
                canvas.restore_region(background)
                self.show(at, outlined=True)
                for artist in self.moving:
                    artist.draw(canvas.get_renderer())
                frame = Image.frombuffer("RGBA", self.size, canvas.buffer_rgba()).convert("RGB")
            yield frame

    def tones(self) -> set[str]:
        """Colours of the cells in some of the calls."""
        calls = list(self._sentences)
        ink = Ink()
        for at in calls[:: max(1, len(calls) // SAMPLED_CALLS)]:
            self.grid.paint(ink, call_view(self.run, at, self.appearance.mode, marks=self.appearance.marks))
        return ink.colours


def save_picture(
    path: Path,
    format: str,
    run: ExportedRun,
    at: Coordinates,
    appearance: Appearance | None = None,
    *,
    inches: Length | None = None,
) -> None:
    """Write the picture of a call as PNG, SVG or PDF (`format`). `inches` is the width of a PDF."""
    with drawing():
        RunPicture(run, [at], appearance, inches=inches).save(path, format, at)


def film_of(run: ExportedRun, every: str, appearance: Appearance | None = None) -> RunPicture:
    """Return the picture of a run for its film. `every` is one of EVERY."""
    with drawing():
        return RunPicture(run, run.film_calls(every), appearance)


def grid_svg(
    run: ExportedRun, at: Coordinates, *, appearance: Appearance | None = None, side: int = 360
) -> str:
    """Draw only the grid after a call as SVG, at most `side` wide and high plus a margin."""
    appearance = appearance or Appearance()
    rows, columns = window(run)
    cell = max(side // max(rows, columns), 1)
    width, height = cell * columns + 2 * EDGE, cell * rows + 2 * EDGE
    ink, texts = Ink(), sentences(run, at, appearance.mode)
    with drawing():
        painter = GridPainter(run.task, appearance.palette, rows, columns, EDGE, EDGE, cell)
        painter.paint(ink, call_view(run, at, appearance.mode, marks=appearance.marks))
        figure = _figure(width, height, 1, appearance.palette.paper)
        _add(figure, ink, 1)
        return svg_text(figure, texts.place, texts.event)


def _figure(width: Length, height: Length, unit: Length, paper: str) -> Figure:
    """An empty figure of a size in units; without a resolution, a pixel is a point."""
    return Figure(figsize=(width * unit / INCH, height * unit / INCH), dpi=INCH, facecolor=paper)


def _add(figure: Figure, ink: Ink, unit: Length, *, outlined: bool = False) -> list[Artist]:
    """Add the shapes and text to a figure. Returns the artists."""
    inches = unit / INCH
    place = Affine2D().scale(inches, -inches).translate(0, figure.get_figheight()) + figure.dpi_scale_trans
    return [figure.add_artist(artist) for artist in ink.artists(place, unit, outlined=outlined)]


def save_figure(figure: Figure, path: Path, format: str, title: str) -> None:
    """Write a figure as PNG, PDF or SVG."""
    maker = f"Recursion Lens {__version__}"
    date = "Date" if format == "svg" else "CreationDate"
    facts: dict[str, str | None] = {"Title": title, "Creator": maker, date: None}
    if format == "png":
        facts = {"Title": title, "Software": maker}
    figure.savefig(path, format=format, dpi=PNG_DPI, metadata=facts)


def svg_text(figure: Figure, title: str, about: str) -> str:
    """Return a figure as SVG, in pixels, with a title and a description for screen readers."""
    text = io.StringIO()
    facts = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(text, format="svg", metadata={"Title": title, **facts})
    described = re.sub(
        "<metadata>.*</metadata>", lambda _: f"<desc>{escape(about)}</desc>", text.getvalue(), flags=re.DOTALL
    )
    described = re.sub('(<text style="[^"]*font-family: [^;"]*)', r"\1, sans-serif", described)
    head, _, body = described.partition("<svg ")
    return f'{head}<svg role="img" xml:lang="en" ' + re.sub(r'(\d)pt"', r'\1px"', body, count=2)


def _swatch(ink: Ink, name: str, x: Length, y: Length, palette: Palette) -> None:
    """Draw a mark in a small square for the legend."""
    is_given = name == "given"
    rim, tone, ground = (1.5, palette.ink, palette.surface) if is_given else (1, palette.faint, palette.paper)
    ink.box(0, tone, x, y, SWATCH, SWATCH)
    ink.box(1, ground, x + rim, y + rim, SWATCH - 2 * rim, SWATCH - 2 * rim)
    if name == "changed":
        ink.corner(2, palette.accent, x, y, 8)
    elif name == "conflict":
        ink.hatch(2, palette.soft, (x, y, SWATCH), 0.12)
    elif name == "wrong":
        ink.box(2, palette.wrong, x, y + SWATCH - 3, SWATCH, 3)
    elif name == "stable":
        ink.box(2, palette.goal, x, y + SWATCH - 6, 6, 6)
    elif name == "dropped":
        ink.disc(2, palette.paper, x + SWATCH / 2, y + SWATCH / 2, SWATCH / 2)
        ink.ring(3, palette.mix(palette.accent, 0.6), (x + SWATCH / 2, y + SWATCH / 2), 4, 2)
