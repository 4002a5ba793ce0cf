"""The numbers behind each figure of the Halting page, as table columns for export."""

import numpy as np

from app.ui.downloads import Table
from probes.halting.by_step import ErrorsBeforeSolving
from probes.halting.calibration import ROC, Reliability
from probes.halting.decisions import Decisions
from probes.halting.report import BeyondTraining, StoppingRules
from probes.halting.rules import OUTCOMES, Outcomes
from probes.halting.runs import HaltingRuns


def reliability(reliability: Reliability) -> Table:
    return {
        "from": reliability.edges[:-1],
        "to": reliability.edges[1:],
        "answers": reliability.counts,
        "mean_probability": reliability.confidence,
        "share_right": reliability.share_right,
        "share_right_low": reliability.share_right_band[0],
        "share_right_high": reliability.share_right_band[1],
    }


def roc(curves: dict[str, ROC]) -> Table:
    parts = {name: curve for name, curve in curves.items() if curve.auc is not None}
    columns = ("threshold", "false_positive_rate", "true_positive_rate")
    names = [name for name, curve in parts.items() for _ in curve.threshold]
    return {"of": names} | {
        column: _joined([getattr(curve, column) for curve in parts.values()]) for column in columns
    }


def outcomes(runs: HaltingRuns, outcomes: Outcomes) -> Table:
    names = list(OUTCOMES)
    return {
        "row": runs.rows,
        "puzzle": list(runs.puzzles),
        "first_right": outcomes.right,
        "first_halt": outcomes.halts,
        "outcome": [names[number] for number in outcomes.outcome],
    }


def stopping(rules: StoppingRules) -> Table:
    by_name = {
        "own threshold": rules.own,
        "q_halt threshold": rules.by_q_halt,
        "fixed depth": rules.fixed,
        "answer unchanged": rules.unchanged,
    }
    curves = {name: curve for name, curve in by_name.items() if curve is not None}
    names = [name for name, curve in curves.items() for _ in curve.setting]
    return {"rule": names} | {
        column: _joined([getattr(curve, column) for curve in curves.values()])
        for column in ("setting", "mean_steps", "accuracy")
    }


def decisions(decisions: Decisions) -> Table:
    parts = {"halts": decisions.halts, "continues": decisions.continues}
    rows = [(rule, case, count) for rule, part in parts.items() for case, count in part.items()]
    return dict(zip(("rule", "case", "decisions"), map(list, zip(*rows, strict=True)), strict=True))


def beyond(beyond: BeyondTraining) -> Table:
    return {
        "step": list(range(1, len(beyond.auc) + 1)),
        "accuracy": beyond.solved.share,
        "low": beyond.solved.band[0],
        "high": beyond.solved.band[1],
        "gained": beyond.regressions.gained,
        "lost": beyond.regressions.lost,
        "auc": beyond.auc,
        "calibration_error": beyond.expected_error,
    }


def errors(before_solving: ErrorsBeforeSolving) -> Table:
    return {
        "steps_before": before_solving.before,
        "quarter": before_solving.quantiles[0],
        "median": before_solving.quantiles[1],
        "three_quarters": before_solving.quantiles[2],
        "puzzles": before_solving.count,
    }


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(parts) if parts else np.zeros(0)
