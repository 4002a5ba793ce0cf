"""Runs a probing experiment: which targets can be decoded from z and y, at which step, and how well the input alone
does.

The model and an untrained copy of it run over a puzzle set. A probe is fitted for every target, source and time point.
Sources are the states z and y, and their baselines: the input around the cell, features derived from the input, and the
states of the untrained network. z and y are also baselines for each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace

import numpy as np
from jaxtyping import Num

from probes.linear.baselines import derived_features, input_features
from probes.linear.collect import STATES, check_puzzles, collect, time_points_of
from probes.linear.control_task import control_types
from probes.linear.experiment.results import ExperimentSettings, ProbingExperiment, TargetResult
from probes.linear.experiment.scores import WrongCells, gains, scored
from probes.linear.fit import fit_probe
from probes.linear.probe import ProbeResult, apply
from probes.linear.splits import Split, split_puzzles
from probes.linear.target_groups import TargetGroup, groups_named
from probes.linear.targets import Evidence, Level, Values, target_of, values_at
from trm import __version__
from trm.coordinates import Coordinates, Depth
from trm.data import PuzzleSet
from trm.model import Model
from trm.models import new_model
from trm.progress import Progress
from trm.tasks.base import Task

INPUT, DERIVED = "input", "derived"
SOLUTION, ANSWER = "solution", "answer_now"
RANDOM = "random"
SOURCE_LABELS = {
    INPUT: "the input",
    DERIVED: "features derived from the input",
    f"{RANDOM} z": "z of the untrained network",
    f"{RANDOM} y": "y of the untrained network",
}
"""Names of the sources other than the model's own states."""
FIT_COST = 0.1  # cost of a probe at one time point, in supervision steps of the whole puzzle set


def run_experiment(
    model: Model,
    task: Task,
    puzzles: PuzzleSet,
    settings: ExperimentSettings,
    *,
    depth: Depth | None = None,
    progress: Progress | None = None,
) -> ProbingExperiment:
    """Run the model over the puzzles and fit all probes.

    Supervision steps after the last requested one are run only if a target needs the final answers. Raises TargetError,
    ProbeError, CollectError, SplitError or PuzzleError if the settings and the puzzles do not allow the experiment.
    """
    check_puzzles(model, task, puzzles.inputs, int(puzzles.puzzle_identifiers.max(initial=0)))
    depth = depth or model.config.depth
    groups = groups_named(task, settings.targets)
    time_points = time_points_of(depth, settings.steps, settings.calls)
    split = split_puzzles(len(puzzles), seed=settings.probe.seed)
    if not any("end" in group.first.needs for group in groups):
        depth = replace(depth, N_sup=max(settings.steps))
    random_at = {"all": time_points, "first": time_points[:1], "none": ()}[settings.random]
    stages = ExperimentProgress(
        progress,
        states=settings.states,
        groups=groups,
        depth=depth,
        random_at=random_at,
        time_points=len(time_points),
    )
    ids = puzzles.puzzle_identifiers
    runs = collect(
        model,
        puzzles.inputs,
        ids,
        depth=depth,
        time_points=time_points,
        progress=stages.runs(depth.N_sup, f"the model on {len(puzzles)} puzzles"),
        states=settings.states,
    )
    sources = {name: (states, len(time_points)) for name, states in runs.states.items()}
    if random_at:
        random = untrained_model(model, seed=settings.probe.seed)
        last = random_at[-1].supervision_step
        untrained = collect(
            random,
            puzzles.inputs,
            ids,
            depth=replace(depth, N_sup=last),
            time_points=random_at,
            progress=stages.runs(last, f"the untrained network on {len(puzzles)} puzzles"),
            states=settings.states,
        )
        sources |= {f"{RANDOM} {name}": (states, len(random_at)) for name, states in untrained.states.items()}
    evidence = Evidence(task, puzzles.inputs, puzzles.labels, end=runs.end)
    derived = derived_features(evidence)
    if derived is not None:
        sources[DERIVED] = (derived, len(time_points))

    def values(name: str) -> Values:
        return values_at(
            target_of(task, name),
            evidence,
            now=runs.now,
            supervision_steps=[at.supervision_step for at in time_points],
            halts=runs.halts,
        )

    results, labels = [], {}
    for group in groups:
        true_values = labels[group.name] = [values(member.name) for member in group.members]
        answer = values(ANSWER) if group.name == SOLUTION else None
        features = input_features(task, puzzles.inputs, cells=group.first.level is Level.CELL)
        all_sources = sources | {INPUT: (features, len(time_points))}
        of_group = {
            source: _target_result(
                group,
                source,
                states,
                [first_of(one, count) for one in true_values],
                split=split,
                settings=settings,
                types=control_types(puzzles.inputs) if source in STATES and settings.control else None,
                answer=answer,
                stages=stages,
            )
            for source, (states, count) in all_sources.items()
        }
        results += with_gains(of_group)
    about = {
        "model": model.name,
        "fingerprint": model.fingerprint,
        "kind": model.config.kind,
        "task": task.name,
        "grid": [task.rows, task.columns],
        "depth": asdict(depth),
        "data": puzzles.name,
        "puzzles": len(puzzles),
        "split": {"train": len(split.train), "validation": len(split.validation), "test": len(split.test)},
        "dtype": str(model.compute_dtype).removeprefix("torch."),
        "version": __version__,
    }
    return ProbingExperiment(
        about,
        settings,
        time_points,
        groups,
        tuple(results),
        repeated_labels(labels, time_points=len(time_points)),
    )


