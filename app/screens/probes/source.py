"""The experiments of the Probes page, recorded or fitted by a job, and the predictions of probes on one puzzle."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from app.server import shared
from app.server.models import ModelSource
from app.sidebar.dataset import PuzzleSetChoice
from app.sidebar.model_controls import Opened
from app.ui.analysis import Analysis, Recorded, read_recorded
from app.ui.estimates import Cost
from probes.linear.experiment.files import RECORDED, SUFFIX, load_experiment, recorded_path
from probes.linear.experiment.summary import ExperimentSummary, TargetSummary
from probes.linear.files import SavedProbe, open_probe
from trm.config import ModelConfig
from trm.progress import Progress
from trm.tasks import task_of
from trm.terminal import as_command

if TYPE_CHECKING:
    from trm.model import Model

STATES = ("z", "y")
PROBE = 0.1  # rough cost of fitting one probe, in supervision steps on all puzzles


@dataclass(frozen=True)
class LoadedExperiment:
    """An experiment, in the format of `ProbingExperiment.summary`, with access to its probes. Equal if the keys are."""

    key: Hashable
    summary: ExperimentSummary = field(compare=False)
    probes: Callable[[Sequence[str], str], list[SavedProbe]] = field(
        compare=False
    )  # of targets, for one state
    command: str = field(compare=False)
    recorded: bool = field(compare=False)

    @property
    def targets(self) -> dict[str, TargetSummary]:
        """The target groups by name."""
        return {target.name: target for target in self.summary.targets}

    @property
    def states(self) -> list[str]:
        """The states that were probed, z before y."""
        return [name for name in STATES if name in self.summary.settings.states]


# ---- recorded experiments


def recorded(model: Opened) -> Recorded[LoadedExperiment] | None:
    """Return the recorded experiment of a bundled model; None if nothing is recorded."""
    source = model.source
    folder = RECORDED / source.name
    summary = read_recorded(recorded_path(source.name), load_experiment) if source.is_bundled else None
    if summary is None:
        return None

    def probes(targets: Sequence[str], state: str) -> list[SavedProbe]:
        return [open_probe(folder / f"{target}.{state}{SUFFIX}") for target in targets]

    experiment = LoadedExperiment(
        ("recorded", source.name, summary.provenance.fingerprint),
        summary,
        probes,
        as_command("python -m probes fit", {"model": source.name, "record": True}),
        recorded=True,
    )
    return Recorded(experiment, {source: summary.provenance.fingerprint})


def fingerprint(model: Opened) -> str | None:
    """Return the fingerprint of the model's weights; None if the model is no longer loaded."""
    if model.source.is_bundled:
        return shared.weights_fingerprint(model.source.name, model.source.stamp)
    loaded = shared.models().ask(model.source).model
    return loaded.fingerprint if loaded else None


# ---- analyses


@dataclass(frozen=True)
class ProbeFit(Analysis[LoadedExperiment]):
    """A new experiment: probes of several targets, fitted to states of a puzzle set."""

    source: ModelSource
    puzzles: PuzzleSetChoice
    targets: tuple[str, ...]
    states: tuple[str, ...]
    steps: tuple[int, ...]
    random: str
    control: bool
    code_length: bool = False

    @property
    def problem(self) -> str:
        is_complete = self.targets and self.states and self.steps
        return "" if is_complete else "Choose at least one target, one state and one step."

    @property
    def command(self) -> str:
        """The equivalent command line."""
        return as_command(
            "python -m probes fit",
            {} if self.puzzles.store else {"model": self.source.spec},
            self.puzzles.options,
            {"targets": self.targets, "state": self.states, "steps": self.steps, "random": self.random},
            {"no_control": not self.control, "code_length": self.code_length},
            {"out": "probes.json", "save": "probes"},
        )

    def cost(self, config: ModelConfig) -> Cost:
        """The cost of running the model and the untrained network, and of fitting the probes."""
        first, last = min(self.steps, default=0), max(self.steps, default=0)
        untrained = {"first": first, "all": last, "none": 0}[self.random]
        sources = len(self.states) * (2 if untrained else 1) + 2
        probes = len(self.targets) * sources * len(self.steps) * (2 if self.control else 1)
        steps = (0 if self.puzzles.store else last) + untrained + PROBE * probes
        return Cost.of_runs("probes", config, self.puzzles.count * steps / config.N_sup)

    def run(self, model: "Model", progress: Progress) -> LoadedExperiment:
        from probes.linear.experiment.run import fit_experiment, run_experiment
        from probes.linear.experiment.summary import ExperimentSettings
        from probes.linear.probe import ProbeSettings

        task = task_of(model.config)
        settings = ExperimentSettings(
            self.targets,
            self.states,
            self.steps,
            random=self.random,
            control=self.control,
            probe=ProbeSettings(code_length=self.code_length),
        )
        if self.puzzles.store:
            experiment = fit_experiment(self.puzzles.open_store(model), settings, progress=progress)
        else:
            experiment = run_experiment(model, task, self.puzzles.load(task), settings, progress=progress)
        fitted = {(probe.target, probe.state): probe for probe in experiment.saved_probes()}

        def probes(targets: Sequence[str], state: str) -> list[SavedProbe]:
            return [fitted[target, state] for target in targets]

        return LoadedExperiment(self.key, experiment.summary(), probes, self.command, recorded=False)


@dataclass(frozen=True)
class ProbePrediction(Analysis[dict[str, Any]]):
    """What a target's probes decode in one puzzle, in the format of `probes apply`."""

    source: ModelSource
    experiment: LoadedExperiment
    target: str
    puzzle: str

    def run(self, model: "Model", progress: Progress) -> dict[str, Any]:
        from probes.linear.apply import apply_to_puzzle, summary_of

        task, experiment = task_of(model.config), self.experiment
        inputs = task.parse(self.puzzle)
        members = experiment.targets[self.target].members
        probes = [probe for state in experiment.states for probe in experiment.probes(members, state)]
        readings = apply_to_puzzle(model, task, inputs, probes, progress=progress)
        return summary_of(readings, model=model, task=task, inputs=inputs)
