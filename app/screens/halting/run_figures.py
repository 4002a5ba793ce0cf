"""The figures of the Halting page about the runs: what the rule decides, depth beyond training, how errors go away."""

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
    "both": ("right now, right later", "solved", 0.35),
    "now": ("right now, wrong later: halt!", "solved", 1.0),
    "later": ("wrong now, right later: go on!", "unsolved", 1.0),
    "neither": ("wrong now, wrong later", "baseline", 0.35),
}
"""What was at stake: words, colour and how strong, as only the middle two matter."""


def decisions(found: Decisions) -> "Figure":
    """Two bars, halts and goes on, in parts by what was at stake."""
    figure = charts.new(x="share of all decisions of that kind", y="", height=300)
    parts = {"goes on": found.continues, "halts": found.halts}
    totals = {name: max(sum(part.values()), 1) for name, part in parts.items()}
    for case, (words, meaning, alpha) in CASES.items():
        counts = [part[case] for part in parts.values()]
        shares = [count / total for count, total in zip(counts, totals.values(), strict=True)]
        figure.add_bar(
            orientation="h",
            y=[f"{name}<br>{sum(part.values()):,}" for name, part in parts.items()],
            x=shares,
            name=words,
            text=[f"{count:,}" if share > 0.04 else "" for count, share in zip(counts, shares, strict=True)],
            textposition="inside",
            insidetextanchor="middle",
            marker={"color": charts.translucent(charts.colour(meaning), alpha)},
            customdata=counts,
            hovertemplate=f"{words}: %{{customdata:,}}, %{{x:.1%}}<extra></extra>",
        )
    figure.update_layout(barmode="stack", hovermode="closest", legend={"y": 1.05, "traceorder": "normal"})
    figure.update_xaxes(tickformat=".0%", range=[0, 1.001], dtick=0.25)
    return figure


def beyond(found: BeyondTraining) -> "Figure":
    """Solved by step, what each step gains and loses, and whether the head still knows."""
    from plotly.subplots import make_subplots

    figure = make_subplots(
        rows=3, cols=1, shared_xaxes=True, row_heights=[0.5, 0.25, 0.25], vertical_spacing=0.05
    )
    steps = list(range(1, len(found.auc) + 1))
    low, high = found.solved.band
    solved = charts.line("exactly right", steps, found.solved.share, "solved")
    figure.add_trace(charts.band(steps, low, high, "solved", of="exactly right"), row=1, col=1)
    figure.add_trace(solved, row=1, col=1)
    lost = found.regressions.lost
    for name, counts, meaning in (
        ("came right", found.regressions.gained, "solved"),
        ("broke", -lost, "unsolved"),
    ):
        figure.add_bar(
            x=steps, y=counts, name=name, marker={"color": charts.colour(meaning)}, row=2, col=1,
            hovertemplate=f"{name} at step %{{x}}: %{{y}}<extra></extra>",
        )  # fmt: skip
    auc = [np.nan if value is None else value for value in found.auc]
    figure.add_trace(charts.line("AUC of q_halt", steps, auc, "other"), row=3, col=1)
    error = charts.line("calibration error", steps, found.expected_error, "unsolved")
    figure.add_trace(error, row=3, col=1)
    figure.add_vline(
        x=found.trained + 0.5, line={"dash": "dot", "width": 2, "color": charts.colour("baseline")}
    )
    base = charts.new(x="", y="", height=HEIGHT).layout
    figure.update_layout(
        height=HEIGHT + 50, margin=base.margin, legend=base.legend, barmode="relative", hovermode="x"
    )
    figure.update_yaxes(title="right", tickformat=".0%", rangemode="tozero", row=1, col=1)
    figure.update_yaxes(title="puzzles", row=2, col=1)
    figure.update_yaxes(title="head", range=[0, 1.03], row=3, col=1)
    figure.update_xaxes(title="supervision step, the dotted line is where training ends", row=3, col=1)
    return figure


def errors_before_solving(found: ErrorsBeforeSolving) -> "Figure":
    """Wrong cells in the last steps before a puzzle comes right: median, and the middle half."""
    figure = charts.new(
        x="supervision steps to go to the first right answer", y="blank cells wrong", height=HEIGHT
    )
    low, median, high = found.quantiles
    before = found.before.tolist()
    label = "median and middle half of the puzzles"
    figure.add_trace(charts.band(before, low, high, "solved", of=label))
    line = charts.line(label, before, median, "solved", customdata=found.count)
    line.mode, line.marker = "lines+markers", {"size": 10, "color": charts.colour("solved")}
    line.hovertemplate = "%{x} to go: %{y:.1%} wrong, %{customdata} puzzles<extra></extra>"
    figure.add_trace(line)
    figure.update_xaxes(autorange="reversed", dtick=1)
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    return figure
