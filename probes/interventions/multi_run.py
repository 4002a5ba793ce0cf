"""Multiple runs per puzzle: count the fixed points, and select one answer (best of K or majority vote).

The runs differ in their initial state (drawn with other seeds than in training), in noise on that state, or in a
symmetry of the puzzle, which is undone in the answer. Symmetries of a Sudoku relabel digits, permute rows and columns,
or transpose the grid. The selected answer is that of the run with the highest halting logit, as in PTRM
(arXiv:2605.19943), or the majority vote in every cell, as in Ren & Liu 2026 (arXiv:2601.10679) over relabelled copies.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8

from probes.interventions.batched import run_rows
from probes.interventions.hooks import add_noise
from probes.interventions.sites import InterventionError
from probes.interventions.sweeps import SweepCurve, labelled_puzzles
from trm.batch import Rows
from trm.coordinates import Depth
from trm.data import PuzzleSet
from trm.evaluate import exact_answers
from trm.layers import truncated_normal
from trm.model import Model
from trm.progress import Progress, no_progress
from trm.recursion import State
from trm.tasks.base import PADDING, Task

SOURCES = ("seed", "noise", "symmetry")
SETTLED = 0.05  # a run has converged if |y - previous y| / |y| is below this
SAME = 0.1  # final states whose relative distance is at most this are one fixed point


@dataclass(frozen=True, eq=False)
class MultipleRuns:
    """K runs of each puzzle. The first run of each puzzle is the clean run."""

    labels: UInt8[np.ndarray, "puzzle cells"]
    answers: UInt8[np.ndarray, "puzzle run cells"]  # after the last supervision step, with symmetries undone
    halting: Float[np.ndarray, "puzzle run"]  # halting logit after the last supervision step
    moves: Float[np.ndarray, "puzzle run"]  # |y - previous y| / |y| in the last supervision step
    y: Float[np.ndarray, "puzzle run dim"] | None = None  # final y; None unless the source is "seed"

    @property
    def right(self) -> Bool[np.ndarray, "puzzle run"]:
        """Whether all scored cells of each final answer are correct."""
        return exact_answers(self.answers, self.labels[:, None])


def multiple_runs(
    model: Model,
    task: Task,
    puzzles: PuzzleSet,
    *,
    source: str = "seed",
    runs: int = 8,
    size: float = 0.3,
    seed: int = 0,
    depth: Depth | None = None,
    progress: Progress = no_progress,
) -> MultipleRuns:
    """Run each puzzle `runs` times. The runs of a puzzle differ in `source`, one of SOURCES.

    Puzzles without exactly one solution are left out. `size` is the scale of the noise, relative to the norm of each
    position's vector. Raises UserError.
    """
    if source not in SOURCES:
        raise InterventionError(f"Runs cannot differ by {source!r}. Choose one of: {', '.join(SOURCES)}.")
    if not 1 <= runs <= 256:
        raise InterventionError(f"Each puzzle cannot be run {runs} times. Choose 1 to 256.")
    puzzles, depth = labelled_puzzles(model, task, puzzles, depth)
    count = len(puzzles)
    puzzle_of, run_of = np.repeat(np.arange(count), runs), np.tile(np.arange(runs), count)
    inputs = puzzles.inputs[puzzle_of]
    symmetries = None
    if source == "symmetry":
        symmetries = task.symmetries(len(inputs), np.random.default_rng(seed))
        inputs = np.where((run_of == 0)[:, None], inputs, symmetries.apply(inputs))

    def start(rows: Rows, initial: State) -> State:
        if source == "symmetry":
            return initial
        changed = {}
        for offset, name in enumerate(State._fields):
            old = getattr(initial, name)
            seeds = [2 * (seed * 1_000_003 + int(row)) + offset for row in rows]
            is_clean = torch.from_numpy(run_of[rows] == 0).to(model.device)
            if source == "noise":
                sizes = torch.full((len(rows),), size)
                sizes[is_clean.cpu()] = 0
                changed[name] = add_noise(old, sizes, seeds)
            else:
                run_seeds = [2 * (seed * 1_000_003 + int(run)) + offset for run in run_of[rows]]
                drawn = drawn_states(old, run_seeds)
                changed[name] = torch.where(is_clean.view(-1, *[1] * (old.dim() - 1)), old, drawn)
        return State(**changed)

    batched = run_rows(
        model, inputs, depth=depth, puzzle_ids=puzzles.puzzle_identifiers[puzzle_of], start=start,
        return_y=source == "seed", progress=progress, message=f"running {count} puzzles {runs} times each",
    )  # fmt: skip
    answers = batched.answers[-1]
    if symmetries is not None:
        answers = np.where((run_of == 0)[:, None], answers, symmetries.undo(answers))
    y = None if batched.y is None else batched.y.reshape(count, runs, -1)
    return MultipleRuns(
        puzzles.labels,
        answers.reshape(count, runs, -1),
        batched.halting[-1].reshape(count, runs),
        batched.moves[-1].reshape(count, runs),
        y,
    )


def drawn_states(old: torch.Tensor, seeds: list[int]) -> torch.Tensor:
    """Draw initial states as in training, with other seeds: one vector of unit variance, repeated at every position."""
    vectors = []
    for seed in seeds:
        vector = torch.zeros(old.shape[1:-2] + old.shape[-1:])
        truncated_normal(vector, 1.0, torch.Generator().manual_seed(seed))
        vectors.append(vector.unsqueeze(-2).expand(old.shape[1:]))
    return torch.stack(vectors).to(old)


@dataclass(frozen=True, eq=False)
class BestOfK:
    """Fraction of puzzles solved when the answer is selected from the first k runs, for each k from 1 to K."""

    mean: SweepCurve  # a random one of the k runs; the clean run at k = 1
    best_halting: SweepCurve  # the run with the highest halting logit
    vote: SweepCurve  # majority vote in every cell; ties go to the smaller token
    any_right: SweepCurve  # at least one of the k runs is correct: the upper bound for selecting one run

    def columns(self) -> dict[str, list]:
        """Return the curves as table columns, with one row per k."""
        table: dict[str, list] = {"runs": list(range(1, len(self.mean.share) + 1))}
        for name, curve in vars(self).items():
            table |= {f"{name}_{end}": values for end, values in curve.rows().items()}
        return table


def selection(results: MultipleRuns) -> BestOfK:
    """Compute the accuracy of each method that selects one answer from several runs."""
    right = results.right.astype(float)
    puzzles, runs = right.shape
    mean, best, vote, any_right = (np.zeros((puzzles, runs)) for _ in range(4))
    scored = results.labels != PADDING
    for k in range(1, runs + 1):
        mean[:, k - 1] = right[:, :k].mean(1)
        any_right[:, k - 1] = right[:, :k].max(1)
        best[:, k - 1] = right[np.arange(puzzles), results.halting[:, :k].argmax(1)]
        voted = most_frequent(results.answers[:, :k])
        vote[:, k - 1] = ((voted == results.labels) | ~scored).all(-1)
    return BestOfK(SweepCurve.of(mean), SweepCurve.of(best), SweepCurve.of(vote), SweepCurve.of(any_right))


def most_frequent(answers: UInt8[np.ndarray, "puzzle run cells"]) -> UInt8[np.ndarray, "puzzle cells"]:
    """Return the most frequent token over all runs in each cell. A tie goes to the smallest token."""
    counts = np.stack([(answers == token).sum(1) for token in range(int(answers.max(initial=0)) + 1)], -1)
    return counts.argmax(-1).astype(np.uint8)


@dataclass(frozen=True, eq=False)
class FixedPoints:
    """Number of distinct final answers and fixed points of each puzzle, over runs from different initial states."""

    runs: int
    settled: Float[np.ndarray, "puzzle"]  # fraction of the runs that converged
    answers: Int[np.ndarray, "puzzle"]  # number of distinct answers over all runs
    points: Int[np.ndarray, "puzzle"]  # number of distinct fixed points of y over the converged runs
    right: Float[np.ndarray, "puzzle"]  # fraction of the runs whose final answer is correct

    def columns(self) -> dict[str, list]:
        """Return the results as table columns, with one row per puzzle."""
        return {name: getattr(self, name).tolist() for name in ("settled", "answers", "points", "right")}

    def summary(self) -> dict[str, int | float]:
        """Return means over puzzles, and the fractions of puzzles that all, none or some of the runs solve."""
        return {
            "puzzles": len(self.answers),
            "runs": self.runs,
            "mean_settled": round(float(self.settled.mean()), 4),
            "mean_answers": round(float(self.answers.mean()), 3),
            "mean_points": round(float(self.points.mean()), 3),
            "always_right": round(float((self.right == 1).mean()), 4),
            "never_right": round(float((self.right == 0).mean()), 4),
            "sometimes_right": round(float(((self.right > 0) & (self.right < 1)).mean()), 4),
        }


def fixed_points(results: MultipleRuns) -> FixedPoints:
    """Count the distinct final answers and fixed points of each puzzle, as defined by `distinct`.

    Raises ValueError if `results.y` is None: `multiple_runs` returns the final states only for source "seed".
    """
    if results.y is None:
        raise ValueError("the final states are missing")
    settled = results.moves < SETTLED
    answers = [len(np.unique(grid, axis=0)) for grid in results.answers]
    points = [distinct(y[converged]) for y, converged in zip(results.y, settled, strict=True)]
    return FixedPoints(
        settled.shape[1], settled.mean(1), np.array(answers), np.array(points), results.right.mean(1)
    )


def distinct(states: Float[np.ndarray, "run dim"]) -> int:
    """Count distinct states. A state is new if it is farther than `SAME` times its norm from every earlier new state."""
    counted: list[np.ndarray] = []
    for state in states:
        norm = np.linalg.norm(state)
        if all(np.linalg.norm(state - other) > SAME * norm for other in counted):
            counted.append(state)
    return len(counted)
