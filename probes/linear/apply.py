"""ProbePredictions with saved probes: what they read in each cell of one puzzle, step by step, beside what is true there.

Saved probes are opened as an experiment without scores: enough to read puzzles with them, of their own model or of another checkpoint.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float32, Num, UInt8

from probes.linear.files import ProbeFileError, load_probe
from probes.linear.probe import ProbeResult, apply
from probes.linear.target_groups import groups_of
from probes.linear.targets import Evidence, Level, target_of, values_at
from trm.config import SHORT
from trm.coordinates import Coordinates, Depth
from trm.files import plain_json
from trm.tasks.base import Task

if TYPE_CHECKING:
    from probes.linear.experiment.results import ProbingExperiment
    from trm.model import Model
    from trm.progress import ShareProgress


@dataclass(frozen=True, eq=False)
class SavedProbe:
    """A probe and what it is about."""

    result: ProbeResult
    state: str  # z or y
    time_points: tuple[Coordinates, ...]
    steps_run: int
    about: dict[str, str]

    @property
    def target(self) -> str:
        return self.result.name


@dataclass(frozen=True, eq=False)
class PuzzlePredictions:
    """What one probe reads in a puzzle. A target of puzzles has a single cell."""

    target: str
    state: str
    classes: tuple[str, ...]  # () for numbers
    time_points: tuple[Coordinates, ...]
    values: Num[np.ndarray, "time cell"]  # index of the class, or the number
    probability: Float32[np.ndarray, "time cell"] | None  # of that class; None for numbers
    true: Num[np.ndarray, "time cell"] | None  # None where it cannot be known without a solution
    defined: Bool[np.ndarray, "time cell"]  # cells that the target speaks of

    def summary(self) -> dict[str, Any]:
        """For JSON: names of classes or numbers; null in cells that the target does not speak of."""
        return {
            "target": self.target,
            "state": self.state,
            "classes": list(self.classes),
            "read": self._named(self.values),
            "true": None if self.true is None else self._named(self.true),
            "probability": None
            if self.probability is None
            else [
                [round(float(p), 4) if known else None for p, known in zip(row, mask, strict=True)]
                for row, mask in zip(self.probability, self.defined, strict=True)
            ],
        }

    def _named(self, values: Num[np.ndarray, "time cell"]) -> list[list[str | float | None]]:
        def name(value: int | float) -> str | float:
            return self.classes[value] if self.classes else round(value, 4)

        return [
            [name(value) if known else None for value, known in zip(row, mask, strict=True)]
            for row, mask in zip(values.tolist(), self.defined.tolist(), strict=True)
        ]


def open_probe(path: Path) -> SavedProbe:
    """A probe as `probes fit --save` writes it. Raises ProbeFileError."""
    result, about = load_probe(path)
    try:
        time_points = tuple(
            Coordinates(int(step), int(cycle), int(call), str(kind))
            for step, cycle, call, kind in plain_json(about["moments"])
        )
        probe = SavedProbe(result, about["state"], time_points, int(about["steps_run"]), about)
    except (KeyError, TypeError, ValueError, RecursionError):
        raise ProbeFileError(
            f"{path} does not say which time points it is of. Fit it with `probes fit --save`."
        ) from None
    if probe.state not in ("z", "y") or result.time_points != len(time_points):
        raise ProbeFileError(f"{path} is not a probe of z or y at its time points. Fit it again.")
    return probe


def check_fit(probe: SavedProbe, model: "Model", depth: Depth) -> None:
    """Raises ProbeFileError where the probe's time points are none of the model's, or its states have another size.

    Weights may differ: whether a probe still reads another checkpoint is worth asking.
    """
    if probe.about.get("task") != model.config.task:
        raise ProbeFileError(
            f"The probe {SHORT.repr(probe.target)} is one of {SHORT.repr(probe.about.get('task'))}, the model solves {model.config.task}. "
            "Fit one on this model."
        )
    if model.config.hidden_size != probe.result.mean.shape[1]:
        raise ProbeFileError(
            f"The probe {probe.target} reads states of {probe.result.mean.shape[1]} numbers, those of {model.name} "
            f"have {model.config.hidden_size}. Fit one on this model."
        )
    for at in probe.time_points:
        if at.supervision_step > depth.N_sup or at not in set(depth.calls(at.supervision_step)):
            raise ProbeFileError(
                f"The probe {probe.target} is of call {at.supervision_step}.{at.cycle}.{at.call} ({at.kind}), which "
                f"this run does not have. Run at least {at.supervision_step} supervision steps with its n and T."
            )


def apply_to_puzzle(
    model: "Model",
    task: Task,
    inputs: UInt8[np.ndarray, "cells"],
    probes: Sequence[SavedProbe],
    *,
    depth: Depth | None = None,
    labels: UInt8[np.ndarray, "cells"] | None = None,
    puzzle_id: int = 0,
    progress: "ShareProgress | None" = None,
) -> list[PuzzlePredictions]:
    """Run the model on one puzzle and read it with each probe at each of its time points.

    `labels` is the published answer; else the only solution is looked for. Raises ProbeFileError where a probe does not
    fit the model.
    """
    from probes.linear.collect import check_puzzles, collect
    from trm.record import only_solution

    check_puzzles(model, task, inputs[None], puzzle_id)
    depth = depth or model.config.depth
    for probe in probes:
        check_fit(probe, model, depth)
    needs = set().union(*(target_of(task, probe.target).needs for probe in probes))
    if "end" not in needs:
        depth = replace(depth, N_sup=max(at.supervision_step for probe in probes for at in probe.time_points))
    time_points = tuple(dict.fromkeys(at for probe in probes for at in probe.time_points))
    labels = only_solution(task, inputs) if labels is None else labels
    runs = collect(
        model, inputs[None], np.array([puzzle_id]), depth=depth, time_points=time_points, progress=progress
    )
    evidence = Evidence(task, inputs[None], None if labels is None else labels[None], end=runs.end)
    return [_reading(probe, evidence, runs, time_points) for probe in probes]


def _reading(
    probe: SavedProbe, evidence: Evidence, runs: Any, time_points: tuple[Coordinates, ...]
) -> PuzzlePredictions:
    target = target_of(evidence.task, probe.target)
    rows = [time_points.index(at) for at in probe.time_points]
    states = runs.states[probe.state][:, rows]
    if target.level is Level.PUZZLE:
        states = states.mean(2, keepdims=True)
    read = apply(probe.result, states)
    values, true = read.values[0], None
    if "labels" in target.needs and evidence.labels is None:
        defined = np.broadcast_to(~evidence.givens, values.shape)
    else:
        found = values_at(
            target,
            evidence,
            now=runs.now[:, rows],
            supervision_steps=[at.supervision_step for at in probe.time_points],
            halts=runs.halts[:, rows],
        )
        true = np.broadcast_to(found.values[0], values.shape)
        defined = np.broadcast_to(found.defined[0], values.shape)
    probability = None if read.probabilities is None else read.probabilities[0].max(-1)
    return PuzzlePredictions(
        probe.target,
        probe.state,
        probe.result.classes,
        probe.time_points,
        values,
        probability,
        true,
        np.array(defined),
    )


def summary_of(
    readings: Sequence[PuzzlePredictions], *, model: "Model", task: Task, inputs: UInt8[np.ndarray, "cells"]
) -> Mapping[str, Any]:
    """For JSON: one entry a probe, each with its time points; cells row by row."""
    return {
        "model": model.name,
        "fingerprint": model.fingerprint,
        "puzzle": task.format(inputs),
        "grid": [task.rows, task.columns],
        "readings": [
            reading.summary()
            | {
                "moments": [
                    {
                        "supervision_step": at.supervision_step,
                        "cycle": at.cycle,
                        "call": at.call,
                        "kind": at.kind,
                    }
                    for at in reading.time_points
                ]
            }
            for reading in readings
        ],
    }


def probes_of(experiment: "ProbingExperiment") -> list[SavedProbe]:
    """The probes of z and y of an experiment, as if saved and opened again."""
    from probes.linear.experiment.files import probe_metadata

    return [
        SavedProbe(probe, result.source, experiment.time_points, experiment.about["depth"]["N_sup"], about)
        for result, about in probe_metadata(experiment)
        for probe in result.probes
    ]


def summary_of_probes(probes: Sequence[SavedProbe], task: Task) -> dict[str, Any]:
    """As `ProbingExperiment.summary` writes it, with no results. A group has the members that every state has a probe of.

    Raises ProbeFileError where there are none, two are the same, they are of several models or time points, or of another task.
    """
    if not probes:
        raise ProbeFileError("No probe was given. Give files of `probes fit --save`.")
    first, seen = probes[0], set()
    for probe in probes:
        if probe.about.get("task") != task.name:
            raise ProbeFileError(
                f"The probe {probe.target} is one of {probe.about.get('task')}, this model solves {task.name}. "
                "Choose a model of that task."
            )
        if (probe.about.get("fingerprint"), probe.time_points) != (
            first.about.get("fingerprint"),
            first.time_points,
        ):
            raise ProbeFileError(
                f"The probes {first.target} and {probe.target} are of other weights or other time points. Open those of one experiment."
            )
        if (probe.target, probe.state) in seen:
            raise ProbeFileError(f"The probe {probe.target} of {probe.state} is there twice. Leave one out.")
        seen.add((probe.target, probe.state))
    states = [state for state in ("z", "y") if any(of == state for _, of in seen)]
    groups = []
    for group in groups_of(task):
        members = tuple(
            member for member in group.members if all((member.name, state) in seen for state in states)
        )
        if members:
            groups.append(replace(group, members=members))
    if not groups:
        raise ProbeFileError(
            "No target has a probe of every state that is there. Open both files of a target, or those of one state."
        )
    return {
        "about": {
            "model": first.about.get("model", "unknown"),
            "fingerprint": first.about.get("fingerprint", ""),
            "task": task.name,
            "grid": [task.rows, task.columns],
        },
        "settings": {"states": states},
        "moments": [asdict(at) for at in first.time_points],
        "targets": [group.facts() for group in groups],
        "findings": [],
    }
