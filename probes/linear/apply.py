"""Applies saved probes to one puzzle and returns the predicted and true values of each cell at each time point.

Probes can be applied to the model that they were fitted on or to another checkpoint of the same task and hidden size.
A set of saved probes can be shown like an experiment, but without scores.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float32, Num, UInt8

from probes.linear.experiment.summary import ExperimentSettings, ExperimentSummary
from probes.linear.files import ProbeFileError, SavedProbe
from probes.linear.probe import apply
from probes.linear.target_groups import groups_of
from probes.linear.targets import Evidence, Level, target_of, values_at
from probes.states import StateSource
from trm.config import SHORT
from trm.coordinates import Coordinates, Depth
from trm.data import PuzzleSet
from trm.progress import Progress, no_progress
from trm.tasks.base import Task

if TYPE_CHECKING:
    from trm.model import Model


@dataclass(frozen=True, eq=False)
class PuzzlePredictions:
    """The predictions of one probe on one puzzle. The arrays of a puzzle-level target have a single cell."""

    target: str
    state: str
    classes: tuple[str, ...]  # () for numeric targets
    time_points: tuple[Coordinates, ...]
    values: Num[np.ndarray, "time cell"]  # class indices, or numbers
    probability: Float32[np.ndarray, "time cell"] | None  # of the predicted class; None for numeric targets
    true: Num[np.ndarray, "time cell"] | None  # None if the target depends on a solution that is unknown
    defined: Bool[np.ndarray, "time cell"]  # whether the target is defined for the cell

    def summary(self) -> dict[str, Any]:
        """Return the predictions as JSON-compatible data, with class names, and None where the target is undefined."""
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


def check_fit(probe: SavedProbe, model: "Model", depth: Depth) -> None:
    """Check that the model has the probe's task and hidden size, and that a run of this depth has its time points.

    The weights may differ, so a probe can be tested on another checkpoint. Raises ProbeFileError if the check fails.
    """
    if probe.provenance.task != model.config.task:
        raise ProbeFileError(
            f"The probe {SHORT.repr(probe.target)} was fitted for {SHORT.repr(probe.provenance.task)}, but the model solves {model.config.task}. "
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
    progress: Progress = no_progress,
) -> list[PuzzlePredictions]:
    """Run the model on one puzzle and apply each probe at each of its time points.

    `labels` is the solution. If it is None, a solver computes the solution; unless the solution is unique, the true
    values of targets that depend on it are None. Raises ProbeFileError if a probe does not fit the model, and
    PuzzleError if the puzzle does not.
    """
    from trm.record import unique_solution

    depth = depth or model.config.depth
    for probe in probes:
        check_fit(probe, model, depth)
    needs = set().union(*(target_of(task, probe.target).needs for probe in probes))
    if "end" not in needs:
        depth = replace(depth, N_sup=max(at.supervision_step for probe in probes for at in probe.time_points))
    time_points = tuple(dict.fromkeys(at for probe in probes for at in probe.time_points))
    labels = unique_solution(task, inputs) if labels is None else labels
    known = np.zeros_like(inputs) if labels is None else labels
    puzzle = PuzzleSet.of(
        "puzzle", task, inputs[None], known[None], puzzle_identifiers=np.array([puzzle_id], np.int32)
    )
    source = StateSource.compute(
        model,
        task,
        puzzle,
        depth=depth,
        time_points=time_points,
        progress=progress,
        message="running the puzzle",
    )
    evidence = Evidence(
        task, inputs[None], None if labels is None else labels[None], end=source.final_answers()
    )
    return [_predictions(probe, evidence, source) for probe in probes]


def _predictions(probe: SavedProbe, evidence: Evidence, source: StateSource) -> PuzzlePredictions:
    target = target_of(evidence.task, probe.target)
    states = source.states_at(probe.state, probe.time_points)
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
            now=source.answers_at(probe.time_points),
            supervision_steps=[at.supervision_step for at in probe.time_points],
            halts=source.halts_at(probe.time_points),
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
    """Return predictions as JSON-compatible data, with one entry per probe. Cells are in row-major order."""
    return {
        "model": model.name,
        "fingerprint": model.fingerprint,
        "puzzle": task.format(inputs),
        "grid": [task.rows, task.columns],
        "readings": [
            one.summary() | {"time_points": [asdict(at) for at in one.time_points]} for one in predictions
        ],
    }


def summary_of_probes(probes: Sequence[SavedProbe], task: Task) -> ExperimentSummary:
    """Describe saved probes as an experiment without scores.

    A target group contains only the targets that have a probe for every state. Raises ProbeFileError if no probe is
    given, two probes have the same target and state, the probes differ in model or time points, their task is not
    `task`, or no target has a probe for every state.
    """
    if not probes:
        raise ProbeFileError("No probe was given. Give files written by `probes fit --save`.")
    first, seen = probes[0], set()
    for probe in probes:
        if probe.provenance.task != task.name:
            raise ProbeFileError(
                f"The probe {probe.target} was fitted for {probe.provenance.task}, but this model solves {task.name}. "
                "Choose a model of that task."
            )
        if (probe.provenance.fingerprint, probe.time_points) != (
            first.provenance.fingerprint,
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
    return ExperimentSummary(
        provenance=first.provenance,
        grid=(task.rows, task.columns),
        settings=ExperimentSettings(tuple(group.name for group in groups), tuple(states)),
        time_points=first.time_points,
        targets=tuple(group.summary() for group in groups),
        results=(),
    )