def untrained_model(model: Model, *, seed: int) -> Model:
    """The same network with freshly initialised weights. Its states show what the architecture alone encodes."""
    random = new_model(model.config)
    random.initialise(seed)
    random.compute_dtype = model.compute_dtype
    return random.to(model.device).eval().requires_grad_(False)


def first_of(values: Values, count: int) -> Values:
    """The values at the first `count` time points. A target that does not change has only one."""
    return Values(values.values[:, :count], values.defined[:, :count])


def repeated_labels(
    labels: Mapping[str, Sequence[Values]], *, time_points: int
) -> dict[str, list[str | None]]:
    """For each group, at each time point: the first earlier group with the same labels, or with yes and no swapped."""
    repeats: dict[str, list[str | None]] = {name: [] for name in labels}
    for time_point in range(time_points):
        names: dict[tuple[bytes, ...], str] = {}
        for name, members in labels.items():
            key = tuple(_label_key(one, time_point) for one in members)
            first = names.setdefault(key, name)
            repeats[name].append(None if first == name else first)
    return repeats


def _label_key(values: Values, time_point: int) -> bytes:
    """A key shared by labels that agree wherever they are defined, up to swapping two classes."""
    at = 0 if values.values.shape[1] == 1 else time_point
    labels, defined = values.values[:, at], values.defined[:, at]
    own = labels[defined]
    if own.dtype.kind == "i" and own.size and own.max() <= 1:
        own = own ^ own[0]
    return defined.tobytes() + own.tobytes()


def _target_result(
    group: TargetGroup,
    source: str,
    states: np.ndarray,
    true_values: Sequence[Values],
    *,
    split: Split,
    settings: ExperimentSettings,
    types: np.ndarray | None,
    answer: Values | None,
    stages: ExperimentProgress,
) -> TargetResult:
    """Fit the probes of a group on one source. `answer` holds the current answers if the group is the solution."""
    if group.first.level is Level.PUZZLE:
        states, types = states.mean(2, keepdims=True), None
    is_own = source in STATES
    probes, predictions = [], []
    for member, values in zip(group.members, true_values, strict=True):
        probe = fit_probe(
            states,
            values,
            split,
            classes=member.classes,
            name=member.name,
            settings=settings.probe
            if is_own and member.classes
            else replace(settings.probe, code_length=False),  # not defined for numeric targets
            types=types,
            progress=stages.fit(
                f"fitting {member.name.replace('_', ' ')} from {SOURCE_LABELS.get(source, source)}"
            ),
        )
        probes.append(probe)
        predictions.append(predict_test(probe, states, split))
    return TargetResult(
        group,
        source,
        tuple(probes),
        tuple(range(probes[0].time_points)),
        scored(group, probes, true_values, predictions, split, settings.probe),
        wrong_cells=WrongCells.of(true_values[0], answer, predictions[0], split)
        if is_own and answer is not None
        else None,
    )


def with_gains(results: Mapping[str, TargetResult]) -> list[TargetResult]:
    """The results of one group, with the differences of z and y from all other sources."""
    return [
        replace(
            result,
            gains=gains(
                result.group_scores,
                {name: other.group_scores for name, other in results.items() if name != source},
            ),
        )
        if source in STATES
        else result
        for source, result in results.items()
    ]


def predict_test(probe: ProbeResult, states: np.ndarray, split: Split) -> Num[np.ndarray, "puzzle time cell"]:
    """The probe's predictions for the test puzzles: classes or numbers, or the log odds of the second of two classes."""
    test = states[split.test]
    if states.shape[1] == 1 and probe.time_points > 1:
        test = np.broadcast_to(test, (len(test), probe.time_points, *test.shape[2:]))
    predictions = apply(probe, test)
    return predictions.log_odds if len(probe.classes) == 2 else predictions.values


# ---- progress


class ExperimentProgress:
    """Divides the progress of an experiment, 0 to 1, among its stages by their cost."""

    def __init__(
        self,
        progress: Progress | None,
        *,
        states: Sequence[str],
        groups: Sequence[TargetGroup],
        depth: Depth,
        random_at: Sequence[Coordinates],
        time_points: int,
    ):
        self.progress = progress or (lambda share, words: None)
        self.fits = FIT_COST * time_points
        steps = depth.N_sup + (random_at[-1].supervision_step if random_at else 0)
        probes = sum(len(group.members) for group in groups)
        sources = len(states) * (2 if random_at else 1) + 2
        self.total, self.done = steps + self.fits * probes * sources, 0.0

    def stage(self, cost: int | float, words: Callable[[float], str]) -> Callable[[float], None]:
        """The progress callback of the next stage. `words` turns the stage's own progress into a message."""
        started = self.done
        self.done += cost
        return lambda share: self.progress(min(1.0, (started + share * cost) / self.total), words(share))

    def runs(self, steps: int, what: str) -> Callable[[float], None]:
        """The progress callback for runs of this many supervision steps."""
        return self.stage(steps, lambda share: f"running {what}, {share:.0%} done")

    def fit(self, words: str) -> Callable[[float], None]:
        """The progress callback for the next probe."""
        return self.stage(self.fits, lambda share: words)
