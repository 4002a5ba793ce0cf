"""Fitted linear probes: their parameters, scores and predictions. This module does not import torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from cyclopts import Parameter
from jaxtyping import Bool, Float32, Float64, Int16, Int64, Num

from probes.linear.mdl import CodeLength
from probes.linear.scores import Score
from probes.linear.splits import PARTS, Split
from probes.stats import Resampling
from trm.errors import UserError

States = Num[np.ndarray, "puzzle time cell dim"]


class ProbeError(UserError):
    """A probe cannot be fitted or used with these states, values or settings."""


def main_score(classes: Sequence[str]) -> str:
    """Return the name of the main score: "auroc" for two classes, "accuracy" for more, "r2" for numeric targets."""
    return {0: "r2", 2: "auroc"}.get(len(classes), "accuracy")


PARAMETERS = ("mean", "scale", "weights", "intercept", "present", "regularisation")
"""Names of the arrays of `ProbeResult` that are the probe's parameters."""


@dataclass(frozen=True)
class ProbeSettings:
    """Settings for fitting probes. Raises ProbeError if a setting is invalid."""

    C: Annotated[tuple[float, ...], Parameter(parse=False)] = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
    """Values of C for logistic regression, tried in ascending order until the validation loss rises."""
    alpha: Annotated[tuple[float, ...], Parameter(parse=False)] = (1e4, 1e3, 1e2, 1e1, 1.0)
    """Values of alpha for ridge regression, tried in descending order until the validation loss rises."""
    balanced: bool = False
    """give every class the same weight, as `class_weight="balanced"` in scikit-learn"""
    code_length: bool = False
    """also compute the description length (MDL, online code) of targets with classes"""
    resamples: int = 1000
    """bootstrap resamples of the test puzzles, for confidence intervals"""
    seed: int = 0
    """seed of the split, the control task and the untrained network"""

    def __post_init__(self) -> None:
        ascending = all(
            values and min(values) > 0 and list(values) == sorted(set(values))
            for values in (self.C, self.alpha[::-1])
        )
        if not (ascending and 1 <= self.resamples <= 100_000 and 0 <= self.seed < 1 << 32):
            raise ProbeError(
                f"{self} is invalid. Use positive C in ascending order, positive alpha in descending order, 1 to 100000 "
                "resamples and a seed of 0 or more."
            )

    @property
    def resampling(self) -> Resampling:
        """The bootstrap over the test puzzles."""
        return Resampling(resamples=self.resamples, seed=self.seed)


@dataclass(frozen=True, eq=False)
class ProbeResult:
    """The parameters and scores of the probes at all time points.

    A target with classes has the scores `accuracy`, `balanced_accuracy` and `majority` (accuracy of always predicting
    the majority class of the training puzzles), and `auroc` if there are two classes. A numeric target has the score
    `r2`. The control task adds `control` (its main score) and `selectivity` (the main score minus `control`).
    """

    name: str
    classes: tuple[str, ...]  # () for numeric targets
    settings: ProbeSettings
    split: Split
    pooled: bool  # one probe for all time points
    mean: Float32[np.ndarray, "time dim"]  # mean of each feature over the training puzzles
    scale: Float32[np.ndarray, "time dim"]  # standard deviation of each feature over the training puzzles
    weights: Float32[
        np.ndarray, "time row dim"
    ]  # weights of standardised features; one row per class, or a single row for two classes and for numbers
    intercept: Float32[np.ndarray, "time row"]
    present: Bool[np.ndarray, "time class"]  # classes that occur in training; one column for numeric targets
    regularisation: Float64[np.ndarray, "time"]  # the chosen C (classes) or alpha (numbers)
    counts: Int64[
        np.ndarray, "3 time class"
    ]  # number of training, validation and test cells of each class; one column for numeric targets
    scores: dict[str, Score]
    code: CodeLength | None = None

    def __post_init__(self) -> None:
        columns = max(1, len(self.classes))
        lengths = {len(score.value) for score in self.scores.values()}
        lengths |= {len(self.code.bits)} if self.code else set()
        if self.present.shape[1] != columns or self.weights.shape[1] != (columns if columns > 2 else 1):
            raise ValueError("the number of rows does not match the classes")
        if not lengths <= {self.time_points} or not (self.scale > 0).all():
            raise ValueError("scores of other time points, or a scale that is not positive")

    @property
    def time_points(self) -> int:
        """The number of time points; 1 if the probe is pooled."""
        return len(self.mean)

    def summary(self) -> dict[str, Any]:
        """Return everything except the parameters as JSON-compatible data, with None for NaN."""
        shares = self.counts / np.maximum(self.counts.sum(-1, keepdims=True), 1)
        summary: dict[str, Any] = {
            "name": self.name,
            "classes": list(self.classes),
            "time_points": self.time_points,
            "pooled": self.pooled,
            "puzzles": {part: len(getattr(self.split, part)) for part in PARTS},
            "examples": {part: self.counts[index].sum(-1).tolist() for index, part in enumerate(PARTS)},
            "regularisation": self.regularisation.tolist(),
            "scores": {
                name: {bound: _listed(getattr(score, bound)) for bound in ("value", "low", "high")}
                for name, score in self.scores.items()
            },
        }
        if self.classes:
            summary["class_balance"] = {part: shares[index].tolist() for index, part in enumerate(PARTS)}
        if self.code:
            summary["code"] = {
                "bits": self.code.bits.tolist(),
                "uniform_bits": self.code.uniform_bits.tolist(),
                "entropy_bits": self.code.entropy_bits.tolist(),
                "compression": _listed(self.code.compression),
                "puzzles": list(self.code.puzzles),
            }
        return summary


