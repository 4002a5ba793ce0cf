"""Figures over training: the result for every snapshot of a run, as one file. Reading it needs no torch."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float64

from recursion_lens import ASSETS
from trm import registry
from trm.errors import UserError
from trm.grading import binomial_band
from trm.provenance import Provenance
from trm.results import load
from trm.terminal import as_command

RECORDED = ASSETS / "recorded" / "training"
FILE = "training_axis.safetensors"  # in the folder of a run
LARGEST_FILE = 16 << 20  # bytes
WRONG_FROM = (0, 1, 3, 6, 11, 21, 41)  # lower ends of the bins of a histogram of wrong blank cells

Name = Literal[
    "accuracy",
    "blank_cell",
    "halting_auroc",
    "calibration_error",
    "participation_ratio",
    "variance_by_token",
    "probe_accuracy",
]
"""Names of the figures that are one number per snapshot."""


@dataclass(frozen=True)
class FigureMeaning:
    """What a figure says, and whether a high or a low value is better; "" if neither is."""

    label: str
    text: str
    better: Literal["high", "low", ""]


FIGURES: dict[Name, FigureMeaning] = {
    "accuracy": FigureMeaning(
        "accuracy", "fraction of puzzles whose answer is exactly correct after the last step", "high"
    ),
    "blank_cell": FigureMeaning(
        "blank cells", "fraction of blank cells that are correct after the last step", "high"
    ),
    "halting_auroc": FigureMeaning(
        "halting AUROC", "q_halt as a predictor of a correct answer, over all puzzles and steps", "high"
    ),
    "calibration_error": FigureMeaning(
        "calibration error",
        "expected calibration error of the halting probability, without answers that repeat the previous step",
        "low",
    ),
    "participation_ratio": FigureMeaning(
        "dimensions of z", "effective number (participation ratio) over all cells after the last step", ""
    ),
    "variance_by_token": FigureMeaning(
        "z by token", "fraction of the variance of z that the cell's own input token explains", ""
    ),
    "probe_accuracy": FigureMeaning(
        "probe accuracy",
        "accuracy of a linear probe that reads the solution of a blank cell from its z",
        "high",
    ),
}


@dataclass(frozen=True)
class AxisSettings:
    """Settings of the measurement."""

    probe: bool = True
    """also fit a linear probe of the solution on z of every snapshot"""


@dataclass(frozen=True)
class SnapshotFigures:
    """Figures of one snapshot. A figure that is undefined is None."""

    number: int  # updates, steps or epochs of its training
    fingerprint: str  # of its weights
    n: int
    T: int
    exact_by_step: tuple[float, ...]
    wrong_cells: tuple[int, ...]  # number of puzzles with as many wrong blank cells, by bin
    participation_ratio: float
    variance_by_token: float
    blank_cell: float | None = None
    halting_auroc: float | None = None
    calibration_error: float | None = None
    probe_accuracy: float | None = None

    @property
    def accuracy(self) -> float:
        """Exact accuracy after the last supervision step."""
        return self.exact_by_step[-1]


@dataclass(frozen=True)
class TrainingAxis:
    """Figures of the snapshots of a run, earliest first, measured on the same puzzles."""

    provenance: Provenance  # of the last snapshot
    settings: AxisSettings
    unit: str  # of the snapshots' numbers: "update", "step" or "epoch"
    wrong_from: tuple[int, ...]  # lower ends of the bins of `wrong_cells`
    snapshots: tuple[SnapshotFigures, ...]

    def __post_init__(self) -> None:
        if not self.snapshots or {len(each.wrong_cells) for each in self.snapshots} != {len(self.wrong_from)}:
            raise ValueError("not the figures of a run")

    @property
    def numbers(self) -> list[int]:
        """How far the run was at each snapshot."""
        return [snapshot.number for snapshot in self.snapshots]

    def values(self, name: Name) -> Float64[np.ndarray, "snapshot"]:
        """Return a figure of every snapshot; NaN where it is undefined."""
        return np.array([getattr(snapshot, name) for snapshot in self.snapshots], dtype=np.float64)

    @property
    def accuracy_band(self) -> Float64[np.ndarray, "2 snapshot"]:
        """95% Wilson intervals of the accuracy."""
        count = self.provenance.count
        solved = np.round(self.values("accuracy") * count)
        return binomial_band(solved, np.full_like(solved, count))

    def best_by(self, name: Name) -> SnapshotFigures:
        """Return the best snapshot by a figure; of equals, the earliest.

        Raises UserError if no value of this figure is better than another, or it is undefined.
        """
        better, values = FIGURES[name].better, self.values(name)
        if not better:
            raise UserError(
                f"No value of {FIGURES[name].label} is better than another. Choose one of: {', '.join(RANKED)}."
            )
        if np.isnan(values).all():
            raise UserError(
                f"{FIGURES[name].label} is undefined for every snapshot. Use more puzzles, or a longer run."
            )
        return self.snapshots[int(np.nanargmax(values) if better == "high" else np.nanargmin(values))]

    def table(self) -> dict[str, list[Any]]:
        """Return one row per snapshot: its number, its depth, its figures and its histogram of wrong cells."""
        columns = {self.unit: self.numbers}
        columns |= {name: [getattr(each, name) for each in self.snapshots] for name in ("n", "T", *FIGURES)}
        counts = zip(*(each.wrong_cells for each in self.snapshots), strict=True)
        return columns | {
            f"wrong {name}": list(each) for name, each in zip(self.wrong_labels, counts, strict=True)
        }

    @property
    def wrong_labels(self) -> list[str]:
        """The bins of wrong cells as text: 0, 1-2, ..., 41+."""
        ends = [f"-{following - 1}" for following in self.wrong_from[1:]] + ["+"]
        labels = [f"{first}{end}" for first, end in zip(self.wrong_from, ends, strict=True)]
        return [label.partition("-")[0] if len(set(label.split("-"))) == 1 else label for label in labels]

    @property
    def command(self) -> str:
        """The command line that repeats the measurement."""
        about = self.provenance
        options = {"model": about.model, "data": about.data, "limit": about.count}
        return as_command("python -m probes training", options)


RANKED = tuple(name for name, meaning in FIGURES.items() if meaning.better)
"""Figures by which a snapshot can be the best."""


def axis_file(name: str, weights: Path) -> Path:
    """Return the file with the figures of the run to which a model belongs, from its name and its weights file.

    The figures of bundled models come with the app; those of other runs are in the folder of the run.
    """
    if registry.model_folder(name):
        return RECORDED / f"{name.partition('/')[0]}.safetensors"
    return registry.run_folder(weights) / FILE


def load_axis(path: Path) -> TrainingAxis:
    """Read figures that `trm.results.save` wrote. Raises UserError if the file is anything else."""
    return load(
        path,
        TrainingAxis,
        refusal=UserError,
        thing="file of figures over training of this version",
        remedy="Measure them again with `python -m probes training`.",
        most=LARGEST_FILE,
    )
