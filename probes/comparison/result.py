"""The measurements of one model on a puzzle set, in the form stored as JSON.

`probes.comparison.measure` computes them; reading them needs no torch.
"""

from dataclasses import asdict, dataclass
from typing import Any

MIN_DECODED = (
    0.99  # share of cells the output head must decode correctly for the solution to count as written into y
)
Z_REPEATS_X = (
    0.99  # share of the variance of z explained by the cell's own input token: above this, z only repeats x
)

Numbers = list[float | int | None]  # None: not defined


@dataclass(frozen=True)
class BandCurve:
    """A curve with a band around it. Raises ValueError unless all four lists have one number, or None, per point."""

    x: Numbers
    middle: Numbers
    low: Numbers
    high: Numbers

    def __post_init__(self) -> None:
        columns = list(vars(self).values())
        numbers = [number for column in columns for number in column]
        if len(set(map(len, columns))) != 1 or not all(isinstance(n, int | float | None) for n in numbers):
            raise ValueError("not the points of a curve")


@dataclass(frozen=True)
class ModelMetadata:
    """The model, its depth and puzzles, and the cost of a supervision step."""

    name: str
    fingerprint: str
    kind: str
    task: str
    data: str
    count: int  # puzzles
    n: int
    T: int
    N_sup: int
    parameters: int
    layers_per_step: int  # applied in sequence: effective depth
    flops_per_step: int


@dataclass(frozen=True)
class Measurements:
    """All measurements of one model. Bands of shares are `probes.stats.BANDS`, other bands are quartiles.

    `by_token` is the share of the variance over cells, at the end of the run, that the cell's input token explains. For
    `kept`, the solution is written into y, in the model's own code, before step 1.
    """

    about: ModelMetadata
    facts: dict[str, str]  # size, depth and training of the model, in words
    solved: BandCurve  # share of puzzles solved, by supervision step
    residual: dict[
        str, BandCurve
    ]  # by state: |Δs| / |s| of each call that updates it, by supervision steps completed
    settled: dict[
        str, dict[str, float | None]
    ]  # by state: median over the last step, of "solved" and "unsolved"
    ratio: dict[str, Numbers]  # by state: participation ratio over all cells, after each supervision step
    pooled_ratio: dict[str, float]  # by state: the same over all steps pooled
    spectrum: dict[str, Numbers]  # by state: shares of variance, in descending order, over all steps pooled
    width: int  # of the state of a cell: upper bound of the participation ratio
    by_token: dict[str, float]  # by state
    kept: BandCurve  # share of puzzles solved k steps after the start from the solution
    kept_read: float  # share of the cells of that y that the output head decodes correctly, before any step
    kept_own: BandCurve  # share of puzzles still solved k steps after the model first solved them
    near: dict[
        str, BandCurve
    ]  # by number of blanks: share of puzzles solved, by step; {} if the task has no such puzzles
    near_blanks: dict[str, BandCurve]  # by number of blanks: accuracy on the blank cells
    near_givens: dict[str, BandCurve]  # by number of blanks: accuracy on the givens
    near_count: int  # puzzles per number of blanks

    def to_dict(self) -> dict[str, Any]:
        """The measurements as JSON-compatible values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Measurements":
        """Inverse of `to_dict`. Raises KeyError or TypeError for other values."""
        curves = {name: BandCurve(**values[name]) for name in ("solved", "kept", "kept_own")}
        named = {
            name: {key: BandCurve(**curve) for key, curve in values[name].items()}
            for name in ("residual", "near", "near_blanks", "near_givens")
        }
        return cls(**values | curves | named | {"about": ModelMetadata(**values["about"])})
