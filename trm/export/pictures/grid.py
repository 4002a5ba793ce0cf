"""Draw the cells of a grid: text (Sudoku), a maze, or colours (ARC).

Marks do not rely on colour alone. A changed cell has a corner, a conflict is hatched, and a stably correct cell has a
square. A wrong cell is underlined (text) or has a bar (mazes and colour grids), and a given is bold. A rim in the colour
of the paper makes marks visible on any colour.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import ceil

import numpy as np
from jaxtyping import Bool

from trm.export.call_view import LEVELS, READS_Z, CallView
from trm.export.pictures.ink import Ink
from trm.export.pictures.palette import Palette
from trm.export.pictures.skin import COLOURS, TEXT, skin_of
from trm.export.pictures.text import Length, measure
from trm.export.run import ExportedRun
from trm.tasks.base import Task

CAPITAL = 0.73  # height of a capital letter or a digit, relative to the font size
FADED = 0.3  # brightness of dimmed cells, from 0 to 1
LEAST = 0.02  # smallest probability that is drawn
PATH = {"path": 0.26, "start": 0.46, "goal": 0.1}
"""Radius of the dot of each kind of path cell, relative to the cell's side."""

GROUND, FLOOR, HATCH, SECOND_HATCH, THING, ON_THING, FRAME, SMALL, RIM, MARK, LINE, TOP_LINE = range(12)
"""Layers of a grid, from bottom to top."""


@dataclass(frozen=True)
class Cell:
    """A cell to draw: its place and size, and what a view says about it."""

    x: Length  # top left corner
    y: Length
    side: Length
    token: int
    look: str
    marks: frozenset[str]
    brightness: Length
    confidence: Length | None
    second: int  # small token; -1 for none

    @property
    def middle(self) -> tuple[Length, Length]:
        return self.x + self.side / 2, self.y + self.side / 2


