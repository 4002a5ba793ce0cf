"""The measurements of one model on a puzzle set.

`probes.comparison.measure` computes the measurements; reading them needs no torch.
"""

from dataclasses import dataclass

from trm.provenance import Provenance

MIN_DECODED = (
    0.99  # fraction of cells the LM head must decode correctly for the solution to count as written into y
)
Z_REPEATS_X = 0.99  # fraction of the variance of z explained by the cell's own input token: from here on, z only repeats x

Numbers = list[float | int | None]  # None: not defined


@dataclass(frozen=True)
class BandCurve:
    """A curve with lower and upper limits. Raises ValueError unless all four lists have the same length."""

    x: Numbers
    middle: Numbers
    low: Numbers
    high: Numbers

    def __post_init__(self) -> None:
        if len(set(map(len, vars(self).values()))) != 1:
            raise ValueError("not the points of a curve")


@dataclass(frozen=True)
class Measurements:
    """All measurements of one model. `probes.stats.BANDS` describes limits of proportions; limits of residuals are
    quartiles.

    `by_token` is the fraction of the variance over cells, at the end of the run, that the cell's input token explains.
    For `retention`, the solution is written into y, in the model's own encoding, before step 1.
    """

    provenance: Provenance
    parameters: int
    layers_per_step: int  # layers applied in sequence in a supervision step: effective depth
    flops_per_step: int
    facts: dict[str, str]  # size, depth and training of the model, in words
    solved: BandCurve  # fraction of puzzles solved, by supervision step
    residual: dict[
        str, BandCurve
    ]  # by state: |Δs| / |s| of each call that updates it, by supervision steps completed
    settled: dict[
        str, dict[str, float | None]
    ]  # by state: median residual over the last step, of "solved" and "unsolved" puzzles
    ratio: dict[str, Numbers]  # by state: participation ratio over all cells, after each supervision step
    pooled_ratio: dict[str, float]  # by state: participation ratio over all steps pooled
    spectrum: dict[str, Numbers]  # by state: fractions of variance, descending, over all steps pooled
    width: int  # dimensions of a cell's state: upper bound of the participation ratio
    by_token: dict[str, float]  # by state: see above
    retention: BandCurve  # fraction of puzzles solved k steps after the start from the solution
    solution_decoded: float  # fraction of cells the LM head decodes correctly from that y, before step 1
    own_retention: BandCurve  # fraction of puzzles still solved k steps after the first solution
    near: dict[
        str, BandCurve
    ]  # by number of blanks: fraction of puzzles solved, by step; {} if the task has no near-complete puzzles
    near_blanks: dict[str, BandCurve]  # by number of blanks: accuracy on the blank cells
    near_givens: dict[str, BandCurve]  # by number of blanks: accuracy on the givens
    near_count: int  # number of puzzles per number of blanks
