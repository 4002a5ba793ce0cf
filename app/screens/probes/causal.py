"""The view "Is it used?": change a state along a probe's direction, and see whether the answer minds more than by chance."""

from collections.abc import Hashable
from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st

from app.screens.probes import figures, texts
from app.screens.probes import source as sources
from app.screens.probes.source import LoadedExperiment
from app.server import shared
from app.server.models import Source
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
RUNS = 6  # unchanged, along the probe and along four random directions
CHANGES = {"move": "move along it", "erase": "erase it"}


@dataclass(frozen=True)
class CausalRequest:
    """What is to be tried."""

    source: Source
    experiment: Hashable
    target: str  # a member, not a group
    state: str
    time_point: int
    class_name: str
    how: str
    strength: int
    data: str

    @property
    def key(self) -> Hashable:
        return "probe use", self


def view(found: Opened, experiment: LoadedExperiment, group: str) -> None:
    """The controls beside the picture; nothing is run last it is request for."""
    chart, text = st.columns((1.8, 1))
    with text:
        request = controls(found, experiment, group)
        if request is None:
            return
        work = Cost.of_runs("use", found.config, PUZZLES * RUNS)
        st.caption(work.said())
        if st.button("Try it", key="probes_causal_run", type="primary"):
            st.session_state.probes_causal_request = request
            ask(request.key, work.timed(partial(run_test, request, experiment)))
    last = st.session_state.get("probes_causal_request")
    with chart:
        job = None if last is None else shared.jobs().find(last.key)
        if job is None or (last.source, last.experiment) != (found.source, experiment.key):
            st.info(texts.CAUSAL, icon=":material/science:")
            return
        result = watch(job)
        if result is not None:
            draw(result, last, experiment)


def controls(found: Opened, experiment: LoadedExperiment, group: str) -> CausalRequest | None:
    """Draw them. None where there is no puzzle set to try it on, which is said."""
    names = dataset.fitting_sets(task_of(found.config))
    if not names:
        st.info("No set of puzzles of this task comes with the app.", icon=":material/dataset:")
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
            "Direction of",
            members,
            format_func=sources.target_label,
            key="probes_causal_member",
            **IN_ADDRESS,
        )
    state = st.segmented_control(
        "Of",
        experiment.states,
        default=experiment.states[0],
        key="probes_causal_state",
        **IN_ADDRESS,
        required=True,
    )
    how = st.segmented_control(
        "Change",
        list(CHANGES),
        default="move",
        format_func=CHANGES.get,
        key="probes_causal_change",
        **IN_ADDRESS,
        required=True,
    )
    time_point = st.selectbox(
        figures.step_axis_title(labels).capitalize(),
        labels[:-1] or labels,
        key="probes_causal_time_point",
        **IN_ADDRESS,
    )
    class_name = ""
    if len(facts["classes"]) > 2:
        class_name = st.selectbox("Towards", facts["classes"], key="probes_causal_class", **IN_ADDRESS)
    strength = 4
    if how != "erase":
        strength = st.slider(
            "Dose",
            1,
            16,
            4,
            key="probes_causal_strength",
            **IN_ADDRESS,
            help="Standard deviations of the states along the direction.",
        )
    return CausalRequest(
        found.source,
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
    """The job: what `probes use` prints. Raises UserError."""
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
    """The figure, the sentence under it, and what may be taken away."""
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
