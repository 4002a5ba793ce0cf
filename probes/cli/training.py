"""`probes training`: figures over training of a run, and its best snapshot."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from probes.training_axis.figures import (
    FIGURES,
    AxisSettings,
    Name,
    TrainingAxis,
    axis_file,
    load_axis,
)
from probes.training_axis.measure import measure_run
from trm.checkpoint import load_model
from trm.cli.options import FLAT, ModelChoice, TestPuzzles
from trm.cli.printing import Output, table
from trm.errors import UserError
from trm.model import Model
from trm.progress import ProgressLine
from trm.registry import Snapshot, model_folder, run_snapshots
from trm.results import as_json, save


@FLAT
@dataclass(frozen=True, kw_only=True)
class AxisPuzzles(TestPuzzles):
    """Which puzzles, by default 100 of the test set."""

    limit: int | None = 100
    """number of puzzles, evenly spread over the set"""


def run(
    *,
    choice: ModelChoice,
    puzzles: AxisPuzzles = AxisPuzzles(),
    best_by: Name = "accuracy",
    out: Path | None = None,
    record: bool = False,
    settings: Annotated[AxisSettings, FLAT] = AxisSettings(),
) -> Output:
    """Measure every snapshot of a run. Raises UserError if an option is not valid, or the model is not a run.

    --model names a run: its folder, one of its checkpoints, or a bundled model with snapshots.

    Args:
        best_by: the figure that decides which snapshot is best
        out: file for the figures (default: in the folder of the run, where the app finds them); snapshots already in it are not measured again
        record: write the figures of a bundled model to assets/recorded/training
    """
    model, is_bundled = choice.model, model_folder(choice.model) is not None
    if record and not is_bundled:
        raise UserError(f"--record is for bundled models, and {model} is none. Give --out, or neither.")
    last, task = choice.load()
    path = out or axis_file(model, last.path)
    name = model.partition("/")[0] if is_bundled else model

    def load(snapshot: Snapshot) -> Model:
        return load_model(str(snapshot.weights), force=choice.force, accept_unknown=choice.accept_unknown)

    chosen = puzzles.load(last, task)
    with ProgressLine() as progress:
        axis = measure_run(
            run_snapshots(last.path),
            load,
            task,
            chosen,
            name=name,
            settings=settings,
            earlier=_earlier(path),
            progress=progress,
        )
    best = axis.best_by(best_by)
    if out or record or not is_bundled:
        save(path, axis)
    return Output(
        as_json(axis) | {"best": best.number, "best_by": best_by}, _text(axis, best.number, best_by)
    )


def _earlier(path: Path) -> TrainingAxis | None:
    try:
        return load_axis(path) if path.is_file() else None
    except UserError:  # of another version: it is replaced
        return None


def _text(axis: TrainingAxis, best: int, best_by: Name) -> str:
    columns = axis.table()
    names = [axis.unit, "n", "T", *FIGURES]
    shown = [axis.unit, "n", "T", *(meaning.label for meaning in FIGURES.values())]
    about = axis.provenance
    wrong = [name for name in columns if name.startswith("wrong ")]
    return "\n\n".join(
        (
            f"{about.model}: {len(axis.snapshots)} snapshots on {about.count} puzzles of {about.data}",
            table(shown, zip(*(columns[name] for name in names), strict=True)),
            "Number of puzzles by wrong blank cells after the last step:",
            table([axis.unit, *wrong], zip(*(columns[name] for name in (axis.unit, *wrong)), strict=True)),
            f"Best by {FIGURES[best_by].label}: {axis.unit} {best:,}",
        )
    )
