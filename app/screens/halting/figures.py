"""Figures of the Halting page about the halting head: probability, reliability, ROC, halting time, accuracy vs compute.

Each function takes results of `probes` and returns a plotly figure. The module computes only the positions of marks.
"""

from typing import TYPE_CHECKING

import numpy as np

from app.ui import charts
from probes.halting.calibration import ROC, Reliability
from probes.halting.report import StoppingRules
from probes.halting.rules import ComputeCurve, HaltingBands, Outcomes, halt_probabilities
from probes.halting.runs import HaltingRuns

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

HEIGHT = 430
SINGLES = 16  # puzzles per group that are drawn individually
NEVER = "never"


def singles(runs: HaltingRuns) -> list[int]:
    """Return the puzzles to draw individually: at most SINGLES solved and SINGLES unsolved puzzles, evenly spread."""
    solved = runs.right[-1]
    puzzles = []
    for group in (np.flatnonzero(solved), np.flatnonzero(~solved)):
        chosen = np.linspace(0, len(group) - 1, min(SINGLES, len(group))).round().astype(int)
        puzzles += group[chosen].tolist() if len(group) else []
    return puzzles


def over_steps(runs: HaltingRuns, bands: HaltingBands, chosen: int | None) -> "Figure":
    """Draw the halting probability by step: medians and quantile bands, clickable single puzzles and the chosen one."""
    figure = charts.new(x="supervision step", y="halting probability", height=HEIGHT)
    steps = list(range(1, runs.steps + 1))
    probabilities = halt_probabilities(runs.halting)
    for name, quantiles, count in (
        ("solved", bands.solved, bands.solved_count),
        ("unsolved", bands.unsolved, bands.unsolved_count),
    ):
        if not count:
            continue
        label = f"{name} after the last step: {count:,}"
        low, quarter, median, three_quarters, high = quantiles
        figure.add_trace(charts.band(steps, low, high, name, of=label))
        figure.add_trace(charts.band(steps, quarter, three_quarters, name, of=label))
        figure.add_trace(charts.line(label, steps, median, name, hoverinfo="skip"))
    for puzzle in singles(runs):
        _single(figure, runs, probabilities, puzzle, strong=False)
    if chosen is not None:
        _single(figure, runs, probabilities, chosen, strong=True)
    figure.add_hline(y=0.5, line={"dash": "dot", "width": 2, "color": charts.colour("baseline")})
    figure.update_layout(hovermode="closest", clickmode="event+select", dragmode=False)
    figure.update_yaxes(range=[-0.03, 1.03])
    figure.update_xaxes(dtick=1 if runs.steps <= 20 else 8, range=[0.7, runs.steps + 0.3])
    return figure


def _single(
    figure: "Figure", runs: HaltingRuns, probabilities: np.ndarray, puzzle: int, *, strong: bool
) -> None:
    """Draw the halting probability of one puzzle. Marks are filled where its answer is correct and open elsewhere."""
    meaning = "other" if strong else ("solved" if runs.right[-1, puzzle] else "unsolved")
    colour = charts.colour(meaning)
    symbols = ["circle" if right else "circle-open" for right in runs.right[:, puzzle]]
    figure.add_scatter(
        x=list(range(1, runs.steps + 1)),
        y=probabilities[:, puzzle].round(4).tolist(),
        mode="lines+markers",
        name=f"puzzle {runs.rows[puzzle] + 1}",
        showlegend=strong,
        line={"color": colour, "width": 4 if strong else 1},
        marker={
            "symbol": symbols,
            "size": 11 if strong else 6,
            "color": colour,
            "line": {"width": 2, "color": colour},
        },
        opacity=1.0 if strong else 0.4,
        customdata=[puzzle] * runs.steps,
        hovertemplate=f"puzzle {runs.rows[puzzle] + 1}, step %{{x}}: %{{y:.3f}}<extra></extra>",
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 1 if strong else 0.4}},
    )


def reliability(reliability: Reliability, *, x: str, y: str) -> "Figure":
    """Draw the fraction of correct answers by probability bin, with its interval, and below it the number of answers."""
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.75, 0.25], vertical_spacing=0.05)
    filled = reliability.counts > 0
    middle = ((reliability.edges[1:] + reliability.edges[:-1]) / 2)[filled]
    width = (reliability.edges[1:] - reliability.edges[:-1])[filled]
    low, high = reliability.share_right_band[:, filled]
    share, counts = reliability.share_right[filled], reliability.counts[filled]
    figure.add_bar(
        x=middle, y=share, width=0.92 * width, name="fraction correct", row=1, col=1,
        marker={"color": charts.translucent(charts.colour("solved"), 0.55)},
        error_y={"type": "data", "array": high - share, "arrayminus": share - low, "thickness": 2},
        customdata=counts, hovertemplate="probability %{x:.2f}: %{y:.3f} of %{customdata:,} correct<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", name="calibrated", row=1, col=1, hoverinfo="skip",
        line={"color": charts.colour("baseline"), "dash": "dot", "width": 2},
    )  # fmt: skip
    figure.add_bar(
        x=middle, y=counts, width=0.92 * width, name="answers", row=2, col=1, showlegend=False,
        marker={"color": charts.colour("baseline")},
        hovertemplate="%{y:,} answers<extra></extra>",
    )  # fmt: skip
    base = charts.new(x="", y="", height=HEIGHT).layout
    figure.update_layout(height=HEIGHT, margin=base.margin, legend=base.legend, bargap=0, barmode="overlay")
    figure.update_yaxes(title=y, range=[0, 1.03], row=1, col=1)
    figure.update_yaxes(title="answers", type="log", dtick=1, row=2, col=1)
    figure.update_xaxes(title=x, range=[0, 1], row=2, col=1)
    return figure


