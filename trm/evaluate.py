"""Score a model on one puzzle (`solve`) or on a puzzle set (`evaluate`).

The scores are exact accuracy after each supervision step, cell accuracy, and the AUROC of the halting head. Every
puzzle runs for all N_sup steps, as in both papers, unless early exit is requested. Puzzles without exactly one
solution have no labels. They are only checked against the rules, and are counted separately.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, Num, UInt8

from trm.batch import BATCH, BatchStep, run_batches
from trm.coordinates import Depth
from trm.data import PuzzleSet
from trm.data.files.spread import evenly_spread
from trm.errors import DataError
from trm.grading import caveat
from trm.model import Model
from trm.progress import Progress, no_progress
from trm.record import record
from trm.tasks.base import PADDING, Task


@dataclass(frozen=True)
class Predictions:
    """A model's answers and halting logits after every supervision step.

    After an early exit, the values of the last step that was run are repeated.
    """

    answers: UInt8[np.ndarray, "steps count cells"]
    q_halt: Float[np.ndarray, "steps count"]
    halting: Float[
        np.ndarray, "steps count"
    ]  # halting logit by the model's own rule; positive where the model would halt
    steps: Int[np.ndarray, "count"]  # supervision steps that were run


def predict(
    model,
    inputs: Num[np.ndarray, "count cells"],
    puzzle_ids: Num[np.ndarray, "count"] | None = None,
    *,
    depth: Depth | None = None,
    batch: int = BATCH,
    early_exit: bool = False,
    progress: Progress = no_progress,
) -> Predictions:
    """Run a model on many puzzles, through all supervision steps or, with `early_exit`, until the model halts.

    A puzzle that halts makes room in its batch for the next one. `puzzle_ids` defaults to 0 for every puzzle, `depth` to the model's own.
    """
    depth = depth or model.config.depth
    answers = np.zeros((depth.N_sup, *inputs.shape), np.uint8)
    q_halt, halting = np.zeros((2, depth.N_sup, len(inputs)), np.float32)
    steps = np.zeros(len(inputs), int)

    def capture(step: BatchStep) -> None:
        answers[step.index] = step.heads.logits.argmax(-1).cpu().numpy()
        q_halt[step.index] = step.heads.q_halt.cpu().numpy()
        halting[step.index] = model.halting_logit(step.heads).cpu().numpy()
        steps[step.rows] = step.numbers

    run_batches(
        model, inputs, depth, puzzle_ids=puzzle_ids, capture=capture, batch=batch, progress=progress,
        stop_when=(lambda step: model.halting_logit(step.heads) > 0) if early_exit else None,
        message=f"running {len(inputs):,} puzzles",
    )  # fmt: skip
    shown = (np.minimum(np.arange(1, depth.N_sup + 1)[:, None], steps) - 1, np.arange(len(inputs)))
    return Predictions(answers[shown], q_halt[shown], halting[shown], steps)


def exact_answers(answers: UInt8[np.ndarray, "steps count cells"], labels) -> Bool[np.ndarray, "steps count"]:
    """Return whether all cells are correct, by supervision step and puzzle. Cells labelled as padding are ignored."""
    return ((answers == labels) | (labels == PADDING)).all(-1)


def exact_by_step(
    model, puzzles, puzzle_ids: Num[np.ndarray, "count"] | None = None, *, depth: Depth
) -> list[float]:
    """Compute the exact accuracy after each supervision step. `puzzles` has the arrays `inputs` and `labels`."""
    answers = predict(model, puzzles.inputs, puzzle_ids, depth=depth).answers
    return exact_answers(answers, puzzles.labels).mean(-1).tolist()


def auc(scores: Float[np.ndarray, "*any"], right: Bool[np.ndarray, "*any"]) -> float | None:
    """Area under the ROC curve of `scores` as a predictor of `right`.

    None if all answers are right, all are wrong, or a score is not finite.
    """
    from sklearn.metrics import roc_auc_score

    if right.all() or not right.any() or not np.isfinite(scores).all():
        return None
    return float(roc_auc_score(right.ravel(), scores.ravel()))


def mean_interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean of at least two values and half the width of its 95 % confidence interval (Student's t)."""
    from scipy.stats import t

    half = t.ppf(0.975, len(values) - 1) * stdev(values) / len(values) ** 0.5
    return fmean(values), float(half)


