"""How good a model is on one puzzle (`solve`) and on a puzzle set (`evaluate`): exact answers by supervision step, cells, and the halting head's AUC.

Every puzzle gets all N_sup steps: nothing halts early in evaluation, as in both papers. Puzzles without exactly one
solution have no label to compare with; they are judged by the rules alone and counted apart.
"""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Num, UInt8

from trm.coordinates import Depth
from trm.data import PuzzleSet
from trm.data.files.spread import evenly_spread
from trm.errors import DataError
from trm.grading import caveat
from trm.model import Model
from trm.parallel import Done, shares, side_by_side
from trm.progress import CountProgress
from trm.record import record
from trm.recursion import deep_supervision
from trm.tasks.base import PADDING, Task

BATCH = 64  # puzzles that all cores take together; more are no faster on two


@dataclass(frozen=True)
class Predictions:
    """What a model answers after every supervision step."""

    answers: UInt8[np.ndarray, "steps count cells"]
    q_halt: Float[np.ndarray, "steps count"]
    halting: Float[np.ndarray, "steps count"]  # logit of the model's own rule: positive where it would halt


def predict(
    model,
    inputs: Num[np.ndarray, "count cells"],
    puzzle_ids: Num[np.ndarray, "count"] | None = None,
    *,
    depth: Depth | None = None,
    batch: int = BATCH,
    progress: CountProgress | None = None,
) -> Predictions:
    """Run a model over many puzzles, a batch at a time. `depth` defaults to the model's own.

    `progress` hears as it goes on; of batches under way it is told the part that is done, in puzzles.
    """
    depth = depth or model.config.depth
    count = len(inputs)
    ids = np.zeros(count, np.int64) if puzzle_ids is None else puzzle_ids
    device = model.device
    answers = np.zeros((depth.N_sup, *inputs.shape), np.uint8)
    q_halt, halting = np.zeros((2, depth.N_sup, count), np.float32)

    def run(part: range, done: Done) -> None:
        rows = slice(part.start, part.stop)
        tokens = torch.from_numpy(inputs[rows].astype(np.int64)).to(device)
        batch_ids = torch.from_numpy(ids[rows].astype(np.int64)).to(device)
        for step in deep_supervision(model, tokens, batch_ids, depth=depth):
            answers[step.number - 1, rows] = step.heads.logits.argmax(-1).cpu().numpy()
            q_halt[step.number - 1, rows] = step.heads.q_halt.cpu().numpy()
            halting[step.number - 1, rows] = model.halting_logit(step.heads).cpu().numpy()
            done(len(part))

    batches = [range(begin, min(begin + batch, count)) for begin in range(0, count, batch)]
    side_by_side(
        run,
        [part for rows in batches for part in shares(rows, device)],
        device=device,
        progress=lambda steps: progress and progress(steps // depth.N_sup, count),
    )
    return Predictions(answers, q_halt, halting)


def exact_now(answers: UInt8[np.ndarray, "steps count cells"], labels) -> Bool[np.ndarray, "steps count"]:
    """Whether every cell is right after each step. Padding in the labels marks cells that are not scored."""
    return ((answers == labels) | (labels == PADDING)).all(-1)


def exact_by_step(
    model, puzzles, puzzle_ids: Num[np.ndarray, "count"] | None = None, *, depth: Depth
) -> list[float]:
    """Share of puzzles (with `inputs` and `labels`) that are exactly right after each supervision step."""
    answers = predict(model, puzzles.inputs, puzzle_ids, depth=depth).answers
    return exact_now(answers, puzzles.labels).mean(-1).tolist()


def auc(scores: Float[np.ndarray, "*any"], right: Bool[np.ndarray, "*any"]) -> float | None:
    """Area under the ROC curve; None where it is not defined: all are right or all are wrong, or there is no score."""
    from sklearn.metrics import roc_auc_score

    if right.all() or not right.any() or not np.isfinite(scores).all():
        return None
    return float(roc_auc_score(right.ravel(), scores.ravel()))


def evaluate(
    model, task: Task, puzzles: PuzzleSet, *, progress: CountProgress | None = None
) -> dict[str, Any]:
    """Score a model on a puzzle set.

    Returns `count` (puzzles with one solution), `exact`, `cell` and `blank_cell` (shares, after the last step),
    `exact_by_step`, `halt_auc` (of q_halt against "exactly right now", over all puzzles and steps),
    `halt_auc_last_step`, `mean_halt_step` (first step that would halt; N_sup where none would), `halted_wrong` (share of
    all whose answer is wrong at that first step), `by_difficulty` (each with `count`, `exact`, `exact_by_step`),
    `without_one_solution` (`count`, `solved` by the rules), `seconds`, and the task's `rule_score` if it has one (mazes:
    `any_shortest_path`, a share of all puzzles). A `note` says where scores must not be taken for what the model can do.
    A share of nothing is None. `halt_auc` is of q_halt for every kind; `mean_halt_step` follows the model's own rule.
    Raises PuzzleError when the puzzles are not of the model's size, or have ids that its table does not.
    """
    began = time.perf_counter()
    model.config.check_puzzles(puzzles.inputs.shape[1], task.vocab_size)
    model.config.check_puzzle_id(int(puzzles.puzzle_identifiers.max(initial=0)))
    predictions = predict(model, puzzles.inputs, puzzles.puzzle_identifiers, progress=progress)
    judged = puzzles.labelled
    labels, inputs = puzzles.labels[judged], puzzles.inputs[judged]
    answers, q_halt = predictions.answers[:, judged], predictions.q_halt[:, judged]
    right = exact_now(answers, labels)
    cells = answers[-1] == labels
    scored = labels != PADDING
    blank = ~task.givens(inputs) & scored
    halts = predictions.halting[:, judged] > 0
    first = np.where(halts.any(0), halts.argmax(0) + 1, len(halts))
    obeys = np.array(
        [
            task.is_solved(given, answer)
            for given, answer in zip(puzzles.inputs, predictions.answers[-1], strict=True)
        ],
        dtype=bool,
    )
    by_rule = {task.rule_score: _share(obeys)} if task.rule_score else {}
    note = caveat(task, int(puzzles.puzzle_identifiers.max(initial=0)))
    return {
        "count": int(judged.sum()),
        "exact": _share(right[-1]),
        "cell": _share(cells[scored]),
        "blank_cell": _share(cells[blank]),
        "exact_by_step": [_share(step) for step in right],
        "halt_auc": auc(q_halt, right),
        "halt_auc_last_step": auc(q_halt[-1], right[-1]),
        "mean_halt_step": float(first.mean()) if first.size else None,
        "halted_wrong": _share(halts.any(0) & ~right[first - 1, np.arange(len(first))]),
        "by_difficulty": _by_group(puzzles.groups(task)[judged], right),
        "without_one_solution": {"count": int((~judged).sum()), "solved": int(obeys[~judged].sum())},
        **by_rule,
        **({"note": note} if note else {}),
        "seconds": round(time.perf_counter() - began, 2),
    }


def evenly(count: int, limit: int) -> Int[np.ndarray, "taken"]:
    """Rows that spread `limit` puzzles evenly over a set, so that a sorted set is not cut at its easy end.

    Raises DataError when the limit leaves none.
    """
    if limit < 1:
        raise DataError(f"A limit of {limit} leaves no puzzle. Give 1 or more.")
    return evenly_spread(count, limit)


def _share(flags: Bool[np.ndarray, "*any"]) -> float | None:
    return float(flags.mean()) if flags.size else None


def _by_group(groups: np.ndarray, right: Bool[np.ndarray, "steps count"]) -> dict[str, dict[str, Any]]:
    found = {}
    for group in np.unique(groups):
        by_step = [_share(step) for step in right[:, groups == group]]
        found[str(group)] = {
            "count": int((groups == group).sum()),
            "exact": by_step[-1],
            "exact_by_step": by_step,
        }
    return found


def solve(
    model: Model, task: Task, puzzle: str, *, depth: Depth | None = None, puzzle_id: int = 0
) -> dict[str, Any]:
    """Run a model on a puzzle given as text, an unfinished one too, through all supervision steps: what `trm solve` prints.

    Returns `grid` (the answer in lines), `answer` (text), `solved` (obeys the rules and keeps the givens; None where no rules tell),
    `halt_probability` (one per supervision step), `halt_step` (first step that would halt, or None), `steps`, `answers` (text after every f_H call), and a
    `note` where the answer must not be taken for what the model can do (ARC with the blank puzzle id).
    Raises PuzzleError.
    """
    inputs = task.parse(puzzle, unfinished=True)
    trace = record(model, task, inputs, depth=depth, puzzle_id=puzzle_id)
    note = caveat(task, puzzle_id)
    return {
        "grid": task.pretty(trace.answers[-1]),
        "answer": task.format(trace.answers[-1]),
        "solved": bool(task.is_solved(inputs, trace.answers[-1])) if task.checkable_by_rules else None,
        "halt_probability": [round(float(probability), 6) for probability in trace.halt_probability],
        "halt_step": trace.halt_step,
        "steps": trace.steps,
        "answers": [task.format(answer) for answer in trace.answers],
        **({"note": note} if note else {}),
    }
