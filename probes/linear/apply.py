"""Apply saved probes to one puzzle: predictions for each cell at each step, with the true values.

Saved probes form an experiment without scores. They can be applied to their own model or to another checkpoint.
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
from trm.files import strict_json
from trm.tasks.base import Task

if TYPE_CHECKING:
    from probes.linear.experiment.results import ProbingExperiment
    from trm.model import Model
    from trm.progress import ShareProgress


@dataclass(frozen=True, eq=False)
class SavedProbe:
    """A fitted probe with its metadata."""

    result: ProbeResult
    state: str  # z or y
    time_points: tuple[Coordinates, ...]
    steps_run: int  # supervision steps of the runs that it was fitted on
    about: dict[str, str]  # the metadata in its file

    @property
    def target(self) -> str:
        """The name of the target."""
        return self.result.name


@dataclass(frozen=True, eq=False)
class PuzzlePredictions:
    """The predictions of one probe on one puzzle. A puzzle-level target has a single cell."""

    target: str
    state: str
    classes: tuple[str, ...]  # () for numeric targets
    time_points: tuple[Coordinates, ...]
    values: Num[np.ndarray, "time cell"]  # class indices, or numbers
    probability: Float32[np.ndarray, "time cell"] | None  # of the predicted class; None for numeric targets
    true: Num[np.ndarray, "time cell"] | None  # None if the target needs a solution that is unknown
    defined: Bool[np.ndarray, "time cell"]  # cells for which the target is defined

    def summary(self) -> dict[str, Any]:
        """The predictions as JSON-compatible data: class names or numbers, None in cells where the target is not
        defined.
        """
        return {
            "target": self.target,
            "state": self.state,
            "classes": list(self.classes),
            "read": self._named(self.values),
            "true": None if self.true is None else self._named(self.true),
            "probability": None
            if self.probability is None
            else [
                [round(float(p), 4) if defined else None for p, defined in zip(row, mask, strict=True)]
                for row, mask in zip(self.probability, self.defined, strict=True)
            ],
        }

    def _named(self, values: Num[np.ndarray, "time cell"]) -> list[list[str | float | None]]:
        def name(value: int | float) -> str | float:
            return self.classes[value] if self.classes else round(value, 4)

        return [
            [name(value) if defined else None for value, defined in zip(row, mask, strict=True)]
            for row, mask in zip(values.tolist(), self.defined.tolist(), strict=True)
        ]


def open_probe(path: Path) -> SavedProbe:
    """Open a file written by `probes fit --save`. Raises ProbeFileError."""
    result, about = load_probe(path)
    try:
        time_points = tuple(
            Coordinates(int(step), int(cycle), int(call), str(kind))
            for step, cycle, call, kind in strict_json(about["moments"])
        )
        probe = SavedProbe(result, about["state"], time_points, int(about["steps_run"]), about)
    except (KeyError, TypeError, ValueError, RecursionError):
        raise ProbeFileError(
            f"{path} does not name its time points. Fit the probe again with `probes fit --save`."
        ) from None
    if probe.state not in ("z", "y") or result.time_points != len(time_points):
        raise ProbeFileError(
            f"{path} is not a probe of z or y, or has no weights for some of its time points. Fit it again."
        )
    return probe


def check_fit(probe: SavedProbe, model: "Model", depth: Depth) -> None:
    """Check that the model has the probe's task, hidden size and time points. Raises ProbeFileError if not.

    The weights may differ, so a probe can be tested on another checkpoint.
    """
    if probe.about.get("task") != model.config.task:
        raise ProbeFileError(
            f"The probe {SHORT.repr(probe.target)} was fitted for {SHORT.repr(probe.about.get('task'))}, but the model solves {model.config.task}. "
            "Fit a probe on this model."
        )
    if model.config.hidden_size != probe.result.mean.shape[1]:
        raise ProbeFileError(
            f"The probe {probe.target} was fitted on states of size {probe.result.mean.shape[1]}, but {model.name} has hidden "
            f"size {model.config.hidden_size}. Fit a probe on this model."
        )
    for at in probe.time_points:
        if at.supervision_step > depth.N_sup or at not in set(depth.calls(at.supervision_step)):
            raise ProbeFileError(
                f"The probe {probe.target} was fitted at call {at.supervision_step}.{at.cycle}.{at.call} ({at.kind}), which "
                f"this run does not have. Use the probe's n and T and at least {at.supervision_step} supervision steps."
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
    """Run the model on one puzzle and apply each probe at each of its time points.

    `labels` is the known solution. Without it, a solver computes the solution; true values that need one are None if it
    is not unique. Raises ProbeFileError if a probe does not fit the model.
    """
    from probes.linear.collect import check_puzzles, collect
    from trm.record import unique_solution

    check_puzzles(model, task, inputs[None], puzzle_id)
    depth = depth or model.config.depth
    for probe in probes:
        check_fit(probe, model, depth)
    needs = set().union(*(target_of(task, probe.target).needs for probe in probes))
    if "end" not in needs:
        depth = replace(depth, N_sup=max(at.supervision_step for probe in probes for at in probe.time_points))
    time_points = tuple(dict.fromkeys(at for probe in probes for at in probe.time_points))
    labels = unique_solution(task, inputs) if labels is None else labels
    runs = collect(
        model, inputs[None], np.array([puzzle_id]), depth=depth, time_points=time_points, progress=progress
    )
    evidence = Evidence(task, inputs[None], None if labels is None else labels[None], end=runs.end)
    return [_predictions(probe, evidence, runs, time_points) for probe in probes]


def _predictions(
    probe: SavedProbe, evidence: Evidence, runs: Any, time_points: tuple[Coordinates, ...]
) -> PuzzlePredictions:
    target = target_of(evidence.task, probe.target)
    rows = [time_points.index(at) for at in probe.time_points]
    states = runs.states[probe.state][:, rows]
    if target.level is Level.PUZZLE:
        states = states.mean(2, keepdims=True)
    predictions = apply(probe.result, states)
    values, true = predictions.values[0], None
    if "labels" in target.needs and evidence.labels is None:
        defined = np.broadcast_to(~evidence.givens, values.shape)
    else:
        truth = values_at(
            target,
            evidence,
            now=runs.now[:, rows],
            supervision_steps=[at.supervision_step for at in probe.time_points],
            halts=runs.halts[:, rows],
        )
        true = np.broadcast_to(truth.values[0], values.shape)
        defined = np.broadcast_to(truth.defined[0], values.shape)
    probability = None if predictions.probabilities is None else predictions.probabilities[0].max(-1)
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
    predictions: Sequence[PuzzlePredictions],
    *,
    model: "Model",
    task: Task,
    inputs: UInt8[np.ndarray, "cells"],
) -> Mapping[str, Any]:
    """JSON-compatible data: one entry per probe, each with its time points. Cells are in row-major order."""
    return {
        "model": model.name,
        "fingerprint": model.fingerprint,
        "puzzle": task.format(inputs),
        "grid": [task.rows, task.columns],
        "readings": [
            one.summary()
            | {
                "moments": [
                    {
                        "supervision_step": at.supervision_step,
                        "cycle": at.cycle,
                        "call": at.call,
                        "kind": at.kind,
                    }
                    for at in one.time_points
                ]
            }
            for one in predictions
        ],
    }


def probes_of(experiment: "ProbingExperiment") -> list[SavedProbe]:
    """An experiment's probes of z and y, as if they had been saved and reopened."""
    from probes.linear.experiment.files import probe_metadata

    return [
        SavedProbe(probe, result.source, experiment.time_points, experiment.about["depth"]["N_sup"], about)
        for result, about in probe_metadata(experiment)
        for probe in result.probes
    ]


def summary_of_probes(probes: Sequence[SavedProbe], task: Task) -> dict[str, Any]:
    """An experiment without scores, in the format of `ProbingExperiment.summary`.

    A target group contains the members for which every state has a probe. Raises ProbeFileError if there are no probes,
    two are the same, or their models, time points or tasks differ.
    """
    if not probes:
        raise ProbeFileError("No probe was given. Give files written by `probes fit --save`.")
    first, seen = probes[0], set()
    for probe in probes:
        if probe.about.get("task") != task.name:
            raise ProbeFileError(
                f"The probe {probe.target} was fitted for {probe.about.get('task')}, but this model solves {task.name}. "
                "Choose a model of that task."
            )
        if (probe.about.get("fingerprint"), probe.time_points) != (
            first.about.get("fingerprint"),
            first.time_points,
        ):
            raise ProbeFileError(
                f"The probes {first.target} and {probe.target} have different weights or time points. Open probes of one experiment."
            )
        if (probe.target, probe.state) in seen:
            raise ProbeFileError(
                f"The probe {probe.target} of {probe.state} was given twice. Remove one of them."
            )
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
            "No target has a probe for every state. Open both files of a target, or files of one state only."
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
