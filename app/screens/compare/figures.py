"""The figures of the Compare page. Colour tells the model, dashes tell y from z."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from app.ui import charts
from app.ui.text import percent
from probes.comparison.files import Comparison

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from probes.comparison.result import Curve, Measured

STATE_DASHES = {"y": "solid", "z": "dot"}
STEPS = "supervision step"
PASSED = "supervision steps passed"
LOG = {"type": "log", "dtick": 1, "exponentformat": "power"}


def meanings(comparison: Comparison) -> tuple[str, str]:
    """The colours of both: each kind's own, where they are of two kinds."""
    return charts.model_meanings(*(measured.about.kind for measured in comparison.models))


def names(comparison: Comparison) -> tuple[str, str]:
    first, second = (measured.about.name for measured in comparison.models)
    return (first, second) if first != second else (f"{first}, left", f"{second}, right")


def curves(
    comparison: Comparison,
    chosen: "Sequence[Curve | None]",
    *,
    x: str,
    y: str,
    percent: bool = True,
    log: bool = False,
    band: bool = True,
) -> "Figure":
    """One line with its band for each model; None leaves one out."""
    figure = charts.new(x=x, y=y)
    for name, meaning, curve in zip(names(comparison), meanings(comparison), chosen, strict=True):
        if curve is None:
            continue
        known = [place for place, value in enumerate(curve.middle) if value is not None]
        xs, middle, low, high = (
            [part[place] for place in known] for part in (curve.x, curve.middle, curve.low, curve.high)
        )
        if band:
            figure.add_trace(charts.band(xs, low, high, meaning, of=name))
        figure.add_trace(charts.line(name, xs, middle, meaning))
    _percent(figure, percent)
    if log:
        figure.update_yaxes(**LOG)
    return figure


def by_state(
    comparison: Comparison,
    of: "str",
    *,
    x: str,
    y: str,
    log_x: bool = False,
    log_y: bool = False,
) -> "Figure":
    """Lines of y and z of both models: `of` names the field of `Measured` that holds them, by state."""
    figure = charts.new(x=x, y=y)
    for name, meaning, measured in zip(
        names(comparison), meanings(comparison), comparison.models, strict=True
    ):
        for state, values in getattr(measured, of).items():
            known = [(place, value) for place, value in enumerate(values, 1) if value]
            line = charts.line(f"{state} of {name}", *zip(*known, strict=True), meaning) if known else None
            if line is not None:
                figure.add_trace(line.update(line={"dash": STATE_DASHES[state]}))
    for axis, log in ((figure.update_xaxes, log_x), (figure.update_yaxes, log_y)):
        if log:
            axis(**LOG)
    return figure


def near(comparison: Comparison, of: str) -> "Figure":
    """Share right after the last step, by how many cells were blank: `of` names the field of `Measured` that holds it."""
    figure = charts.new(x="blank cells", y="right after the last step", barmode="group")
    from plotly.graph_objects import Bar

    for name, meaning, measured in zip(
        names(comparison), meanings(comparison), comparison.models, strict=True
    ):
        last = [
            (blanks, curve.middle[-1], curve.low[-1], curve.high[-1])
            for blanks, curve in getattr(measured, of).items()
        ]
        if not last:
            continue
        blanks, middle, low, high = map(list, zip(*last, strict=True))
        spread = {
            "type": "data",
            "array": np.subtract(high, middle).tolist(),
            "arrayminus": np.subtract(middle, low).tolist(),
            "thickness": 2,
        }
        figure.add_trace(
            Bar(
                name=name,
                x=blanks,
                y=middle,
                error_y=spread,
                marker={
                    "color": charts.colour(meaning),
                    "pattern": {"shape": "" if meaning == "trm" else "/"},
                },
            )
        )
    _percent(figure, True)
    figure.update_xaxes(type="category")
    return figure


def _percent(figure: "Figure", wanted: bool) -> None:
    if wanted:
        figure.update_yaxes(tickformat=".0%", range=[-0.02, 1.04])


# ---- CKA