@dataclass(frozen=True, eq=False)
class ProbePredictions:
    """The predictions of probes for an array of states."""

    # class indices (int16) or numbers (float32)
    values: Int16[np.ndarray, "puzzle time cell"] | Float32[np.ndarray, "puzzle time cell"]
    probabilities: Float32[np.ndarray, "puzzle time cell class"] | None  # None for numeric targets

    @property
    def log_odds(self) -> Float32[np.ndarray, "puzzle time cell"]:
        """Log odds of class 1 against class 0, for targets with two classes."""
        with np.errstate(divide="ignore"):
            logs = np.log(self.probabilities)
        return logs[..., 1] - logs[..., 0]


def apply(result: ProbeResult, states: States, *, time_point: int | None = None) -> ProbePredictions:
    """Apply the probe of each time point to the states of that time point, shape [puzzle, time, cell, dim].

    If `time_point` (an index from 0) is given, the probe of that time point is applied to all states. If there is only
    one probe, it is always applied to all states. Predicted classes are indices. Raises ProbeError if states and probes
    differ in hidden size or in the number of time points, or if there is no such time point.
    """
    if states.shape[3] != result.mean.shape[1]:
        raise ProbeError(
            f"This probe was fitted on states of size {result.mean.shape[1]}, but these have size {states.shape[3]}. "
            "Fit a probe on states of this model."
        )
    if time_point is not None and not 0 <= time_point < result.time_points:
        raise ProbeError(
            f"There is no time point {time_point}: this probe has {result.time_points}, counted from 0."
        )
    single = 0 if result.time_points == 1 else time_point
    if single is None and states.shape[1] != result.time_points:
        raise ProbeError(
            f"This probe has {result.time_points} time points, but these states have {states.shape[1]}. Give states of the same "
            "time points, or choose one time point's probe."
        )
    logits = np.empty((*states.shape[:3], result.weights.shape[1]), np.float32)
    for at in range(states.shape[1]):
        own = at if single is None else single
        features = (states[:, at].astype(np.float32) - result.mean[own]) / result.scale[own]
        logits[:, at] = features @ result.weights[own].T + result.intercept[own]
    if not result.classes:
        return ProbePredictions(logits[..., 0], None)
    if logits.shape[-1] < len(result.classes):
        logits = np.concatenate([np.zeros_like(logits), logits], -1)
    present = result.present if single is None else result.present[single]
    logits = np.where(present[:, None] if single is None else present, logits, -np.inf)
    odds = np.exp(logits - logits.max(-1, keepdims=True))
    return ProbePredictions(logits.argmax(-1).astype(np.int16), odds / odds.sum(-1, keepdims=True))


def _listed(numbers: Float64[np.ndarray, "time"]) -> list[float | None]:
    """Convert an array to a list for JSON, with None for NaN."""
    return [None if np.isnan(number) else float(number) for number in numbers]
