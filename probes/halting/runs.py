"""Runs of many puzzles with what halting needs of them: both halting logits and how far each answer was from right.

One table holds it all, one row a puzzle and supervision step, so that a recorded result, what `python -m probes halting`
writes and what a page shows are the same file: Parquet, which any tool reads, with what made it in its metadata.
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
from trm.files import plain_json, reading, written_whole
from trm.registry import ASSETS

if TYPE_CHECKING:
    from trm.coordinates import Depth
    from trm.data import PuzzleSet
    from trm.model import Model
    from trm.tasks.base import Task

KIND = "recursion-lens halting"
METADATA = b"recursion-lens"  # key in the metadata of the table
MAX_FILE_BYTES = 1 << 28  # bytes
RECORDED = ASSETS / "recorded" / "halting"
MAX_RECORDED = 1000  # puzzles, for the steps of training
DEEP, DEEP_RECORDED = "-deep", 200  # ending of the second recording; its puzzles, for MAX_STEPS steps
MAX_STEPS = 64  # supervision steps
BATCH = 16  # puzzles a forward pass: small, so that progress is told and heard often


@dataclass(frozen=True)
class HaltingMetadata:
    """What made the runs."""

    model: str  # as `--model` names it
    fingerprint: str  # of the weights
    kind: str  # of model
    task: str
    cells: int
    data: str  # as `--data` names it
    n: int
    T: int
    N_sup: int  # supervision steps of training
    device: str
    dtype: str
    version: str  # of this library
    recorded: str  # date, ISO 8601
    without_label: int = 0  # puzzles left out, as they have not exactly one solution


@dataclass(frozen=True, eq=False)
class HaltingRuns:
    """Runs of puzzles that have one solution each. Blank cells are those that the puzzle does not fix."""

    metadata: HaltingMetadata
    rows: Int64[np.ndarray, "puzzle"]  # of each puzzle in its set, from 0
    puzzles: tuple[str, ...]  # in the task's one-line form
    difficulty: tuple[str, ...]
    blanks: UInt16[np.ndarray, "puzzle"]
    q_halt: Float32[np.ndarray, "step puzzle"]
    halting: Float32[np.ndarray, "step puzzle"]  # logit of the model's own rule: positive where it would halt
    wrong: UInt16[np.ndarray, "step puzzle"]  # blank cells whose answer is not that of the solution
    changed: UInt16[np.ndarray, "step puzzle"]  # cells that the step changed; all of them at the first
    right: Right  # every cell is that of the solution

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
        """The value of going on, where it was trained: then the rule compares with it."""
        return self.q_halt - self.halting

    @property
    def command(self) -> str:
        """What makes these runs again."""
        about = self.metadata
        return (
            f"python -m probes halting --model {about.model} --data {about.data} "
            f"--limit {self.count + about.without_label} --steps {self.steps} --out halting"
        )

    def truncated(self, steps: int) -> "HaltingRuns":
        """The same runs, stopped after so many supervision steps. Raises RunsError where they are shorter."""
        if not 1 <= steps <= self.steps:
            raise RunsError(
                f"These runs have {self.steps} supervision steps, not {steps}. Ask for 1 to {self.steps}."
            )
        names = ("q_halt", "halting", "wrong", "changed", "right")
        return replace(self, **{name: getattr(self, name)[:steps] for name in names})

    def as_trained(self) -> "HaltingRuns":
        """The steps of training, or all where there are fewer."""
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
    """Run a model on `limit` puzzles spread evenly over a set (all, if None), to any depth.

    `model_name` and `data_name` are what a command line calls them, where that is not their own name. `progress` hears of puzzles done after every supervision step. Raises PuzzleError where the puzzles are not of the
    model's size, DataError for a limit below 1, RunsError where no puzzle has exactly one solution.
    """
    from trm.evaluate import evenly, exact_now, predict

    if model.config.halting == NEVER:
        raise RunsError(
            f"{model.name} has no halting head, so there is nothing to analyse. Choose another model."
        )
    rows = evenly(len(puzzles), limit if limit is not None else max(len(puzzles), 1))
    left_out = int((~puzzles.labelled[rows]).sum())
    rows = rows[puzzles.labelled[rows]]
    if not rows.size:
        raise RunsError(
            f"No puzzle of {puzzles.name} has exactly one solution to be right about. Take a set with answers."
        )
    taken = puzzles.take(rows)
    model.config.check_puzzles(taken.inputs.shape[1], task.vocab_size)
    model.config.check_puzzle_id(int(taken.puzzle_identifiers.max(initial=0)))
    found = predict(
        model, taken.inputs, taken.puzzle_identifiers, depth=depth, batch=BATCH, progress=progress
    )
    blank = ~task.givens(taken.inputs) & (taken.labels != 0)
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
        puzzles=tuple(task.format(inputs) for inputs in taken.inputs),
        difficulty=taken.difficulty,
        blanks=blank.sum(-1).astype(np.uint16),
        q_halt=found.q_halt,
        halting=found.halting,
        wrong=((found.answers != taken.labels) & blank).sum(-1).astype(np.uint16),
        changed=changed_cells(found.answers),
        right=exact_now(found.answers, taken.labels),
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
"""Of columns; all others are counts in uint16."""


def table(runs: HaltingRuns) -> dict[str, Any]:
    """The columns of a table, one row a puzzle and step, puzzle by puzzle: those of OF_PUZZLE, `step`, those of OF_STEP."""
    each = {
        "row": runs.rows,
        "puzzle": np.array(runs.puzzles, object),
        "difficulty": np.array(runs.difficulty, object),
        "blanks": runs.blanks,
    }
    columns = {name: np.repeat(values, runs.steps) for name, values in each.items()}
    columns["step"] = np.tile(np.arange(1, runs.steps + 1, dtype=np.uint16), runs.count)
    return columns | {name: getattr(runs, name).T.ravel() for name in OF_STEP}


def save_runs(path: Path, runs: HaltingRuns) -> None:
    """Write runs as Parquet, whole or not at all. Raises OutputError where the file cannot be written."""
    import pyarrow as pa
    from pyarrow import parquet

    facts = json.dumps({"kind": KIND, "steps": runs.steps, "about": asdict(runs.metadata)})
    columns = pa.table(table(runs)).replace_schema_metadata({METADATA: facts.encode()})
    logits = {"q_halt": "BYTE_STREAM_SPLIT", "halting": "BYTE_STREAM_SPLIT"}  # floats shrink by a fifth
    with written_whole(path) as temporary:
        parquet.write_table(
            columns,
            temporary,
            compression="zstd",
            compression_level=15,
            use_dictionary=[*OF_PUZZLE, "step", "wrong", "changed"],
            column_encoding=logits,
        )


def load_runs(path: Path) -> HaltingRuns:
    """Read runs that `save_runs` wrote. Raises DataError, one line, for any other file."""
    from pyarrow import parquet

    thing, remedy = "table of halting runs of this version", "Write it again with `python -m probes halting`."
    with reading(path, DataError, thing, remedy, most=MAX_FILE_BYTES):
        found = parquet.read_table(path)
        facts = plain_json((found.schema.metadata or {})[METADATA])
        columns = {name: found[name] for name in (*OF_PUZZLE, "step", *OF_STEP)}
        if any(column.null_count for column in columns.values()):
            raise ValueError("values are missing")
        return _runs(facts, {name: column.to_numpy() for name, column in columns.items()})


def _runs(facts: dict[str, Any], columns: dict[str, np.ndarray]) -> HaltingRuns:
    """Raises ValueError or TypeError where the columns are not those of `table`."""
    about, steps = facts["about"], facts["steps"]
    types = {field.name: field.type for field in fields(HaltingMetadata)}
    if facts["kind"] != KIND or {name: type(value) for name, value in about.items()} != types:
        raise ValueError("another kind of file")
    count, rest = divmod(len(columns["step"]), steps)
    if rest or not count or (columns["step"].reshape(count, steps) != np.arange(1, steps + 1)).any():
        raise ValueError("not every step of every puzzle")
    if any(columns[name].dtype != DTYPES.get(name, np.uint16) for name in columns):
        raise TypeError("numbers of another kind")
    each = {name: columns[name][::steps] for name in OF_PUZZLE}
    if not all(isinstance(text, str) for text in (*each["puzzle"], *each["difficulty"])):
        raise TypeError("puzzles are texts")
    by_step = {name: np.ascontiguousarray(columns[name].reshape(count, steps).T) for name in OF_STEP}
    if not np.isfinite([by_step["q_halt"], by_step["halting"]]).all():
        raise ValueError("logits that are no numbers")
    return HaltingRuns(
        metadata=HaltingMetadata(**about),
        rows=each["row"],
        puzzles=tuple(each["puzzle"]),
        difficulty=tuple(each["difficulty"]),
        blanks=each["blanks"],
        **by_step,
    )
