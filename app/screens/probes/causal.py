"""The view "Is it used?": change a state along a probe's direction, and see whether the answer minds more than by chance."""

from collections.abc import Hashable
from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st

from app.screens.probes import figures, texts
from app.screens.probes import source as sources
from app.screens.probes.source import Shown
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
RUNS = 6  # unchanged, along the probe and along four random directions
HOWS = {"move": "move along it", "erase": "erase it"}


@dataclass(frozen=True)
class Asked:
    """What is to be tried."""

    source: ModelSource
    study: Hashable
    target: str  # a member, not a family
    state: str
    time_point: int
    class_name: str
    how: str
    dose: int
    data: str

    @property
    def key(self) -> Hashable:
        return "probe use", self


def view(found: Opened, shown: Shown, family: str) -> None:
    """The controls beside the picture; nothing is run before it is asked for."""
    picture, words = st.columns((1.8, 1))
    with words:
        asked = controls(found, shown, family)
        if asked is None:
            return
        work = Cost.of_runs("use", found.config, PUZZLES * RUNS)
        st.caption(work.said())
        if st.button("Try it", key="probes_use", type="primary"):
            st.session_state.probes_use_asked = asked
            ask(asked.key, work.timed(partial(measure, asked, shown)))
    before = st.session_state.get("probes_use_asked")
    with picture:
        job = None if before is None else shared.jobs().find(before.key)
        if job is None or (before.source, before.study) != (found.source, shown.key):
            st.info(texts.USE, icon=":material/science:")
            return
        result = watch(job)
        if result is not None:
            draw(result, before, shown)


def controls(found: Opened, shown: Shown, family: str) -> Asked | None:
    """Draw them. None where there is no puzzle set to try it on, which is said."""
    names = dataset.fitting_sets(task_of(found.config))
    if not names:
        st.info("No set of puzzles of this task comes with the app.", icon=":material/dataset:")
        return None
    facts, labels = shown.targets[family], labels_of(shown.summary)
    members = facts["members"]
    sources.forget_strangers(
        probes_use_member=members,
        probes_use_state=shown.states,
        probes_use_time_point=labels,
        probes_use_class=facts["classes"],
    )
    target = members[0]
    if len(members) > 1:
        target = st.selectbox(
            "Direction of", members, format_func=sources.spoken, key="probes_use_member", **IN_ADDRESS
        )
    state = st.segmented_control(
        "Of", shown.states, default=shown.states[0], key="probes_use_state", **IN_ADDRESS, required=True
    )
    how = st.segmented_control(
        "Change",
        list(HOWS),
        default="move",
        format_func=HOWS.get,
        key="probes_use_how",
        **IN_ADDRESS,
        required=True,
    )
    time_point = st.selectbox(
        figures.time_point_title(labels).capitalize(),
        labels[:-1] or labels,
        key="probes_use_moment",
        **IN_ADDRESS,
    )
    class_name = ""
    if len(facts["classes"]) > 2:
        class_name = st.selectbox("Towards", facts["classes"], key="probes_use_class", **IN_ADDRESS)
    dose = 4
    if how != "erase":
        dose = st.slider(
            "Dose",
            1,
            16,
            4,
            key="probes_use_dose",
            **IN_ADDRESS,
            help="Standard deviations of the states along the direction.",
        )
    return Asked(
        found.source,
        shown.key,
        target,
        state,
        labels.index(time_point),
        class_name,
        how,
        dose,
        names[0],
    )


def measure(asked: Asked, shown: Shown, progress: Progress) -> dict[str, Any]:
    """The job: what `probes use` prints. Raises UserError."""
    model = sources.opened(asked.source, progress)
    from app.server.opening import torch_threads
    from probes.linear.causal import UseSettings, measure_use
    from trm.data import load_puzzles
    from trm.evaluate import evenly

    task = task_of(model.config)
    puzzles = load_puzzles(asked.data, task)
    (probe,) = shown.probes([asked.target], asked.state)
    with torch_threads(model):
        return measure_use(
            model,
            task,
            puzzles.take(evenly(len(puzzles), PUZZLES)),
            probe,
            time_point=asked.time_point,
            class_name=asked.class_name,
            settings=UseSettings(asked.how, float(asked.dose)),
            progress=progress,
        ).summary()


def draw(result: dict[str, Any], asked: Asked, shown: Shown) -> None:
    """The figure, the sentence under it, and what may be taken away."""
    figure = figures.use(result)
    charts.show(figure, key="probes-use")
    st.markdown(texts.use(result))
    st.caption(texts.USE_WORTH)
    step = shown.summary["moments"][asked.time_point]["supervision_step"]
    downloads.offer(
        "probe-use",
        figure=figure,
        data=result,
        command=(
            f"python -m probes use --model {asked.source.spec} --probe {texts.folder(shown)}/{asked.target}.{asked.state}{SUFFIX} "
            f"--step {step} --how {asked.how} --dose {asked.dose} --limit {PUZZLES}"
            + (f" --class {asked.class_name}" if asked.class_name else "")
        ),
    )