@dataclass(frozen=True)
class GridPainter:
    """Draws the first rows and columns of a task's grid, with its top left corner at a place of the picture."""

    task: Task
    palette: Palette
    rows: int
    columns: int
    left: Length
    top: Length
    side: Length  # of a cell

    def paint(self, ink: Ink, view: CallView) -> None:
        """Draw the cells and lines of a view."""
        skin = skin_of(self.task)
        draw = {TEXT.name: self._text, COLOURS.name: self._colour}.get(skin.name, self._maze)
        on_path = np.isin(
            view.tokens, [self.task.looks.index(kind) for kind in PATH if kind in self.task.looks]
        )
        grid = np.pad(on_path.reshape(self.task.rows, self.task.columns), 1)
        for row, column in np.ndindex(self.rows, self.columns):
            number = row * self.task.columns + column
            cell = self._cell(view, row, column, number)
            draw(ink, view, cell, number, grid[row : row + 3, column : column + 3])
            self._marks(ink, cell)
        self._lines(ink, view)

    def _cell(self, view: CallView, row: int, column: int, number: int) -> Cell:
        token, marks = int(view.tokens[number]), frozenset(view.marks(number))
        confidence = None if view.confidence is None else float(view.confidence[number])
        brightness = 1.0  # the view `change` dims unchanged cells, and the view `z` dims uncertain cells
        if view.mode == "change" and "changed" not in marks:
            brightness = FADED
        elif view.mode == "z" and "given" not in marks:
            brightness = FADED + (1 - FADED) * confidence
        return Cell(
            self.left + column * self.side, self.top + row * self.side, self.side, token, self.task.looks[token],
            marks, brightness, confidence, -1 if view.secondary is None else int(view.secondary[number]),
        )  # fmt: skip

    def _text(self, ink: Ink, view: CallView, cell: Cell, number: int, _: Bool[np.ndarray, "3 3"]) -> None:
        palette, marks, side = self.palette, cell.marks, cell.side
        ground = palette.surface if "given" in marks else palette.paper
        if view.mode == "confidence":
            ground = palette.mix(palette.accent, 0.45 * cell.confidence)
        elif view.mode == "change" and "changed" in marks:
            ground = palette.mix(palette.accent, 0.22)
        ink.box(GROUND, ground, cell.x, cell.y, side, side)
        if view.mode == "probabilities" and "given" not in marks:
            for token, x, y, p in self._pencil_marks(view, number):
                tone = palette.mix(palette.ink, round(0.4 + 0.6 * p, 1))
                place = (cell.x + x * side, cell.y + y * side)
                _letter(ink, self.task.symbols[token], side * (0.17 + 0.39 * p), tone, place)
            return
        is_empty = self.task.symbol_names[cell.token] in ("blank", "pad")
        tone = palette.wrong if "wrong" in marks else palette.faint if is_empty else palette.ink
        tone = (
            palette.faint
            if view.mode == "change" and cell.brightness < 1
            else palette.mix(tone, cell.brightness)
        )
        bold = "given" in marks or (view.mode == "change" and "changed" in marks)
        symbol, size = self.task.symbols[cell.token], side * 0.56
        shows_z = view.mode in READS_Z and "given" not in marks
        _letter(ink, symbol, size, tone, cell.middle, bold=bold, italic=shows_z)
        if "wrong" in marks and tone != palette.faint:
            (x, y), width = cell.middle, measure(symbol, size)
            ink.box(MARK, tone, x - width / 2, y + size * (CAPITAL / 2 + 0.12), width, size * 0.1)
        if cell.second >= 0:
            place = (cell.x + side * 0.84, cell.y + side * 0.19)
            _letter(ink, self.task.symbols[cell.second], side * 0.24, palette.soft, place)

    def _pencil_marks(self, view: CallView, number: int) -> Iterator[tuple[int, float, float, float]]:
        """Token, place in the cell and probability of each pencil mark. Probable symbols are nearer to the middle."""
        if view.probabilities is not None:
            for token, across, down in _pencil_places(self.task):
                if (p := float(view.probabilities[number, token])) >= LEAST:
                    yield token, across + (0.5 - across) * p * p, down + (0.5 - down) * p * p, p

    def _maze(self, ink: Ink, view: CallView, cell: Cell, number: int, near: Bool[np.ndarray, "3 3"]) -> None:
        """Draw a maze cell. The start is a disc with a letter, and the goal is a square with a letter."""
        palette, side, (x, y) = self.palette, cell.side, cell.middle
        tint = 0.5 * cell.confidence if view.mode == "confidence" else 0.0
        ink.box(GROUND, palette.floor_line, cell.x, cell.y, side, side)
        ink.box(FLOOR, palette.mix(palette.accent, tint), cell.x, cell.y, side - 1, side - 1)
        if view.mode == "probabilities" and "given" not in cell.marks:
            if view.probabilities is not None:
                p = float(view.probabilities[number, self.task.looks.index("path")])
                ink.disc(THING, palette.accent, x, y, side * 0.46 * p**0.5)
        elif cell.look == "wall":
            ink.box(THING, palette.mix(palette.wall, cell.brightness), cell.x, cell.y, side, side)
        elif cell.look in PATH:
            is_wrong = cell.look == "path" and "wrong" in cell.marks
            tone = palette.mix(palette.wrong if is_wrong else palette.accent, cell.brightness)
            ink.disc(THING, tone, x, y, side * PATH[cell.look])
            for right, down in ((0, -1), (0, 1), (-1, 0), (1, 0)):
                if near[1 + down, 1 + right]:  # the path continues on this side
                    thick, bar = side * 0.34, (x + right * side / 4, y + down * side / 4)
                    ink.rectangle(THING, tone, bar, side / 2 if right else thick, side / 2 if down else thick)
            if cell.look == "goal":
                ink.rectangle(ON_THING, palette.mix(palette.goal, cell.brightness), (x, y), side * 0.72**0.5)
            if cell.look != "path":
                letter = palette.paper if cell.look == "start" else palette.on_goal
                _letter(ink, self.task.symbols[cell.token], side * 0.6, letter, (x, y), bold=True)
        elif view.fading[number]:
            tone = palette.mix(palette.accent, float(view.fading[number]))
            ink.ring(THING, tone, (x, y), side * 0.2, max(1, side * 0.12))
        if cell.second >= 0:
            tones = {
                "wall": palette.wall,
                "path": palette.accent,
                "start": palette.accent,
                "goal": palette.goal,
            }
            fill = tones.get(self.task.looks[cell.second], palette.paper)
            _small_square(ink, cell, palette.soft, fill)

    def _colour(self, ink: Ink, view: CallView, cell: Cell, number: int, _: Bool[np.ndarray, "3 3"]) -> None:
        palette, side = self.palette, cell.side
        if cell.look.startswith("#"):
            tone = palette.mix(cell.look, cell.brightness, palette.grid_line)
            share = cell.confidence if view.mode == "confidence" else ((side - 1) / side) ** 2
            ink.box(GROUND, palette.grid_line, cell.x, cell.y, side, side)
            ink.rectangle(FLOOR, tone, cell.middle, side * share**0.5)
        elif cell.look == "border":
            ink.hatch(HATCH, palette.grid_line, (cell.x, cell.y, side), 0.05)
        else:
            ink.rectangle(FLOOR, palette.floor_line, cell.middle, side * 0.14)
        if view.probabilities is not None:
            others = view.probabilities[number].copy()
            others[cell.token] = -1
            second = int(np.argmax(others))
            share, look = round(float(others[second]) * LEVELS) / LEVELS, self.task.looks[second]
            tone = look if look.startswith("#") else palette.paper
            ink.rectangle(ON_THING, tone, cell.middle, side * share**0.5)
        if cell.second >= 0:
            look = self.task.looks[cell.second]
            _small_square(ink, cell, palette.paper, look if look.startswith("#") else palette.floor_line)

    def _marks(self, ink: Ink, cell: Cell) -> None:
        palette, side, is_text = self.palette, cell.side, skin_of(self.task) is TEXT
        place, rim = (cell.x, cell.y, side), max(1.0, side * 0.04)
        corner, square = (0.24, 0.14) if is_text else (0.33, 0.26)
        if "conflict" in cell.marks and is_text:
            ink.hatch(HATCH, palette.hatch, place, 0.04, stripes=6)
        elif "conflict" in cell.marks:
            ink.hatch(HATCH, palette.paper, place, 0.2)
            ink.hatch(SECOND_HATCH, palette.soft, place, 0.1)
        if "changed" in cell.marks:
            ink.corner(RIM, palette.paper, cell.x, cell.y, side * corner + 2 * rim)
            ink.corner(MARK, palette.accent, cell.x, cell.y, side * corner)
        if "wrong" in cell.marks and not is_text:
            thick, width, y = max(2.0, side * 0.14), side * 0.72, cell.y + side - rim
            middle = (cell.middle[0], y - thick / 2)
            ink.rectangle(RIM, palette.paper, middle, width + 2 * rim, thick + 2 * rim)
            ink.rectangle(MARK, palette.wrong, middle, width, thick)
        if "stable" in cell.marks:
            for layer, tone, size in (
                (RIM, palette.paper, side * square + rim),
                (MARK, palette.goal, side * square),
            ):
                ink.box(layer, tone, cell.x, cell.y + side - size, size, size)

    def _lines(self, ink: Ink, view: CallView) -> None:
        """Draw the outline of the grid (ARC: of the answer's crop) and, for text, lines between cells and boxes."""
        palette, side, crop = self.palette, self.side, self.task.crop(view.tokens)
        rows, columns = (self.rows, self.columns) if crop is None else (int(size) for size in crop)
        rows, columns = min(rows, self.rows), min(columns, self.columns)
        if not rows or not columns:
            return
        width, height = columns * side, rows * side
        ink.frame(LINE, palette.paper, (self.left - 2, self.top - 2, width + 4, height + 4), 2)
        ink.frame(TOP_LINE, palette.ink, (self.left, self.top, width, height), 2)
        if skin_of(self.task) is not TEXT:
            return
        kinds = ((LINE, palette.cell_line, 1), (TOP_LINE, palette.ink, 2))
        for row in range(1, rows):
            layer, tone, thick = kinds[_closes_box(row, getattr(self.task, "box_rows", 0))]
            ink.box(layer, tone, self.left, self.top + row * side - 1, width, thick)
        for column in range(1, columns):
            layer, tone, thick = kinds[_closes_box(column, getattr(self.task, "box_columns", 0))]
            ink.box(layer, tone, self.left + column * side - 1, self.top, thick, height)


