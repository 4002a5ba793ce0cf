"""Draw the strips of a run, as in the player: curves over all its calls, and the values at one call."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil

import numpy as np
from jaxtyping import Float, Int

from trm.config import NEVER
from trm.coordinates import F_L, Coordinates
from trm.export.pictures.ink import Ink
from trm.export.pictures.palette import Palette
from trm.export.pictures.sentences import SINGLE_Z, say, short
from trm.export.pictures.skin import skin_of
from trm.export.pictures.text import Length, measure
from trm.export.run import ExportedRun

HEIGHT, GAP = 20, 5
SIZE = 12  # font size
NUMBER_WIDTH = 18  # space for the number of a supervision step
NOTHING = "–"  # noqa: RUF001 (a dash)
THRESHOLD = 0.5  # of the halting probability


@dataclass(frozen=True, eq=False)
class Strip:
    """A quantity over the run. Positions are in calls."""

    name: str
    since: Int[np.ndarray, "value"]  # the first call at which each value holds
    levels: Float[np.ndarray, "value"]  # heights, as fractions of the strip's height
    texts: Sequence[str]
    bar: int = 0  # calls in the bar of a value, which ends with its step or cycle; 0 for a line
    threshold: Length | None = None

    def at(self, call: int) -> str:
        """The value at a call, as text."""
        number = int(np.searchsorted(self.since, call, side="right")) - 1
        return NOTHING if number < 0 else self.texts[number]


def strips_of(run: ExportedRun) -> list[Strip]:
    """The strips of a run: halting probability, score, changes, entropy, and the residuals of y and z."""
    trace, grade, depth = run.trace, run.grade, run.trace.depth
    per_cycle, per_step, calls = depth.n + 1, depth.calls_per_step, run.calls()
    f_H = np.arange(len(trace.answers)) * per_cycle + depth.n
    f_L = np.array([n for n, at in enumerate(calls) if at.kind == F_L or trace.provenance.kind == SINGLE_Z])
    changed = np.array([int(run.changed(answer).sum()) for answer in range(len(f_H))])
    broken, total = grade.conflicts.sum(-1), max(1, int(grade.counted.sum()))
    residuals = (
        ("strip_residual-y", f_H, trace.residual_y),
        ("strip_residual-z", f_L, trace.residual_z[f_L]),
    )
    top = max(1e-2, *(values.max() for _, _, values in residuals))
    strips = []
    if trace.provenance.halting != NEVER:
        p = trace.halt_probability
        steps = np.arange(trace.steps) * per_step
        strips.append(
            Strip(say("strip_halting"), steps, p, [f"{one:.3f}" for one in p], per_step, threshold=THRESHOLD)
        )
    if grade.right is None:
        name = skin_of(run.task).conflict.replace("mark_conflict", "in_conflict")
        strips.append(Strip(say(name), f_H, broken / max(1, broken.max()), [*map(str, broken)], per_cycle))
    else:
        texts = [f"{right}/{total}" for right in grade.right]
        strips.append(Strip(say("strip_right"), f_H, grade.right / total, texts, per_cycle))
    texts = [NOTHING, *map(str, changed[1:])]
    strips.append(Strip(say("strip_changed"), f_H, changed / max(1, changed.max()), texts, per_cycle))
    texts = [f"{entropy:.2f}" for entropy in trace.entropy]
    strips.append(Strip(say("strip_entropy"), f_H, trace.entropy / max(1e-9, trace.entropy.max()), texts))
    for name, since, values in residuals:  # on one logarithmic scale, from 0.001 to their maximum
        levels = np.log10(np.maximum(values, 1e-3) / 1e-3) / np.log10(top / 1e-3)
        strips.append(Strip(say(name), since, levels, [short(float(value)) for value in values]))
    return strips


@dataclass(frozen=True)
class StripPainter:
    """Draws the strips of a run one below the other, at a place of the picture."""

    run: ExportedRun
    palette: Palette
    strips: Sequence[Strip]
    left: Length
    top: Length
    width: Length

    @property
    def height(self) -> Length:
        """Height of the strips and of the numbers of steps below them."""
        return len(self.strips) * (HEIGHT + GAP) + 1.3 * SIZE

    @cached_property
    def _start(self) -> Length:
        """Left end of the curves, to the right of all names."""
        return self.left + 10 + max(measure(strip.name, SIZE) for strip in self.strips)

    @cached_property
    def _call_width(self) -> Length:
        values = max(measure(max(strip.texts, key=len), SIZE) for strip in self.strips)
        return (self.left + self.width - values - 10 - self._start) / len(self.run.trace.residual_z)

    def _x(self, call: Length) -> Length:
        return self._start + call * self._call_width

    def paint(self, ink: Ink) -> None:
        """Draw the names and curves, and the numbers of the supervision steps below them."""
        palette, steps, per_step = self.palette, self.run.trace.steps, self.run.trace.depth.calls_per_step
        left, width = self._start, steps * per_step * self._call_width
        bottom = self.top - GAP
        for strip in self.strips:
            bottom += HEIGHT + GAP
            ink.text(self.left, bottom - 5, strip.name, SIZE, palette.soft)
            ink.box(0, palette.surface, left, bottom - HEIGHT, width, HEIGHT)
            heights = (HEIGHT * np.clip(np.nan_to_num(strip.levels), 0, 1)).tolist()
            if strip.threshold:
                ink.box(2, palette.soft, left, bottom - HEIGHT * strip.threshold, width, 0.7)
            if not strip.bar:
                points = [
                    (self._x(call + 0.5), bottom - high)
                    for call, high in zip(strip.since, heights, strict=True)
                ]
                ink.line(points, palette.accent, 1.4)
                continue
            for number, (level, height) in enumerate(zip(strip.levels, heights, strict=True)):
                is_lit = level > (strip.threshold or -1)
                tone = palette.accent if is_lit else palette.mix(palette.accent, 0.45)
                across = max(strip.bar * self._call_width - 0.8, 0.4)
                ink.box(1, tone, self._x(number * strip.bar), bottom - height, across, height)
        ink.text(self.left, bottom + 1.2 * SIZE, say("step"), SIZE, palette.soft)
        for step in range(0, steps, ceil(NUMBER_WIDTH / (per_step * self._call_width))):
            x = self._x((step + 0.5) * per_step)
            ink.text(x, bottom + 1.2 * SIZE, str(step + 1), SIZE * 0.9, palette.soft, anchor="center")

    def mark(self, ink: Ink, at: Coordinates) -> None:
        """Draw the position of a call, and the values of the strips at this call."""
        call, right = self.run.call_number(at), self.left + self.width
        height = len(self.strips) * (HEIGHT + GAP) - GAP
        ink.box(0, self.palette.ink, self._x(call + 0.5) - 0.75, self.top - 3, 1.5, height + 6)
        for number, strip in enumerate(self.strips):
            baseline = self.top + number * (HEIGHT + GAP) + HEIGHT - 5
            ink.text(right, baseline, strip.at(call), SIZE, self.palette.ink, anchor="right")
