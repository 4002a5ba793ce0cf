"""Several runs of one puzzle that differ a little: where they end, and which of their answers to take.

They differ by the state they start from (another seed than the one that training drew), by noise on it, or by a symmetry of
the puzzle (digits renamed, rows and columns moved, the grid transposed) that is undone in the answer. Taken is the answer with
the highest halting logit, as PTRM does (arXiv:2605.19943), or the symbol that most runs give each cell (Ren & Liu 2026,
arXiv:2601.10679, vote over relabelled copies).
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
SETTLED = 0.05  # |y - y a step before| / |y| of a state that has come to rest
SAME = 0.1  # two final states closer than this, relatively, are one fixed point


@dataclass(frozen=True, eq=False)
class MultipleRuns:
    """K runs of each puzzle. The first of each is the plain one, unchanged."""

    source: str
    size: float
    dtype: str
    labels: UInt8[np.ndarray, "puzzle cells"]
    answers: UInt8[np.ndarray, "puzzle run cells"]  # after the last supervision step, symmetries undone
    halting: Float[np.ndarray, "puzzle run"]  # logit of the model's own rule
    moves: Float[np.ndarray, "puzzle run"]  # |y - y a step before| / |y| in the last step
    y: Float[np.ndarray, "puzzle run dim"] | None = None  # last y; only where all runs are of the same puzzle

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
    """Run each puzzle so often. `size` is that of the noise, in units of the state's own norm. Raises UserError."""
    if source not in SOURCES:
        raise InterventionError(f"Runs cannot differ by {source!r}. Choose one of: {', '.join(SOURCES)}.")
    if not 1 <= runs <= 256:
        raise InterventionError(f"{runs} runs of each puzzle are too few or too many. Give 1 to 256.")
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
        for place, name in enumerate(State._fields):
            old = getattr(initial, name)
            seeds = [2 * (seed * 1_000_003 + int(row)) + place for row in rows]
            plain = torch.from_numpy(run_of[rows] == 0).to(model.device)
            if source == "noise":
                sizes = torch.full((len(rows),), size)
                sizes[plain.cpu()] = 0
                changed[name] = add_noise(old, sizes, seeds)
            else:
                runs_seeds = [2 * (seed * 1_000_003 + int(run)) + place for run in run_of[rows]]
                drawn = drawn_states(old, runs_seeds)
                changed[name] = torch.where(plain.view(-1, *[1] * (old.dim() - 1)), old, drawn)
        return State(**changed)

    found = run_rows(
        model, inputs, depth=depth, puzzle_ids=puzzles.puzzle_identifiers[puzzle_of], start=start,
        return_y=source == "seed", progress=progress, message=f"running {count} puzzles {runs} times each",
    )  # fmt: skip
    answers = found.answers[-1]
    if symmetries is not None:
        answers = np.where((run_of == 0)[:, None], answers, symmetries.undo(answers))
    y = None if found.y is None else found.y.reshape(count, runs, -1)
    return MultipleRuns(
        source,
        size if source == "noise" else 0.0,
        dtype_of(model),
        puzzles.labels,
        answers.reshape(count, runs, -1),
        found.halting[-1].reshape(count, runs),
        found.moves[-1].reshape(count, runs),
        y,
    )


def drawn_states(old: torch.Tensor, seeds: list[int]) -> torch.Tensor:
    """Initial states as training draws them, from other seeds: one vector of unit variance, the same at every position."""
    vectors = []
    for seed in seeds:
        vector = torch.zeros(old.shape[1:-2] + old.shape[-1:])
        truncated_normal(vector, 1.0, torch.Generator().manual_seed(seed))
        vectors.append(vector.unsqueeze(-2).expand(old.shape[1:]))
    return torch.stack(vectors).to(old)


@dataclass(frozen=True, eq=False)
class Selection:
    """Share of puzzles that are right when the first k runs of each are looked at, for k from 1 to K."""

    mean: SweepCurve  # of a run taken at random: at k = 1 the plain one
    best_halting: SweepCurve  # the answer of the highest halting logit
    vote: SweepCurve  # each cell the symbol of most runs; of equal ones the smaller token
    any_right: SweepCurve  # at least one of the k: what a perfect choice would reach

    def columns(self) -> dict[str, list]:
        table: dict[str, list] = {"runs": list(range(1, len(self.mean.share) + 1))}
        for name, curve in vars(self).items():
            table |= {f"{name}_{end}": values for end, values in curve.rows().items()}
        return table


def selection(found: MultipleRuns) -> Selection:
    """What could have been taken of the runs."""
    right = found.right.astype(float)
    puzzles, runs = right.shape
    mean, best, vote, some = (np.zeros((puzzles, runs)) for _ in range(4))
    scored = found.labels != PADDING
    for k in range(1, runs + 1):
        mean[:, k - 1] = right[:, :k].mean(1)
        some[:, k - 1] = right[:, :k].max(1)
        best[:, k - 1] = right[np.arange(puzzles), found.halting[:, :k].argmax(1)]
        voted = most_frequent(found.answers[:, :k])
        vote[:, k - 1] = ((voted == found.labels) | ~scored).all(-1)
    return Selection(SweepCurve.of(mean), SweepCurve.of(best), SweepCurve.of(vote), SweepCurve.of(some))


def most_frequent(answers: UInt8[np.ndarray, "puzzle run cells"]) -> UInt8[np.ndarray, "puzzle cells"]:
    """Of each cell the token that most runs give."""
    counts = np.stack([(answers == token).sum(1) for token in range(int(answers.max(initial=0)) + 1)], -1)
    return counts.argmax(-1).astype(np.uint8)


@dataclass(frozen=True, eq=False)
class FixedPoints:
    """Where the runs of each puzzle end that start from other states."""

    runs: int
    settled: Float[np.ndarray, "puzzle"]  # share of the runs that have come to rest
    answers: Int[np.ndarray, "puzzle"]  # different answers among them all
    points: Int[np.ndarray, "puzzle"]  # different places of y where runs came to rest
    right: Float[np.ndarray, "puzzle"]  # share of the runs that end right

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


def fixed_points(found: MultipleRuns) -> FixedPoints:
    """Count the ends. States are one fixed point where they are nearer than `SAME`, relatively, to one found before.

    Raises ValueError unless the final states were clean, as `rollouts` does for source "seed".
    """
    if found.y is None:
        raise ValueError("the final states were not kept")
    settled = found.moves < SETTLED
    answers = [len(np.unique(grid, axis=0)) for grid in found.answers]
    points = [distinct(y[still]) for y, still in zip(found.y, settled, strict=True)]
    return FixedPoints(
        settled.shape[1], settled.mean(1), np.array(answers), np.array(points), found.right.mean(1)
    )


def distinct(states: Float[np.ndarray, "run dim"]) -> int:
    """How many of them are farther than `SAME` from all that were counted before."""
    counted: list[np.ndarray] = []
    for state in states:
        size = np.linalg.norm(state)
        if all(np.linalg.norm(state - other) > SAME * size for other in counted):
            counted.append(state)
    return len(counted)
