"""Runs a probing experiment, which measures how well targets can be decoded from z, y and their baselines at each step.

The model and an untrained copy run on a puzzle set. A probe is fitted for every target, source and time point. The
sources are the states z and y and their baselines: the input around the cell, features derived from the input, and the
states of the untrained network. z and y are also baselines for each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory

import numpy as np
from jaxtyping import Num

from probes.linear.baselines import derived_features
from probes.linear.control_task import control_types
from probes.linear.experiment.results import ProbingExperiment, TargetResult
from probes.linear.experiment.scores import WrongCells, gains, scored
from probes.linear.experiment.summary import ExperimentSettings
from probes.linear.features import Features, blocks
from probes.linear.fit import fit_probe
from probes.linear.probe import ProbeError, ProbeResult, apply
from probes.linear.splits import PARTS, Split, split_puzzles
from probes.linear.target_groups import TargetGroup, groups_named
from probes.linear.targets import Evidence, Level, Values, target_of, values_at
from probes.states import STATES, StateSource, time_points_of
from trm.coordinates import Coordinates, Depth
from trm.data import PuzzleSet
from trm.model import Model
from trm.models import new_model
from trm.parallel import Worker
from trm.progress import Progress, no_progress, part_of
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
"""Display names of the baseline sources."""
UNTRAINED = ".untrained-states"  # folder of the untrained network's states
FIT_COST = 0.1  # cost of fitting a probe at the calls of one step, in supervision steps of the puzzle set


def run_experiment(
    model: Model,
    task: Task,
    puzzles: PuzzleSet,
    settings: ExperimentSettings,
    *,
    depth: Depth | None = None,
    progress: Progress = no_progress,
) -> ProbingExperiment:
    """Run the model on the puzzles and fit all probes (`fit_experiment`, which says what is raised).

    Supervision steps after the last requested step are run only if a target needs the final answers.
    """
    groups, depth = groups_named(task, settings.targets), depth or model.config.depth
    time_points = time_points_of(depth, settings.steps, settings.calls)
    if not any("end" in group.first.needs for group in groups):
        depth = replace(depth, N_sup=max(settings.steps))
    cost = ExperimentCost.of(settings, groups, time_points)
    source = StateSource.compute(
        model, task, puzzles, depth=depth, time_points=time_points, states=settings.states,
        progress=part_of(progress, 0.0, depth.N_sup / (depth.N_sup + cost.total)),
        message=f"running the model on {len(puzzles)} puzzles",
    )  # fmt: skip
    return fit_experiment(
        source, settings, progress=part_of(progress, depth.N_sup / (depth.N_sup + cost.total), 1.0)
    )


def fit_experiment(
    source: StateSource,
    settings: ExperimentSettings,
    *,
    worker: Worker | None = None,
    folder: Path | None = None,
    progress: Progress = no_progress,
) -> ProbingExperiment | None:
    """Fit all probes on recorded states. The untrained network runs on the same puzzles.

    Several processes, each with its own `worker`, share the targets and sources. Only the lead process returns the
    experiment; the others return None. `folder`, which all of them must see, holds the states of the untrained network
    while they are needed; by default, they are in memory if the states of `source` are, and otherwise in a temporary
    folder.

    Raises TargetError, ProbeError, TimePointError, SplitError or StatesError if the experiment is not possible with
    these settings and puzzles, and StoreError if the source lacks the states or answers that it needs.
    """
    worker = worker or Worker()
    if source.model is None and folder is None:
        if worker.size > 1:
            raise ProbeError("Several processes need a folder that all of them see. Give --out.")
        with TemporaryDirectory(prefix="recursion-lens-") as temporary:
            return fit_experiment(source, settings, folder=Path(temporary), progress=progress)
    task, puzzles, depth = source.task, source.puzzles, source.depth
    groups = groups_named(task, settings.targets)
    time_points = time_points_of(depth, settings.steps, settings.calls)
    source.check(settings.states, time_points)
    split = split_puzzles(len(puzzles), seed=settings.probe.seed)
    cost = ExperimentCost.of(settings, groups, time_points)
    stages = Stages(progress, cost.total)
    sources = {name: Features.of_states(source, name, time_points) for name in settings.states}
    if cost.random_at:
        random = untrained_model(source, seed=settings.probe.seed)
        last = cost.random_at[-1].supervision_step
        untrained = StateSource.compute(
            random, task, puzzles, depth=replace(depth, N_sup=last), time_points=cost.random_at,
            states=settings.states, folder=folder and folder / UNTRAINED, worker=worker,
            progress=stages.next(last),
            message=f"running the untrained network on {len(puzzles)} puzzles",
        )  # fmt: skip
        sources |= {
            f"{RANDOM} {name}": Features.of_states(untrained, name, cost.random_at)
            for name in settings.states
        }
    needs = set().union(*(group.first.needs for group in groups))
    evidence = Evidence(
        task,
        puzzles.inputs,
        puzzles.labels,
        end=source.final_answers() if "end" in needs else None,
        precomputed_facts=source.facts,
    )
    derived = derived_features(evidence)
    if derived is not None:
        sources[DERIVED] = Features.of_array(derived)
    answers = source.answers_at(time_points)

    def values(name: str) -> Values:
        return values_at(
            target_of(task, name),
            evidence,
            now=answers,
            supervision_steps=[at.supervision_step for at in time_points],
            halts=source.halts_at(time_points),
        )

    labels = {group.name: [values(member.name) for member in group.members] for group in groups}
    answer = values(ANSWER) if SOLUTION in labels else None
    jobs = [(group, name) for group in groups for name in (*sources, INPUT)]

    def fit(group: TargetGroup, name: str) -> TargetResult:
        is_cell = group.first.level is Level.CELL
        features = Features.of_inputs(task, puzzles.inputs, cells=is_cell) if name == INPUT else sources[name]
        count = len(cost.random_at) if name.startswith(RANDOM) else len(time_points)
        return _target_result(
            group,
            name,
            features,
            [first_of(one, count) for one in labels[group.name]],
            split=split,
            settings=settings,
            types=control_types(puzzles.inputs) if name in STATES and settings.control else None,
            answer=answer if group.name == SOLUTION else None,
            stages=stages,
        )

    # Groups hold functions, which other processes cannot receive.
    own = [vars(fit(group, name)) | {"group": None} for group, name in worker.share_of(jobs)]
    gathered = worker.gather(own, folder)
    if gathered is None:
        return None
    if folder:
        rmtree(folder / UNTRAINED, ignore_errors=True)
    results = []
    for group in groups:
        of_group = {
            name: TargetResult(**parts | {"group": group})
            for (each, name), parts in zip(jobs, gathered, strict=True)
            if each is group
        }
        results += with_gains(of_group)
    return ProbingExperiment(
        replace(source.provenance, recorded=date.today().isoformat()),
        (task.rows, task.columns),
        {part: len(getattr(split, part)) for part in PARTS},
        settings,
        time_points,
        groups,
        tuple(results),
        repeated_labels(labels, time_points=len(time_points)),
    )


def untrained_model(source: StateSource, *, seed: int) -> Model:
    """Return the same network with newly initialised weights, whose states show what the architecture alone encodes."""
    import torch

    from trm.device import choose_device

    random = new_model(source.config)
    random.initialise(seed)
    random.compute_dtype = getattr(torch, source.provenance.dtype)
    random.name, random.fingerprint = f"untrained {source.config.kind}", ""
    device = source.model.device if source.model is not None else choose_device()
    return random.to(device).eval().requires_grad_(False)


def first_of(values: Values, count: int) -> Values:
    """Return the values at the first `count` time points. A target that does not change has a single time point."""
    return Values(values.values[:, :count], values.defined[:, :count])


def repeated_labels(
    labels: Mapping[str, Sequence[Values]], *, time_points: int
) -> dict[str, list[str | None]]:
    """For each group and time point, return the first earlier group with the same labels, or None.

    Labels with yes and no swapped count as the same.
    """
    repeats: dict[str, list[str | None]] = {name: [] for name in labels}
    for time_point in range(time_points):
        names: dict[tuple[bytes, ...], str] = {}
        for name, members in labels.items():
            key = tuple(_label_key(one, time_point) for one in members)
            first = names.setdefault(key, name)
            repeats[name].append(None if first == name else first)
    return repeats


def _label_key(values: Values, time_point: int) -> bytes:
    """Return a key that is equal for two targets if their labels are equal, up to swapping two classes."""
    at = 0 if values.values.shape[1] == 1 else time_point
    labels, defined = values.values[:, at], values.defined[:, at]
    own = labels[defined]
    if own.dtype.kind == "i" and own.size and own.max() <= 1:
        own = own ^ own[0]
    return defined.tobytes() + own.tobytes()


def _target_result(
    group: TargetGroup,
    source: str,
    features: Features,
    true_values: Sequence[Values],
    *,
    split: Split,
    settings: ExperimentSettings,
    types: np.ndarray | None,
    answer: Values | None,
    stages: "Stages",
) -> TargetResult:
    """Fit and score the probes of a group on one source. For the solution, `answer` holds the current answers."""
    if group.first.level is Level.PUZZLE:
        features, types = features.averaged(), None
    is_own = source in STATES
    probes, predictions = [], []
    for member, values in zip(group.members, true_values, strict=True):
        probe = fit_probe(
            features,
            values,
            split,
            classes=member.classes,
            name=member.name,
            settings=settings.probe
            if is_own and member.classes
            else replace(settings.probe, code_length=False),  # not defined for numeric targets
            types=types,
            progress=stages.next(
                FIT_COST * len(settings.steps),
                f"fitting {member.name.replace('_', ' ')} from {SOURCE_LABELS.get(source, source)}",
            ),
        )
        probes.append(probe)
        predictions.append(predict_test(probe, features, split))
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
    """Return the results of one group, with the gains of z and y over all other sources."""
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


def predict_test(probe: ProbeResult, features: Features, split: Split) -> Num[np.ndarray, "puzzle time cell"]:
    """Predict the test puzzles: log odds of class 1 for two classes, class indices for more, and otherwise numbers."""
    features = features.at_times(max(features.shape[1], probe.time_points))
    parts = []
    for rows in blocks(split.test):
        predictions = apply(probe, features.block(rows))
        parts.append(predictions.log_odds if len(probe.classes) == 2 else predictions.values)
    return np.concatenate(parts)


# ---- progress


@dataclass(frozen=True)
class ExperimentCost:
    """The cost of an experiment on recorded states, in supervision steps of the whole puzzle set."""

    total: float
    random_at: tuple[Coordinates, ...]  # time points of the untrained network

    @classmethod
    def of(
        cls,
        settings: ExperimentSettings,
        groups: Sequence[TargetGroup],
        time_points: tuple[Coordinates, ...],
    ) -> ExperimentCost:
        random_at = {"all": time_points, "first": time_points[:1], "none": ()}[settings.random]
        probes = sum(len(group.members) for group in groups)
        sources = len(settings.states) * (2 if random_at else 1) + 2
        steps = random_at[-1].supervision_step if random_at else 0
        return cls(float(steps) + FIT_COST * len(settings.steps) * probes * sources, random_at)


class Stages:
    """Divides progress, 0 to 1, among stages in proportion to their cost."""

    def __init__(self, progress: Progress, total: float):
        self.progress, self.total, self.done = progress, total, 0.0

    def next(self, cost: float | int, text: str = "") -> Progress:
        """The progress callback of the next stage. `text` replaces the stage's own text."""
        begin = self.done
        self.done += cost
        return part_of(self.progress, begin / self.total, min(1.0, self.done / self.total), text)
