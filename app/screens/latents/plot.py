"""The cloud: points of a scene on a map, the ways of chosen puzzles through it, and a player of the steps inside the figure.

Two looks. Step by step: one point a puzzle, where it is after the step on the slider, before the faint ways of all; played in
the browser by plotly's frames. All at once: every point.
"""

from typing import TYPE_CHECKING

import numpy as np

from app.screens.latents import trajectories
from app.screens.latents.points import Look, Points
from app.ui import charts
from probes.latents.projection import Map, Scene

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

HEIGHT = 560
FRAME = 260  # milliseconds a step


def figure(scene: Scene, look: Look) -> "Figure":
    """The cloud, with a slider and a play button where it is drawn step by step."""
    from plotly.graph_objects import Frame

    places = scene.map(look.method).places[..., : look.axes]
    points = Points(scene, look, places)
    time_points = range(len(scene.calls))
    first = points.at(0) if look.by_step else points.of(time_points)
    backdrop = [trajectories.faint(look, places), *trajectories.chosen(scene, look, places)]
    made = charts.new(x="", y="", height=HEIGHT)
    made.add_traces([*backdrop, *first, *points.keys(), *trajectories.keys(scene, look)])
    _axes(made, scene, look, places)
    # Streamlit takes a click for a choice of its point only while nothing is drawn by dragging.
    made.update_layout(hovermode="closest", dragmode="pan" if look.is_flat else "orbit", uirevision="cloud")
    made.update_layout(legend={"itemclick": False, "itemdoubleclick": False})
    if look.by_step:
        numbers = list(range(len(backdrop), len(backdrop) + len(first)))
        made.frames = [
            Frame(name=short(scene, time_point), data=points.at(time_point), traces=numbers)
            for time_point in time_points
        ]
        _player(made, scene)
    return made


def short(scene: Scene, time_point: int) -> str:
    """A moment's name on the slider: its call, or the step after which two models are held together."""
    at = scene.calls[time_point]
    return str(at.supervision_step) if scene.partner else f"{at.supervision_step}.{at.cycle}.{at.call}"


def in_words(scene: Scene, time_point: int) -> str:
    """A moment as it is said over the slider."""
    at = scene.calls[time_point]
    step = f"supervision step {at.supervision_step} of {scene.calls[-1].supervision_step}"
    return step if scene.partner else f"{step}, cycle {at.cycle}, call {at.call} ({at.kind})"


def axis_title(scene: Scene, found: Map, axis: int) -> str:
    """What an axis shows, and for PCA how much of the variance."""
    if found.method == "umap":
        return f"UMAP {axis + 1} (no unit)"
    share = scene.variance[axis] if axis < len(scene.variance) else 0.0
    return f"component {axis + 1} ({share:.0%} of the variance)"


def _axes(made: "Figure", scene: Scene, look: Look, places: np.ndarray) -> None:
    """Axes that stay as they are while the cloud is played, of one scale: a distance is the same in every direction."""
    found = scene.map(look.method)
    low, high = places.min((0, 1)), places.max((0, 1))
    margin = 0.06 * np.maximum(high - low, 1e-6)
    ranges = [[float(a), float(b)] for a, b in zip(low - margin, high + margin, strict=True)]
    titles = [axis_title(scene, found, axis) for axis in range(look.axes)]
    if not look.is_flat:
        axes = {
            f"{name}axis": {"title": {"text": title}, "range": limits}
            for name, title, limits in zip("xyz", titles, ranges, strict=True)
        }
        made.update_layout(scene=axes | {"aspectmode": "data"})
        return
    made.update_xaxes(title=titles[0], range=ranges[0], zeroline=False)
    made.update_yaxes(title=titles[1], range=ranges[1], zeroline=False, scaleanchor="x")


def _player(made: "Figure", scene: Scene) -> None:
    """Play, pause, and a slider over the moments, all within plotly."""
    still = {"mode": "immediate", "transition": {"duration": 0}, "frame": {"duration": 0, "redraw": True}}
    moving = still | {"frame": {"duration": FRAME, "redraw": True}, "fromcurrent": True}
    look = {
        "bgcolor": "rgba(0,0,0,0)",
        "bordercolor": charts.colour("baseline"),
        "font": {"size": charts.FONT},
    }
    made.update_layout(
        margin={"b": 164},
        updatemenus=[
            look
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
                "pad": {"t": 60},  # below the title of the axis
                "ticklen": 0,
                "minorticklen": 0,
                "bordercolor": charts.colour("baseline"),
                "activebgcolor": charts.colour("solved"),
                "currentvalue": {
                    "prefix": "after ",
                    "font": {
                        "size": charts.FONT,
                        "color": charts.text_colour(),
                    },  # not that of the labels, which is none
                    "xanchor": "left",
                },
                "font": {"size": 1, "color": "rgba(0,0,0,0)"},  # 48 labels would lie over each other
                "steps": [
                    {
                        "label": in_words(scene, time_point),
                        "method": "animate",
                        "args": [[short(scene, time_point)], still],
                    }
                    for time_point in range(len(scene.calls))
                ],
            }
        ],
    )
