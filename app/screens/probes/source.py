"""The experiments behind the Probes page: the recorded experiment, or one fitted by a job; and jobs that apply probes
to one puzzle.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from app.server import shared
from app.server.models import ModelSource
from app.sidebar import dataset
from app.sidebar.dataset import PuzzleSetChoice
from app.sidebar.model_controls import Opened
from app.state.links import IN_ADDRESS
from app.ui.estimates import Cost
from app.ui.progress import ask, result_of, watch
from probes.linear.apply import SavedProbe, open_probe
from probes.linear.experiment.files import RECORDED, SUFFIX, ExperimentFileError, recorded_experiment
from probes.linear.target_groups import default_targets, groups_of
from trm.config import ModelConfig
from trm.errors import CheckpointError
from trm.progress import Progress
from trm.tasks import task_of

if TYPE_CHECKING:
    from trm.model import Model

STEPS = (1, 2, 4)
"""The default steps. 16 steps on 200 puzzles take 5 TFLOP with sudoku-trm, or 25 s on two cores, which is over the
budget.
"""
STATES = ("z", "y")
OPEN = "probes_open"  # session key: whether the settings of a new fit are open
PROBE = 0.1  # rough cost of fitting one probe, in supervision steps of all puzzles
PULSE = 0.25  # seconds between polls of a model that is loading


@dataclass(frozen=True, eq=False)
class LoadedExperiment:
    """An experiment, in the format of `ProbingExperiment.summary`, with access to its probes."""

    key: Hashable
    summary: dict[str, Any]
    probes: Callable[[Sequence[str], str], list[SavedProbe]]  # maps targets and a state to their probes
    command: str
    recorded: bool
    is_of_these_weights: bool = True  # False for a recording made with other weights

    @property
    def targets(self) -> dict[str, dict[str, Any]]:
        return {target["name"]: target for target in self.summary["targets"]}

    @property
    def states(self) -> list[str]:
        return [name for name in STATES if name in self.summary["settings"]["states"]]


# ---- recorded experiments


def recorded(model: Opened) -> LoadedExperiment | None:
    """The recorded experiment of a bundled model, with which its page opens, or None."""
    source = model.source
    folder = RECORDED / source.name
    try:
        stamp = (folder / "study.json").stat().st_mtime_ns if source.is_bundled else 0
        summary = _recorded(source.name, stamp) if stamp else None
    except (OSError, ExperimentFileError):
        return None
    if summary is None:
        return None
    weights = shared.weights_fingerprint(source.name, source.stamp)

    def probes(targets: Sequence[str], state: str) -> list[SavedProbe]:
        return [open_probe(folder / f"{target}.{state}{SUFFIX}") for target in targets]

    return LoadedExperiment(
        ("recorded", source.name, stamp),
        summary,
        probes,
        f"python -m probes fit --model {source.name} --record",
        recorded=True,
        is_of_these_weights=summary["about"]["fingerprint"] == weights,
    )


@st.cache_data(max_entries=16, show_spinner=False)
def _recorded(name: str, stamp: int) -> dict[str, Any] | None:
    return recorded_experiment(name)


def fingerprint(model: Opened) -> str | None:
    """The fingerprint of the model's weights; None if the model is no longer loaded."""
    if model.source.is_bundled:
        return shared.weights_fingerprint(model.source.name, model.source.stamp)
    loaded = shared.models().ask(model.source).model
    return loaded.fingerprint if loaded else None


# ---- new experiments


@dataclass(frozen=True)
class ProbingRequest:
    """The settings of a new experiment."""

    source: ModelSource
    puzzles: PuzzleSetChoice
    targets: tuple[str, ...]
    states: tuple[str, ...]
    steps: tuple[int, ...]
    random: str
    control: bool
    code_length: bool = False

    @property
    def key(self) -> Hashable:
        return "probes", self

    @property
    def command(self) -> str:
        """The equivalent command."""
        parts = [
            f"python -m probes fit --model {self.source.spec}",
            self.puzzles.arguments,
            f"--targets {','.join(self.targets)} --state {','.join(self.states)}",
            f"--steps {','.join(map(str, self.steps))} --random {self.random}",
            *(() if self.control else ("--no-control",)),
            *(("--code-length",) if self.code_length else ()),
            "--out probes.json --save probes",
        ]
        return " ".join(parts)


def controls(model: Opened) -> None:
    """Draw the settings of a new experiment, and the button that starts it."""
    task, state = task_of(model.config), st.session_state
    groups = {group.name: group for group in groups_of(task)}
    if state.get("probes_of") != model.source.name:
        state.probes_of = model.source.name
        state.probes_targets = list(default_targets(task))
        last = model.config.N_sup
        state.probes_steps = [step for step in STEPS if step <= last] or [last]
    targets = st.multiselect(
        "Targets",
        list(groups),
        key="probes_targets",
        **IN_ADDRESS,
        format_func=target_label,
        help="What the probes decode. Each target is explained below.",
    )
    st.caption("  \n".join(f"**{target_label(name)}**: {groups[name].meaning}" for name in targets))
    left, right = st.columns(2)
    states = left.segmented_control(
        "States",
        STATES,
        default=list(STATES),
        selection_mode="multi",
        key="probes_states",
        **IN_ADDRESS,
        help="The states to probe.",
    )
    steps = right.multiselect(
        "After supervision step",
        list(range(1, model.config.N_sup + 1)),
        key="probes_steps",
        **IN_ADDRESS,
        help="The model runs up to the last of these steps. Later steps take longer.",
    )
    puzzles = dataset.choose(task, "probes")
    left, right = st.columns(2)
    random = left.selectbox(
        "Untrained network",
        ("first", "all", "none"),
        format_func={"first": "at the first step", "all": "at every step", "none": "skip"}.get,
        key="probes_random",
        **IN_ADDRESS,
        help="Baseline: probes of the same network with random weights. At every step, this takes as long as the model's own run.",
    )
    control = right.toggle(
        "Control task",
        value=True,
        key="probes_control",
        **IN_ADDRESS,
        help="Also fit probes to random labels (Hewitt & Liang 2019). Doubles the number of probes.",
    )
    code_length = right.toggle(
        "Description length",
        key="probes_code_length",
        **IN_ADDRESS,
        help="MDL by online coding, for targets with classes. Fits about ten more probes per target.",
    )
    ready = bool(puzzles and targets and states and steps)
    if not ready:
        st.caption("Choose at least one target, one state and one step.")
    request = ready and ProbingRequest(
        model.source,
        puzzles,
        tuple(targets),
        tuple(name for name in STATES if name in states),
        tuple(sorted(steps)),
        random,
        control,
        code_length,
    )
    work = request and cost(model.config, request)
    if work:
        st.caption(work.estimate())
    st.button(
        "Fit probes",
        key="probes_fit",
        type="primary",
        on_click=start_fit,
        args=(request, work),
        disabled=not ready,
    )


