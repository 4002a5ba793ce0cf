"""Plots training runs as PNG files with matplotlib."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from trm.files import atomic_file
from trm.training.presets import ABLATION_MINUTES

BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#767676"  # Okabe and Ito: safe for colour-blind readers


def draw_curve(path: Path, name: str, log: Sequence[Mapping[str, Any]]) -> None:
    """Plot training loss and held-out exact accuracy against training time. `log` contains the lines of log.jsonl."""
    losses = [line for line in log if "loss" in line]
    evaluations = [line for line in log if "held_out_exact_by_step" in line]
    figure = Figure(figsize=(7, 5), layout="constrained")
    above, below = figure.subplots(2, sharex=True)
    above.plot([line["minutes"] for line in losses], [line["loss"] for line in losses], color=GREY, lw=1)
    above.set(ylabel="training loss", title=name, ylim=(0, None))
    minutes = [line["minutes"] for line in evaluations]
    last = [line["held_out_exact_by_step"][-1] for line in evaluations]
    first = [line["held_out_exact_by_step"][0] for line in evaluations]
    below.plot(minutes, last, "o-", color=BLUE, label="after the last supervision step")
    below.plot(minutes, first, "s--", color=ORANGE, label="after the first")
    below.set(ylabel="held-out exact accuracy", xlabel="training time, minutes", ylim=(-0.02, 1.02))
    below.legend(frameon=False, loc="upper left")
    _mark_depths(below, evaluations)
    _save(figure, path)


def draw_ablations(
    path: Path, names: Sequence[str], ours: Sequence[float], papers: Sequence[float | None]
) -> None:
    """Plot the exact accuracy of each ablation, in percent, next to the accuracy in the paper (None: not reported)."""
    figure = Figure(figsize=(7, 0.45 * len(names) + 1.2), layout="constrained")
    axes = figure.subplots()
    rows = range(len(names))
    axes.barh(
        [row - 0.2 for row in rows],
        ours,
        0.4,
        color=BLUE,
        label=f"ours, {ABLATION_MINUTES:g} minutes each",
    )
    published = [(row + 0.2, value) for row, value in zip(rows, papers, strict=True) if value is not None]
    axes.barh(
        *zip(*published, strict=True),
        0.4,
        color=ORANGE,
        hatch="//",
        edgecolor="white",
        label="TRM paper, Sudoku-Extreme",
    )
    axes.set_yticks(list(rows), names)
    axes.invert_yaxis()
    axes.set(xlabel="exact accuracy, %", xlim=(0, 100))
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    _save(figure, path)


def _mark_depths(axes: Any, evaluations: Sequence[Mapping[str, Any]]) -> None:
    """Draw a vertical line at each evaluation where the recursion depth or grid size differs from the one before."""
    settings = [(line["T"], line["n"], line.get("grid_cells")) for line in evaluations]
    for before, after, line in zip(settings, settings[1:], evaluations[1:], strict=False):
        if before != after:
            axes.axvline(line["minutes"], color=GREY, lw=0.5, ls=":")
            text = f"T={after[0]}, n={after[1]}" + (f", {after[2]} cells" if before[2] != after[2] else "")
            axes.annotate(text, (line["minutes"], 0.02), rotation=90, fontsize=7, color=GREY, ha="right")


def _save(figure: Figure, path: Path) -> None:
    with atomic_file(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110)
