"""The numbers behind each figure of the Halting page, as columns to take away."""

import numpy as np

from app.ui.downloads import Table
from probes.halting.calibration import ROC, Reliability
from probes.halting.decisions import Decisions
from probes.halting.report import BeyondTraining, StoppingRules
from probes.halting.rules import OUTCOMES, Outcomes
from probes.halting.runs import HaltingRuns


def reliability(found: Reliability) -> Table:
    return {
        "from": found.edges[:-1],
        "to": found.edges[1:],
        "answers": found.counts,
        "mean_probability": found.confidence,
        "share_right": found.share_right,
        "share_right_low": found.share_right_band[0],
        "share_right_high": found.share_right_band[1],
    }


def roc(curves: dict[str, ROC]) -> Table:
    parts = {name: curve for name, curve in curves.items() if curve.auc is not None}
    columns = ("threshold", "false_positive_rate", "true_positive_rate")
    names = [name for name, curve in parts.items() for _ in curve.threshold]
    return {"of": names} | {
        column: _joined([getattr(curve, column) for curve in parts.values()]) for column in columns
    }


def outcomes(runs: HaltingRuns, found: Outcomes) -> Table:
    names = list(OUTCOMES)
    return {
        "row": runs.rows,
        "puzzle": list(runs.puzzles),
        "first_right": found.right,
        "first_halt": found.halts,
        "outcome": [names[number] for number in found.outcome],
    }


def stopping(found: StoppingRules) -> Table:
    rules = {
        "own threshold": found.own,
        "q_halt threshold": found.by_q_halt,
        "fixed depth": found.fixed,
        "answer unchanged": found.unchanged,
    }
    curves = {name: curve for name, curve in rules.items() if curve is not None}
    names = [name for name, curve in curves.items() for _ in curve.setting]
    return {"rule": names} | {
        column: _joined([getattr(curve, column) for curve in curves.values()])
        for column in ("setting", "mean_steps", "accuracy")
    }


def decisions(found: Decisions) -> Table:
    parts = {"halts": found.halts, "goes on": found.continues}
    rows = [(rule, case, count) for rule, part in parts.items() for case, count in part.items()]
    return dict(zip(("rule", "case", "decisions"), map(list, zip(*rows, strict=True)), strict=True))


def beyond(found: BeyondTraining) -> Table:
    return {
        "step": list(range(1, len(found.auc) + 1)),
        "exactly_right": found.solved.share,
        "low": found.solved.band[0],
        "high": found.solved.band[1],
        "came_right": found.regressions.gained,
        "broke": found.regressions.lost,
        "auc": found.auc,
        "calibration_error": found.expected_error,
    }


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(parts) if parts else np.zeros(0)
