"""What is measured of one model on a puzzle set, to be held against another: curves, shares and ratios, as JSON keeps them.

`probes.comparison.measure` measures it; reading it needs no torch.
"""

from dataclasses import asdict, dataclass
from typing import Any

MIN_DECODED = (
    0.99  # share of the cells that the output head has to read right for an answer to count as handed
)
Z_REPEATS_X = (
    0.99  # of the variance of z, explained by the cell's own input token: from here on z is x once more
)

Numbers = list[float | int | None]  # None: there is no such number


@dataclass(frozen=True)
class BandCurve:
    """A line with a band around it. Raises ValueError unless there is a number, or None, of each at every x."""

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
    """Which model, as it was run on which puzzles, and what a step of it costs."""

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
    layers_per_step: int  # applied one after another: effective depth
    flops_per_step: int


@dataclass(frozen=True)
class Measurements:
    """All that is measured of one model. Bands of shares are `probes.stats.BANDS`, others quartiles."""

    about: ModelMetadata
    facts: dict[str, str]  # what the model is and how it was trained, in words
    solved: BandCurve  # share exactly right, by supervision step
    residual: dict[
        str, BandCurve
    ]  # by state; |s - s before| / |s| of each call that rewrites it, by supervision steps passed
    settled: dict[
        str, dict[str, float | None]
    ]  # by state: the same over the last step, median of "solved" and "unsolved"
    ratio: dict[
        str, Numbers
    ]  # by state: participation ratio of the states of all cells after each supervision step
    pooled_ratio: dict[str, float]  # the same of all steps together
    spectrum: dict[str, Numbers]  # by state: shares of variance, largest first, of all steps together
    width: int  # numbers in the state of a cell: the most that a participation ratio can be
    by_token: dict[
        str, float
    ]  # by state: share of its variance over cells, at the end, that the cell's input token explains
    kept: BandCurve  # share right after k steps from the solution, written into y in the model's own code
    kept_read: float  # share of the cells of that y that the output head reads right, before any step
    kept_own: BandCurve  # share still right k steps after the model's own first right answer
    near: dict[
        str, BandCurve
    ]  # by number of blanks: share of puzzles right, by supervision step; {} where the task has none
    near_blanks: dict[str, BandCurve]  # the same of their blank cells
    near_givens: dict[str, BandCurve]  # and of the cells that are given
    near_count: int  # puzzles for each

    def to_dict(self) -> dict[str, Any]:
        """As JSON keeps it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Measurements":
        """Raises KeyError or TypeError for anything else than `to_dict` gives."""
        curves = {name: BandCurve(**values[name]) for name in ("solved", "kept", "kept_own")}
        named = {
            name: {key: BandCurve(**curve) for key, curve in values[name].items()}
            for name in ("residual", "near", "near_blanks", "near_givens")
        }
        return cls(**values | curves | named | {"about": ModelMetadata(**values["about"])})
