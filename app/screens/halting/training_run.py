"""The training run of a model: its loss and held-out accuracy, followed while the run is being trained."""

import time
from collections.abc import Set
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from app.screens.halting.training import mark_chosen
from app.server.http.feeds import Progress
from app.sidebar import training_axis
from app.sidebar.model_controls import Opened
from app.state import session
from app.ui import charts, downloads, progress
from app.ui.text import ago, plain
from trm.errors import UserError
from trm.registry import own_training, run_folder, run_snapshots
from trm.training.log import COLUMNS, CURVE, LOG, Line, is_training, metrics, read_curve, read_log

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

CURVES = {"loss": "training loss", "held_out_exact": "held-out accuracy"}
MEANING = (
    "The loss is a running average. Held-out accuracy is the fraction of puzzles like those of training that are solved "
    "exactly after the last supervision step, at the grid size and recursion depth in use at that point."
)
HEIGHT = 280  # of a chart, in pixels
POINTS = 30  # curves of more points have no markers
RECENT = 120  # seconds; a log that is this new is followed without a lock too: it may be copied from another machine


def section(opened: Opened) -> None:
    """Draw the training run of a model if its folder has the log or the curve of one."""
    weights = training_axis.weights_of(opened.source)
    if weights is None or not any((run_folder(weights) / name).is_file() for name in (LOG, CURVE)):
        return
    st.markdown("### Training run")
    _run(weights, _paths(weights), opened.source.base)


@st.fragment
def _run(weights: Path, on_slider: Set[Path], base: str) -> None:
    """Draw the state and the curves of the run to which a weights file belongs.

    Only this fragment is rerun when the log grows, and the page when a snapshot is missing on the slider. `base` is
    removed from error messages.
    """
    if _paths(weights) != on_slider:
        session.rerun()
    run = run_folder(weights)
    try:
        if (run / LOG).is_file():
            rows = _log(run)
        elif rows := read_curve(run):
            st.markdown(f"{rows[-1]['update']:,} updates in {rows[-1]['minutes']:.1f} minutes.")
    except UserError as error:
        st.warning(plain(str(error).replace(base, "")), icon=":material/warning:")
        return
    drawn = [name for name in CURVES if _points(rows, name)]
    if not drawn:
        return
    for place, name in zip(st.columns(2), drawn, strict=False):
        with place:
            charts.show(curve(rows, name, weights), key=f"training-run-{name}")
    latest = ", ".join(f"{CURVES[name]} {_points(rows, name)[-1][name]:.3f}" for name in drawn)
    st.caption(f"Latest: {latest}. {MEANING}")
    table = {name: [row.get(name) for row in rows] for name in COLUMNS}
    downloads.offer("training-run", table=table, data=rows)


def _log(run: Path) -> list[Line]:
    """Draw the state of a run, follow it while it is being trained, and return the metrics in its log."""
    log, (training, age) = read_log(run), _activity(run)
    saved = own_training(run)
    last_saved = f" Last saved at update {saved.update:,}." if saved else ""
    st.markdown(summary(log, training=training, age=age) + last_saved)
    if not _is_finished(log) and _news(run):
        about = ("training run", str(run))
        progress.follow(about, partial(_news, run), key="training_run", hidden=True, only_visible=True)
    return metrics(log)


def _paths(weights: Path) -> Set[Path]:
    """Return the files of the snapshots on the slider. The newest is saved again and again as the same file."""
    return frozenset(snapshot.weights for snapshot in run_snapshots(weights))


def _activity(run: Path) -> tuple[bool, float]:
    """Return whether a process is training into a folder, and the number of seconds since the last line of its log."""
    return is_training(run), time.time() - (run / LOG).stat().st_mtime


def _news(run: Path) -> Progress | None:
    """Return a stage that changes with the log of a run and once a minute; None if the run is not being trained."""
    try:
        training, age = _activity(run)
        size = (run / LOG).stat().st_size
    except OSError:
        return None
    return Progress(f"{training} {size} {age // 60:.0f}") if training or age < RECENT else None


def summary(log: list[Line], *, training: bool, age: float) -> str:
    """Say whether a run is being trained, how far it is, and when its last line was written, `age` seconds ago."""
    state = (
        "Being trained"
        if training
        else "Finished"
        if _is_finished(log)
        else "Not being trained on this machine"
    )
    if not log:
        return f"**{state}.** Nothing is logged yet."
    length = next((f", of {plain(str(line['length']))}" for line in reversed(log) if "length" in line), "")
    last = log[-1]
    return f"**{state}.** Update {last['update']:,} after {last['minutes']:.1f} minutes{length}. Last log line {ago(age)}."


def _is_finished(log: list[Line]) -> bool:
    return bool(log) and "finished" in log[-1]


def curve(rows: list[Line], name: str, weights: Path) -> "Figure":
    """Draw a metric over training. The dotted line is the chosen snapshot."""
    points = _points(rows, name)
    figure = charts.new(x="training update", y=CURVES[name], height=HEIGHT, uirevision=name)
    line = charts.line(
        CURVES[name], [row["update"] for row in points], [row[name] for row in points], "solved"
    )
    line.mode = "lines" if len(points) > POINTS else "lines+markers"
    figure.add_trace(line)
    mark_chosen(figure, [snapshot.number for snapshot in run_snapshots(weights)])
    figure.update_xaxes(range=(0, 1.02 * rows[-1]["update"]))
    return figure


def _points(rows: list[Line], name: str) -> list[Line]:
    return [row for row in rows if name in row]
