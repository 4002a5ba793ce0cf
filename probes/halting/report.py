"""Everything that is asked of halting, of one set of runs: what the page draws, and what the command line prints.

Steps up to those of training are what the halting head is judged on; depth beyond is a question of its own.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from probes.halting.by_step import (
    Approach,
    Breaks,
    Share,
    Shares,
    Solving,
    approach,
    breaks,
    solved_by_step,
    solving,
)
from probes.halting.calibration import ROC, Reliability, reliability, roc, roc_by_step
from probes.halting.decisions import Decisions, decisions, right_by_going_on
from probes.halting.rules import (
    ComputeCurve,
    HaltingBands,
    Outcomes,
    ThresholdCurve,
    fixed_depth_curve,
    halting_bands,
    outcomes,
    threshold_curve,
    unchanged_answer_curve,
)
from probes.halting.runs import HaltingRuns
from probes.stats import Resampling

ONCE = Resampling(resamples=1)  # where no band is wanted
TOO_SLOW = 0.005  # of accuracy that may be given up for fewer steps


@dataclass(frozen=True, eq=False)
class Stopping:
    """Accuracy against mean steps, of every rule that is compared."""

    own: ThresholdCurve  # thresholds on the model's own logit
    by_q_halt: ThresholdCurve | None  # on q_halt alone, where the own rule compares two values
    fixed: ComputeCurve
    unchanged: ComputeCurve

    @classmethod
    def of(cls, runs: HaltingRuns) -> "Stopping":
        return cls(
            own=threshold_curve(runs.halting, runs.right),
            by_q_halt=threshold_curve(runs.q_halt, runs.right) if runs.has_margin else None,
            fixed=fixed_depth_curve(runs.right),
            unchanged=unchanged_answer_curve(runs.changed, runs.right),
        )


@dataclass(frozen=True, eq=False)
class Beyond:
    """All steps that were run, those of training and later ones."""

    trained: int
    solved: Shares
    breaks: Breaks  # after the last step of training
    right_when_trained: int  # puzzles
    right_at_end: int
    auc: list[float | None]  # of q_halt, by step
    expected_error: list[float]  # of q_halt, by step
    halting: HaltingBands  # over all steps; solved: right at the very end


@dataclass(frozen=True, eq=False)
class HaltingAnalysis:
    """All but `beyond` is of the steps of training."""

    whole: HaltingRuns  # all steps that were run
    runs: HaltingRuns  # those of training
    bands: HaltingBands
    reliability: Reliability  # of q_halt against "exactly right now"
    continuing: Reliability | None  # of q_continue against "right by going on", where it is trained
    roc: ROC  # of q_halt
    roc_last_step: ROC
    roc_own: ROC  # of the logit of the model's own rule
    outcomes: Outcomes
    stopping: Stopping
    decisions: Decisions
    solving: Solving
    approach: Approach
    beyond: Beyond


def analyse(runs: HaltingRuns) -> HaltingAnalysis:
    """Analyse runs. Raises RunsError where there is no puzzle or step, or a logit is not finite."""
    trained = runs.as_trained()
    whole = roc(trained.q_halt, trained.right)
    return HaltingAnalysis(
        whole=runs,
        runs=trained,
        bands=halting_bands(trained.halting, trained.right),
        reliability=reliability(trained.q_halt, trained.right),
        continuing=_continuing(trained),
        roc=whole,
        roc_last_step=roc(trained.q_halt[-1:], trained.right[-1:]),
        roc_own=roc(trained.halting, trained.right) if trained.has_margin else whole,
        outcomes=outcomes(trained.halting, trained.right),
        stopping=Stopping.of(trained),
        decisions=decisions(trained.halting, trained.right),
        solving=solving(trained.wrong, trained.right),
        approach=approach(trained.wrong, trained.blanks, trained.right),
        beyond=_beyond(runs, trained.steps),
    )


def _continuing(runs: HaltingRuns) -> Reliability | None:
    if not runs.has_margin or runs.steps < 2:
        return None
    return reliability(runs.q_continue[:-1], right_by_going_on(runs.halting, runs.right))


def _beyond(runs: HaltingRuns, trained: int) -> Beyond:
    each = range(runs.steps)
    return Beyond(
        trained=trained,
        solved=solved_by_step(runs.right),
        breaks=breaks(runs.right, after=trained),
        right_when_trained=int(runs.right[trained - 1].sum()),
        right_at_end=int(runs.right[-1].sum()),
        auc=[found.auc for found in roc_by_step(runs.q_halt, runs.right)],
        expected_error=[
            reliability(runs.q_halt[k : k + 1], runs.right[k : k + 1], resampling=ONCE).expected_error
            for k in each
        ],
        halting=halting_bands(runs.halting, runs.right),
    )


def report(found: HaltingAnalysis) -> dict[str, Any]:
    """The numbers of an analysis, as JSON takes them: a share of nothing is None. Shares are 0 to 1, steps count from 1.

    `about` and `command`; `exact_by_step` of all steps run; `calibration` (`expected_error` with its band, the bins);
    `discrimination` (AUC of q_halt, and of the model's own logit); `outcomes` in puzzles and `delay` in steps; `stopping`
    (mean steps and accuracy by each rule); `decisions`; `along_steps`; `beyond` the depth of training.
    """
    runs, beyond = found.runs, found.beyond
    delay = found.outcomes.delay[~np.isnan(found.outcomes.delay)]
    return {
        "about": asdict(runs.about),
        "count": runs.count,
        "steps": len(beyond.auc),
        "exact_by_step": beyond.solved.share.tolist(),
        "calibration": _calibration(found.reliability)
        | {"expected_error_last_step": beyond.expected_error[runs.steps - 1]},
        "continue_calibration": _calibration(found.continuing) if found.continuing else None,
        "discrimination": {
            "auc": found.roc.auc,
            "auc_last_step": found.roc_last_step.auc,
            "auc_own_rule": found.roc_own.auc,
        },
        "outcomes": found.outcomes.counts,
        "delay": {"mean": float(delay.mean()) if delay.size else None, "puzzles": int(delay.size)},
        "stopping": _stopping(found.stopping),
        "decisions": {
            "halts": found.decisions.halts,
            "goes_on": found.decisions.goes_on,
            "at_stake": found.decisions.at_stake,
            "well_taken": found.decisions.well_taken,
        },
        "along_steps": {
            "monotone": _share(found.solving.monotone),
            "stays_solved": _share(found.solving.stays),
            "solved_at_once": _share(found.solving.at_once),
            "errors_before_solving": {
                "steps_before": found.approach.before.tolist(),
                "median_share": found.approach.quantiles[1].tolist(),
                "puzzles": found.approach.count.tolist(),
            },
        },
        "beyond": {
            "trained_steps": beyond.trained,
            "right_when_trained": beyond.right_when_trained,
            "right_at_end": beyond.right_at_end,
            "broken": int((beyond.breaks.first > 0).sum()),
            "recovered": int(beyond.breaks.recovered.sum()),
            "lost_by_step": beyond.breaks.lost.tolist(),
            "gained_by_step": beyond.breaks.gained.tolist(),
            "auc_by_step": beyond.auc,
            "expected_error_by_step": beyond.expected_error,
        },
    }


def _share(found: Share) -> dict[str, Any]:
    return {
        "share": _number(found.share),
        "band": [_number(end) for end in found.band],
        "puzzles": found.count,
    }


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _calibration(found: Reliability) -> dict[str, Any]:
    bins = zip(found.edges, found.edges[1:], found.counts, found.confidence, found.share_right, strict=False)
    return {
        "expected_error": found.expected_error,
        "expected_error_band": list(found.expected_error_band),
        "largest_error": found.largest_error,
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


def _stopping(found: Stopping) -> dict[str, Any]:
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
    enough = np.flatnonzero(curve.accuracy >= curve.accuracy[-1] - TOO_SLOW)
    at = enough[curve.mean_steps[enough].argmin()]
    return {
        "setting": float(curve.setting[at]) if np.isfinite(curve.setting[at]) else None,
        "mean_steps": float(curve.mean_steps[at]),
        "accuracy": float(curve.accuracy[at]),
    }
