"""Figures over training: a section of the Halting page, for models with several snapshots."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from app.server.models import ModelSource, source_of
from app.server.options import server_options
from app.sidebar import dataset, training_axis
from app.sidebar.dataset import PuzzleSetChoice
from app.sidebar.model_controls import Opened
from app.ui import charts, downloads
from app.ui.analysis import Analysis, Panel, Recorded, read_recorded
from app.ui.estimates import Cost
from probes.training_axis.figures import FIGURES, TrainingAxis, axis_file, load_axis
from trm.config import ModelConfig
from trm.errors import UserError
from trm.progress import Progress
from trm.registry import Snapshot
from trm.results import as_json
from trm.tasks import task_of

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from trm.model import Model

WRONG = "wrong_cells"
COUNT = 50  # default number of puzzles to compute
SETTINGS = "training_open"  # session key: whether the settings are open


@dataclass(frozen=True)
class TrainingMeasurement(Analysis[TrainingAxis]):
    """Figures of all snapshots of a run on a puzzle set."""

    source: ModelSource  # the last snapshot
    snapshots: tuple[Snapshot, ...]
    puzzles: PuzzleSetChoice
    file: Path  # with figures that were measured earlier, if it exists

    def cost(self, config: ModelConfig) -> Cost:
        return Cost.of_runs("halting", config, self.puzzles.count * len(self.snapshots))

    def run(self, model: "Model", progress: Progress) -> TrainingAxis:
        from probes.training_axis.measure import measure_run
        from trm.checkpoint import load_model

        def load(snapshot: Snapshot) -> "Model":
            return load_model(str(snapshot.weights), accept_unknown=self.source.accepted)

        task = task_of(model.config)
        try:
            earlier = load_axis(self.file)
        except UserError:
            earlier = None
        return measure_run(
            self.snapshots,
            load,
            task,
            self.puzzles.load(task),
            name=self.source.name,
            earlier=earlier,
            progress=progress,
        )


def section(opened: Opened) -> None:
    """Draw the figures over training if the model has several snapshots."""
    options = server_options()
    axis = training_axis.snapshots_of(opened.source, options)
    if not axis:
        return
    name, last = list(axis.items())[-1]
    source = source_of(name, options, accepted=opened.source.accepted)
    heading, settings = st.columns((3, 1), vertical_alignment="center")
    heading.markdown("### Over training")
    panel = Panel(
        "training",
        models=(source,),
        start=f"No figures over training are recorded for {name}.",
        update="Compute them again.",
        settings=SETTINGS,
    )
    file = axis_file(name, last.weights)
    read = read_recorded(file, load_axis)
    marks = {source: read.provenance.fingerprint} if read and source.is_bundled else {}
    recorded = Recorded(read, marks) if read else None
    result = panel.result(recorded)
    with settings.popover(
        "Other puzzles", icon=":material/tune:", width="stretch", key=SETTINGS, on_change="rerun"
    ):
        puzzles = dataset.choose(task_of(opened.config), "training", count=COUNT)
        if puzzles is not None:
            measurement = TrainingMeasurement(source, tuple(axis.values()), puzzles, file)
            panel.button("Compute", measurement, measurement.cost(opened.config), key="training_compute")
        if result is not None:
            panel.back_button(recorded, result)
    if result is not None:
        _figure(result, {each.number: str(each) for each in axis.values()})


def _figure(axis: TrainingAxis, present: Mapping[int, str]) -> None:
    """Draw the selector of figures, the selected figure and its explanation. `present` names the present snapshots."""
    about = axis.provenance
    depths = {(snapshot.n, snapshot.T) for snapshot in axis.snapshots}
    new = [label for number, label in present.items() if number not in axis.numbers]
    st.caption(
        f"{len(axis.snapshots)} snapshots on {about.count:,} puzzles from {about.data}, measured {about.recorded}."
        + (
            " Each snapshot was run at the recursion depth in use at that point in training."
            if len(depths) > 1
            else ""
        )
        + (f" Not measured yet: {', '.join(new)}." if new else "")
    )
    labels = {name: meaning.label for name, meaning in FIGURES.items()} | {WRONG: "wrong cells"}
    name = charts.choose(
        list(labels), key="training_figure", label="Figure over training", format_func=labels.get, width="stretch"
    )  # fmt: skip
    figure = wrong_cells(axis) if name == WRONG else over_training(axis, name, labels[name])
    left, right = st.columns((2.4, 1))
    with left:
        charts.show(figure, key=f"training-{name}")
        downloads.offer(
            "training", figure=figure, table=axis.table(), data=as_json(axis), command=axis.command
        )
    with right:
        if name == WRONG:
            st.caption("Puzzles by their number of wrong blank cells after the last step.")
            return
        st.caption(f"{labels[name].capitalize()}: {FIGURES[name].text}.")
        if FIGURES[name].better:
            _best(axis, name, present)


def _best(axis: TrainingAxis, name: str, present: Mapping[int, str]) -> None:
    """Draw the best snapshot by a figure, and a button that chooses it."""
    try:
        best = axis.best_by(name)
    except UserError as error:  # undefined for every snapshot
        st.caption(str(error))
        return
    st.markdown(f"Best: **{axis.unit} {best.number:,}** ({getattr(best, name):.3f}).")
    chosen = st.session_state.get(training_axis.KEY) == best.number
    st.button(
        "Use this snapshot",
        key="training_best",
        on_click=training_axis.select,
        args=(best.number,),
        disabled=chosen or best.number not in present,
    )


def over_training(axis: TrainingAxis, name: str, label: str) -> "Figure":
    """Draw a figure of every snapshot. The dotted line is the chosen snapshot."""
    figure = charts.new(x=f"training {axis.unit}", y=label)
    if name == "accuracy":
        low, high = axis.accuracy_band
        figure.add_trace(charts.band(axis.numbers, low, high, "solved", of=label))
    line = charts.line(label, axis.numbers, axis.values(name), "solved")
    line.mode, line.marker = "lines+markers", {"size": 9, "color": charts.colour("solved")}
    figure.add_trace(line)
    mark_chosen(figure, axis.numbers)
    return figure


def mark_chosen(figure: "Figure", numbers: list[int]) -> None:
    """Mark the chosen snapshot, if it is one of these, by a dotted line in a figure of one curve over training."""
    if (chosen := st.session_state.get(training_axis.KEY)) in numbers:
        figure.add_vline(x=chosen, line={"dash": "dot", "width": 2, "color": charts.colour("baseline")})
    figure.update_layout(showlegend=False)
    figure.update_yaxes(rangemode="tozero")


def wrong_cells(axis: TrainingAxis) -> "Figure":
    """Draw one bar per snapshot, with a part for each range of wrong blank cells."""
    figure = charts.new(x=f"training {axis.unit}", y="puzzles")
    colours = charts.sequential()
    for index, label in enumerate(axis.wrong_labels):
        shade = colours[-1 - round(index * (len(colours) - 1) / len(axis.wrong_labels))]
        figure.add_bar(
            x=[f"{number:,}" for number in axis.numbers],
            y=[snapshot.wrong_cells[index] for snapshot in axis.snapshots],
            name=label,
            marker={"color": shade},
            hovertemplate=f"{label} wrong: %{{y}}<extra></extra>",
        )
    figure.update_layout(barmode="stack", legend={"traceorder": "normal"})
    figure.update_xaxes(type="category")
    return figure
