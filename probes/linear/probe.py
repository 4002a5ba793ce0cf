"""FittedProbes linear probes: their weights, their scores, and what they read from other states. Without torch."""

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
    """States and values of which no probe can be made."""


def main_score(classes: Sequence[str]) -> str:
    """What a probe of these classes, or of numbers, is judged by."""
    return {0: "r2", 2: "auroc"}.get(len(classes), "accuracy")


PARAMETERS = ("mean", "scale", "weights", "intercept", "present", "regularisation")
"""Arrays of a result that make the probes."""


@dataclass(frozen=True)
class ProbeSettings:
    """How probes are fitted. Raises ProbeError for what is no setting."""

    C: tuple[float, ...] = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
    """Of logistic regression, tried in ascending order until the validation loss rises."""
    alpha: tuple[float, ...] = (1e4, 1e3, 1e2, 1e1, 1.0)
    """Of ridge regression, in descending order."""
    balanced: bool = False  # examples weigh as much as those of every other class (`class_weight="balanced"`)
    code_length: bool = False  # also the minimum description length; of classes only
    resamples: int = 1000  # of the test puzzles, for bands
    seed: int = 0

    def __post_init__(self) -> None:
        ascending = all(
            values and min(values) > 0 and list(values) == sorted(set(values))
            for values in (self.C, self.alpha[::-1])
        )
        if not (ascending and 1 <= self.resamples <= 100_000 and 0 <= self.seed < 1 << 32):
            raise ProbeError(
                f"{self} is no setting for probes. CausalResult positive C that ascend, positive alpha that descend, 1 to "
                "100000 resamples and a seed from 0."
            )


@dataclass(frozen=True, eq=False)
class ProbeResult:
    """The probes of all time points, and how good they are.

    `scores` holds, for classes: `accuracy`, `balanced_accuracy`, `majority` (accuracy of the most frequent class of the
    training puzzles), and `auroc` of two classes; for numbers: `r2`. With a control task: `control` (its `main_score`) and
    `selectivity`.
    """

    name: str
    classes: tuple[str, ...]  # () for numbers
    settings: ProbeSettings
    split: Split
    pooled: bool  # one probe over all time points
    mean: Float32[np.ndarray, "time dim"]  # of the training puzzles
    scale: Float32[np.ndarray, "time dim"]
    weights: Float32[
        np.ndarray, "time row dim"
    ]  # of standardised features; a row a class, one for two classes
    intercept: Float32[np.ndarray, "time row"]
    present: Bool[np.ndarray, "time class"]  # classes that training puzzles have; one column for numbers
    regularisation: Float64[np.ndarray, "time"]  # the C or alpha chosen
    counts: Int64[
        np.ndarray, "3 time class"
    ]  # of cells in training, validation and test; one column for numbers
    scores: dict[str, Score]
    code: CodeLength | None

    @property
    def time_points(self) -> int:
        """How many there are; 1 where pooled."""
        return len(self.mean)

    def summary(self) -> dict[str, Any]:
        """Everything but weights, ready for JSON: NaN is None, one entry a time point."""
        shares = self.counts / np.maximum(self.counts.sum(-1, keepdims=True), 1)
        found: dict[str, Any] = {
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
            found["class_balance"] = {part: shares[index].tolist() for index, part in enumerate(PARTS)}
        if self.code:
            found["code"] = {
                "bits": self.code.bits.tolist(),
                "uniform_bits": self.code.uniform_bits.tolist(),
                "entropy_bits": self.code.entropy_bits.tolist(),
                "compression": _listed(self.code.compression),
                "puzzles": list(self.code.puzzles),
            }
        return found


@dataclass(frozen=True, eq=False)
class ProbePredictions:
    """What probes read from states."""

    values: Int16[np.ndarray, "puzzle time cell"] | Float32[np.ndarray, "puzzle time cell"]
    probabilities: Float32[np.ndarray, "puzzle time cell class"] | None  # None for numbers

    @property
    def log_odds(self) -> Float32[np.ndarray, "puzzle time cell"]:
        """Of the second of two classes."""
        with np.errstate(divide="ignore"):
            logs = np.log(self.probabilities)
        return logs[..., 1] - logs[..., 0]


def apply(result: ProbeResult, states: States, *, time_point: int | None = None) -> ProbePredictions:
    """Read states with the probes of their time points; with that of one `time point`, from 0, whichever time points they are of; or
    with the only one there is. Classes are their indices. Raises ProbeError where states do not fit the probes.
    """
    if states.shape[3] != result.mean.shape[1]:
        raise ProbeError(
            f"This probe was fitted on states of {result.mean.shape[1]} numbers, these have {states.shape[3]}. "
            "Fit one on states of this model."
        )
    if time_point is not None and not 0 <= time_point < result.time_points:
        raise ProbeError(f"There is no time point {time_point}: this probe has {result.time_points}, from 0.")
    single = 0 if result.time_points == 1 else time_point
    if single is None and states.shape[1] != result.time_points:
        raise ProbeError(
            f"This probe has {result.time_points} time points, these states have {states.shape[1]}. Give states of the same "
            "time points, or name the time point whose probe to use."
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
    """For JSON, which has no NaN."""
    return [None if np.isnan(number) else float(number) for number in numbers]
