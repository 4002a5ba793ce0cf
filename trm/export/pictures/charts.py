"""Draw charts for a paper or a page: curves with bands, and points with trajectories, with a caption below.

Text is 7 to 8 points high at any width. Colours have the meanings of `CURVES`; dashes and markers carry the same meaning
for readers who cannot distinguish the colours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import matplotlib as mpl
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from trm.export.pictures.palette import CURVES, LIGHT
from trm.export.pictures.picture import INCH, save_figure
from trm.export.pictures.text import Length, drawing, measure, wrap

SIZE, CAPTION = 7.5, 7  # font sizes in points
LINE = 1.3  # line height of the caption, relative to its font size
MAX_LINES = 8  # of the caption
CHART_WIDTH, CHART_HEIGHT = 3.0, 2.1  # inches: minimum width, and height of a chart
MOST_MARKED = 20  # points of a curve that all have a marker
KEY_WIDTH = 36  # points of a line in the legend and the space around it
DASHES = {
    "solved": "-",
    "unsolved": "--",
    "y": "-",
    "z": "--",
    "trm": "-",
    "hrm": "--",
    "baseline": ":",
    "other": "-.",
}
STYLE = {
    "font.size": SIZE,
    "axes.titlesize": SIZE,
    "axes.labelsize": SIZE,
    "xtick.labelsize": SIZE - 0.5,
    "ytick.labelsize": SIZE - 0.5,
    "legend.fontsize": SIZE - 0.5,
    "axes.linewidth": 0.6,
    "axes.edgecolor": LIGHT.soft,
    "xtick.color": LIGHT.soft,
    "ytick.color": LIGHT.soft,
    "text.color": LIGHT.ink,
    "axes.labelcolor": LIGHT.ink,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}


Values = Sequence[Length] | np.ndarray


@dataclass(frozen=True, eq=False)
class Curve:
    """A named curve in the colour of a meaning (a key of CURVES), with the bounds of a band around it."""

    name: str
    x: Values
    y: Values
    meaning: str
    low: Values | None = None
    high: Values | None = None
    marker: str = "."  # of matplotlib


@dataclass(frozen=True, eq=False)
class TrajectoryGroup:
    """A named group of trajectories in the plane, drawn as faint lines that end in a marker."""

    name: str
    points: Float[np.ndarray, "row time 2"]
    meaning: str
    marker: str = "o"


@dataclass(frozen=True, eq=False)
class Chart:
    """One pair of axes. `level` is a horizontal line, and `limits` bound the y axis."""

    x: str
    y: str
    title: str = ""
    curves: tuple[Curve, ...] = ()
    trajectories: tuple[TrajectoryGroup, ...] = ()
    limits: tuple[Length, Length] | None = None
    level: Length | None = None


def save_charts(
    path: Path, charts: Sequence[Chart], caption: str, *, inches: Length, format: str = "pdf"
) -> None:
    """Write charts, as many side by side as fit, with a caption, as a PDF or SVG that is `inches` wide."""
    columns = min(len(charts), max(1, int(inches // CHART_WIDTH)))
    rows = ceil(len(charts) / columns)
    with drawing(), mpl.rc_context(STYLE):
        lines = wrap(caption, CAPTION, (inches - 0.1) * INCH, MAX_LINES)
        foot = (len(lines) * LINE * CAPTION + 4) / INCH
        height = rows * CHART_HEIGHT + foot
        figure = Figure(figsize=(inches, height), dpi=INCH, layout="constrained")
        figure.get_layout_engine().set(rect=(0, foot / height, 1, 1 - foot / height))
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for each, chart in zip(axes, charts, strict=False):
            _draw(each, chart, inches / columns)
        _legend(figure, inches)
        for unused in axes[len(charts) :]:
            unused.set_axis_off()
        figure.text(
            0.05 / inches, (foot - 2 / INCH) / height, "\n".join(lines), fontsize=CAPTION, va="top", linespacing=LINE
        )  # fmt: skip
        save_figure(figure, path, format, " ".join(lines))


def _draw(axes: Axes, chart: Chart, inches: Length) -> None:
    for curve in chart.curves:
        colour = CURVES[curve.meaning]
        if curve.low is not None and curve.high is not None:
            axes.fill_between(curve.x, curve.low, curve.high, color=colour, alpha=0.18, linewidth=0)
        style = {"color": colour, "linestyle": DASHES[curve.meaning], "linewidth": 1.1, "markersize": 4}
        marker = curve.marker if len(curve.x) <= MOST_MARKED else ""
        axes.plot(curve.x, curve.y, label=_short(curve.name, inches), marker=marker, **style)
    for group in chart.trajectories:
        colour, marker = CURVES[group.meaning], {"marker": group.marker, "s": 9, "linewidths": 0}
        axes.plot(group.points[..., 0].T, group.points[..., 1].T, color=colour, alpha=0.25, linewidth=0.4)
        axes.scatter(
            *group.points[:, -1].T, color=colour, label=_short(group.name, inches), zorder=3, **marker
        )
    if chart.level is not None:
        axes.axhline(chart.level, color=CURVES["baseline"], linewidth=0.7, linestyle=":")
    if chart.limits:
        axes.set_ylim(*chart.limits)
    if chart.trajectories:
        axes.set_aspect("equal", adjustable="datalim")
    axes.set(xlabel=_short(chart.x, inches), ylabel=_short(chart.y, CHART_HEIGHT))
    axes.set_title(_short(chart.title, inches), loc="left")


def _short(text: str, inches: Length) -> str:
    """Cut a text that does not fit beside the labels of an axis."""
    return wrap(text, SIZE, 0.75 * inches * INCH, 1)[0]


def _legend(figure: Figure, inches: Length) -> None:
    """Draw one legend for all charts, above them."""
    entries = {}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    if len(entries) > 1:
        widest = max(measure(label, SIZE) for label in entries) + KEY_WIDTH
        columns = max(1, int(inches * INCH // widest))
        figure.legend(entries.values(), entries, loc="outside upper left", ncols=columns, labelspacing=0.3)
