"""The projection plot: points, trajectories of the traced puzzles, and an animation over the steps inside the figure.

When animated, the plot shows one point per puzzle, at the slider's step, over faint trajectories of all puzzles; the
browser plays plotly's frames. Otherwise the plot shows all points at once.
"""

from typing import TYPE_CHECKING

import numpy as np

from app.screens.latents import trajectories
from app.screens.latents.points import Points, PointStyle
from app.ui import charts
from probes.latents.projection import EmbeddedPoints, Projection

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

HEIGHT = 560
FRAME_DURATION = 260  # milliseconds


def figure(projection: Projection, style: PointStyle) -> "Figure":
    """Build the plot, with a slider and a play button if it is animated."""
    from plotly.graph_objects import Frame

    coordinates = projection.embedding(style.method).coordinates[..., : style.axes]
    points = Points(projection, style, coordinates)
    time_points = range(len(projection.calls))
    first = points.at(0) if style.by_step else points.of(time_points)
    backdrop = [trajectories.faint(style, coordinates), *trajectories.traced(projection, style, coordinates)]
    plot = charts.new(x="", y="", height=HEIGHT)
    plot.add_traces(
        [*backdrop, *first, *points.legend_entries(), *trajectories.legend_entries(projection, style)]
    )
    _axes(plot, projection, style, coordinates)
    # Streamlit reports a click as a selection only if dragging does not select.
    plot.update_layout(
        hovermode="closest", dragmode="pan" if style.is_flat else "orbit", uirevision="projection"
    )
    plot.update_layout(legend={"itemclick": False, "itemdoubleclick": False})
    if style.by_step:
        numbers = list(range(len(backdrop), len(backdrop) + len(first)))
        plot.frames = [
            Frame(name=frame_name(projection, time_point), data=points.at(time_point), traces=numbers)
            for time_point in time_points
        ]
        _animation_controls(plot, projection)
    return plot


def frame_name(projection: Projection, time_point: int) -> str:
    """Return the name of a time point's frame: its call or, with two models, its supervision step."""
    at = projection.calls[time_point]
    return (
        str(at.supervision_step) if projection.second_model else f"{at.supervision_step}.{at.cycle}.{at.call}"
    )


def frame_label(projection: Projection, time_point: int) -> str:
    """Return the label of a time point on the slider."""
    at = projection.calls[time_point]
    step = f"step {at.supervision_step} of {projection.calls[-1].supervision_step}"
    return step if projection.second_model else f"{step}, cycle {at.cycle}, call {at.call} ({at.kind})"


def axis_title(projection: Projection, embedding: EmbeddedPoints, axis: int) -> str:
    """Return the title of an axis; for PCA, it includes the fraction of the variance that the axis explains."""
    if embedding.method == "umap":
        return f"UMAP {axis + 1} (arbitrary units)"
    share = projection.variance[axis] if axis < len(projection.variance) else 0.0
    return f"component {axis + 1} ({share:.0%} of the variance)"


def _axes(plot: "Figure", projection: Projection, style: PointStyle, coordinates: np.ndarray) -> None:
    """Set axes that stay fixed during the animation, with equal scale in all directions."""
    embedding = projection.embedding(style.method)
    low, high = coordinates.min((0, 1)), coordinates.max((0, 1))
    margin = 0.06 * np.maximum(high - low, 1e-6)
    ranges = [[float(a), float(b)] for a, b in zip(low - margin, high + margin, strict=True)]
    titles = [axis_title(projection, embedding, axis) for axis in range(style.axes)]
    if not style.is_flat:
        axes = {
            f"{name}axis": {"title": {"text": title}, "range": limits}
            for name, title, limits in zip("xyz", titles, ranges, strict=True)
        }
        plot.update_layout(scene=axes | {"aspectmode": "data"})
        return
    plot.update_xaxes(title=titles[0], range=ranges[0], zeroline=False)
    plot.update_yaxes(title=titles[1], range=ranges[1], zeroline=False, scaleanchor="x")


def _animation_controls(plot: "Figure", projection: Projection) -> None:
    """Add play and pause buttons, and a slider over the time points, all within plotly."""
    still = {"mode": "immediate", "transition": {"duration": 0}, "frame": {"duration": 0, "redraw": True}}
    moving = still | {"frame": {"duration": FRAME_DURATION, "redraw": True}, "fromcurrent": True}
    style = {
        "bgcolor": "rgba(0,0,0,0)",
        "bordercolor": charts.colour("baseline"),
        "font": {"size": charts.FONT},
    }
    plot.update_layout(
        margin={"b": 164},
        updatemenus=[
            style
            | {
                "type": "buttons",
                "direction": "left",
                "showactive": False,
                "x": 0,
                "y": 0,
                "xanchor": "left",
                "yanchor": "top",
                "pad": {"t": 128, "r": 8},
                "buttons": [
                    {"label": "▶ Play", "method": "animate", "args": [None, moving]},
                    {"label": "❚❚", "method": "animate", "args": [[None], still]},
                ],
            }
        ],
        sliders=[
            {
                "active": 0,
                "x": 0,
                "len": 1,
                "y": 0,
                "yanchor": "top",
                "pad": {"t": 60},  # below the axis title
                "ticklen": 0,
                "minorticklen": 0,
                "bordercolor": charts.colour("baseline"),
                "activebgcolor": charts.colour("solved"),
                "currentvalue": {
                    "prefix": "after ",
                    "font": {
                        "size": charts.FONT,
                        "color": charts.text_colour(),
                    },  # the labels' own font is invisible
                    "xanchor": "left",
                },
                "font": {"size": 1, "color": "rgba(0,0,0,0)"},  # invisible: 48 labels would overlap
                "steps": [
                    {
                        "label": frame_label(projection, time_point),
                        "method": "animate",
                        "args": [[frame_name(projection, time_point)], still],
                    }
                    for time_point in range(len(projection.calls))
                ],
            }
        ],
    )
