"""The figures of the Compare page. Colours distinguish the models, dashes distinguish y and z."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from app.ui import charts
from app.ui.text import percent
from probes.comparison.files import Comparison

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from probes.comparison.result import BandCurve, Measurements

STATE_DASHES = {"y": "solid", "z": "dot"}
STEPS = "supervision step"
PASSED = "supervision steps completed"
LOG = {"type": "log", "dtick": 1, "exponentformat": "power"}


def meanings(comparison: Comparison) -> tuple[str, str]:
    """Return the colour names of the two models. If the model types differ, the types determine the colours."""
    return charts.model_meanings(*(measured.provenance.kind for measured in comparison.models))


def names(comparison: Comparison) -> tuple[str, str]:
    """Return two distinct names, even for a model compared with itself."""
    first, second = (measured.provenance.model for measured in comparison.models)
    return (first, second) if first != second else (f"{first}, left", f"{second}, right")


def curves(
    comparison: Comparison,
    pair: "Sequence[BandCurve | None]",
    *,
    x: str,
    y: str,
    percent: bool = True,
    log: bool = False,
    band: bool = True,
) -> "Figure":
    """Draw one curve per model, with the band between its limits. A curve that is None is omitted."""
    figure = charts.new(x=x, y=y)
    for name, meaning, curve in zip(names(comparison), meanings(comparison), pair, strict=True):
        if curve is None:
            continue
        defined = [index for index, value in enumerate(curve.middle) if value is not None]
        xs, middle, low, high = (
            [part[index] for index in defined] for part in (curve.x, curve.middle, curve.low, curve.high)
        )
        if band:
            figure.add_trace(charts.band(xs, low, high, meaning, of=name))
        figure.add_trace(charts.line(name, xs, middle, meaning))
    if percent:
        _percent_axis(figure)
    if log:
        figure.update_yaxes(**LOG)
    return figure


def by_state(
    comparison: Comparison,
    quantity: str,
    *,
    x: str,
    y: str,
    log_x: bool = False,
    log_y: bool = False,
) -> "Figure":
    """Draw curves for y and z of both models; `quantity` is a field of `Measurements` with values by state."""
    figure = charts.new(x=x, y=y)
    for name, meaning, measured in zip(
        names(comparison), meanings(comparison), comparison.models, strict=True
    ):
        for state, values in getattr(measured, quantity).items():
            points = [(index, value) for index, value in enumerate(values, 1) if value]
            line = charts.line(f"{name}: {state}", *zip(*points, strict=True), meaning) if points else None
            if line is not None:
                figure.add_trace(line.update(line={"dash": STATE_DASHES[state]}))
    for axis, log in ((figure.update_xaxes, log_x), (figure.update_yaxes, log_y)):
        if log:
            axis(**LOG)
    return figure


def near_complete(comparison: Comparison, quantity: str) -> "Figure":
    """Draw the accuracy after the last step by number of blank cells; `quantity` is a field of `Measurements`."""
    figure = charts.new(x="number of blank cells", y="cell accuracy after the last step", barmode="group")
    from plotly.graph_objects import Bar

    for name, meaning, measured in zip(
        names(comparison), meanings(comparison), comparison.models, strict=True
    ):
        last = [
            (blanks, curve.middle[-1], curve.low[-1], curve.high[-1])
            for blanks, curve in getattr(measured, quantity).items()
        ]
        if not last:
            continue
        blanks, middle, low, high = map(list, zip(*last, strict=True))
        error_bars = {
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
                error_y=error_bars,
                marker={
                    "color": charts.colour(meaning),
                    "pattern": {"shape": "" if meaning == "trm" else "/"},
                },
            )
        )
    _percent_axis(figure)
    figure.update_xaxes(type="category")
    return figure


def _percent_axis(figure: "Figure") -> None:
    figure.update_yaxes(tickformat=".0%", range=[-0.02, 1.04])


# ---- CKA


def heat_map(
    comparison: Comparison, rows: tuple[int, str] | None, columns: tuple[int, str] | None
) -> "Figure":
    """Draw the CKA between the time points of two states.

    Each state is given by model (0 or 1) and name; None selects all states of both models.
    """
    from plotly.graph_objects import Heatmap

    row_span, column_span = (_span(comparison, block) for block in (rows, columns))
    time_points = _time_point_names(comparison)
    figure = charts.new(x="", y="", height=560)
    figure.add_trace(
        Heatmap(
            z=np.round(comparison.cka[row_span, column_span], 3).tolist(),
            x=time_points[column_span],
            y=time_points[row_span],
            zmin=0,
            zmax=1,
            colorscale=charts.sequential(),
            colorbar=charts.colour_bar("CKA"),
            hovertemplate="%{y}<br>%{x}<br>CKA %{z:.3f}<extra></extra>",
        )
    )
    figure.update_layout(hovermode="closest")
    for axis, span, block in (
        (figure.update_xaxes, column_span, columns),
        (figure.update_yaxes, row_span, rows),
    ):
        axis(type="category", **_ticks(comparison, span, block, time_points))
    figure.update_yaxes(autorange="reversed")
    for axis, add, block in (("x", figure.add_vline, columns), ("y", figure.add_hline, rows)):
        if block is None:
            for _, _, span in comparison.state_blocks[1:]:
                add(**{axis: span.start - 0.5}, line={"width": 2, "color": charts.colour("baseline")})
    return figure


def block_names(comparison: Comparison) -> dict[tuple[int, str], str]:
    """Return the label of each state, by model (0 or 1) and state."""
    models = names(comparison)
    return {(index, state): f"{models[index]}: {state}" for index, state, _ in comparison.state_blocks}


def _span(comparison: Comparison, block: tuple[int, str] | None) -> slice:
    if block is None:
        return slice(0, len(comparison.cka))
    return next(rows for index, state, rows in comparison.state_blocks if (index, state) == block)


def _time_point_names(comparison: Comparison) -> list[str]:
    labels = block_names(comparison)
    time_points = []
    for index, state, rows in comparison.state_blocks:
        T = comparison.models[index].provenance.T
        time_points += [
            f"{labels[index, state]}, step {answer // T + 1}, cycle {answer % T + 1}"
            for answer in range(rows.stop - rows.start)
        ]
    return time_points


def _ticks(
    comparison: Comparison, span: slice, block: tuple[int, str] | None, time_points: list[str]
) -> dict:
    """Return the axis ticks.

    For all states, each state's label is at the middle of its block. For one state, every fourth step has a tick.
    """
    if block is None:
        middles = [(rows.start + rows.stop) // 2 for _, _, rows in comparison.state_blocks]
        return {
            "tickvals": [time_points[middle] for middle in middles],
            "ticktext": [name.replace(": ", ":<br>") for name in block_names(comparison).values()],
        }
    measured = comparison.models[block[0]]
    T, N_sup = measured.provenance.T, measured.provenance.N_sup
    steps = [1, *range(4, N_sup + 1, 4)] if N_sup > 4 else range(1, N_sup + 1)
    return {
        "tickvals": [time_points[span.start + step * T - 1] for step in steps],
        "ticktext": [str(step) for step in steps],
        "title": f"{block_names(comparison)[block]}, {STEPS}",
    }


def costs(comparison: Comparison) -> dict[str, list]:
    """Return the size, depth, compute and accuracy of each model, as columns of a table."""

    def row(name: str, measured: "Measurements") -> dict:
        about = measured.provenance
        return {
            "model": name,
            "parameters": f"{measured.parameters:,}",
            "n, T, N_sup": f"{about.n}, {about.T}, {about.N_sup}",
            "depth per step": f"{measured.layers_per_step} layers",
            "depth per run": f"{measured.layers_per_step * about.N_sup} layers",
            "FLOPs per step": f"{measured.flops_per_step / 1e9:.2f} GFLOP",
            "FLOPs per run": f"{measured.flops_per_step * about.N_sup / 1e9:.1f} GFLOP",
            "solved after step 1": percent(measured.solved.middle[0]),
            "solved after the last step": percent(measured.solved.middle[-1]),
        }

    rows = [row(name, measured) for name, measured in zip(names(comparison), comparison.models, strict=True)]
    return {column: [each[column] for each in rows] for column in rows[0]}
