"""Multiple runs per puzzle: where they converge, and how to select an answer (best of K, majority vote).

The runs differ by their initial state (drawn with other seeds than in training), by noise on that state, or by a
symmetry of the puzzle (digits relabelled, rows and columns permuted, the grid transposed) that is undone in the answer.
The selected answer is the one with the highest halting logit, as in PTRM (arXiv:2605.19943), or a majority vote in
every cell (Ren & Liu 2026, arXiv:2601.10679, over relabelled copies).
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8

from probes.interventions.batched import fast_copy, run_rows
from probes.interventions.hooks import add_noise
from probes.interventions.sites import InterventionError
from probes.interventions.sweeps import SweepCurve, dtype_of, labelled_puzzles
from trm.coordinates import Depth
from trm.data import PuzzleSet
from trm.layers import truncated_normal
from trm.model import Model
from trm.progress import Progress, no_progress
from trm.recursion import State
from trm.tasks.base import PADDING, Task

SOURCES = ("seed", "noise", "symmetry")
SETTLED = 0.05  # a run has converged if |y - previous y| / |y| is below this
SAME = 0.1  # two final states closer than this, relative to their norm, are one fixed point


@dataclass(frozen=True, eq=False)
class MultipleRuns:
    """K runs of each puzzle. The first run of each is the clean run."""

    source: str
    size: float
    dtype: str
    labels: UInt8[np.ndarray, "puzzle cells"]
    answers: UInt8[np.ndarray, "puzzle run cells"]  # after the last supervision step, symmetries undone
    halting: Float[np.ndarray, "puzzle run"]  # logit of the model's own rule
    moves: Float[np.ndarray, "puzzle run"]  # |y - previous y| / |y| in the last step
    y: Float[np.ndarray, "puzzle run dim"] | None = None  # last y; only if the runs differ by seed

    @property
    def right(self) -> Bool[np.ndarray, "puzzle run"]:
        labels = self.labels[:, None]
        return ((self.answers == labels) | (labels == PADDING)).all(-1)


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
    """Run each puzzle `runs` times. `size` is the scale of the noise, in units of the state's own norm. Raises
    UserError.
    """
    if source not in SOURCES:
        raise InterventionError(f"Runs cannot differ by {source!r}. Choose one of: {', '.join(SOURCES)}.")
    if not 1 <= runs <= 256:
        raise InterventionError(f"Each puzzle cannot be run {runs} times. Choose 1 to 256.")
    puzzles, depth = labelled_puzzles(model, task, puzzles, depth)
    model, count = fast_copy(model), len(puzzles)
    puzzle_of, run_of = np.repeat(np.arange(count), runs), np.tile(np.arange(runs), count)
    inputs = puzzles.inputs[puzzle_of]
    symmetries = None
    if source == "symmetry":
        symmetries = task.symmetries(len(inputs), np.random.default_rng(seed))
        inputs = np.where((run_of == 0)[:, None], inputs, symmetries.apply(inputs))

    def start(initial: State, rows: Int[np.ndarray, "some"]) -> State:
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
        source,
        size if source == "noise" else 0.0,
        dtype_of(model),
        puzzles.labels,
        answers.reshape(count, runs, -1),
        batched.halting[-1].reshape(count, runs),
        batched.moves[-1].reshape(count, runs),
        y,
    )


def drawn_states(old: torch.Tensor, seeds: list[int]) -> torch.Tensor:
    """Initial states drawn as in training, with other seeds: one vector of unit variance, the same at every position."""
    vectors = []
    for seed in seeds:
        vector = torch.zeros(old.shape[1:-2] + old.shape[-1:])
        truncated_normal(vector, 1.0, torch.Generator().manual_seed(seed))
        vectors.append(vector.unsqueeze(-2).expand(old.shape[1:]))
    return torch.stack(vectors).to(old)


@dataclass(frozen=True, eq=False)
class BestOfK:
    """Accuracy when the answer is selected from the first k runs of each puzzle, for k from 1 to K."""

    mean: SweepCurve  # one of the k runs at random; the clean run at k = 1
    best_halting: SweepCurve  # the run with the highest halting logit
    vote: SweepCurve  # majority vote in every cell; ties go to the smaller token
    any_right: SweepCurve  # at least one of the k is correct: the upper bound of any selection

    def columns(self) -> dict[str, list]:
        table: dict[str, list] = {"runs": list(range(1, len(self.mean.share) + 1))}
        for name, curve in vars(self).items():
            table |= {f"{name}_{end}": values for end, values in curve.rows().items()}
        return table


def selection(results: MultipleRuns) -> BestOfK:
    """Accuracy of each method of selecting an answer from several runs."""
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
    """The most frequent token of each cell over runs; ties go to the smaller token."""
    counts = np.stack([(answers == token).sum(1) for token in range(int(answers.max(initial=0)) + 1)], -1)
    return counts.argmax(-1).astype(np.uint8)


@dataclass(frozen=True, eq=False)
class FixedPoints:
    """Final answers and fixed points of runs from different initial states, by puzzle."""

    runs: int
    settled: Float[np.ndarray, "puzzle"]  # share of the runs that converged
    answers: Int[np.ndarray, "puzzle"]  # distinct answers over all runs
    points: Int[np.ndarray, "puzzle"]  # distinct fixed points of y over the converged runs
    right: Float[np.ndarray, "puzzle"]  # share of the runs whose final answer is correct

    def columns(self) -> dict[str, list]:
        return {name: getattr(self, name).tolist() for name in ("settled", "answers", "points", "right")}

    def summary(self) -> dict[str, int | float]:
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
    """Count distinct final answers and fixed points (see `distinct`).

    Raises ValueError if the final states are missing: `multiple_runs` returns them only for source "seed".
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
    """Number of distinct states: those farther than `SAME`, relative to their norm, from every state counted before."""
    counted: list[np.ndarray] = []
    for state in states:
        norm = np.linalg.norm(state)
        if all(np.linalg.norm(state - other) > SAME * norm for other in counted):
            counted.append(state)
    return len(counted)
