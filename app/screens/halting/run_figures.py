"""Figures of the Halting page about the runs: decisions of the rule, depth beyond training, errors before solving."""

from typing import TYPE_CHECKING

import numpy as np

from app.screens.halting.figures import HEIGHT
from app.ui import charts
from probes.halting.by_step import ErrorsBeforeSolving
from probes.halting.decisions import Decisions
from probes.halting.report import BeyondTraining

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

CASES = {
    "both": ("correct now, correct later", "solved", 0.35),
    "now": ("correct now, wrong later: should halt", "solved", 1.0),
    "later": ("wrong now, correct later: should continue", "unsolved", 1.0),
    "neither": ("wrong now, wrong later", "baseline", 0.35),
}
"""Label, colour meaning and opacity of each case. Only "now" and "later" matter."""


def decisions(decisions: Decisions) -> "Figure":
    """Draw two bars, "halts" and "continues", split by case."""
    figure = charts.new(x="fraction of decisions", y="decision", height=300)
    parts = {"continues": decisions.continues, "halts": decisions.halts}
    totals = {name: max(sum(part.values()), 1) for name, part in parts.items()}
    for case, (label, meaning, alpha) in CASES.items():
        counts = [part[case] for part in parts.values()]
        shares = [count / total for count, total in zip(counts, totals.values(), strict=True)]
        figure.add_bar(
            orientation="h",
            y=[f"{name}<br>{sum(part.values()):,}" for name, part in parts.items()],
            x=shares,
            name=label,
            text=[f"{count:,}" if share > 0.04 else "" for count, share in zip(counts, shares, strict=True)],
            textposition="inside",
            insidetextanchor="middle",
            marker={"color": charts.translucent(charts.colour(meaning), alpha)},
            customdata=counts,
            hovertemplate=f"{label}: %{{customdata:,}}, %{{x:.1%}}<extra></extra>",
        )
    figure.update_layout(barmode="stack", hovermode="closest", legend={"y": 1.05, "traceorder": "normal"})
    figure.update_xaxes(tickformat=".0%", range=[0, 1.001], dtick=0.25)
    return figure


def beyond(beyond: BeyondTraining) -> "Figure":
    """Draw accuracy by step, puzzles gained and lost by each step, and AUROC and calibration error of the halting head."""
    from plotly.subplots import make_subplots

    figure = make_subplots(
        rows=3, cols=1, shared_xaxes=True, row_heights=[0.5, 0.25, 0.25], vertical_spacing=0.05
    )
    steps = list(range(1, len(beyond.auc) + 1))
    low, high = beyond.solved.band
    solved = charts.line("accuracy", steps, beyond.solved.share, "solved")
    figure.add_trace(charts.band(steps, low, high, "solved", of="accuracy"), row=1, col=1)
    figure.add_trace(solved, row=1, col=1)
    for name, counts, meaning in (
        ("gained", beyond.regressions.gained, "solved"),
        ("lost", -beyond.regressions.lost, "unsolved"),
    ):
        figure.add_bar(
            x=steps, y=counts, name=name, marker={"color": charts.colour(meaning)}, row=2, col=1,
            hovertemplate=f"{name} at step %{{x}}: %{{y}}<extra></extra>",
        )  # fmt: skip
    auc = [np.nan if value is None else value for value in beyond.auc]
    figure.add_trace(charts.line("AUROC of q_halt", steps, auc, "other"), row=3, col=1)
    error = charts.line("calibration error", steps, beyond.expected_error, "unsolved")
    figure.add_trace(error, row=3, col=1)
    figure.add_vline(
        x=beyond.trained + 0.5, line={"dash": "dot", "width": 2, "color": charts.colour("baseline")}
    )
    base = charts.new(x="", y="", height=HEIGHT).layout
    figure.update_layout(
        height=HEIGHT + 50, margin=base.margin, legend=base.legend, barmode="relative", hovermode="x"
    )
    figure.update_yaxes(title="accuracy", tickformat=".0%", rangemode="tozero", row=1, col=1)
    figure.update_yaxes(title="puzzles", row=2, col=1)
    figure.update_yaxes(title="AUROC, ECE", range=[0, 1.03], row=3, col=1)
    figure.update_xaxes(title="supervision step (dotted line: trained depth)", row=3, col=1)
    return figure


def errors_before_solving(errors: ErrorsBeforeSolving) -> "Figure":
    """Draw the fraction of wrong blank cells before a puzzle is solved, by step: median and interquartile range."""
    figure = charts.new(
        x="supervision steps before the first correct answer",
        y="fraction of blank cells that are wrong",
        height=HEIGHT,
    )
    low, median, high = errors.quantiles
    before = errors.before.tolist()
    label = "median and interquartile range over puzzles"
    figure.add_trace(charts.band(before, low, high, "solved", of=label))
    line = charts.line(label, before, median, "solved", customdata=errors.count)
    line.mode, line.marker = "lines+markers", {"size": 10, "color": charts.colour("solved")}
    line.hovertemplate = "%{x} steps before: %{y:.1%} wrong, %{customdata} puzzles<extra></extra>"
    figure.add_trace(line)
    figure.update_xaxes(autorange="reversed", dtick=1)
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    return figure