def cost(config: ModelConfig, request: ProbingRequest) -> Cost:
    """The cost of the runs of the model and of the untrained network, and of fitting the probes."""
    untrained = {"first": request.steps[0], "all": request.steps[-1], "none": 0}[request.random]
    sources = len(request.states) * (2 if untrained else 1) + 2
    probes = len(request.targets) * sources * len(request.steps) * (2 if request.control else 1)
    steps = request.steps[-1] + untrained + PROBE * probes
    return Cost.of_runs("probes", config, request.puzzles.count * steps / config.N_sup)


def start_fit(request: ProbingRequest, work: Cost) -> None:
    """Callback: start the job, show its result, and close the settings."""
    st.session_state.probes_request = request
    st.session_state[OPEN] = False
    ask(request.key, work.timed(partial(fit, request)))


def show_recorded() -> None:
    """Callback: show the recorded experiment again."""
    st.session_state.probes_request = None


def computed(model: Opened) -> LoadedExperiment | None:
    """The experiment that this session requested for this model. Shows progress and returns None until it is ready."""
    request = st.session_state.get("probes_request")
    if request is None or request.source != model.source:
        return None
    job = shared.jobs().find(request.key)
    result = None if job is None else watch(job)
    if result is None:
        return None
    summary, fitted = result

    def probes(targets: Sequence[str], state: str) -> list[SavedProbe]:
        return [fitted[target, state] for target in targets]

    return LoadedExperiment(request.key, summary, probes, request.command, recorded=False)


def fit(
    request: ProbingRequest, progress: Progress
) -> tuple[dict[str, Any], dict[tuple[str, str], SavedProbe]]:
    """Job: run the experiment. Returns its summary, and its probes by target and state. Raises UserError."""
    model = opened(request.source, progress)
    from app.server.opening import torch_threads
    from probes.linear.apply import probes_of
    from probes.linear.experiment.results import ExperimentSettings
    from probes.linear.experiment.run import run_experiment
    from probes.linear.probe import ProbeSettings
    from trm.data import load_puzzles
    from trm.evaluate import evenly

    task = task_of(model.config)
    puzzles = load_puzzles(request.puzzles.name, task)
    puzzles = puzzles.take(evenly(len(puzzles), request.puzzles.count))
    settings = ExperimentSettings(
        request.targets,
        request.states,
        request.steps,
        random=request.random,
        control=request.control,
        probe=ProbeSettings(code_length=request.code_length),
    )
    with torch_threads(model):
        experiment = run_experiment(model, task, puzzles, settings, progress=progress)
    return experiment.summary(), {(probe.target, probe.state): probe for probe in probes_of(experiment)}


def opened(source: ModelSource, progress: Progress) -> "Model":
    """Wait until the model is loaded. Raises UserError if it cannot be loaded."""
    opening = shared.models().ask(source)
    while not opening.wait(PULSE):
        progress(0.0, f"loading {source.name}")
    if opening.error:
        raise opening.error
    if opening.model is None:
        raise CheckpointError(f"{source.name} was closed to make room for others. Try again.")
    return opening.model


# ---- probes on one puzzle


def decoded(model: Opened, experiment: LoadedExperiment, target: str, puzzle: str) -> dict[str, Any] | None:
    """What the probes of a target decode in a puzzle, in the format of `probes apply`; None until it is ready."""
    key = ("probe predictions", model.source, experiment.key, target, puzzle)
    return result_of(key, partial(decode, model.source, experiment, target, puzzle))


def decode(
    source: ModelSource, experiment: LoadedExperiment, target: str, puzzle: str, progress: Progress
) -> dict[str, Any]:
    """Job: apply the probes of a target to a puzzle. Raises UserError."""
    model = opened(source, progress)
    from app.server.opening import torch_threads
    from probes.linear.apply import apply_to_puzzle, summary_of

    task = task_of(model.config)
    inputs = task.parse(puzzle)
    members = experiment.targets[target]["members"]
    probes = [probe for state in experiment.states for probe in experiment.probes(members, state)]
    with torch_threads(model):
        readings = apply_to_puzzle(
            model, task, inputs, probes, progress=lambda share: progress(share, "running the puzzle")
        )
    return summary_of(readings, model=model, task=task, inputs=inputs)


def drop_invalid_choices(**options: Sequence[str]) -> None:
    """Reset widgets whose value is not among the options for this model or target. Call it before they are drawn."""
    for key, values in options.items():
        if st.session_state.get(key) not in values:
            st.session_state.pop(key, None)


def target_label(name: str) -> str:
    """A target's name as displayed."""
    return name.replace("_", " ")