def _letter(
    ink: Ink, text: str, size: Length, tone: str, middle: tuple[Length, Length], **style: bool
) -> None:
    x, y = middle
    ink.text(x, y + size * CAPITAL / 2, text, size, tone, anchor="center", **style)


def _small_square(ink: Ink, cell: Cell, frame: str, fill: str) -> None:
    """Draw a small square for the secondary token in the lower right corner."""
    side = cell.side * 0.36
    middle = (cell.x + cell.side - side / 2 - 1, cell.y + cell.side - side / 2 - 1)
    ink.rectangle(FRAME, frame, middle, side + 2)
    ink.rectangle(SMALL, fill, middle, side)


@lru_cache(maxsize=16)
def _pencil_places(task: Task) -> tuple[tuple[int, float, float], ...]:
    """Token, x and y of the pencil mark of each symbol. The position is a fraction of the cell's side."""
    tokens = [token for token, name in enumerate(task.symbol_names) if name not in ("blank", "pad")]
    across = getattr(task, "box_columns", 0) or ceil(len(tokens) ** 0.5)
    down = ceil(len(tokens) / across)
    return tuple(
        (token, (place % across + 0.5) / across, (place // across + 0.5) / down)
        for place, token in enumerate(tokens)
    )


def _closes_box(place: int, box: int) -> bool:
    return bool(box) and place % box == 0


def window(run: ExportedRun) -> tuple[int, int]:
    """Number of rows and columns to draw: all or, if the task crops grids, the run's largest grid with its border.

    Cells outside this window may contain any token and are neither scored nor marked.
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
