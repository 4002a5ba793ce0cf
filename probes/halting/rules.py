"""Halting rules: when a model would halt, and whether that is the right step.

Every model's rule is one logit per supervision step: the model would halt where it is positive. The logit is q_halt,
or the margin q_halt - q_continue if the model compares the two. Evaluation runs all steps, so the answers after the halt
are known and are used to evaluate the rule. `probes.halting.calibration` checks the halting probability itself.

A puzzle is solved if its answer is exactly correct after the last step. Steps are counted from 1.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float, Float64, Int, UInt8, UInt16

from probes.stats import RunsError, check_runs

Logits = Float[np.ndarray, "step puzzle"]
"""Logits of the model's own halting rule. The model would halt where they are positive."""

Right = Bool[np.ndarray, "step puzzle"]
"""Whether the answer is exactly correct after each supervision step."""

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def halt_probabilities(halting: Float[np.ndarray, "*batch"]) -> Float64[np.ndarray, "*batch"]:
    """Return the sigmoid of the logits in float64. It is above one half where the model would halt."""
    return np.exp(-np.logaddexp(0.0, -halting.astype(np.float64)))


@dataclass(frozen=True)
class HaltingBands:
    """Quantiles of the halting probability over puzzles after each step; NaN for an empty group."""

    quantiles: tuple[float, ...]  # 0.5 is the median
    all: Float64[np.ndarray, "quantile step"]
    solved: Float64[np.ndarray, "quantile step"]  # puzzles that are correct after the last step
    unsolved: Float64[np.ndarray, "quantile step"]
    solved_count: int
    unsolved_count: int


def halting_bands(halting: Logits, right: Right, *, quantiles: tuple[float, ...] = QUANTILES) -> HaltingBands:
    """Compute quantiles of the halting probability by step, over all, solved and unsolved puzzles.

    Raises RunsError if there are no puzzles or steps, a logit is not finite, or a quantile is not in [0, 1].
    """
    check_runs(right, halting)
    if not all(0 <= quantile <= 1 for quantile in quantiles):
        raise RunsError(f"Quantiles must be from 0 to 1, not {quantiles}. The median is 0.5.")
    probabilities, solved = halt_probabilities(halting), right[-1]

    def of(group: Float64[np.ndarray, "step member"]) -> Float64[np.ndarray, "quantile step"]:
        if not group.shape[1]:
            return np.full((len(quantiles), len(group)), np.nan)
        return np.quantile(group, quantiles, axis=1)

    return HaltingBands(
        quantiles=quantiles,
        all=of(probabilities),
        solved=of(probabilities[:, solved]),
        unsolved=of(probabilities[:, ~solved]),
        solved_count=int(solved.sum()),
        unsolved_count=int((~solved).sum()),
    )


OUTCOMES = {
    "early": "would halt on a wrong answer that becomes correct later",
    "on_time": "would halt at the first correct answer, which stays correct",
    "late": "would halt on a correct answer that stays correct, but after the first correct one",
    "breaks": "would halt on a correct answer that becomes wrong later",
    "lost": "would halt on a wrong answer after a correct one",
    "never_halts": "is correct at some step, but would never halt",
    "never_right": "would halt, but is never correct",
    "neither": "is never correct and would never halt",
}
"""Meaning of each outcome. Every run has exactly one outcome.

Evaluation does not stop at the halt, so the later steps are known.
"""

OUTCOME_LABELS = {name: name.replace("_", " ") for name in OUTCOMES} | {
    "breaks": "regressing",
    "lost": "overshoots",
    "never_right": "never correct",
}
"""Display names of the outcomes."""


@dataclass(frozen=True)
class Outcomes:
    """For each puzzle, how the first step at which the model would halt compares with the first correct step."""

    outcome: Int[np.ndarray, "puzzle"]  # index into OUTCOMES
    halts: Int[np.ndarray, "puzzle"]  # first step at which the model would halt, from 1; 0: never
    right: Int[np.ndarray, "puzzle"]  # first correct step, from 1; 0: never
    delay: Float64[np.ndarray, "puzzle"]  # halts - right, in steps; NaN if either step does not exist

    @property
    def counts(self) -> dict[str, int]:
        """Number of puzzles by outcome, in the order of OUTCOMES."""
        counts = np.bincount(self.outcome, minlength=len(OUTCOMES))
        return dict(zip(OUTCOMES, counts.tolist(), strict=True))


def first_step(flags: Bool[np.ndarray, "step puzzle"]) -> Int[np.ndarray, "puzzle"]:
    """Return the first step, from 1, at which the flag of each puzzle is set; 0 if it is never set."""
    return np.where(flags.any(0), flags.argmax(0) + 1, 0)


def stop_step(flags: Bool[np.ndarray, "step puzzle"]) -> Int[np.ndarray, "puzzle"]:
    """Return the step, from 1, at which a rule that waits for the flag stops; the last step if the flag is never set."""
    return np.where(flags.any(0), flags.argmax(0) + 1, len(flags))


def right_at(right: Right, step: Int[np.ndarray, "puzzle"]) -> Bool[np.ndarray, "puzzle"]:
    """Return whether each puzzle's answer is correct after its step in `step`, counted from 1."""
    return right[step - 1, np.arange(right.shape[1])]


