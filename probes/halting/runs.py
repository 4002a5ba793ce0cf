"""Runs of many puzzles with the data that halting analyses need: halting logits and errors after every step.

The command exports them as a Parquet table with one row per puzzle and supervision step. The Halting page opens with runs
that were recorded as safetensors.
"""

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from jaxtyping import Float32, Int64, UInt8, UInt16

from probes.halting.rules import Logits, Right, changed_cells
from probes.states import StateSource, last_call
from probes.stats import RunsError
from recursion_lens import ASSETS
from trm.config import NEVER, ModelConfig
from trm.errors import DataError
from trm.files import reading
from trm.progress import Progress, no_progress
from trm.provenance import Provenance
from trm.results import LARGEST_FILE, as_json, load
from trm.tasks.base import PADDING
from trm.terminal import as_command

if TYPE_CHECKING:
    from trm.coordinates import Depth
    from trm.data import PuzzleSet
    from trm.model import Model
    from trm.tasks.base import Task

RECORDED = ASSETS / "recorded" / "halting"
MAX_RECORDED = 1000  # puzzles recorded for the steps of training
DEEP, DEEP_RECORDED = "-deep", 200  # suffix of the recording with MAX_STEPS steps, and its number of puzzles
MAX_STEPS = 64  # supervision steps
BATCH = 16  # puzzles per forward pass: small, so that progress and cancellation are checked often


@dataclass(frozen=True, eq=False)
class HaltingRuns:
    """Runs of puzzles that have exactly one solution. Blank cells are the cells that are not given."""

    provenance: Provenance
    trained_steps: int  # supervision steps of training
    without_label: int  # puzzles left out because they do not have exactly one solution
    rows: Int64[np.ndarray, "puzzle"]  # index of each puzzle in its set, counted from 0
    puzzles: tuple[str, ...]  # in the task's one-line form
    difficulty: tuple[str, ...]
    blanks: UInt16[np.ndarray, "puzzle"]
    q_halt: Float32[np.ndarray, "step puzzle"]
    halting: Float32[np.ndarray, "step puzzle"]  # logit of the model's own rule; positive: halt
    wrong: UInt16[np.ndarray, "step puzzle"]  # blank cells that differ from the solution
    changed: UInt16[np.ndarray, "step puzzle"]  # cells that the step changed; all cells at the first step
    right: Right  # every cell equals the solution

    def __post_init__(self) -> None:
        if not len(self.puzzles) == len(self.difficulty) == len(self.rows) or not self.right.size:
            raise ValueError("not the runs of these puzzles")

    @property
    def steps(self) -> int:
        """Number of supervision steps that were run."""
        return len(self.right)

    @property
    def count(self) -> int:
        """Number of puzzles."""
        return len(self.puzzles)

    @property
    def has_margin(self) -> bool:
        """Whether the model's own rule compares q_halt with q_continue."""
        return not np.array_equal(self.q_halt, self.halting)

    @property
    def q_continue(self) -> Logits:
        """The value of continuing, shape [step, puzzle]; meaningful only if `has_margin`."""
        return self.q_halt - self.halting

    @property
    def about(self) -> dict[str, Any]:
        """What the runs are, as JSON-compatible data."""
        return as_json(self.provenance) | {
            "trained_steps": self.trained_steps,
            "without_label": self.without_label,
        }

    @property
    def command(self) -> str:
        """The command line that repeats these runs."""
        about = self.provenance
        limit = self.count + self.without_label
        options = {"model": about.model, "data": about.data, "limit": limit, "steps": self.steps}
        return as_command("python -m probes halting", options, {"out": "halting"})

    def truncated(self, steps: int) -> "HaltingRuns":
        """Return the runs cut after `steps` supervision steps. Raises RunsError unless there are that many steps."""
        if not 1 <= steps <= self.steps:
            raise RunsError(
                f"These runs have {self.steps} supervision steps, not {steps}. Choose 1 to {self.steps}."
            )
        names = ("q_halt", "halting", "wrong", "changed", "right")
        return replace(self, **{name: getattr(self, name)[:steps] for name in names})

    def as_trained(self) -> "HaltingRuns":
        """Return the runs cut at the number of training steps, or unchanged if they are shorter."""
        return self.truncated(min(self.trained_steps, self.steps))


def run_puzzles(
    model: "Model",
    task: "Task",
    puzzles: "PuzzleSet",
    *,
    depth: "Depth",
    limit: int | None = None,
    model_name: str = "",
    data_name: str = "",
    progress: Progress = no_progress,
) -> HaltingRuns:
    """Run a model on `limit` puzzles spread evenly over a set (all puzzles if None), to any depth.

    `model_name` and `data_name` are the names to record if they differ from the objects' own names. `progress` is
    called after every supervision step with the number of puzzles done and the total. Raises PuzzleError if the puzzles
    do not have the model's size, DataError if the limit is below 1, and RunsError if the model has no halting head or
    no puzzle has exactly one solution.
    """
    from trm.evaluate import evenly, predict

    if model.config.halting == NEVER:
        raise RunsError(
            f"{model.name} has no halting head, so there is nothing to analyse. Choose another model."
        )
    rows = evenly(len(puzzles), limit if limit is not None else max(len(puzzles), 1))
    chosen, left_out = with_solution(puzzles, rows)
    selected = puzzles.take(chosen)
    model.config.check_puzzles(selected.inputs.shape[1], task.vocab_size)
    model.config.check_puzzle_id(int(selected.puzzle_identifiers.max(initial=0)))
    predictions = predict(
        model, selected.inputs, selected.puzzle_identifiers, depth=depth, batch=BATCH, progress=progress
    )
    about = Provenance.of(model, recorded=date.today(), puzzles=selected, depth=depth)
    about = replace(about, model=model_name or about.model, data=data_name or about.data, task=task.name)
    return _runs(
        about, model.config, left_out, task, selected, chosen, predictions.answers, predictions.q_halt,
        predictions.halting,
    )  # fmt: skip


