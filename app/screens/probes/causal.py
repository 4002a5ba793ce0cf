"""The tab "Causal test": change a state along a probe's direction and compare the effect with random directions."""

from collections.abc import Hashable
from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st

from app.screens.probes import figures, texts
from app.screens.probes import source as sources
from app.screens.probes.source import LoadedExperiment
from app.server import shared
from app.server.models import ModelSource
from app.sidebar import dataset
from app.sidebar.model_controls import Opened
from app.state.links import IN_ADDRESS
from app.ui import charts, downloads
from app.ui.estimates import Cost
from app.ui.progress import ask, watch
from probes.linear.experiment.files import SUFFIX
from probes.linear.experiment.views import labels_of
from trm.progress import Progress
from trm.tasks import task_of

PUZZLES = 24
RUNS = 6  # the clean run, the probe direction and four random directions
CHANGES = {"move": "Steer", "erase": "Project out"}


@dataclass(frozen=True)
class CausalRequest:
    """The settings of one causal test."""

    source: ModelSource
    experiment: Hashable
    target: str  # a member of a target group
    state: str
    time_point: int
    class_name: str
    how: str
    strength: int
    data: str

    @property
    def key(self) -> Hashable:
        return "probe use", self


def view(model: Opened, experiment: LoadedExperiment, group: str) -> None:
    """Draw the controls and, beside them, the result. A test runs when the button is pressed."""
    chart, text = st.columns((1.8, 1))
    with text:
        request = controls(model, experiment, group)
        if request is None:
            return
        work = Cost.of_runs("use", model.config, PUZZLES * RUNS)
        st.caption(work.estimate())
        if st.button("Run", key="probes_causal_run", type="primary"):
            st.session_state.probes_causal_request = request
            ask(request.key, work.timed(partial(run_test, request, experiment)))
    previous = st.session_state.get("probes_causal_request")
    with chart:
        job = None if previous is None else shared.jobs().find(previous.key)
        if job is None or (previous.source, previous.experiment) != (model.source, experiment.key):
            st.info(texts.CAUSAL, icon=":material/science:")
            return
        result = watch(job)
        if result is not None:
            draw(result, previous, experiment)


def controls(model: Opened, experiment: LoadedExperiment, group: str) -> CausalRequest | None:
    """Draw the controls. Returns None, with a message, if no puzzle set of this task is available."""
    names = dataset.sets_for_task(task_of(model.config))
    if not names:
        st.info("The app has no puzzle set for this task.", icon=":material/dataset:")
        return None
    facts, labels = experiment.targets[group], labels_of(experiment.summary)
    members = facts["members"]
    sources.drop_invalid_choices(
        probes_causal_member=members,
        probes_causal_state=experiment.states,
        probes_causal_time_point=labels,
        probes_causal_class=facts["classes"],
    )
    target = members[0]
    if len(members) > 1:
        target = st.selectbox(
            "Probe",
            members,
            format_func=sources.target_label,
            key="probes_causal_member",
            **IN_ADDRESS,
            help="The probe whose direction is used.",
        )
    state = st.segmented_control(
        "State",
        experiment.states,
        default=experiment.states[0],
        key="probes_causal_state",
        **IN_ADDRESS,
        required=True,
        help=texts.STATE,
    )
    how = st.segmented_control(
        "Intervention",
        list(CHANGES),
        default="move",
        format_func=CHANGES.get,
        key="probes_causal_change",
        **IN_ADDRESS,
        required=True,
        help="Steer: move the state along the probe's direction. Project out: set its component along that direction to the "
        "training mean.",
    )
    time_point = st.selectbox(
        figures.step_axis_title(labels).capitalize(),
        labels[:-1] or labels,
        key="probes_causal_time_point",
        **IN_ADDRESS,
        help="The step after which the state is changed.",
    )
    class_name = ""
    if len(facts["classes"]) > 2:
        class_name = st.selectbox(
            "Class",
            facts["classes"],
            key="probes_causal_class",
            **IN_ADDRESS,
            help="The class whose direction is used.",
        )
    strength = 4
    if how != "erase":
        strength = st.slider(
            "Strength",
            1,
            16,
            4,
            key="probes_causal_strength",
            **IN_ADDRESS,
            help="In standard deviations of the states along the direction.",
        )
    return CausalRequest(
        model.source,
        experiment.key,
        target,
        state,
        labels.index(time_point),
        class_name,
        how,
        strength,
        names[0],
    )


def run_test(request: CausalRequest, experiment: LoadedExperiment, progress: Progress) -> dict[str, Any]:
    """Job: run the test. Returns what `probes use --json` prints. Raises UserError."""
    model = sources.opened(request.source, progress)
    from app.server.opening import torch_threads
    from probes.linear.causal import CausalSettings, run_causal_test
    from trm.data import load_puzzles
    from trm.evaluate import evenly

    task = task_of(model.config)
    puzzles = load_puzzles(request.data, task)
    (probe,) = experiment.probes([request.target], request.state)
    with torch_threads(model):
        return run_causal_test(
            model,
            task,
            puzzles.take(evenly(len(puzzles), PUZZLES)),
            probe,
            time_point=request.time_point,
            class_name=request.class_name,
            settings=CausalSettings(request.how, float(request.strength)),
            progress=progress,
        ).summary()


def draw(result: dict[str, Any], request: CausalRequest, experiment: LoadedExperiment) -> None:
    """Draw the figure, the conclusion below it, and the downloads."""
    figure = figures.causal(result)
    charts.show(figure, key="probes-use")
    st.markdown(texts.causal(result))
    st.caption(texts.CAUSAL_CAVEAT)
    step = experiment.summary["moments"][request.time_point]["supervision_step"]
    downloads.offer(
        "probe-use",
        figure=figure,
        data=result,
        command=(
            f"python -m probes use --model {request.source.spec} --probe {texts.probe_folder(experiment)}/{request.target}.{request.state}{SUFFIX} "
            f"--step {step} --how {request.how} --strength {request.strength} --limit {PUZZLES}"
            + (f" --class {request.class_name}" if request.class_name else "")
        ),
    )