def outcomes(halting: Logits, right: Right) -> Outcomes:
    """Assign every puzzle one of OUTCOMES.

    Raises RunsError if there are no puzzles or steps, or a logit is not finite.
    """
    check_runs(right, halting)
    halts, solves = first_step(halting > 0), first_step(right)
    puzzles = np.arange(right.shape[1])
    right_there = right[halts - 1, puzzles]  # index -1 for puzzles that never halt; these values are not used
    stays = np.logical_and.accumulate(right[::-1])[::-1][halts - 1, puzzles]
    both = (halts > 0) & (solves > 0)
    cases = {
        "early": both & (halts < solves),
        "on_time": both & (halts == solves) & stays,
        "late": both & (halts > solves) & stays,
        "breaks": both & right_there & ~stays,
        "lost": both & (halts > solves) & ~right_there,
        "never_halts": (halts == 0) & (solves > 0),
        "never_right": (halts > 0) & (solves == 0),
        "neither": (halts == 0) & (solves == 0),
    }
    return Outcomes(
        outcome=np.stack([cases[name] for name in OUTCOMES]).argmax(0),
        halts=halts,
        right=solves,
        delay=np.where(both, halts - solves, np.nan),
    )


@dataclass(frozen=True)
class ComputeCurve:
    """Cost and accuracy of a halting rule, one point per setting of the rule.

    A run that the rule does not stop takes all steps. To get operations, multiply the mean steps by
    `trm.inspection.flops.supervision_step`.
    """

    setting: Float64[np.ndarray, "point"]  # ascending; its meaning depends on the rule
    mean_steps: Float64[np.ndarray, "point"]  # over puzzles
    accuracy: Float64[np.ndarray, "point"]  # fraction of puzzles that stop at a correct answer


@dataclass(frozen=True)
class ThresholdCurve(ComputeCurve):
    """Cost and accuracy for thresholds on the halting logit: stop after the first step whose logit is above the
    threshold.

    The first setting is minus infinity, which stops every puzzle after one step. All thresholds from one setting up to
    the next give the same point, so the curve is exact and complete.
    """

    learned: int  # index of the threshold that the model was trained for, 0


def threshold_curve(halting: Logits, right: Right) -> ThresholdCurve:
    """Compute accuracy and mean steps for every threshold on the halting logit.

    A puzzle can stop only at a record: a step whose logit exceeds all earlier logits of the puzzle. As the threshold
    reaches the logit of a record, the puzzle moves to its next record, or to the last step. The curve is therefore a
    running sum over sorted records. It takes O(n log n) for n = steps x puzzles, and is exact because steps and correct
    answers are integers. Raises RunsError if there are no puzzles or steps, or a logit is not finite.
    """
    check_runs(right, halting)
    steps, puzzles = right.shape
    before_last = halting[:-1]  # every run ends at the last step, whatever its logit
    record = np.ones(before_last.shape, bool)
    record[1:] = before_last[1:] > np.maximum.accumulate(before_last)[:-1]
    stop = np.where(record, np.arange(steps - 1)[:, None], steps - 1)
    following = np.full(stop.shape, steps - 1)
    following[:-1] = np.minimum.accumulate(stop[::-1])[::-1][1:]

    step, puzzle = np.nonzero(record)
    moves_to = following[step, puzzle]
    gained = right[moves_to, puzzle].astype(int) - right[step, puzzle]
    thresholds, index = np.unique(halting[step, puzzle], return_inverse=True)
    more_steps = np.bincount(index, moves_to - step, minlength=len(thresholds))
    more_right = np.bincount(index, gained, minlength=len(thresholds))
    setting = np.concatenate(([-np.inf], thresholds))
    return ThresholdCurve(
        setting=setting,
        mean_steps=(puzzles + np.cumsum(np.concatenate(([0.0], more_steps)))) / puzzles,
        accuracy=(right[0].sum() + np.cumsum(np.concatenate(([0.0], more_right)))) / puzzles,
        learned=int(np.searchsorted(setting, 0.0, side="right")) - 1,
    )


def fixed_depth_curve(right: Right) -> ComputeCurve:
    """Compute the accuracy if every puzzle stops after k steps, for every k from 1 to the number of steps.

    This is the baseline that an adaptive rule has to beat. Raises RunsError if there are no puzzles or steps.
    """
    check_runs(right)
    depth = np.arange(1.0, len(right) + 1)
    return ComputeCurve(setting=depth, mean_steps=depth.copy(), accuracy=right.mean(1))


def changed_cells(answers: UInt8[np.ndarray, "step puzzle cell"]) -> UInt16[np.ndarray, "step puzzle"]:
    """Count the cells whose answer differs from the previous step; at the first step, all cells count."""
    changed = np.full(answers.shape[:2], answers.shape[2], np.uint16)
    for step, (before, after) in enumerate(pairwise(answers), start=1):
        changed[step] = (before != after).sum(-1)
    return changed


def unchanged_steps(changed: UInt16[np.ndarray, "step puzzle"]) -> Int[np.ndarray, "step puzzle"]:
    """Count the consecutive steps, up to each step, that left the answer unchanged.

    `changed` is as returned by `changed_cells`.
    """
    unchanged = np.zeros(changed.shape, int)
    for step in range(1, len(changed)):
        unchanged[step] = np.where(changed[step] == 0, unchanged[step - 1] + 1, 0)
    return unchanged


def unchanged_answer_curve(changed: UInt16[np.ndarray, "step puzzle"], right: Right) -> ComputeCurve:
    """Compute accuracy and mean steps of the rule "stop when the answer has not changed for m steps".

    m runs from 1 to the number of steps minus one. The rule needs no halting head and stops after step m + 1 at the
    earliest. `changed` is as returned by `changed_cells`. A single step gives an empty curve. Raises RunsError if there
    are no puzzles or steps.
    """
    check_runs(right)
    unchanged, setting = unchanged_steps(changed), np.arange(1, len(right))
    stops = [stop_step(unchanged >= m) for m in setting]
    return ComputeCurve(
        setting=setting.astype(np.float64),
        mean_steps=np.array([stop.mean() for stop in stops], np.float64),
        accuracy=np.array([right_at(right, stop).mean() for stop in stops], np.float64),
    )
