"""Runs of many puzzles with the data that halting analyses need: halting logits and errors after every step.

One Parquet table holds everything, one row per puzzle and supervision step, with provenance in its metadata. Recorded
results, the output of `python -m probes halting` and the input of the Halting page are all this table.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float32, Int64, UInt16

from probes.halting.rules import Logits, Right, changed_cells
from probes.stats import RunsError
from trm import __version__
from trm.config import NEVER
from trm.errors import DataError
from trm.files import atomic_file, reading, strict_json
from trm.registry import ASSETS

if TYPE_CHECKING:
    from trm.coordinates import Depth
    from trm.data import PuzzleSet
    from trm.model import Model
    from trm.tasks.base import Task

KIND = "recursion-lens halting"
METADATA = b"recursion-lens"  # key in the table's metadata
MAX_FILE_BYTES = 1 << 28  # bytes
RECORDED = ASSETS / "recorded" / "halting"
MAX_RECORDED = 1000  # puzzles recorded for the steps of training
DEEP, DEEP_RECORDED = "-deep", 200  # suffix of the second recording, and its puzzles, run for MAX_STEPS steps
MAX_STEPS = 64  # supervision steps
BATCH = 16  # puzzles per forward pass: small, so that progress and cancellation are checked often


@dataclass(frozen=True)
class HaltingMetadata:
    """Provenance of the runs."""

    model: str  # as given to `--model`
    fingerprint: str  # of the weights
    kind: str  # type of model
    task: str
    cells: int
    data: str  # as given to `--data`
    n: int
    T: int
    N_sup: int  # supervision steps of training
    device: str
    dtype: str
    version: str  # of this library
    recorded: str  # date, ISO 8601
    without_label: int = 0  # puzzles left out because they do not have exactly one solution


@dataclass(frozen=True, eq=False)
class HaltingRuns:
    """Runs of puzzles that have exactly one solution. Blank cells are those that are not given."""

    metadata: HaltingMetadata
    rows: Int64[np.ndarray, "puzzle"]  # index of each puzzle in its set, from 0
    puzzles: tuple[str, ...]  # in the task's one-line form
    difficulty: tuple[str, ...]
    blanks: UInt16[np.ndarray, "puzzle"]
    q_halt: Float32[np.ndarray, "step puzzle"]
    halting: Float32[np.ndarray, "step puzzle"]  # logit of the model's own rule: positive where it would halt
    wrong: UInt16[np.ndarray, "step puzzle"]  # blank cells that differ from the solution
    changed: UInt16[np.ndarray, "step puzzle"]  # cells that the step changed; all cells at the first step
    right: Right  # every cell equals the solution

    @property
    def steps(self) -> int:
        return len(self.right)

    @property
    def count(self) -> int:
        return len(self.puzzles)

    @property
    def has_margin(self) -> bool:
        """Whether the model's own rule compares q_halt with q_continue, as HRM's does."""
        return not np.array_equal(self.q_halt, self.halting)

    @property
    def q_continue(self) -> Logits:
        """The value of continuing; meaningful only if `has_margin`."""
        return self.q_halt - self.halting

    @property
    def command(self) -> str:
        """The command that repeats these runs."""
        about = self.metadata
        return (
            f"python -m probes halting --model {about.model} --data {about.data} "
            f"--limit {self.count + about.without_label} --steps {self.steps} --out halting"
        )

    def truncated(self, steps: int) -> "HaltingRuns":
        """The same runs, cut after `steps` supervision steps. Raises RunsError if they are shorter."""
        if not 1 <= steps <= self.steps:
            raise RunsError(
                f"These runs have {self.steps} supervision steps, not {steps}. Choose 1 to {self.steps}."
            )
        names = ("q_halt", "halting", "wrong", "changed", "right")
        return replace(self, **{name: getattr(self, name)[:steps] for name in names})

    def as_trained(self) -> "HaltingRuns":
        """The runs cut at the number of training steps, or unchanged if they are shorter."""
        return self.truncated(min(self.metadata.N_sup, self.steps))


def run_puzzles(
    model: "Model",
    task: "Task",
    puzzles: "PuzzleSet",
    *,
    depth: "Depth",
    limit: int | None = None,
    model_name: str = "",
    data_name: str = "",
    progress: Callable[[int, int], None] | None = None,
) -> HaltingRuns:
    """Run a model on `limit` puzzles spread evenly over a set (all if None), to any depth.

    `model_name` and `data_name` are the names to record if they differ from the objects' own. `progress` is called
    after every supervision step with the number of puzzles done and the total. Raises PuzzleError if the puzzles do not
    have the model's size, DataError for a limit below 1, RunsError if the model has no halting head or no puzzle has
    exactly one solution.
    """
    from trm.evaluate import evenly, exact_answers, predict

    if model.config.halting == NEVER:
        raise RunsError(
            f"{model.name} has no halting head, so there is nothing to analyse. Choose another model."
        )
    rows = evenly(len(puzzles), limit if limit is not None else max(len(puzzles), 1))
    left_out = int((~puzzles.labelled[rows]).sum())
    rows = rows[puzzles.labelled[rows]]
    if not rows.size:
        raise RunsError(
            f"No puzzle of {puzzles.name} has exactly one solution to compare with. Choose a set with answers."
        )
    selected = puzzles.take(rows)
    model.config.check_puzzles(selected.inputs.shape[1], task.vocab_size)
    model.config.check_puzzle_id(int(selected.puzzle_identifiers.max(initial=0)))
    predictions = predict(
        model, selected.inputs, selected.puzzle_identifiers, depth=depth, batch=BATCH, progress=progress
    )
    blank = ~task.givens(selected.inputs) & (selected.labels != 0)
    return HaltingRuns(
        metadata=HaltingMetadata(
            model=model_name or model.name,
            fingerprint=model.fingerprint,
            kind=model.config.kind,
            task=task.name,
            cells=task.cells,
            data=data_name or puzzles.name,
            n=depth.n,
            T=depth.T,
            N_sup=model.config.N_sup,
            device=model.device.type,
            dtype=str(model.compute_dtype).removeprefix("torch."),
            version=__version__,
            recorded=date.today().isoformat(),
            without_label=left_out,
        ),
        rows=rows.astype(np.int64),
        puzzles=tuple(task.format(inputs) for inputs in selected.inputs),
        difficulty=selected.difficulty,
        blanks=blank.sum(-1).astype(np.uint16),
        q_halt=predictions.q_halt,
        halting=predictions.halting,
        wrong=((predictions.answers != selected.labels) & blank).sum(-1).astype(np.uint16),
        changed=changed_cells(predictions.answers),
        right=exact_answers(predictions.answers, selected.labels),
    )


# ---- on disk

OF_PUZZLE = ("row", "puzzle", "difficulty", "blanks")
OF_STEP = ("q_halt", "halting", "wrong", "changed", "right")
DTYPES = {
    "row": np.int64,
    "puzzle": object,
    "difficulty": object,
    "q_halt": np.float32,
    "halting": np.float32,
    "right": np.bool_,
}
"""Column types; all other columns are counts in uint16."""


def table(runs: HaltingRuns) -> dict[str, Any]:
    """Columns with one row per puzzle and step, grouped by puzzle: those of OF_PUZZLE, `step`, those of OF_STEP."""
    by_puzzle = {
        "row": runs.rows,
        "puzzle": np.array(runs.puzzles, object),
        "difficulty": np.array(runs.difficulty, object),
        "blanks": runs.blanks,
    }
    columns = {name: np.repeat(values, runs.steps) for name, values in by_puzzle.items()}
    columns["step"] = np.tile(np.arange(1, runs.steps + 1, dtype=np.uint16), runs.count)
    return columns | {name: getattr(runs, name).T.ravel() for name in OF_STEP}


def save_runs(path: Path, runs: HaltingRuns) -> None:
    """Write runs as Parquet, atomically. Raises OutputError if the file cannot be written."""
    import pyarrow as pa
    from pyarrow import parquet

    facts = json.dumps({"kind": KIND, "steps": runs.steps, "about": asdict(runs.metadata)})
    columns = pa.table(table(runs)).replace_schema_metadata({METADATA: facts.encode()})
    logits = {"q_halt": "BYTE_STREAM_SPLIT", "halting": "BYTE_STREAM_SPLIT"}  # saves a fifth of their size
    with atomic_file(path) as temporary:
        parquet.write_table(
            columns,
            temporary,
            compression="zstd",
            compression_level=15,
            use_dictionary=[*OF_PUZZLE, "step", "wrong", "changed"],
            column_encoding=logits,
        )


def load_runs(path: Path) -> HaltingRuns:
    """Read runs that `save_runs` wrote. Raises DataError for any other file."""
    from pyarrow import parquet

    thing, remedy = "table of halting runs of this version", "Write it again with `python -m probes halting`."
    with reading(path, DataError, thing, remedy, most=MAX_FILE_BYTES):
        content = parquet.read_table(path)
        facts = strict_json((content.schema.metadata or {})[METADATA])
        columns = {name: content[name] for name in (*OF_PUZZLE, "step", *OF_STEP)}
        if any(column.null_count for column in columns.values()):
            raise ValueError("values are missing")
        return _from_columns(facts, {name: column.to_numpy() for name, column in columns.items()})


def _from_columns(facts: dict[str, Any], columns: dict[str, np.ndarray]) -> HaltingRuns:
    """Build the runs. Raises ValueError or TypeError unless the columns are those of `table`."""
    metadata, steps = facts["about"], facts["steps"]
    types = {field.name: field.type for field in fields(HaltingMetadata)}
    if facts["kind"] != KIND or {name: type(value) for name, value in metadata.items()} != types:
        raise ValueError("another kind of file")
    count, rest = divmod(len(columns["step"]), steps)
    if rest or not count or (columns["step"].reshape(count, steps) != np.arange(1, steps + 1)).any():
        raise ValueError("not every step of every puzzle")
    if any(columns[name].dtype != DTYPES.get(name, np.uint16) for name in columns):
        raise TypeError("unexpected column type")
    by_puzzle = {name: columns[name][::steps] for name in OF_PUZZLE}
    if not all(isinstance(text, str) for text in (*by_puzzle["puzzle"], *by_puzzle["difficulty"])):
        raise TypeError("puzzles must be strings")
    by_step = {name: np.ascontiguousarray(columns[name].reshape(count, steps).T) for name in OF_STEP}
    if not np.isfinite([by_step["q_halt"], by_step["halting"]]).all():
        raise ValueError("logits are not finite")
    return HaltingRuns(
        metadata=HaltingMetadata(**metadata),
        rows=by_puzzle["row"],
        puzzles=tuple(by_puzzle["puzzle"]),
        difficulty=tuple(by_puzzle["difficulty"]),
        blanks=by_puzzle["blanks"],
        **by_step,
    )
