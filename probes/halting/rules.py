"""When would a model stop, and is it right to?

The rule of every model is one logit per supervision step that is positive where it would halt: q_halt for TRM, the margin
q_halt - q_continue for HRM. Evaluation runs all steps anyway, so what would have come after the halt is known: that is
what a rule for stopping is judged by here. `probes.halting.calibration` asks whether the probability can be believed.

A puzzle is solved where the answer is exactly right after its last step. Steps are counted from 1.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float, Float64, Int, UInt8, UInt16

from probes.stats import RunsError, check_runs

Logits = Float[np.ndarray, "step puzzle"]
"""Of the model's own rule, in logits: positive where it would halt."""

Right = Bool[np.ndarray, "step puzzle"]
"""Whether the answer is exactly right after each supervision step."""

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def halt_probabilities(halting: Float[np.ndarray, "*batch"]) -> Float64[np.ndarray, "*batch"]:
    """The logistic function of the logits, in float64; above one half where the model would halt."""
    return np.exp(-np.logaddexp(0.0, -halting.astype(np.float64)))


@dataclass(frozen=True)
class HaltingBands:
    """How the halting probability is spread over puzzles after each step; NaN where a group is empty."""

    quantiles: tuple[float, ...]  # 0.5 is the median
    all: Float64[np.ndarray, "quantile step"]
    solved: Float64[np.ndarray, "quantile step"]  # puzzles that are right after the last step
    unsolved: Float64[np.ndarray, "quantile step"]
    solved_count: int
    unsolved_count: int


def halting_bands(halting: Logits, right: Right, *, quantiles: tuple[float, ...] = QUANTILES) -> HaltingBands:
    """Quantiles of the halting probability over puzzles, by step, for all, the solved and the unsolved ones.

    Raises RunsError where there is no puzzle or step, a logit is not finite, or a quantile is not in 0 to 1.
    """
    check_runs(right, halting)
    if not all(0 <= quantile <= 1 for quantile in quantiles):
        raise RunsError(f"Quantiles are shares, from 0 to 1, not {quantiles}. The median is 0.5.")
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
    "early": "would halt before the answer is right, which it becomes later",
    "on_time": "would halt at the first right answer, which stays right",
    "late": "would halt on a right answer that stays, some steps after the first right one",
    "breaks": "would halt on a right answer that is wrong at a later step",
    "lost": "would halt on a wrong answer after a right one",
    "never_halts": "is right at some step, and would never halt",
    "never_right": "would halt, and is never right",
    "neither": "is never right, and would never halt",
}
"""Every run is one of these. What runs on after the halt is only seen because evaluation does not stop there."""


@dataclass(frozen=True)
class Outcomes:
    """Of each puzzle, how the first step that would halt compares with the first that is right."""

    outcome: Int[np.ndarray, "puzzle"]  # index into OUTCOMES
    halts: Int[np.ndarray, "puzzle"]  # first step that would halt, from 1; 0: none
    right: Int[np.ndarray, "puzzle"]  # first step that is right, from 1; 0: none
    delay: Float64[
        np.ndarray, "puzzle"
    ]  # steps from the first right one to the halt; NaN where either is missing

    @property
    def counts(self) -> dict[str, int]:
        """Puzzles of each outcome, in the order of OUTCOMES; together all of them."""
        found = np.bincount(self.outcome, minlength=len(OUTCOMES))
        return dict(zip(OUTCOMES, found.tolist(), strict=True))


def first_step(flags: Bool[np.ndarray, "step puzzle"]) -> Int[np.ndarray, "puzzle"]:
    """The first step, from 1, at which a flag is set; 0 where it never is."""
    return np.where(flags.any(0), flags.argmax(0) + 1, 0)


def stop_step(flags: Bool[np.ndarray, "step puzzle"]) -> Int[np.ndarray, "puzzle"]:
    """The step, from 1, at which a rule stops that waits for the flag; the last where it never is set."""
    return np.where(flags.any(0), flags.argmax(0) + 1, len(flags))


def right_at(right: Right, step: Int[np.ndarray, "puzzle"]) -> Bool[np.ndarray, "puzzle"]:
    """Whether each puzzle is right after its own step, from 1."""
    return right[step - 1, np.arange(right.shape[1])]


def outcomes(halting: Logits, right: Right) -> Outcomes:
    """Sort every puzzle into one of OUTCOMES. Raises RunsError where nothing is given or a logit is not finite."""
    check_runs(right, halting)
    halts, solves = first_step(halting > 0), first_step(right)
    puzzles = np.arange(right.shape[1])
    right_there = right[halts - 1, puzzles]  # where nothing halts, the last step; never asked for there
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
    """What a rule for stopping costs and what it earns, one point for every setting of it.

    A run that the rule does not stop takes all steps. Times `trm.flops.supervision_step`, steps are operations.
    """

    setting: Float64[np.ndarray, "point"]  # ascending; each rule says what it is
    mean_steps: Float64[np.ndarray, "point"]  # over puzzles
    accuracy: Float64[np.ndarray, "point"]  # share exactly right at the step at which each stops


