"""One moment of a run, laid out.

From top to bottom: title, place in the recursion, the grid, its legend, what the call did, what kind of reading it is,
and what made the run. The layout is made for all moments that are shown, so that the frames of a film are equally large
and nothing in them jumps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from trm.coordinates import Coordinates
from trm.errors import UserError
from trm.export.call_view import MODES, READS_Z, CallView, call_view
from trm.export.pictures.cell_view import Grid
from trm.export.pictures.cells.cell import MARK_NAMES, grid_shapes
from trm.export.pictures.fonts import Length, measure, wrap
from trm.export.pictures.palette import THEMES, Palette
from trm.export.pictures.primitives import Corner, Disc, Hatch, Picture, Rect, Ring, Shape, Text
from trm.export.pictures.sentences import sentences
from trm.export.pictures.skin import Skin, skin_of
from trm.export.run import ExportedRun

MARGIN = 24
TEXT_WIDTH = 540  # at least
GRID_SIDE = 600  # cells are as large as fit into this ...
LARGEST_CELL, SMALLEST_CELL = 72, 10  # ... within these
TITLE, PLACE, BODY, SMALL = 19, 15.5, 15, 12.5  # sizes of letters
LINE = 1.35  # from line to line, in sizes
MAX_LINES = 3  # of a title or a sentence; longer ones are cut
MAX_NOTE_LINES = 8  # of a footnote
SWATCH = 12  # side of a mark in the legend


@dataclass(frozen=True)
class Appearance:
    """How moments are shown: the view, whether cells are marked that stayed right, a light or a dark page.

    Raises UserError for a view or a theme that there is not.
    """

    mode: str = "answer"  # of MODES
    marks: bool = False
    theme: str = "light"  # of THEMES

    def __post_init__(self):
        for option, chosen, known in (("view", self.mode, MODES), ("theme", self.theme, THEMES)):
            if chosen not in known:
                raise UserError(f"There is no {option} {chosen!r}. Choose one of: {', '.join(known)}.")

    @property
    def palette(self) -> Palette:
        return THEMES[self.theme]


@dataclass(frozen=True)
class PictureLayout:
    """Where things stand in the scenes of some moments of a run."""

    run: ExportedRun
    appearance: Appearance
    skin: Skin
    rows: int  # of the grid that is drawn: of 30x30 ARC tokens only those that some grid of the run needs
    columns: int
    cell: int
    title: tuple[str, ...]  # its lines
    events: int  # lines of the longest event
    readings: int
    footnotes: tuple[str, ...]

    @classmethod
    def of(
        cls, run: ExportedRun, shown: Sequence[Coordinates], appearance: Appearance | None = None
    ) -> PictureLayout:
        appearance = appearance or Appearance()
        rows, columns = window(run)
        cell = min(max(GRID_SIDE // max(rows, columns), SMALLEST_CELL), LARGEST_CELL)
        width = max(cell * columns, TEXT_WIDTH)
        said = [sentences(run, at, appearance.mode) for at in shown]
        return cls(
            run=run,
            appearance=appearance,
            skin=skin_of(run.task),
            rows=rows,
            columns=columns,
            cell=cell,
            title=tuple(wrap(run.title, TITLE, width, MAX_LINES)),
            events=max(len(wrap(one.event, BODY, width, MAX_LINES)) for one in said),
            readings=max(len(wrap(one.reading, BODY, width, MAX_LINES)) for one in said),
            footnotes=tuple(
                line
                for note in (run.note, run.provenance)
                if note
                for line in wrap(note, SMALL, width, MAX_NOTE_LINES)
            ),
        )

    @property
    def palette(self) -> Palette:
        return self.appearance.palette

    @property
    def text_width(self) -> int:
        return max(self.cell * self.columns, TEXT_WIDTH)

    @property
    def width(self) -> int:
        return self.text_width + 2 * MARGIN

    @property
    def grid_left(self) -> int:
        return (self.width - self.cell * self.columns) // 2

    @property
    def grid_top(self) -> int:
        return round(MARGIN + (len(self.title) * TITLE + PLACE) * LINE + 14)

    @property
    def grid_bottom(self) -> int:
        return self.grid_top + self.cell * self.rows

    def picture(self, at: Coordinates) -> Picture:
        """The scene of one moment of the run."""
        look, palette = self.appearance, self.palette
        shown = call_view(self.run, at, look.mode, marks=look.marks)
        said = sentences(self.run, at, look.mode)
        grid = Grid(
            self.run.task,
            self.skin,
            palette,
            self.rows,
            self.columns,
            self.cell,
            self.grid_left,
            self.grid_top,
        )
        pen = Pen(self.text_width)
        head = [*pen.lines(self.title, TITLE, palette.ink), *pen.lines([said.place], PLACE, palette.soft)]
        pen.y = self.grid_bottom + 12
        foot = [
            *self._legend(shown, pen),
            *pen.paragraph(said.event, BODY, palette.ink, self.events),
            *pen.paragraph(said.reading, BODY, palette.soft, self.readings),
        ]
        pen.y += 6
        foot += pen.lines(self.footnotes, SMALL, palette.soft)
        height = round(pen.y + MARGIN - 6)
        ground = Rect(0, 0, self.width, height, palette.paper)
        return Picture(
            width=self.width,
            height=height,
            title=f"{self.run.title}. {said.place}",
            description=f"{said.event}. {said.reading} {self.run.provenance}",
            palette=palette,
            shapes=(ground, *head, *grid_shapes(grid, shown), *foot),
        )

    def _legend(self, shown: CallView, pen: Pen) -> Iterator[Shape]:
        """What each mark means, and how many cells bear it. There is room for the largest count, so that nothing jumps."""
        most = "0" * len(str(self.run.task.cells))
        x, baseline = float(MARGIN), pen.next_line(SMALL)
        for name in self._marks():
            text = MARK_NAMES.get(name, self.skin.breaks)
            room = SWATCH + 6 + 1.1 * measure(f"{text} {most}", SMALL)
            if x > MARGIN and x + room > MARGIN + self.text_width:
                x, baseline = float(MARGIN), pen.next_line(1.15 * SMALL)
            yield from _swatch(name, x, baseline - 10, self.palette)
            count = int(getattr(shown, name).sum())
            yield Text(x + SWATCH + 6, baseline, f"{text} {count}", SMALL, self.palette.soft)
            x += room + 16
        pen.y += 10

    def _marks(self) -> list[str]:
        """Names of the marks that these moments can bear."""
        appearance, is_judged = self.appearance, self.run.trace.labels is not None
        possible = {
            "wrong": is_judged,
            "dropped": appearance.mode == "answer",
            "stable": appearance.marks and appearance.mode not in READS_Z,
        }
        return [name for name in (*self.skin.marks, "stable") if possible.get(name, True)]


@dataclass(frozen=True)
class Frames(Sequence[Picture]):
    """The frames of a film, each laid out when it is asked for: together those of a maze take hundreds of megabytes."""

    layout: PictureLayout
    shown: Sequence[Coordinates]

    def __len__(self) -> int:
        return len(self.shown)

    def __getitem__(self, number: int) -> Picture:
        return self.layout.picture(self.shown[number])


def film_frames(run: ExportedRun, every: str, appearance: Appearance | None = None) -> Frames:
    """The frames of a film of the run; `every` is one of EVERY."""
    shown = run.shown(every)
    return Frames(PictureLayout.of(run, shown, appearance), shown)


def _swatch(name: str, x: Length, y: Length, palette: Palette) -> Iterator[Shape]:
    """The mark alone, in a small square."""
    is_given = name == "given"
    frame, ground, rim = (
        (palette.ink, palette.surface, 1.5) if is_given else (palette.faint, palette.paper, 1)
    )
    yield Rect(x, y, SWATCH, SWATCH, frame)
    yield Rect(x + rim, y + rim, SWATCH - 2 * rim, SWATCH - 2 * rim, ground)
    if name == "changed":
        yield Corner(x, y, 8, palette.accent)
    elif name == "conflict":
        yield Hatch(x, y, SWATCH, SWATCH, palette.soft, 1, 4)
    elif name == "wrong":
        yield Rect(x, y + SWATCH - 3, SWATCH, 3, palette.wrong)
    elif name == "stable":
        yield Rect(x, y + SWATCH - 6, 6, 6, palette.goal)
    elif name == "dropped":
        yield Disc(x + SWATCH / 2, y + SWATCH / 2, SWATCH / 2, palette.paper)
        yield Ring(x + SWATCH / 2, y + SWATCH / 2, 4, 2, palette.mix(palette.accent, 0.6))


class Pen:
    """Writes lines from the top down."""

    def __init__(self, width: Length):
        self.width = width
        self.y = float(MARGIN)

    def next_line(self, size: Length) -> Length:
        """Goes down a line; returns the height that its letters stand on."""
        self.y += LINE * size
        return self.y - 0.35 * size

    def lines(self, lines: Sequence[str], size: Length, colour: str, *, bold: bool = False) -> list[Text]:
        return [Text(MARGIN, self.next_line(size), line, size, colour, bold=bold) for line in lines]

    def paragraph(self, text: str, size: Length, colour: str, room: int) -> list[Text]:
        """Wraps a text, and leaves room for so many lines however few it has."""
        lines = wrap(text, size, self.width, room)
        written = self.lines(lines, size, colour)
        self.y += (room - len(lines)) * LINE * size
        return written


def window(run: ExportedRun) -> tuple[int, int]:
    """Rows and columns that are drawn: all, or of a task that crops its grids those of the largest one with its border.

    The cells beyond can hold anything, and are neither scored nor marked.
    """
    task, trace = run.task, run.trace
    grids = np.concatenate(
        [trace.inputs[None], trace.answers, *([] if trace.labels is None else [trace.labels[None]])]
    )
    sizes = task.crop(grids)
    if sizes is None:
        return task.rows, task.columns
    rows, columns = (int(size.max()) + 1 for size in sizes)
    return min(rows, task.rows), min(columns, task.columns)
