"""Everything that is asked of halting, of one set of runs: what the page draws, and what the command line prints.

Steps up to those of training are what the halting head is judged on; depth beyond is a question of its own.
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

NO_RESAMPLING = Resampling(resamples=1)  # where no band is wanted
TOLERATED_LOSS = 0.005  # of accuracy that may be given up for fewer steps


@dataclass(frozen=True, eq=False)
class StoppingRules:
    """Accuracy against mean steps, of every rule that is compared."""

    own: ThresholdCurve  # thresholds on the model's own logit
    by_q_halt: ThresholdCurve | None  # on q_halt alone, where the own rule compares two values
    fixed: ComputeCurve
    unchanged: ComputeCurve
    all_to_own: Paired  # from all steps to the own rule
    unchanged_to_own: (
        Paired  # from stopping when the answer is unchanged, which needs no head, to the own rule
    )

    @classmethod
    def of(cls, runs: HaltingRuns) -> "StoppingRules":
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
    """All steps that were run, those of training and later ones."""

    trained: int
    solved: SharesByStep
    regressions: Regressions  # after the last step of training
    right_when_trained: int  # puzzles
    right_at_end: int
    paired: Paired  # from the last step of training to the last that was run
    auc: list[float | None]  # of q_halt, by step
    expected_error: list[float]  # of q_halt, by step
    halting: HaltingBands  # over all steps; solved: right at the very end


@dataclass(frozen=True, eq=False)
class HaltingAnalysis:
    """All but `beyond` is of the steps of training."""

    whole: HaltingRuns  # all steps that were run
    runs: HaltingRuns  # those of training
    bands: HaltingBands
    reliability: Reliability  # of q_halt against "exactly right now", all pairs of a puzzle and a step
    distinct: Reliability  # the same of pairs that do not repeat the step before
    undecided: Reliability  # of pairs with a halting probability that is not near 0 or 1
    undecided_by_chance: float  # error of these that a calibrated head would stay below
    at_halt: Reliability  # of each puzzle's step at which the model would halt
    continuing: Reliability | None  # of q_continue against "right by going on", where it is trained
    roc: ROC  # of q_halt
    roc_last_step: ROC
    auc_last_step_band: tuple[float, float] | None
    auc_of_step: float | None  # of the number of the step alone
    roc_own: ROC  # of the logit of the model's own rule
    outcomes: Outcomes
    stopping: StoppingRules
    decisions: Decisions
    solving: SolvingStatistics
    errors_before_solving: ErrorsBeforeSolving
    beyond: BeyondTraining

    @property
    def repeats(self) -> int:
        """Pairs, of those after the first step, that repeat the step before."""
        return self.reliability.pairs - self.distinct.pairs


def analyse(runs: HaltingRuns) -> HaltingAnalysis:
    """Analyse runs. Raises RunsError where there is no puzzle or step, or a logit is not finite."""
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
    each = range(runs.steps)
    return BeyondTraining(
        trained=trained,
        solved=solved_by_step(runs.right),
        regressions=regressions(runs.right, after=trained),
        right_when_trained=int(runs.right[trained - 1].sum()),
        right_at_end=int(runs.right[-1].sum()),
        paired=Paired.of(runs.right[trained - 1], runs.right[-1]),
        auc=[found.auc for found in roc_by_step(runs.q_halt, runs.right)],
        expected_error=[
            reliability(
                runs.q_halt[k : k + 1], runs.right[k : k + 1], resampling=NO_RESAMPLING
            ).expected_error
            for k in each
        ],
        halting=halting_bands(runs.halting, runs.right),
    )


def report(found: HaltingAnalysis) -> dict[str, Any]:
    """The numbers of an analysis, as JSON takes them: a share of nothing is None. SharesByStep are 0 to 1, steps count from 1.

    `about` and `command`; `exact_by_step` of all steps run; `calibration` (`expected_error` with its band over all pairs of a
    puzzle and a step, the bins, how many pairs are `repeats` of the step before, and the same error of `distinct` and
    `undecided` pairs and `at_halt`); `discrimination` (AUC of q_halt, of the step number alone, and of the model's own logit); `outcomes` in puzzles and `delay` in steps;
    `stopping` (mean steps and accuracy by each rule) and `paired` (puzzles that the own rule gains and loses, with the
    exact p of McNemar's test); `decisions`; `along_steps`; `beyond` the depth of training.
    """
    runs, beyond = found.runs, found.beyond
    delay = found.outcomes.delay[~np.isnan(found.outcomes.delay)]
    return {
        "about": asdict(runs.metadata),
        "count": runs.count,
        "steps": len(beyond.auc),
        "exact_by_step": beyond.solved.share.tolist(),
        "calibration": _calibration(found.reliability)
        | {
            "expected_error_last_step": beyond.expected_error[runs.steps - 1],
            "repeats": {"pairs": found.repeats, "of": (runs.steps - 1) * runs.count},
            "distinct": _error(found.distinct),
            "undecided": _error(found.undecided) | {"by_chance": _number(found.undecided_by_chance)},
            "at_halt": _error(found.at_halt),
        },
        "continue_calibration": _calibration(found.continuing) if found.continuing else None,
        "discrimination": {
            "auc": found.roc.auc,
            "auc_of_step_number": found.auc_of_step,
            "auc_last_step": found.roc_last_step.auc,
            "auc_last_step_band": found.auc_last_step_band and list(found.auc_last_step_band),
            "auc_own_rule": found.roc_own.auc,
        },
        "outcomes": found.outcomes.counts,
        "delay": {"mean": float(delay.mean()) if delay.size else None, "puzzles": int(delay.size)},
        "stopping": _stopping(found.stopping),
        "paired": {
            "all_steps_to_learned": _paired(found.stopping.all_to_own),
            "unchanged_answer_to_learned": _paired(found.stopping.unchanged_to_own),
        },
        "decisions": {
            "halts": found.decisions.halts,
            "goes_on": found.decisions.continues,
            "at_stake": found.decisions.at_stake,
            "well_taken": found.decisions.correct_share,
        },
        "along_steps": {
            "monotone": _share(found.solving.monotone),
            "monotone_late": _share(found.solving.monotone_late),
            "stays_solved": _share(found.solving.stays),
            "solved_at_once": _share(found.solving.single_step),
            "errors_before_solving": {
                "steps_before": found.errors_before_solving.before.tolist(),
                "median_share": found.errors_before_solving.quantiles[1].tolist(),
                "puzzles": found.errors_before_solving.count.tolist(),
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


def _share(found: PuzzleShare) -> dict[str, Any]:
    return {
        "share": _number(found.share),
        "band": [_number(end) for end in found.band],
        "puzzles": found.count,
    }


def _paired(found: Paired) -> dict[str, Any]:
    return asdict(found) | {"p": found.p}


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _error(found: Reliability) -> dict[str, Any]:
    return {
        "expected_error": _number(found.expected_error),
        "expected_error_band": [_number(end) for end in found.expected_error_band],
        "too_sure": _number(found.overconfidence),
        "pairs": found.pairs,
    }


def _calibration(found: Reliability) -> dict[str, Any]:
    bins = zip(found.edges, found.edges[1:], found.counts, found.confidence, found.share_right, strict=False)
    return _error(found) | {
        "largest_error": found.max_error,
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


def _stopping(found: StoppingRules) -> dict[str, Any]:
    def point(curve: ComputeCurve, at: int) -> dict[str, float]:
        return {"mean_steps": float(curve.mean_steps[at]), "accuracy": float(curve.accuracy[at])}

    rules = {
        "learned": point(found.own, found.own.learned),
        "all_steps": point(found.fixed, -1),
        "fewest_steps": fewest_steps(found.own),
        "fewest_steps_fixed_depth": fewest_steps(found.fixed),
    }
    if found.by_q_halt:
        rules["q_halt_alone"] = point(found.by_q_halt, found.by_q_halt.learned)
    if len(found.unchanged.setting):
        rules["unchanged_answer"] = point(found.unchanged, 0)
    return rules


def fewest_steps(curve: ComputeCurve) -> dict[str, float | None]:
    """The cheapest setting within half a point of the accuracy of all steps, which is the curve's last point."""
    enough = np.flatnonzero(curve.accuracy >= curve.accuracy[-1] - TOLERATED_LOSS)
    at = enough[curve.mean_steps[enough].argmin()]
    return {
        "setting": float(curve.setting[at]) if np.isfinite(curve.setting[at]) else None,
        "mean_steps": float(curve.mean_steps[at]),
        "accuracy": float(curve.accuracy[at]),
    }
