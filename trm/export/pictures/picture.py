"""The layout of a picture of a run after one call.

From top to bottom: title, position in the recursion, grid, legend, event of the call, caption, provenance. One layout
is computed for all pictures in a film, so that its frames have the same size and nothing jumps.
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
GRID_SIDE = 600  # grid size: the largest cells that fit are used ...
LARGEST_CELL, SMALLEST_CELL = 72, 10  # ... within these bounds
TITLE, PLACE, BODY, SMALL = 19, 15.5, 15, 12.5  # font sizes
LINE = 1.35  # line height, relative to the font size
MAX_LINES = 3  # of a title or a sentence; longer texts are cut
MAX_NOTE_LINES = 8  # of a footnote
SWATCH = 12  # side of a mark in the legend


@dataclass(frozen=True)
class Appearance:
    """How pictures look: the view, whether to mark stably correct cells, and the theme.

    Raises `UserError` for an unknown view or theme.
    """

    mode: str = "answer"  # one of MODES
    marks: bool = False
    theme: str = "light"  # one of THEMES

    def __post_init__(self):
        for option, value, choices in (("view", self.mode, MODES), ("theme", self.theme, THEMES)):
            if value not in choices:
                raise UserError(f"Unknown {option} {value!r}. Choose one of: {', '.join(choices)}.")

    @property
    def palette(self) -> Palette:
        return THEMES[self.theme]


@dataclass(frozen=True)
class PictureLayout:
    """The common layout for pictures of several calls in a run."""

    run: ExportedRun
    appearance: Appearance
    skin: Skin
    rows: int  # of the drawn part of the grid: for ARC, the size of the run's largest grid
    columns: int
    cell: int
    title: tuple[str, ...]  # its lines
    events: int  # lines of the longest event
    captions: int  # lines of the longest caption
    footnotes: tuple[str, ...]

    @classmethod
    def of(
        cls, run: ExportedRun, calls: Sequence[Coordinates], appearance: Appearance | None = None
    ) -> PictureLayout:
        """Compute the layout for pictures of these calls."""
        appearance = appearance or Appearance()
        rows, columns = window(run)
        cell = min(max(GRID_SIDE // max(rows, columns), SMALLEST_CELL), LARGEST_CELL)
        width = max(cell * columns, TEXT_WIDTH)
        texts = [sentences(run, at, appearance.mode) for at in calls]
        return cls(
            run=run,
            appearance=appearance,
            skin=skin_of(run.task),
            rows=rows,
            columns=columns,
            cell=cell,
            title=tuple(wrap(run.title, TITLE, width, MAX_LINES)),
            events=max(len(wrap(each.event, BODY, width, MAX_LINES)) for each in texts),
            captions=max(len(wrap(each.caption, BODY, width, MAX_LINES)) for each in texts),
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
        """Width of lines of text."""
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
        """The picture after one call in the run."""
        appearance, palette = self.appearance, self.palette
        view = call_view(self.run, at, appearance.mode, marks=appearance.marks)
        texts = sentences(self.run, at, appearance.mode)
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
        head = [*pen.lines(self.title, TITLE, palette.ink), *pen.lines([texts.place], PLACE, palette.soft)]
        pen.y = self.grid_bottom + 12
        foot = [
            *self._legend(view, pen),
            *pen.paragraph(texts.event, BODY, palette.ink, self.events),
            *pen.paragraph(texts.caption, BODY, palette.soft, self.captions),
        ]
        pen.y += 6
        foot += pen.lines(self.footnotes, SMALL, palette.soft)
        height = round(pen.y + MARGIN - 6)
        ground = Rect(0, 0, self.width, height, palette.paper)
        return Picture(
            width=self.width,
            height=height,
            title=f"{self.run.title}. {texts.place}",
            description=f"{texts.event}. {texts.caption} {self.run.provenance}",
            palette=palette,
            shapes=(ground, *head, *grid_shapes(grid, view), *foot),
        )

    def _legend(self, view: CallView, pen: Pen) -> Iterator[Shape]:
        """The label and count of each mark, with space for the largest count, so that the layout is stable."""
        most = "0" * len(str(self.run.task.cells))
        x, baseline = float(MARGIN), pen.next_line(SMALL)
        for name in self._marks():
            text = MARK_NAMES.get(name, self.skin.conflict)
            room = SWATCH + 6 + 1.1 * measure(f"{text} {most}", SMALL)
            if x > MARGIN and x + room > MARGIN + self.text_width:
                x, baseline = float(MARGIN), pen.next_line(1.15 * SMALL)
            yield from _swatch(name, x, baseline - 10, self.palette)
            count = int(getattr(view, name).sum())
            yield Text(x + SWATCH + 6, baseline, f"{text} {count}", SMALL, self.palette.soft)
            x += room + 16
        pen.y += 10

    def _marks(self) -> list[str]:
        """Names of the marks that can occur."""
        appearance, is_gradable = self.appearance, self.run.trace.labels is not None
        possible = {
            "wrong": is_gradable,
            "dropped": appearance.mode == "answer",
            "stable": appearance.marks and appearance.mode not in READS_Z,
        }
        return [name for name in (*self.skin.marks, "stable") if possible.get(name, True)]


@dataclass(frozen=True)
class Frames(Sequence[Picture]):
    """The frames of a film, created on access: all frames for a maze together take hundreds of megabytes."""

    layout: PictureLayout
    calls: Sequence[Coordinates]

    def __len__(self) -> int:
        return len(self.calls)

    def __getitem__(self, number: int) -> Picture:
        return self.layout.picture(self.calls[number])


def film_frames(run: ExportedRun, every: str, appearance: Appearance | None = None) -> Frames:
    """The frames of a film of the run; `every` is one of EVERY."""
    calls = run.film_calls(every)
    return Frames(PictureLayout.of(run, calls, appearance), calls)


def _swatch(name: str, x: Length, y: Length, palette: Palette) -> Iterator[Shape]:
    """A mark in a small square, for the legend."""
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
    """Lays out lines of text from top to bottom."""

    def __init__(self, width: Length):
        self.width = width
        self.y = float(MARGIN)

    def next_line(self, size: Length) -> Length:
        """Advance by a line. Returns the y of its baseline."""
        self.y += LINE * size
        return self.y - 0.35 * size

    def lines(self, lines: Sequence[str], size: Length, colour: str, *, bold: bool = False) -> list[Text]:
        """Lay out lines one below the other."""
        return [Text(MARGIN, self.next_line(size), line, size, colour, bold=bold) for line in lines]

    def paragraph(self, text: str, size: Length, colour: str, room: int) -> list[Text]:
        """Wrap a text and reserve space for `room` lines, even if the text has fewer."""
        lines = wrap(text, size, self.width, room)
        written = self.lines(lines, size, colour)
        self.y += (room - len(lines)) * LINE * size
        return written


def window(run: ExportedRun) -> tuple[int, int]:
    """Rows and columns to draw: all, or, for a task that crops its grids, the largest grid and its border.

    Cells outside this window may hold anything and are neither scored nor marked.
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
