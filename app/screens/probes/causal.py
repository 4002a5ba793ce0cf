"""The tab "Causal test": change a state along a probe's direction and compare the effect with random directions."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from app.screens.probes import figures, steer, texts
from app.screens.probes.controls import choose_state, drop_invalid_choices, target_label
from app.screens.probes.source import LoadedExperiment
from app.server.models import ModelSource
from app.sidebar import dataset
from app.sidebar.dataset import PuzzleSetChoice
from app.sidebar.model_controls import Opened
from app.state.links import IN_ADDRESS
from app.ui import charts, downloads
from app.ui.analysis import Analysis, Panel
from app.ui.estimates import Cost
from probes.linear.experiment.files import SUFFIX
from probes.linear.experiment.summary import CausalSummary
from probes.linear.experiment.views import labels_of
from trm.config import ModelConfig
from trm.progress import Progress
from trm.results import as_json
from trm.tasks import task_of
from trm.terminal import as_command

if TYPE_CHECKING:
    from trm.model import Model

PUZZLES = 24
RUNS = 6  # the clean run, the probe direction and four random directions
CHANGES = {"move": "Steer", "erase": "Project out"}


@dataclass(frozen=True)
class CausalTest(Analysis[CausalSummary]):
    """A test of one probe's direction; its result is the output of `probes use --json`."""

    source: ModelSource
    experiment: LoadedExperiment
    target: str  # a member of a target group
    state: str
    time_point: int
    class_name: str
    how: str
    strength: int
    puzzles: PuzzleSetChoice

    def cost(self, config: ModelConfig) -> Cost:
        return Cost.of_runs("use", config, self.puzzles.count * RUNS)

    def run(self, model: "Model", progress: Progress) -> CausalSummary:
        from probes.linear.causal import CausalSettings, run_causal_test

        task = task_of(model.config)
        (probe,) = self.experiment.probes([self.target], self.state)
        return run_causal_test(
            model,
            task,
            self.puzzles.load(task),
            probe,
            time_point=self.time_point,
            class_name=self.class_name,
            settings=CausalSettings(self.how, float(self.strength)),
            progress=progress,
        ).summary()

    @property
    def command(self) -> str:
        """The equivalent command line."""
        folder = texts.probe_folder(self.experiment)
        step = self.experiment.summary.time_points[self.time_point].supervision_step
        return as_command(
            "python -m probes use",
            {
                "model": self.source.spec,
                "probe": f"{folder}/{self.target}.{self.state}{SUFFIX}",
                "step": step,
                "how": self.how,
                "strength": self.strength,
                "limit": self.puzzles.count,
                "class": self.class_name or None,
            },
        )


def view(model: Opened, experiment: LoadedExperiment, group: str) -> None:
    """Draw the controls and, beside them, the result. A test runs when the button is pressed."""
    panel = Panel("probes_causal", models=(model.source,), about=experiment, start=texts.CAUSAL)
    chart, text = st.columns((1.8, 1))
    with text:
        test = controls(model, experiment, group)
        if test is None:
            return
        panel.button("Run", test, test.cost(model.config), key="probes_causal_run")
        steer.button(
            model, experiment, test.target, test.state, test.time_point, test.class_name, key="probes_causal_steer"
        )  # fmt: skip
    with chart:
        result = panel.result()
        if result is not None:
            draw(result, panel.requested)


def controls(model: Opened, experiment: LoadedExperiment, group: str) -> CausalTest | None:
    """Draw the controls and return the test. Returns None, with a message, if there is no puzzle set for the task."""
    names = dataset.sets_for_task(task_of(model.config))
    if not names:
        st.info("The app has no puzzle set for this task.", icon=":material/dataset:")
        return None
    facts, labels = experiment.targets[group], labels_of(experiment.summary)
    members = facts.members
    drop_invalid_choices(
        probes_causal_member=members,
        probes_causal_state=experiment.states,
        probes_causal_time_point=labels,
        probes_causal_class=facts.classes,
    )
    target = members[0]
    if len(members) > 1:
        target = st.selectbox(
            "Probe",
            members,
            format_func=target_label,
            key="probes_causal_member",
            **IN_ADDRESS,
            help="The probe whose direction is used.",
        )
    state = choose_state(experiment, "probes_causal_state")
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
    if len(facts.classes) > 2:
        class_name = st.selectbox(
            "Class",
            facts.classes,
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
    return CausalTest(
        model.source,
        experiment,
        target,
        state,
        labels.index(time_point),
        class_name,
        how,
        strength,
        PuzzleSetChoice(names[0], PUZZLES),
    )


def draw(result: CausalSummary, test: CausalTest) -> None:
    """Draw the figure, the conclusion below it, and the downloads."""
    figure = figures.causal(result)
    charts.show(figure, key="probes-use")
    st.markdown(texts.causal(result))
    st.caption(texts.CAUSAL_CAVEAT)
    downloads.offer("probe-use", figure=figure, data=as_json(result), command=test.command)
