"""Figures of the Interventions page, drawn from the results of sweeps. The module computes no results."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from app.ui import charts
from probes.interventions.presets import EXPERIMENTS

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from probes.interventions.attribution.results import CellEffects, CellWeights
    from probes.interventions.recorded import PresetResults, SweepResult

Result = dict[str, Any]
PERCENT = {"tickformat": ".0%", "rangemode": "tozero"}
ABLATED = {
    "nothing": ("clean run", "baseline"),
    "y": ("y ablated", "y"),
    "z": ("z ablated", "z"),
    "yz": ("both ablated", "other"),
}
SYMBOLS = ("circle", "diamond", "square", "x")
OFFSET = 0.09  # horizontal distance, in runs, between the marks of two selection methods
BOARD_HEIGHT = 340  # pixels; this grid and the players' grids fit in a laptop's window
MAX_LABELLED_COLUMNS = 20  # with more columns, cells are too small for a symbol
SELECTIONS = {
    "any_right": ("any run (upper bound)", "baseline"),
    "best_halting": ("highest halting logit", "solved"),
    "vote": ("majority vote per cell", "other"),
    "mean": ("random run", "unsolved"),
}


def experiments(result: "PresetResults") -> "Figure":
    """Draw the accuracy after the last step: one bar per experiment, with the clean run on top."""
    from plotly.graph_objects import Bar

    by_name = result.experiments
    names = ["plain", *(name for name in EXPERIMENTS if name in by_name)]
    shares = [by_name[name].solved or 0 for name in names]
    figure = charts.new(x="fraction of puzzles solved", y="experiment", height=90 + 44 * len(names))
    figure.add_trace(
        Bar(
            x=shares,
            y=["Clean run" if name == "plain" else EXPERIMENTS[name].title for name in names],
            orientation="h",
            text=[f"{share:.0%}" for share in shares],
            textposition="auto",
            insidetextanchor="start",
            marker_color=[charts.colour("baseline" if name == "plain" else "solved") for name in names],
            hovertemplate="%{y}: %{x:.1%}<extra></extra>",
            error_x=_ends(
                shares, *([getattr(by_name[name], end) or 0 for name in names] for end in ("low", "high"))
            ),
        )
    )
    figure.update_layout(hovermode="closest", showlegend=False)
    figure.update_xaxes(range=[0, 1.08], tickformat=".0%")
    figure.update_yaxes(autorange="reversed")
    return figure


def noise(result: "SweepResult") -> "Figure":
    """Draw accuracy against the scale of the noise."""
    table, settings = result.table, result.settings
    figure = charts.new(
        x=f"noise on {' and '.join(settings['state'])} at the beginning of step {settings['step']} (relative to the state norm)",
        y="fraction of puzzles solved",
    )
    _with_band(figure, "solved", table["size"], table["share"], table["low"], table["high"], "solved")
    figure.data[-1].update(mode="lines+markers", marker={"size": 9})
    figure.update_yaxes(range=[0, 1.02], **PERCENT)
    figure.update_layout(showlegend=False)
    return figure


def ablation(result: "SweepResult") -> "Figure":
    """Draw cell accuracy by step, for the clean run and each ablated state."""
    table = result.table
    figure = charts.new(x="supervision step", y="fraction of blank cells correct")
    for name, (title, meaning) in ABLATED.items():
        rows = [number for number, ablated in enumerate(table["ablated"]) if ablated == name]
        columns = {key: [table[key][row] for row in rows] for key in ("step", "cells", "low", "high")}
        _with_band(figure, title, columns["step"], columns["cells"], columns["low"], columns["high"], meaning)
    figure.update_yaxes(tickformat=".0%")
    figure.update_xaxes(dtick=1)
    return figure


def seeds(result: "SweepResult") -> "Figure":
    """Draw the number of puzzles by the number of distinct answers over their runs."""
    from plotly.graph_objects import Bar

    table, runs = result.table, result.settings["runs"]
    figure = charts.new(x=f"number of distinct answers in {runs} runs of the puzzle", y="puzzles")
    most = max(table["answers"], default=1)
    always = [right == 1 for right in table["right"]]
    never = [right == 0 for right in table["right"]]
    groups = (
        ("always correct", "solved", always, ""),
        ("sometimes correct", "other", [not (a or n) for a, n in zip(always, never, strict=True)], "/"),
        ("never correct", "unsolved", never, "x"),
    )
    for title, meaning, flags, pattern in groups:
        counts = [
            sum(flag and answers == number for flag, answers in zip(flags, table["answers"], strict=True))
            for number in range(1, most + 1)
        ]
        figure.add_trace(
            Bar(
                name=title,
                x=list(range(1, most + 1)),
                y=counts,
                marker={"color": charts.colour(meaning), "pattern": {"shape": pattern}},
            )
        )
    figure.update_layout(barmode="stack")
    figure.update_xaxes(dtick=1)
    return figure


def multiple_runs(result: "SweepResult") -> "Figure":
    """Draw the accuracy of each method of selecting an answer, against the number of runs."""
    table = result.table
    figure = charts.new(x="runs per puzzle", y="fraction of puzzles solved")
    for number, (name, (title, meaning)) in enumerate(SELECTIONS.items()):
        share, low, high = (table[f"{name}_{end}"] for end in ("share", "low", "high"))
        x = [runs + (number - 1.5) * OFFSET for runs in table["runs"]]  # so that the bands do not overlap
        line = charts.line(title, x, share, meaning, error_y=_ends(share, low, high))
        line.update(
            mode="lines+markers",
            marker={"size": 10, "symbol": SYMBOLS[number], "color": charts.colour(meaning)},
            customdata=table["runs"],
            hovertemplate=f"{title}, %{{customdata}} runs: %{{y:.1%}}<extra></extra>",
        )
        figure.add_trace(line)
    figure.update_yaxes(tickformat=".0%")
    figure.update_xaxes(dtick=1)
    figure.update_layout(hovermode="closest")
    return figure


def peers(result: "SweepResult") -> "Figure":
    """Draw the mean effect of removing a peer, and of removing any other given."""
    from plotly.graph_objects import Bar

    table = result.table
    figure = charts.new(x="removed given", y="mean absolute change in the logit", height=340)
    figure.add_trace(
        Bar(
            x=["peer of the cell", "any other given"],
            y=table["effect"],
            marker={"color": [charts.colour("solved"), charts.colour("baseline")]},
            error_y=_ends(table["effect"], table["low"], table["high"]),
            hovertemplate="%{y:.3f}<extra></extra>",
            width=0.45,
        )
    )
    figure.update_layout(showlegend=False, hovermode="closest")
    return figure


def board(
    cells: list[float | None],
    symbols: list[str],
    rows: int,
    columns: int,
    cell: int,
    *,
    unit: str = "logit",
    signed: bool = True,
) -> "Figure":
    """Draw a heat map over the grid with the puzzle's symbols, and a frame around the explained cell.

    The colour scale is symmetric around 0 if `signed`, and starts at 0 otherwise.
    """
    from plotly.graph_objects import Figure, Heatmap

    def grid(values: list) -> list[list]:
        return [values[row * columns : (row + 1) * columns] for row in range(rows)]

    most = max((abs(value) for value in cells if value is not None), default=0) or 1
    figure = Figure(
        Heatmap(
            z=grid(cells),
            text=grid(symbols) if columns <= MAX_LABELLED_COLUMNS else None,
            texttemplate="%{text}" if columns <= MAX_LABELLED_COLUMNS else None,
            textfont={"size": 17 if columns <= 9 else 10},
            x=list(range(1, columns + 1)),
            y=list(range(1, rows + 1)),
            zmin=-most if signed else 0,
            zmax=most,
            colorscale=charts.diverging() if signed else charts.sequential(),
            xgap=2 if columns <= 9 else 1,
            ygap=2 if columns <= 9 else 1,
            colorbar=charts.colour_bar(unit),
            hovertemplate="row %{y}, column %{x}: %{z:.3f}<extra></extra>",
        )
    )
    figure.update_layout(height=BOARD_HEIGHT, margin={"l": 8, "r": 8, "t": 8, "b": 8})
    figure.update_yaxes(
        autorange="reversed", scaleanchor="x", constrain="domain", showgrid=False, dtick=1 if rows <= 9 else 5
    )
    figure.update_xaxes(constrain="domain", showgrid=False, dtick=1 if columns <= 9 else 5)
    box = 3 if (rows, columns) == (9, 9) else 0
    for line in range(box, columns, box) if box else ():
        ends = {"line": {"color": charts.colour("baseline"), "width": 3}}
        figure.add_shape(type="line", x0=line + 0.5, x1=line + 0.5, y0=0.5, y1=rows + 0.5, **ends)
        figure.add_shape(type="line", y0=line + 0.5, y1=line + 0.5, x0=0.5, x1=columns + 0.5, **ends)
    if cell >= 0:
        row, column = divmod(cell, columns)
        figure.add_shape(
            type="rect", x0=column + 0.5, x1=column + 1.5, y0=row + 0.5, y1=row + 1.5,
            line={"color": charts.colour("other"), "width": 4},
        )  # fmt: skip
    return figure


def patching(result: Result, columns: int, cell: int) -> "Figure":
    """Draw a heat map of steps (upwards) and cells (in reading order), with lines between the rows of the grid."""
    from plotly.graph_objects import Heatmap

    effect, steps = result["effect"], result["steps"]
    cells = len(effect[0])
    most = max((abs(value) for row in effect for value in row), default=0) or 1
    figure = charts.new(x="cell, row by row", y="patched at the end of step", height=160 + 44 * len(steps))
    names = [f"r{number // columns + 1}c{number % columns + 1}" for number in range(cells)]
    figure.add_trace(
        Heatmap(
            z=effect,
            x=list(range(cells)),
            y=steps,
            text=[names] * len(steps),
            zmin=-most,
            zmax=most,
            colorscale=charts.diverging(),
            colorbar=charts.colour_bar("Δ log odds (nats)"),
            hovertemplate="%{text}, step %{y}: %{z:.3f}<extra></extra>",
        )
    )
    for row in range(1, cells // columns):
        figure.add_vline(x=row * columns - 0.5, line_width=1, line_color=charts.colour("baseline"))
    figure.add_vrect(
        x0=cell - 0.5,
        x1=cell + 0.5,
        line_width=3,
        line_color=charts.colour("other"),
        fillcolor="rgba(0,0,0,0)",
    )
    figure.update_layout(hovermode="closest")
    figure.update_yaxes(dtick=1)
    ticks = list(range(0, cells, columns))
    figure.update_xaxes(
        tickvals=ticks, ticktext=[f"r{number // columns + 1}" for number in ticks], showgrid=False
    )
    return figure


def units(result: "CellEffects") -> "Figure":
    """Draw a bar for each row, column and box."""
    from plotly.graph_objects import Bar

    table = result.table
    figure = charts.new(x="left out", y="decrease in the logit")
    colours = [charts.colour("solved" if effect >= 0 else "unsolved") for effect in table["effect"]]
    figure.add_trace(
        Bar(
            x=table["what"],
            y=table["effect"],
            marker_color=colours,
            hovertemplate="%{x}: %{y:.3f}<extra></extra>",
        )
    )
    figure.update_layout(showlegend=False, hovermode="closest")
    return figure


def relations(result: "CellWeights", *, of: str) -> "Figure":
    """Draw a bar with its confidence interval for each relation between two cells; highlight all peers and all others."""
    from plotly.graph_objects import Bar

    kinds = {name: values for name, values in result.relations.items() if "/" not in name}
    means, lows, highs = zip(*kinds.values(), strict=True)
    figure = charts.new(x="relation between the cells", y=of, height=340)
    first, *_, last = kinds
    figure.add_trace(
        Bar(
            x=list(kinds),
            y=means,
            marker={
                "color": [charts.colour("baseline" if name == last else "solved") for name in kinds],
                "opacity": [1.0 if name in (first, last) else 0.6 for name in kinds],
            },
            error_y=_ends(means, lows, highs),
            hovertemplate="%{x}: %{y:.4f}<extra></extra>",
            width=0.5,
        )
    )
    figure.update_layout(showlegend=False, hovermode="closest")
    return figure


def _ends(means: Sequence[float], lows: Sequence[float], highs: Sequence[float]) -> dict[str, Any]:
    """Convert confidence limits to plotly error bars, which are distances to both sides."""
    return {
        "type": "data",
        "symmetric": False,
        "array": [high - mean for high, mean in zip(highs, means, strict=True)],
        "arrayminus": [mean - low for low, mean in zip(lows, means, strict=True)],
        "thickness": 2.5,
    }


def _with_band(figure, name, x, share, low, high, meaning) -> None:
    figure.add_trace(charts.band(x, low, high, meaning, of=name))
    figure.add_trace(charts.line(name, x, share, meaning, hovertemplate="%{y:.1%}"))