def evaluate(
    model, task: Task, puzzles: PuzzleSet, *, early_exit: bool = False, progress: Progress = no_progress
) -> dict[str, Any]:
    """Score a model on a puzzle set. With `early_exit`, a puzzle keeps the answer with which the model halts.

    Returns a dictionary with

    - `count`: number of puzzles with exactly one solution; the scores below use only these puzzles
    - `exact`, `cell`, `blank_cell`: accuracy over puzzles, cells, and blank cells after the last step
    - `exact_by_step`: exact accuracy after each step
    - `halt_auc`: AUROC of q_halt as a predictor of whether the current answer is exact, over all puzzles and steps
    - `halt_auc_last_step`: AUROC of q_halt at the last step only; both are None with early exit, which hides later steps
    - `mean_halt_step`: mean of the first step at which the model would halt by its own rule (N_sup if it never would)
    - `halted_wrong`: fraction of puzzles on which the model would halt with a wrong answer
    - `by_difficulty`: `count`, `exact` and `exact_by_step` for each difficulty
    - `without_one_solution`: `count` of the other puzzles, and `solved`: how many of their answers obey the rules
    - the task's `rule_score`, if any (mazes: `any_shortest_path`): fraction of all puzzles whose answer obeys the rules
    - `note`: a warning, if the scores do not reflect the model's ability (ARC with the blank puzzle id)
    - `seconds`: run time
    - `steps_saved`: with early exit, the fraction of all supervision steps that did not run

    A fraction of zero puzzles or cells is None. Raises PuzzleError if the puzzles do not fit the model's size, or if a
    puzzle id is not in the model's puzzle table.
    """
    started = time.perf_counter()
    model.config.check_puzzles(puzzles.inputs.shape[1], task.vocab_size)
    model.config.check_puzzle_id(int(puzzles.puzzle_identifiers.max(initial=0)))
    predictions = predict(
        model, puzzles.inputs, puzzles.puzzle_identifiers, early_exit=early_exit, progress=progress
    )
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
        "halt_auc": None if early_exit else auc(q_halt, right),
        "halt_auc_last_step": None if early_exit else auc(q_halt[-1], right[-1]),
        "mean_halt_step": float(first.mean()) if first.size else None,
        "halted_wrong": _share(halts.any(0) & ~right[first - 1, np.arange(len(first))]),
        "by_difficulty": _by_group(puzzles.groups(task)[labelled], right),
        "without_one_solution": {"count": int((~labelled).sum()), "solved": int(solved[~labelled].sum())},
        **by_rule,
        **({"note": note} if note else {}),
        "seconds": round(time.perf_counter() - started, 2),
        **(
            {"steps_saved": round(1 - float(predictions.steps.sum()) / max(1, predictions.halting.size), 4)}
            if early_exit
            else {}
        ),
    }


def evenly(count: int, limit: int) -> Int[np.ndarray, "taken"]:
    """Return the indices of at most `limit` puzzles, spread evenly over a set of `count` puzzles.

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

    The puzzle may lack a required part (see `Task.parse`). Returns a dictionary with `grid` (the answer, one line per
    row), `answer` (as text), `solved` (whether the answer obeys the rules and preserves the givens; None if the task
    has no rules to check), `halt_probability` (after each supervision step), `halt_step` (the first step after which
    the model would halt, or None), `steps` (their number), `answers` (the answer after every f_H call, as text), and
    `note` (a warning for ARC with the blank puzzle id). Raises PuzzleError if the puzzle does not fit the model.
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
