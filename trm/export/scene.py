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
from trm.export.cells import Grid, grid_parts
from trm.export.fonts import Length, measure, wrap
from trm.export.primitives import (
    ACCENT,
    FAINT,
    INK,
    PAPER,
    SOFT,
    SURFACE,
    WRONG,
    Corner,
    Hatch,
    Part,
    Rect,
    Scene,
    Text,
)
from trm.export.run import Moment, Run
from trm.export.skin import Skin, skin_of

MARGIN = 24
TEXT_WIDTH = 540  # at least
GRID_SIDE = 600  # cells are as large as fit into this ...
LARGEST_CELL, SMALLEST_CELL = 72, 10  # ... within these
TITLE, PLACE, BODY, SMALL = 19, 15.5, 15, 12.5  # sizes of letters
LINE = 1.35  # from line to line, in sizes
MOST_LINES = 3  # of a title or a sentence; longer ones are cut
MOST_NOTE_LINES = 8  # of a footnote


@dataclass(frozen=True)
class Layout:
    """Where things stand in the scenes of some moments of a run."""

    run: Run
    skin: Skin
    rows: int  # of the grid that is drawn: of 30x30 ARC tokens only those that some grid of the run needs
    columns: int
    cell: int
    title: tuple[str, ...]  # its lines
    events: int  # lines of the longest event
    readings: int
    footnotes: tuple[str, ...]

    @classmethod
    def of(cls, run: Run, shown: Sequence[Coordinates]) -> Layout:
        rows, columns = window(run)
        cell = min(max(GRID_SIDE // max(rows, columns), SMALLEST_CELL), LARGEST_CELL)
        width = max(cell * columns, TEXT_WIDTH)
        said = [run.sentences(at) for at in shown]
        return cls(
            run=run,
            skin=skin_of(run.task),
            rows=rows,
            columns=columns,
            cell=cell,
            title=tuple(wrap(run.title, TITLE, width, MOST_LINES)),
            events=max(len(wrap(one["event"], BODY, width, MOST_LINES)) for one in said),
            readings=max(len(wrap(one["reading"], BODY, width, MOST_LINES)) for one in said),
            footnotes=tuple(
                line
                for note in (run.note, run.provenance)
                if note
                for line in wrap(note, SMALL, width, MOST_NOTE_LINES)
            ),
        )

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

    def scene(self, moment: Moment) -> Scene:
        """The scene of one moment of the run."""
        grid = Grid(
            self.run.task, self.skin, self.rows, self.columns, self.cell, self.grid_left, self.grid_top
        )
        pen = Pen(self.text_width)
        head = [
            *pen.lines(self.title, TITLE, INK),
            *pen.lines([moment.place], PLACE, SOFT),
        ]
        pen.y = self.grid_bottom + 12
        legend = list(self._legend(moment, pen))
        foot = [
            *legend,
            *pen.paragraph(moment.event, BODY, INK, self.events),
            *pen.paragraph(moment.reading, BODY, SOFT, self.readings),
        ]
        pen.y += 6
        foot += pen.lines(self.footnotes, SMALL, SOFT)
        height = round(pen.y + MARGIN - 6)
        return Scene(
            width=self.width,
            height=height,
            title=f"{self.run.title}. {moment.place}",
            description=f"{moment.event}. {moment.reading} {self.run.provenance}",
            parts=(Rect(0, 0, self.width, height, PAPER), *head, *grid_parts(grid, moment), *foot),
        )

    def _legend(self, moment: Moment, pen: Pen) -> Iterator[Part]:
        """What each mark means, and how many cells bear it."""
        names = {
            "given": "given",
            "changed": "changed",
            "conflict": self.skin.breaks,
            "wrong": "not the solution",
        }
        shown = [name for name in self.skin.marks if name != "wrong" or self.run.trace.labels is not None]
        x, side = float(MARGIN), 12
        baseline = pen.next_line(SMALL)
        for name in shown:
            yield from _swatch(name, x, baseline - 10, side)
            text = f"{names[name]} {int(getattr(moment, name).sum())}"
            yield Text(x + side + 6, baseline, text, SMALL, SOFT)
            x += side + 6 + 1.1 * measure(text, SMALL) + 16
        pen.y += 10


def _swatch(name: str, x: Length, y: Length, side: Length) -> Iterator[Part]:
    """The mark alone, in a small square."""
    frame, ground = (INK, SURFACE) if name == "given" else (FAINT, PAPER)
    rim = 1.5 if name == "given" else 1
    yield Rect(x, y, side, side, frame)
    yield Rect(x + rim, y + rim, side - 2 * rim, side - 2 * rim, ground)
    if name == "changed":
        yield Corner(x, y, 8, ACCENT)
    elif name == "conflict":
        yield Hatch(x, y, side, side, SOFT, 1, 4)
    elif name == "wrong":
        yield Rect(x, y + side - 3, side, 3, WRONG)


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


def window(run: Run) -> tuple[int, int]:
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
