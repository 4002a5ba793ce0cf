"""Which study the Probes page shows: a recorded one at once, another by a job; and the readings of a puzzle, by jobs too."""

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
from probes.linear.experiment.files import RECORDED, SUFFIX, StudyFileError, recorded_study
from probes.linear.target_groups import families_of, usual_targets
from trm.config import ModelConfig
from trm.errors import CheckpointError
from trm.progress import Progress
from trm.tasks import task_of

if TYPE_CHECKING:
    from trm.model import Model

STEPS = (1, 2, 4)
"""That are run unless others are asked for. 16 steps of 200 puzzles are 5 TFLOP of sudoku-trm, 25 s of two cores: over the budget."""
STATES = ("z", "y")
OPEN = "probes_open"  # whether the settings of a fit are, in the session
PROBE = 0.1  # of a supervision step of all puzzles: what fitting a probe takes, roughly
PULSE = 0.25  # seconds between looks at a model that is being loaded


@dataclass(frozen=True, eq=False)
class Shown:
    """A study, as `Study.summary` writes it, and how to get at its probes."""

    key: Hashable
    summary: dict[str, Any]
    probes: Callable[[Sequence[str], str], list[SavedProbe]]  # of these targets, from z or y
    command: str
    recorded: bool
    is_of_these_weights: bool = True  # not where a recording was made with others than those that are here

    @property
    def targets(self) -> dict[str, dict[str, Any]]:
        return {target["name"]: target for target in self.summary["targets"]}

    @property
    def states(self) -> list[str]:
        return [name for name in STATES if name in self.summary["settings"]["states"]]


# ---- what was recorded


def recorded(found: Opened) -> Shown | None:
    """What a model's page opens with; None where nothing was recorded of it."""
    source = found.source
    folder = RECORDED / source.name
    try:
        stamp = (folder / "study.json").stat().st_mtime_ns if source.is_bundled else 0
        summary = _recorded(source.name, stamp) if stamp else None
    except (OSError, StudyFileError):
        return None
    if summary is None:
        return None
    mark = shared.weights_fingerprint(source.name, source.stamp)

    def probes(targets: Sequence[str], state: str) -> list[SavedProbe]:
        return [open_probe(folder / f"{target}.{state}{SUFFIX}") for target in targets]

    return Shown(
        ("recorded", source.name, stamp),
        summary,
        probes,
        f"python -m probes fit --model {source.name} --record",
        recorded=True,
        is_of_these_weights=summary["about"]["fingerprint"] == mark,
    )


@st.cache_data(max_entries=16, show_spinner=False)
def _recorded(name: str, stamp: int) -> dict[str, Any] | None:
    return recorded_study(name)


def fingerprint(found: Opened) -> str | None:
    """Of the weights that are shown; None where they are not there any more."""
    if found.source.is_bundled:
        return shared.weights_fingerprint(found.source.name, found.source.stamp)
    model = shared.models().ask(found.source).model
    return model.fingerprint if model else None


# ---- computing anew


@dataclass(frozen=True)
class Asked:
    """What a person asks to be fitted."""

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
        """The same on the command line."""
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


def controls(found: Opened) -> None:
    """Targets, states, steps, puzzles and baselines; and the button that begins."""
    task, state = task_of(found.config), st.session_state
    families = {family.name: family for family in families_of(task)}
    if state.get("probes_of") != found.source.name:
        state.probes_of = found.source.name
        state.probes_targets = list(usual_targets(task))
        last = found.config.N_sup
        state.probes_steps = [step for step in STEPS if step <= last] or [last]
    targets = st.multiselect(
        "Targets",
        list(families),
        key="probes_targets",
        **IN_ADDRESS,
        format_func=spoken,
        help="What is looked for. Each says below what it means.",
    )
    st.caption("  \n".join(f"**{spoken(name)}**: {families[name].meaning}" for name in targets))
    left, right = st.columns(2)
    states = left.segmented_control(
        "States", STATES, default=list(STATES), selection_mode="multi", key="probes_states", **IN_ADDRESS
    )
    steps = right.multiselect(
        "After supervision step",
        list(range(1, found.config.N_sup + 1)),
        key="probes_steps",
        **IN_ADDRESS,
        help="The model is run to the last of them. Later steps take longer.",
    )
    puzzles = dataset.choose(task, "probes")
    left, right = st.columns(2)
    random = left.selectbox(
        "Same net, random weights",
        ("first", "all", "none"),
        format_func={"first": "at the first step", "all": "at every step", "none": "left out"}.get,
        key="probes_random",
        **IN_ADDRESS,
        help="At every step it takes as long as the model's own run.",
    )
    control = right.toggle(
        "Control task", value=True, key="probes_control", **IN_ADDRESS, help="Twice as many probes."
    )
    code_length = right.toggle(
        "Description length",
        key="probes_code_length",
        **IN_ADDRESS,
        help="By online coding, of targets with classes: about ten more probes for each.",
    )
    ready = bool(puzzles and targets and states and steps)
    if not ready:
        st.caption("Choose at least one target, one state and one step.")
    asked = ready and Asked(
        found.source,
        puzzles,
        tuple(targets),
        tuple(name for name in STATES if name in states),
        tuple(sorted(steps)),
        random,
        control,
        code_length,
    )
    work = asked and cost(found.config, asked)
    if work:
        st.caption(work.said())
    st.button(
        "Fit probes", key="probes_fit", type="primary", on_click=begin, args=(asked, work), disabled=not ready
    )