def heat_map(
    comparison: Comparison, rows: tuple[int, str] | None, columns: tuple[int, str] | None
) -> "Figure":
    """CKA of all moments of one cloud with all of another; None: of all clouds. Both in the order of the run, down and right."""
    from plotly.graph_objects import Heatmap

    one, other = (_span(comparison, chosen) for chosen in (rows, columns))
    time_points = _time_point_names(comparison)
    figure = charts.new(x="", y="", height=560)
    figure.add_trace(
        Heatmap(
            z=np.round(comparison.cka[one, other], 3).tolist(),
            x=time_points[other],
            y=time_points[one],
            zmin=0,
            zmax=1,
            colorscale=charts.sequential(),
            colorbar=charts.colour_bar("CKA"),
            hovertemplate="%{y}<br>%{x}<br>CKA %{z:.3f}<extra></extra>",
        )
    )
    figure.update_layout(hovermode="closest")
    for axis, span, chosen in ((figure.update_xaxes, other, columns), (figure.update_yaxes, one, rows)):
        axis(type="category", **_ticks(comparison, span, chosen, time_points))
    figure.update_yaxes(autorange="reversed")
    for axis, add, chosen in (("x", figure.add_vline, columns), ("y", figure.add_hline, rows)):
        if chosen is None:
            for _, _, part in comparison.clouds[1:]:
                add(**{axis: part.start - 0.5}, line={"width": 2, "color": charts.colour("baseline")})
    return figure


def cloud_names(comparison: Comparison) -> dict[tuple[int, str], str]:
    """What each cloud of states is called."""
    called = names(comparison)
    return {(place, state): f"{state} of {called[place]}" for place, state, _ in comparison.clouds}


def _span(comparison: Comparison, chosen: tuple[int, str] | None) -> slice:
    if chosen is None:
        return slice(0, len(comparison.cka))
    return next(rows for place, state, rows in comparison.clouds if (place, state) == chosen)


def _time_point_names(comparison: Comparison) -> list[str]:
    called = cloud_names(comparison)
    found = []
    for place, state, rows in comparison.clouds:
        T = comparison.models[place].about.T
        found += [
            f"{called[place, state]}, step {answer // T + 1}, cycle {answer % T + 1}"
            for answer in range(rows.stop - rows.start)
        ]
    return found


def _ticks(
    comparison: Comparison, span: slice, chosen: tuple[int, str] | None, time_points: list[str]
) -> dict:
    """Of all clouds the name of each at its middle; of one its supervision steps, every fourth."""
    if chosen is None:
        middles = [(rows.start + rows.stop) // 2 for _, _, rows in comparison.clouds]
        return {
            "tickvals": [time_points[middle] for middle in middles],
            "ticktext": [name.replace(" of ", "<br>of ") for name in cloud_names(comparison).values()],
        }
    measured = comparison.models[chosen[0]]
    T, N_sup = measured.about.T, measured.about.N_sup
    steps = [1, *range(4, N_sup + 1, 4)] if N_sup > 4 else range(1, N_sup + 1)
    return {
        "tickvals": [time_points[span.start + step * T - 1] for step in steps],
        "ticktext": [str(step) for step in steps],
        "title": f"{cloud_names(comparison)[chosen]}, {STEPS}",
    }


def costs(comparison: Comparison) -> dict[str, list]:
    """What each model is and what its steps cost: columns of a table."""
    called = names(comparison)

    def row(name: str, measured: "Measured") -> dict:
        about = measured.about
        return {
            "model": name,
            "parameters": f"{about.parameters:,}",
            "n, T, steps": f"{about.n}, {about.T}, {about.N_sup}",
            "effective depth of a step": f"{about.layers_per_step} layers",
            "of a run": f"{about.layers_per_step * about.N_sup} layers",
            "a step costs": f"{about.flops_per_step / 1e9:.2f} GFLOP",
            "a run": f"{about.flops_per_step * about.N_sup / 1e9:.1f} GFLOP",
            "right after step 1": percent(measured.solved.middle[0]),
            "after the last": percent(measured.solved.middle[-1]),
        }

    rows = [row(name, measured) for name, measured in zip(called, comparison.models, strict=True)]
    return {column: [each[column] for each in rows] for column in rows[0]}