@dataclass(frozen=True)
class ThresholdCurve(ComputeCurve):
    """Settings are thresholds on the halting logit: stop after the first step whose logit is above.

    The first is minus infinity, which stops everything after one step. Any threshold from one setting up to the next
    gives that setting's point, so the curve is exact and leaves none out.
    """

    learned: int  # the point of the threshold that training aimed at, 0


def threshold_curve(halting: Logits, right: Right) -> ThresholdCurve:
    """Accuracy against mean steps for every threshold on the halting logit.

    A puzzle can only stop where its logit is above all its earlier ones. As the threshold rises past such a record, the
    puzzle moves on to its next record, or to the end. So the curve is a running sum over sorted records: n log n in
    steps times puzzles, and exact, as steps and right answers are counted in whole numbers.
    Raises RunsError where there is no puzzle or step, or a logit is not finite.
    """
    check_runs(right, halting)
    steps, puzzles = right.shape
    before_last = halting[:-1]  # at the last step every run ends, whatever its logit
    record = np.ones(before_last.shape, bool)
    record[1:] = before_last[1:] > np.maximum.accumulate(before_last)[:-1]
    stop = np.where(record, np.arange(steps - 1)[:, None], steps - 1)
    following = np.full(stop.shape, steps - 1)
    following[:-1] = np.minimum.accumulate(stop[::-1])[::-1][1:]

    step, puzzle = np.nonzero(record)
    moves_to = following[step, puzzle]
    gained = right[moves_to, puzzle].astype(int) - right[step, puzzle]
    thresholds, place = np.unique(halting[step, puzzle], return_inverse=True)
    more_steps = np.bincount(place, moves_to - step, minlength=len(thresholds))
    more_right = np.bincount(place, gained, minlength=len(thresholds))
    setting = np.concatenate(([-np.inf], thresholds))
    return ThresholdCurve(
        setting=setting,
        mean_steps=(puzzles + np.cumsum(np.concatenate(([0.0], more_steps)))) / puzzles,
        accuracy=(right[0].sum() + np.cumsum(np.concatenate(([0.0], more_right)))) / puzzles,
        learned=int(np.searchsorted(setting, 0.0, side="right")) - 1,
    )


def fixed_depth_curve(right: Right) -> ComputeCurve:
    """Stop everything after k steps; settings are k = 1 to all. What any rule that looks at the puzzle has to beat.

    Raises RunsError where there is no puzzle or step.
    """
    check_runs(right)
    depth = np.arange(1.0, len(right) + 1)
    return ComputeCurve(setting=depth, mean_steps=depth.copy(), accuracy=right.mean(1))


def changed_cells(answers: UInt8[np.ndarray, "step puzzle cell"]) -> UInt16[np.ndarray, "step puzzle"]:
    """Cells whose answer is another than after the step before; all of them after the first step."""
    changed = np.full(answers.shape[:2], answers.shape[2], np.uint16)
    for step, (before, after) in enumerate(pairwise(answers), start=1):
        changed[step] = (before != after).sum(-1)
    return changed


def unchanged_steps(changed: UInt16[np.ndarray, "step puzzle"]) -> Int[np.ndarray, "step puzzle"]:
    """Steps in a row, up to each, that left the answer as it was. `changed` is that of `changed_cells`."""
    unchanged = np.zeros(changed.shape, int)
    for step in range(1, len(changed)):
        unchanged[step] = np.where(changed[step] == 0, unchanged[step - 1] + 1, 0)
    return unchanged


def unchanged_answer_curve(changed: UInt16[np.ndarray, "step puzzle"], right: Right) -> ComputeCurve:
    """Stop once the answer has not changed for m steps; settings are m = 1 to all but one. Needs no halting head.

    `changed` is that of `changed_cells`. It stops after step m + 1 at the earliest. No settings where there is a single
    step. Raises RunsError where there is no puzzle or step.
    """
    check_runs(right)
    unchanged, setting = unchanged_steps(changed), np.arange(1, len(right))
    stops = [stop_step(unchanged >= m) for m in setting]
    return ComputeCurve(
        setting=setting.astype(np.float64),
        mean_steps=np.array([stop.mean() for stop in stops], np.float64),
        accuracy=np.array([right_at(right, stop).mean() for stop in stops], np.float64),
    )