def cost(config: ModelConfig, asked: Asked) -> Cost:
    """Runs of the model and of the untrained network; a probe takes about what a supervision step of all puzzles does."""
    untrained = {"first": asked.steps[0], "all": asked.steps[-1], "none": 0}[asked.random]
    sources = len(asked.states) * (2 if untrained else 1) + 2
    probes = len(asked.targets) * sources * len(asked.steps) * (2 if asked.control else 1)
    steps = asked.steps[-1] + untrained + PROBE * probes
    return Cost.of_runs("probes", config, asked.puzzles.count * steps / config.N_sup)


def begin(asked: Asked, work: Cost) -> None:
    """Ask for a study, and for it to be shown, not the settings over it. A callback."""
    st.session_state.probes_asked = asked
    st.session_state[OPEN] = False
    ask(asked.key, work.timed(partial(fit, asked)))


def back() -> None:
    """Show what was recorded again. A callback."""
    st.session_state.probes_asked = None


def computed(found: Opened) -> Shown | None:
    """What this person asked for of this model, once it is there; how far it is until then. None while there is none."""
    asked = st.session_state.get("probes_asked")
    if asked is None or asked.source != found.source:
        return None
    job = shared.jobs().find(asked.key)
    result = None if job is None else watch(job)
    if result is None:
        return None
    summary, kept = result

    def probes(targets: Sequence[str], state: str) -> list[SavedProbe]:
        return [kept[target, state] for target in targets]

    return Shown(asked.key, summary, probes, asked.command, recorded=False)


def fit(asked: Asked, progress: Progress) -> tuple[dict[str, Any], dict[tuple[str, str], SavedProbe]]:
    """The job: the study for a page, and its probes by target and state. Raises UserError."""
    model = opened(asked.source, progress)
    from app.server.opening import torch_threads
    from probes.linear.apply import probes_of
    from probes.linear.experiment.experiment import fit_study
    from probes.linear.experiment.study import StudySettings
    from probes.linear.probe import ProbeSettings
    from trm.data import load_puzzles
    from trm.evaluate import evenly

    task = task_of(model.config)
    puzzles = load_puzzles(asked.puzzles.name, task)
    puzzles = puzzles.take(evenly(len(puzzles), asked.puzzles.count))
    settings = StudySettings(
        asked.targets,
        asked.states,
        asked.steps,
        random=asked.random,
        control=asked.control,
        probe=ProbeSettings(code_length=asked.code_length),
    )
    with torch_threads(model):
        study = fit_study(model, task, puzzles, settings, progress=progress)
    return study.summary(), {(probe.target, probe.state): probe for probe in probes_of(study)}


def opened(source: ModelSource, progress: Progress) -> "Model":
    """The model, once it is loaded. Raises UserError where it cannot be."""
    opening = shared.models().ask(source)
    while not opening.wait(PULSE):
        progress(0.0, f"loading {source.name}")
    if opening.error:
        raise opening.error
    if opening.model is None:
        raise CheckpointError(f"{source.name} was closed to make room for others. Try again.")
    return opening.model


# ---- the reading of a puzzle


def reading(found: Opened, shown: Shown, target: str, puzzle: str) -> dict[str, Any] | None:
    """What the probes of a target read in a puzzle, as `probes apply` writes it; None while it is not there yet."""
    key = ("probe reading", found.source, shown.key, target, puzzle)
    return result_of(key, partial(read, found.source, shown, target, puzzle))


def read(source: ModelSource, shown: Shown, target: str, puzzle: str, progress: Progress) -> dict[str, Any]:
    """The job. Raises UserError."""
    model = opened(source, progress)
    from app.server.opening import torch_threads
    from probes.linear.apply import read_puzzle, summary_of

    task = task_of(model.config)
    inputs = task.parse(puzzle)
    members = shown.targets[target]["members"]
    probes = [probe for state in shown.states for probe in shown.probes(members, state)]
    with torch_threads(model):
        readings = read_puzzle(
            model, task, inputs, probes, progress=lambda share: progress(share, "running the puzzle")
        )
    return summary_of(readings, model=model, task=task, inputs=inputs)


def forget_strangers(**options: Sequence[str]) -> None:
    """Before widgets are drawn: what was chosen among other options, of another model or target, is chosen no more."""
    for key, known in options.items():
        if st.session_state.get(key) not in known:
            st.session_state.pop(key, None)


def spoken(name: str) -> str:
    """A target's name in words."""
    return name.replace("_", " ")
