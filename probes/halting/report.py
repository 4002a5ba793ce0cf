"""The complete halting analysis of one set of runs, as shown on the Halting page and printed by the command line.

The halting head is evaluated on the supervision steps of training. Additional steps are analysed separately.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from probes.halting.by_step import (
    ErrorsBeforeSolving,
    PuzzleShare,
    Regressions,
    SharesByStep,
    SolvingStatistics,
    errors_before_solving,
    regressions,
    solved_by_step,
    solving,
)
from probes.halting.calibration import (
    ROC,
    Reliability,
    at_halt,
    auc_band,
    error_by_chance,
    reliability,
    repeats,
    roc,
    roc_by_step,
    step_auc,
    undecided,
)
from probes.halting.decisions import Decisions, decisions, right_if_continued
from probes.halting.rules import (
    ComputeCurve,
    HaltingBands,
    Outcomes,
    ThresholdCurve,
    fixed_depth_curve,
    halting_bands,
    outcomes,
    right_at,
    stop_step,
    threshold_curve,
    unchanged_answer_curve,
    unchanged_steps,
)
from probes.halting.runs import HaltingRuns
from probes.stats import Paired, Resampling
from trm.results import as_json

NO_RESAMPLING = Resampling(resamples=1)  # used where no confidence interval is needed
TOLERATED_LOSS = 0.005  # accuracy that may be lost to save steps


@dataclass(frozen=True, eq=False)
class StoppingRules:
    """Accuracy and mean steps of all compared halting rules, for every setting of each rule."""

    own: ThresholdCurve  # all thresholds on the logit of the model's own rule
    by_q_halt: ThresholdCurve | None  # thresholds on q_halt alone, if the own rule compares two values
    fixed: ComputeCurve
    unchanged: ComputeCurve
    all_to_own: Paired  # the own rule compared with all steps
    unchanged_to_own: (
        Paired  # the own rule compared with "stop when the answer is unchanged", which needs no halting head
    )

    @classmethod
    def of(cls, runs: HaltingRuns) -> "StoppingRules":
        """Evaluate every rule on these runs."""
        own = right_at(runs.right, stop_step(runs.halting > 0))
        unchanged = right_at(runs.right, stop_step(unchanged_steps(runs.changed) > 0))
        return cls(
            all_to_own=Paired.of(runs.right[-1], own),
            unchanged_to_own=Paired.of(unchanged, own),
            own=threshold_curve(runs.halting, runs.right),
            by_q_halt=threshold_curve(runs.q_halt, runs.right) if runs.has_margin else None,
            fixed=fixed_depth_curve(runs.right),
            unchanged=unchanged_answer_curve(runs.changed, runs.right),
        )


@dataclass(frozen=True, eq=False)
class BeyondTraining:
    """Results over all steps that were run, including those beyond the training depth."""

    trained: int
    solved: SharesByStep
    regressions: Regressions  # at steps beyond training only
    right_when_trained: int  # puzzles correct after the last step of training
    right_at_end: int  # puzzles correct after the last step that was run
    paired: Paired  # the last step that was run compared with the last step of training
    auc: list[float | None]  # AUROC of q_halt, by step; None if undefined
    expected_error: list[float]  # expected calibration error of q_halt, by step
    halting: HaltingBands  # over all steps; solved: correct after the last step


@dataclass(frozen=True, eq=False)
class HaltingAnalysis:
    """Results of `analyse`. All fields except `whole` and `beyond` cover only the steps of training."""

    whole: HaltingRuns  # all steps that were run
    runs: HaltingRuns  # the steps of training
    bands: HaltingBands
    reliability: Reliability  # of q_halt for "exactly correct now", over all pairs of a puzzle and a step
    distinct: Reliability  # over pairs that do not repeat the previous answer
    undecided: Reliability  # over pairs with a halting probability that is not near 0 or 1
    undecided_by_chance: float  # on undecided pairs: error that a calibrated head exceeds in 5 % of cases
    at_halt: Reliability  # over one pair per puzzle: the step at which the model would halt
    continuing: Reliability | None  # of q_continue for "correct if continued", if it is trained
    roc: ROC  # of q_halt
    roc_last_step: ROC
    auc_last_step_band: tuple[float, float] | None
    auc_of_step: float | None  # AUROC of the step number alone
    roc_own: ROC  # of the logit of the model's own rule
    outcomes: Outcomes
    stopping: StoppingRules
    decisions: Decisions
    solving: SolvingStatistics
    errors_before_solving: ErrorsBeforeSolving
    beyond: BeyondTraining

    @property
    def repeats(self) -> int:
        """Number of pairs that repeat the previous answer."""
        return self.reliability.pairs - self.distinct.pairs


def analyse(runs: HaltingRuns) -> HaltingAnalysis:
    """Run every halting analysis. Raises RunsError if there are no puzzles or steps, or a logit is not finite."""
    trained = runs.as_trained()
    q_halt, right = trained.q_halt, trained.right
    whole = roc(q_halt, right)
    return HaltingAnalysis(
        whole=runs,
        runs=trained,
        bands=halting_bands(trained.halting, trained.right),
        reliability=reliability(q_halt, right),
        distinct=reliability(q_halt, right, among=~repeats(trained.changed, q_halt)),
        undecided=reliability(q_halt, right, among=undecided(q_halt)),
        undecided_by_chance=error_by_chance(q_halt, undecided(q_halt)),
        at_halt=reliability(q_halt, right, among=at_halt(trained.halting)),
        continuing=_continue_calibration(trained),
        roc=whole,
        roc_last_step=roc(q_halt[-1:], right[-1:]),
        auc_last_step_band=auc_band(q_halt[-1], right[-1]),
        auc_of_step=step_auc(right),
        roc_own=roc(trained.halting, trained.right) if trained.has_margin else whole,
        outcomes=outcomes(trained.halting, trained.right),
        stopping=StoppingRules.of(trained),
        decisions=decisions(trained.halting, trained.right),
        solving=solving(trained.wrong, trained.right),
        errors_before_solving=errors_before_solving(trained.wrong, trained.blanks, trained.right),
        beyond=_beyond(runs, trained.steps),
    )


def _continue_calibration(runs: HaltingRuns) -> Reliability | None:
    if not runs.has_margin or runs.steps < 2:
        return None
    return reliability(runs.q_continue[:-1], right_if_continued(runs.halting, runs.right))


def _beyond(runs: HaltingRuns, trained: int) -> BeyondTraining:
    return BeyondTraining(
        trained=trained,
        solved=solved_by_step(runs.right),
        regressions=regressions(runs.right, after=trained),
        right_when_trained=int(runs.right[trained - 1].sum()),
        right_at_end=int(runs.right[-1].sum()),
        paired=Paired.of(runs.right[trained - 1], runs.right[-1]),
        auc=[curve.auc for curve in roc_by_step(runs.q_halt, runs.right)],
        expected_error=[
            reliability(
                runs.q_halt[k : k + 1], runs.right[k : k + 1], resampling=NO_RESAMPLING
            ).expected_error
            for k in range(runs.steps)
        ],
        halting=halting_bands(runs.halting, runs.right),
    )


def report(analysis: HaltingAnalysis) -> dict[str, Any]:
    """Return the results as JSON-compatible data. Proportions are 0 to 1, or None without puzzles; steps count from 1.

    - `about`: provenance; `without_label`: puzzles left out because they have no unique solution; `exact_by_step`: accuracy after each step that was run
    - `calibration`: `expected_error` with its confidence interval over all pairs of a puzzle and a step, the bins, the
      number of pairs that repeat the previous answer (`repeats`), and the error over `distinct`, `undecided` and `at_halt` pairs
    - `discrimination`: AUROC of q_halt, of the step number alone, and of the logit of the model's own rule
    - `outcomes`: number of puzzles; `delay`: steps from the first correct answer to the halt
    - `stopping`: mean steps and accuracy of each rule; `paired`: puzzles that the own rule gains and loses, with the
      exact p-value of McNemar's test; `decisions`: decisions of the own rule by case
    - `along_steps`: how puzzles get solved; `beyond`: depth beyond training
    """
    runs, beyond = analysis.runs, analysis.beyond
    delay = analysis.outcomes.delay[~np.isnan(analysis.outcomes.delay)]
    return {
        "about": as_json(runs.provenance),
        "count": runs.count,
        "without_label": runs.without_label,
        "steps": len(beyond.auc),
        "exact_by_step": beyond.solved.share.tolist(),
        "calibration": _calibration(analysis.reliability)
        | {
            "expected_error_last_step": beyond.expected_error[runs.steps - 1],
            "repeats": {"pairs": analysis.repeats, "of": (runs.steps - 1) * runs.count},
            "distinct": _error(analysis.distinct),
            "undecided": _error(analysis.undecided) | {"by_chance": _number(analysis.undecided_by_chance)},
            "at_halt": _error(analysis.at_halt),
        },
        "continue_calibration": _calibration(analysis.continuing) if analysis.continuing else None,
        "discrimination": {
            "auc": analysis.roc.auc,
            "auc_of_step_number": analysis.auc_of_step,
            "auc_last_step": analysis.roc_last_step.auc,
            "auc_last_step_band": analysis.auc_last_step_band and list(analysis.auc_last_step_band),
            "auc_own_rule": analysis.roc_own.auc,
        },
        "outcomes": analysis.outcomes.counts,
        "delay": {"mean": float(delay.mean()) if delay.size else None, "puzzles": int(delay.size)},
        "stopping": _stopping(analysis.stopping),
        "paired": {
            "all_steps_to_learned": _paired(analysis.stopping.all_to_own),
            "unchanged_answer_to_learned": _paired(analysis.stopping.unchanged_to_own),
        },
        "decisions": {
            "halts": analysis.decisions.halts,
            "goes_on": analysis.decisions.continues,
            "at_stake": analysis.decisions.at_stake,
            "well_taken": analysis.decisions.correct_share,
        },
        "along_steps": {
            "monotone": _share(analysis.solving.monotone),
            "monotone_late": _share(analysis.solving.monotone_late),
            "stays_solved": _share(analysis.solving.stays),
            "solved_at_once": _share(analysis.solving.single_step),
            "errors_before_solving": {
                "steps_before": analysis.errors_before_solving.before.tolist(),
                "median_share": analysis.errors_before_solving.quantiles[1].tolist(),
                "puzzles": analysis.errors_before_solving.count.tolist(),
            },
        },
        "beyond": {
            "trained_steps": beyond.trained,
            "right_when_trained": beyond.right_when_trained,
            "right_at_end": beyond.right_at_end,
            "paired": _paired(beyond.paired),
            "broken": int((beyond.regressions.first > 0).sum()),
            "recovered": int(beyond.regressions.recovered.sum()),
            "lost_by_step": beyond.regressions.lost.tolist(),
            "gained_by_step": beyond.regressions.gained.tolist(),
            "auc_by_step": beyond.auc,
            "expected_error_by_step": beyond.expected_error,
        },
    }


def _share(share: PuzzleShare) -> dict[str, Any]:
    return {
        "share": _number(share.share),
        "band": [_number(end) for end in share.band],
        "puzzles": share.count,
    }


def _paired(paired: Paired) -> dict[str, Any]:
    return asdict(paired) | {"p": paired.p}


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _error(reliability: Reliability) -> dict[str, Any]:
    return {
        "expected_error": _number(reliability.expected_error),
        "expected_error_band": [_number(end) for end in reliability.expected_error_band],
        "too_sure": _number(reliability.overconfidence),
        "pairs": reliability.pairs,
    }


def _calibration(reliability: Reliability) -> dict[str, Any]:
    bins = zip(
        reliability.edges,
        reliability.edges[1:],
        reliability.counts,
        reliability.confidence,
        reliability.share_right,
        strict=False,
    )
    return _error(reliability) | {
        "largest_error": reliability.max_error,
        "bins": [
            {
                "from": float(low),
                "to": float(high),
                "answers": int(count),
                "mean_probability": _number(mean),
                "share_right": _number(share),
            }
            for low, high, count, mean, share in bins
        ],
    }


def _stopping(compared: StoppingRules) -> dict[str, Any]:
    def point(curve: ComputeCurve, at: int) -> dict[str, float]:
        return {"mean_steps": float(curve.mean_steps[at]), "accuracy": float(curve.accuracy[at])}

    rules = {
        "learned": point(compared.own, compared.own.learned),
        "all_steps": point(compared.fixed, -1),
        "fewest_steps": fewest_steps(compared.own),
        "fewest_steps_fixed_depth": fewest_steps(compared.fixed),
    }
    if compared.by_q_halt:
        rules["q_halt_alone"] = point(compared.by_q_halt, compared.by_q_halt.learned)
    if len(compared.unchanged.setting):
        rules["unchanged_answer"] = point(compared.unchanged, 0)
    return rules


def fewest_steps(curve: ComputeCurve) -> dict[str, float | None]:
    """Find the setting with the fewest mean steps whose accuracy is within half a point of the curve's last point.

    The last point of the curve is the accuracy after all steps.
    """
    enough = np.flatnonzero(curve.accuracy >= curve.accuracy[-1] - TOLERATED_LOSS)
    at = enough[curve.mean_steps[enough].argmin()]
    return {
        "setting": float(curve.setting[at]) if np.isfinite(curve.setting[at]) else None,
        "mean_steps": float(curve.mean_steps[at]),
        "accuracy": float(curve.accuracy[at]),
    }