def read_runs(source: StateSource) -> HaltingRuns:
    """Read the runs from recorded states, without running the model.

    Raises RunsError if the model has no halting head or no puzzle has exactly one solution, and StoreError if the store
    lacks the answers after every supervision step.
    """
    config, about = source.config, source.provenance
    if config.halting == NEVER:
        raise RunsError(f"{about.model} has no halting head, so there is nothing to analyse.")
    chosen, left_out = with_solution(source.puzzles, np.arange(len(source)))
    steps = range(1, source.depth.N_sup + 1)
    answers = source.answers_at([last_call(source.depth, step) for step in steps])[chosen].swapaxes(0, 1)
    return _runs(
        replace(about, count=len(chosen)),
        config,
        left_out,
        source.task,
        source.puzzles.take(chosen),
        source.store.puzzles[source.rows[chosen]],
        answers,
        source.q_halt()[chosen].T,
        source.halting_logits()[chosen].T,
    )


def with_solution(
    puzzles: "PuzzleSet", rows: Int64[np.ndarray, "row"]
) -> tuple[Int64[np.ndarray, "labelled"], int]:
    """Return those rows whose puzzle has exactly one solution, and the number of others. Raises RunsError for none."""
    labelled = puzzles.labelled[rows]
    if not labelled.any():
        raise RunsError(
            f"No puzzle of {puzzles.name} has exactly one solution to compare with. Choose a set with answers."
        )
    return rows[labelled], int((~labelled).sum())


def _runs(
    provenance: Provenance,
    config: ModelConfig,
    left_out: int,
    task: "Task",
    puzzles: "PuzzleSet",
    rows: Int64[np.ndarray, "puzzle"],
    answers: UInt8[np.ndarray, "step puzzle cell"],
    q_halt: Float32[np.ndarray, "step puzzle"],
    halting: Float32[np.ndarray, "step puzzle"],
) -> HaltingRuns:
    blank = ~task.givens(puzzles.inputs) & (puzzles.labels != PADDING)
    return HaltingRuns(
        provenance=provenance,
        trained_steps=config.N_sup,
        without_label=left_out,
        rows=rows.astype(np.int64),
        puzzles=tuple(task.format(inputs) for inputs in puzzles.inputs),
        difficulty=puzzles.difficulty,
        blanks=blank.sum(-1).astype(np.uint16),
        q_halt=np.ascontiguousarray(q_halt),
        halting=np.ascontiguousarray(halting),
        wrong=((answers != puzzles.labels) & blank).sum(-1).astype(np.uint16),
        changed=changed_cells(answers),
        right=((answers == puzzles.labels) | (puzzles.labels == PADDING)).all(-1),
    )


# ---- on disk

OF_PUZZLE = ("row", "puzzle", "difficulty", "blanks")
OF_STEP = ("q_halt", "halting", "wrong", "changed", "right")


def table(runs: HaltingRuns) -> dict[str, Any]:
    """Return columns with one row per puzzle and step, grouped by puzzle: OF_PUZZLE, then `step`, then OF_STEP."""
    by_puzzle = {
        "row": runs.rows,
        "puzzle": np.array(runs.puzzles, object),
        "difficulty": np.array(runs.difficulty, object),
        "blanks": runs.blanks,
    }
    columns = {name: np.repeat(values, runs.steps) for name, values in by_puzzle.items()}
    columns["step"] = np.tile(np.arange(1, runs.steps + 1, dtype=np.uint16), runs.count)
    return columns | {name: getattr(runs, name).T.ravel() for name in OF_STEP}


def load_table(path: Path) -> HaltingRuns:
    """Read runs from the Parquet file of their `table`. Raises DataError if the file is anything else."""
    from pyarrow.parquet import read_table

    remedy = "Give the .parquet file that `python -m probes halting --out` wrote."
    with reading(path, DataError, "table of halting runs", remedy, most=LARGEST_FILE):
        read = read_table(path)
        about = msgspec.json.decode(read.schema.metadata[b"recursion-lens"])
        columns = {name: read[name].to_numpy() for name in read.column_names}
        steps = int(columns["step"].max())
        return HaltingRuns(
            provenance=msgspec.convert(about, Provenance),
            trained_steps=about["trained_steps"],
            without_label=about["without_label"],
            rows=columns["row"][::steps],
            puzzles=tuple(columns["puzzle"][::steps]),
            difficulty=tuple(columns["difficulty"][::steps]),
            blanks=columns["blanks"][::steps],
            **{name: columns[name].reshape(-1, steps).T for name in OF_STEP},
        )


def load_runs(path: Path) -> HaltingRuns:
    """Read recorded runs. Raises DataError if the file is anything else."""
    return load(
        path,
        HaltingRuns,
        refusal=DataError,
        thing="file of halting runs of this version",
        remedy="Record it again with `python -m probes halting`.",
    )
