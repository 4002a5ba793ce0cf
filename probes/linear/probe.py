"""Fitted linear probes: their parameters, scores and predictions. Does not import torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int16, Int64, Num

from probes.linear.mdl import CodeLength
from probes.linear.scores import Score
from probes.linear.splits import PARTS, Split
from trm.errors import UserError

States = Num[np.ndarray, "puzzle time cell dim"]


class ProbeError(UserError):
    """No probe can be fitted to these states, values or settings."""


def main_score(classes: Sequence[str]) -> str:
    """The name of the main score: R² for numeric targets, AUROC for two classes, accuracy for more."""
    return {0: "r2", 2: "auroc"}.get(len(classes), "accuracy")


PARAMETERS = ("mean", "scale", "weights", "intercept", "present", "regularisation")
"""Names of the arrays of `ProbeResult` that are the probe's parameters."""


@dataclass(frozen=True)
class ProbeSettings:
    """How probes are fitted. Raises ProbeError if a setting is invalid."""

    C: tuple[float, ...] = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
    """Inverse regularisation of logistic regression. Tried in ascending order until the validation loss rises."""
    alpha: tuple[float, ...] = (1e4, 1e3, 1e2, 1e1, 1.0)
    """Regularisation of ridge regression. Tried in descending order until the validation loss rises."""
    balanced: bool = False  # weight classes equally, as `class_weight="balanced"` in scikit-learn
    code_length: bool = False  # also compute the description length; for classes only
    resamples: int = 1000  # bootstrap resamples of the test puzzles, for bands
    seed: int = 0

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


@dataclass(frozen=True, eq=False)
class ProbeResult:
    """The probes of all time points, and their scores.

    `scores` holds, for classes: `accuracy`, `balanced_accuracy` and `majority` (accuracy of the training puzzles'
    majority class); for two classes also `auroc`; for numeric targets `r2`. With a control task also `control` (its
    main score) and `selectivity`.
    """

    name: str
    classes: tuple[str, ...]  # () for numeric targets
    settings: ProbeSettings
    split: Split
    pooled: bool  # one probe for all time points
    mean: Float32[np.ndarray, "time dim"]  # of the features of the training puzzles
    scale: Float32[np.ndarray, "time dim"]
    weights: Float32[
        np.ndarray, "time row dim"
    ]  # for standardised features; one row per class, a single row for two classes
    intercept: Float32[np.ndarray, "time row"]
    present: Bool[np.ndarray, "time class"]  # classes that occur in training; one column for numeric targets
    regularisation: Float64[np.ndarray, "time"]  # the chosen C or alpha
    counts: Int64[
        np.ndarray, "3 time class"
    ]  # cells in training, validation and test; one column for numeric targets
    scores: dict[str, Score]
    code: CodeLength | None

    @property
    def time_points(self) -> int:
        """The number of time points; 1 if pooled."""
        return len(self.mean)

    def summary(self) -> dict[str, Any]:
        """JSON-compatible data: everything except the parameters, one entry per time point, with None for NaN."""
        shares = self.counts / np.maximum(self.counts.sum(-1, keepdims=True), 1)
        summary: dict[str, Any] = {
            "name": self.name,
            "classes": list(self.classes),
            "moments": self.time_points,
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
    """Predictions of probes for states."""

    values: Int16[np.ndarray, "puzzle time cell"] | Float32[np.ndarray, "puzzle time cell"]
    probabilities: Float32[np.ndarray, "puzzle time cell class"] | None  # None for numeric targets

    @property
    def log_odds(self) -> Float32[np.ndarray, "puzzle time cell"]:
        """Log odds of the second of two classes."""
        with np.errstate(divide="ignore"):
            logs = np.log(self.probabilities)
        return logs[..., 1] - logs[..., 0]


def apply(result: ProbeResult, states: States, *, time_point: int | None = None) -> ProbePredictions:
    """Predict from states (puzzle, time, cell, dim) with the probes of their time points.

    With `time_point`, an index from 0, that probe is applied to all states. A result with only one probe always applies
    it to all states. Predicted classes are indices. Raises ProbeError if the states do not fit the probes.
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
    """Rounded numbers for JSON, with None for NaN."""
    return [None if np.isnan(number) else float(number) for number in numbers]
