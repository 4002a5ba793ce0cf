"""Score a model on one puzzle (`solve`) or on a puzzle set (`evaluate`).

Scores are exact accuracy by supervision step, cell accuracy, and the AUROC of the halting head. Every puzzle runs for
all N_sup steps: as in both papers, nothing halts early in evaluation. Puzzles without exactly one solution have no
labels; they are only checked against the rules, and are counted separately.
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
from trm.parallel import ReportDone, run_parallel, split_rows
from trm.progress import CountProgress
from trm.record import record
from trm.recursion import deep_supervision
from trm.tasks.base import PADDING, Task

BATCH = 64  # puzzles that all cores process together; larger batches are not faster on two cores


@dataclass(frozen=True)
class Predictions:
    """A model's answers and halting logits after every supervision step."""

    answers: UInt8[np.ndarray, "steps count cells"]
    q_halt: Float[np.ndarray, "steps count"]
    halting: Float[
        np.ndarray, "steps count"
    ]  # logit of the model's own halting rule; positive where the model would halt


def predict(
    model,
    inputs: Num[np.ndarray, "count cells"],
    puzzle_ids: Num[np.ndarray, "count"] | None = None,
    *,
    depth: Depth | None = None,
    batch: int = BATCH,
    progress: CountProgress | None = None,
) -> Predictions:
    """Run a model on many puzzles, one batch at a time.

    `puzzle_ids` defaults to 0 for every puzzle, `depth` to the model's own. `progress` is called with the number of
    puzzles done; unfinished batches count in proportion.
    """
    depth = depth or model.config.depth
    count = len(inputs)
    ids = np.zeros(count, np.int64) if puzzle_ids is None else puzzle_ids
    device = model.device
    answers = np.zeros((depth.N_sup, *inputs.shape), np.uint8)
    q_halt, halting = np.zeros((2, depth.N_sup, count), np.float32)

    def run(part: range, done: ReportDone) -> None:
        rows = slice(part.start, part.stop)
        tokens = torch.from_numpy(inputs[rows].astype(np.int64)).to(device)
        batch_ids = torch.from_numpy(ids[rows].astype(np.int64)).to(device)
        for step in deep_supervision(model, tokens, batch_ids, depth=depth):
            answers[step.number - 1, rows] = step.heads.logits.argmax(-1).cpu().numpy()
            q_halt[step.number - 1, rows] = step.heads.q_halt.cpu().numpy()
            halting[step.number - 1, rows] = model.halting_logit(step.heads).cpu().numpy()
            done(len(part))

    batches = [range(begin, min(begin + batch, count)) for begin in range(0, count, batch)]
    run_parallel(
        run,
        [part for rows in batches for part in split_rows(rows, device)],
        device=device,
        progress=lambda steps: progress and progress(steps // depth.N_sup, count),
    )
    return Predictions(answers, q_halt, halting)


def exact_answers(answers: UInt8[np.ndarray, "steps count cells"], labels) -> Bool[np.ndarray, "steps count"]:
    """Whether all cells are correct after each step. Cells whose label is padding are not scored."""
    return ((answers == labels) | (labels == PADDING)).all(-1)


def exact_by_step(
    model, puzzles, puzzle_ids: Num[np.ndarray, "count"] | None = None, *, depth: Depth
) -> list[float]:
    """Exact accuracy after each supervision step, on puzzles with `inputs` and `labels`."""
    answers = predict(model, puzzles.inputs, puzzle_ids, depth=depth).answers
    return exact_answers(answers, puzzles.labels).mean(-1).tolist()


def auc(scores: Float[np.ndarray, "*any"], right: Bool[np.ndarray, "*any"]) -> float | None:
    """Area under the ROC curve; None if it is undefined: all right, all wrong, or non-finite scores."""
    from sklearn.metrics import roc_auc_score

    if right.all() or not right.any() or not np.isfinite(scores).all():
        return None
    return float(roc_auc_score(right.ravel(), scores.ravel()))


def evaluate(
    model, task: Task, puzzles: PuzzleSet, *, progress: CountProgress | None = None
) -> dict[str, Any]:
    """Score a model on a puzzle set.

    Returns a dictionary with

    - `count`: puzzles with exactly one solution; the scores below are over these
    - `exact`, `cell`, `blank_cell`: accuracy over puzzles, cells, and blank cells after the last step
    - `exact_by_step`: exact accuracy after each step
    - `halt_auc`: AUROC of q_halt as a predictor of "the answer is exactly right now", over all puzzles and steps
    - `halt_auc_last_step`: the same at the last step
    - `mean_halt_step`: mean first step at which the model would halt by its own rule (N_sup if it never would)
    - `halted_wrong`: fraction of puzzles on which the model would halt with a wrong answer
    - `by_difficulty`: `count`, `exact` and `exact_by_step` for each difficulty
    - `without_one_solution`: `count` of the other puzzles, and how many of them are `solved` according to the rules
    - the task's `rule_score` if it has one (mazes: `any_shortest_path`), a fraction of all puzzles
    - `note`, if the scores do not reflect what the model can do
    - `seconds`

    A fraction with a zero denominator is None. Raises PuzzleError if the puzzles do not have the model's size, or their
    ids are not in its puzzle table.
    """
    started = time.perf_counter()
    model.config.check_puzzles(puzzles.inputs.shape[1], task.vocab_size)
    model.config.check_puzzle_id(int(puzzles.puzzle_identifiers.max(initial=0)))
    predictions = predict(model, puzzles.inputs, puzzles.puzzle_identifiers, progress=progress)
    labelled = puzzles.labelled
    labels, inputs = puzzles.labels[labelled], puzzles.inputs[labelled]
    answers, q_halt = predictions.answers[:, labelled], predictions.q_halt[:, labelled]
    right = exact_answers(answers, labels)
    cells = answers[-1] == labels
    scored = labels != PADDING
    blank = ~task.givens(inputs) & scored
    halts = predictions.halting[:, labelled] > 0
    first = np.where(halts.any(0), halts.argmax(0) + 1, len(halts))
    solved = np.array(
        [
            task.is_solved(given, answer)
            for given, answer in zip(puzzles.inputs, predictions.answers[-1], strict=True)
        ],
        dtype=bool,
    )
    by_rule = {task.rule_score: _share(solved)} if task.rule_score else {}
    note = caveat(task, int(puzzles.puzzle_identifiers.max(initial=0)))
    return {
        "count": int(labelled.sum()),
        "exact": _share(right[-1]),
        "cell": _share(cells[scored]),
        "blank_cell": _share(cells[blank]),
        "exact_by_step": [_share(step) for step in right],
        "halt_auc": auc(q_halt, right),
        "halt_auc_last_step": auc(q_halt[-1], right[-1]),
        "mean_halt_step": float(first.mean()) if first.size else None,
        "halted_wrong": _share(halts.any(0) & ~right[first - 1, np.arange(len(first))]),
        "by_difficulty": _by_group(puzzles.groups(task)[labelled], right),
        "without_one_solution": {"count": int((~labelled).sum()), "solved": int(solved[~labelled].sum())},
        **by_rule,
        **({"note": note} if note else {}),
        "seconds": round(time.perf_counter() - started, 2),
    }


def evenly(count: int, limit: int) -> Int[np.ndarray, "taken"]:
    """Indices of `limit` puzzles spread evenly over a set of `count`, so that a sorted set is sampled throughout.

    Raises DataError if the limit is below 1.
    """
    if limit < 1:
        raise DataError(f"A limit of {limit} leaves no puzzle. Give 1 or more.")
    return evenly_spread(count, limit)


def _share(flags: Bool[np.ndarray, "*any"]) -> float | None:
    return float(flags.mean()) if flags.size else None


def _by_group(groups: np.ndarray, right: Bool[np.ndarray, "steps count"]) -> dict[str, dict[str, Any]]:
    scores = {}
    for group in np.unique(groups):
        by_step = [_share(step) for step in right[:, groups == group]]
        scores[str(group)] = {
            "count": int((groups == group).sum()),
            "exact": by_step[-1],
            "exact_by_step": by_step,
        }
    return scores


def solve(
    model: Model, task: Task, puzzle: str, *, depth: Depth | None = None, puzzle_id: int = 0
) -> dict[str, Any]:
    """Run a model on a puzzle given as text, through all supervision steps. `trm solve` prints the result.

    The puzzle may be unfinished. Returns `grid` (the answer, one line per row), `answer` (as text), `solved` (whether
    it obeys the rules and preserves the givens; None if the task has no rules to check), `halt_probability` (one per
    supervision step), `halt_step` (the first step that would halt, or None), `steps`, `answers` (the text after every
    f_H call), and a `note` if the answer does not reflect what the model can do (ARC with the blank puzzle id). Raises
    PuzzleError.
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