def roc(curves: dict[str, tuple[ROC, str]]) -> "Figure":
    """Draw the ROC curves, given by name with their colour meaning. The diagonal is chance."""
    figure = charts.new(x="false positive rate", y="true positive rate", height=HEIGHT)
    for name, (curve, meaning) in curves.items():
        if curve.auc is None:
            continue
        label = f"{name}: AUROC {curve.auc:.3f}"
        figure.add_trace(
            charts.line(
                label,
                curve.false_positive_rate,
                curve.true_positive_rate,
                meaning,
                customdata=halt_probabilities(curve.threshold),
                hovertemplate="threshold p = %{customdata:.3f}: TPR %{y:.3f}, FPR %{x:.3f}<extra></extra>",
            )
        )
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", name="chance", hoverinfo="skip",
        line={"color": charts.colour("baseline"), "dash": "dot", "width": 2},
    )  # fmt: skip
    figure.update_layout(hovermode="closest")
    figure.update_xaxes(range=[-0.01, 1.0])
    figure.update_yaxes(range=[0, 1.02])
    return figure


def timing(outcomes: Outcomes, steps: int) -> "Figure":
    """Draw the number of puzzles by first correct step and first step at which the model would halt, in clickable
    squares.

    A heat map does not report clicks, so a scatter trace on top of it shows the counts and reports clicks.
    """
    figure = charts.new(
        x="first correct step", y="first step at which the model would halt", height=HEIGHT + 30
    )
    names = [*map(str, range(1, steps + 1)), NEVER]
    indices = [np.where(first > 0, first, steps + 1) - 1 for first in (outcomes.right, outcomes.halts)]
    pairs, counts = np.unique(np.stack(indices), axis=1, return_counts=True)
    squares = np.full((steps + 1, steps + 1), np.nan)
    squares[pairs[1], pairs[0]] = np.sqrt(counts / counts.max())
    scale = charts.sequential()
    figure.add_heatmap(
        z=squares, colorscale=scale, zmin=0, zmax=1, showscale=False, xgap=2, ygap=2, hoverinfo="skip"
    )
    shade = (squares[pairs[1], pairs[0]] * (len(scale) - 1)).round().astype(int)
    figure.add_scatter(
        x=pairs[0],
        y=pairs[1],
        mode="markers+text",
        text=[f"{count:,}" for count in counts],
        textposition="middle center",
        textfont={"color": [_ink(scale[number]) for number in shade], "size": 14},
        marker={"symbol": "square", "size": 24, "opacity": 0},
        customdata=pairs.T.tolist(),
        hovertemplate=[
            f"first correct at: {names[x]}, would halt at: {names[y]}, {count:,} puzzles<extra></extra>"
            for x, y, count in zip(*pairs.tolist(), counts.tolist(), strict=True)
        ],
        showlegend=False,
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}, "textfont": {"color": charts.colour("baseline")}},
    )
    figure.add_scatter(
        x=[-0.5, steps - 0.5], y=[-0.5, steps - 0.5], mode="lines", name="on time", hoverinfo="skip",
        line={"color": charts.colour("unsolved"), "dash": "dot", "width": 2},
    )  # fmt: skip
    figure.update_layout(hovermode="closest", clickmode="event+select", dragmode=False)
    axis = {"tickvals": list(range(steps + 1)), "ticktext": names, "showgrid": False, "zeroline": False}
    figure.update_xaxes(**axis, range=[-0.5, steps + 0.5])
    figure.update_yaxes(**axis, range=[-0.5, steps + 0.5])
    return figure


def _ink(code: str) -> str:
    """Return black or white, whichever is more legible on the colour."""
    red, green, blue = (int(code[start : start + 2], 16) for start in (1, 3, 5))
    return "#10151b" if 0.3 * red + 0.59 * green + 0.11 * blue > 130 else "#ffffff"


def compute(stopping: StoppingRules) -> "Figure":
    """Draw accuracy against mean steps, for every threshold, every fixed depth, and the rule "answer unchanged"."""
    figure = charts.new(x="mean supervision steps per puzzle", y="accuracy", height=HEIGHT)
    rules: list[tuple[str, ComputeCurve, str, str]] = [
        ("halting head", stopping.own, "solved", "logit threshold %{customdata:.2f}"),
        ("same depth for all", stopping.fixed, "baseline", "all puzzles stop after step %{customdata:.0f}"),
        ("answer unchanged", stopping.unchanged, "other", "answer unchanged for %{customdata:.0f} steps"),
    ]
    if stopping.by_q_halt:
        rules.insert(1, ("q_halt alone", stopping.by_q_halt, "unsolved", "logit threshold %{customdata:.2f}"))
    for name, curve, meaning, setting in rules:
        if not len(curve.setting):
            continue
        line = charts.line(name, curve.mean_steps, curve.accuracy, meaning, customdata=curve.setting)
        line.hovertemplate = setting + ": %{x:.2f} steps, accuracy %{y:.3f}<extra></extra>"
        if meaning in ("baseline", "other"):
            line.mode, line.marker = "lines+markers", {"size": 8, "color": charts.colour(meaning)}
        figure.add_trace(line)
    at = stopping.own.learned
    figure.add_scatter(
        x=[stopping.own.mean_steps[at]],
        y=[stopping.own.accuracy[at]],
        mode="markers",
        name="as trained",
        marker={"symbol": "star", "size": 22, "color": charts.colour("unsolved")},
        hovertemplate="as trained: %{x:.2f} steps, accuracy %{y:.3f}<extra></extra>",
    )
    figure.update_layout(hovermode="closest")
    figure.update_xaxes(range=[0.5, stopping.fixed.mean_steps[-1] + 0.5])
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    return figure
