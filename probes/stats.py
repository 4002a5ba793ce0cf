"""Runs of many puzzles: whether they can be analysed, how far a number made of them would move with other puzzles, and
whether two ways to solve the same puzzles differ.

A run is right or wrong after each of its supervision steps, `step puzzle`. Steps are counted from 1, as on the screen.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import comb
from statistics import NormalDist

import numpy as np
from jaxtyping import Bool, Float, Float64, Num

from probes.threads import one_blas_thread
from trm.errors import UserError

DRAWS = 1 << 22  # puzzles drawn at a time, 32 MiB
RARE = 5  # puzzles of the rarer kind, below which a bootstrap of a share is too narrow, and of no width where there are none
BANDS = (
    f"95 %, bootstrap over puzzles; of shares with fewer than {RARE} puzzles of one kind, Wilson's interval"
)
SIGNIFICANT = 0.05  # p below which two ways are said to differ


class RunsError(UserError):
    """Runs that cannot be analysed in the way that was asked for."""


def check_runs(
    right: Bool[np.ndarray, "step puzzle"], halting: Float[np.ndarray, "step puzzle"] | None = None
) -> None:
    """Raises RunsError where there is no puzzle or no step, or a halting logit is not finite."""
    steps, puzzles = right.shape
    if not (steps and puzzles):
        raise RunsError(
            f"{puzzles} puzzles of {steps} supervision steps leave nothing to analyse. Take at least one puzzle and one step."
        )
    if halting is not None and not np.isfinite(halting).all():
        raise RunsError(
            "Some halting logits are infinite or not a number. Run these puzzles again, in float32 if they were in float16."
        )


def ratio(
    part: Num[np.ndarray, "*batch"], whole: Num[np.ndarray, "*#batch"]
) -> Float64[np.ndarray, "*batch"]:
    """part / whole; a share of nothing is NaN."""
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole != 0)


@dataclass(frozen=True)
class Resampling:
    """Bootstrap over puzzles (Efron 1979): puzzles are drawn again with replacement, each with all its steps.

    Steps of one puzzle hang together, so drawing single steps would make bands too narrow. The band of a share near 0 or 1
    is too narrow as well: `share_band` takes that of the binomial distribution there.
    """

    resamples: int = 1000
    level: float = 0.95  # of all resamples, the share that a band holds
    seed: int = 0

    def __post_init__(self) -> None:
        if not (1 <= self.resamples <= 100_000 and 0 < self.level < 1 and self.seed >= 0):
            raise RunsError(
                f"{self} is no bootstrap. Use 1 to 100000 resamples, a level in 0 to 1, a seed from 0."
            )

    def sums(self, values: Num[np.ndarray, "puzzle value"]) -> Float64[np.ndarray, "resample value"]:
        """The sum of each value over the puzzles of every resample; the same resamples for equal numbers of puzzles."""
        found = []
        for times in self.draws(len(values)):
            with one_blas_thread():
                found.append(times @ values)
        return np.concatenate(found)

    def draws(self, puzzles: int) -> Iterator[Float64[np.ndarray, "resample puzzle"]]:
        """How often each puzzle is drawn in every resample, some resamples at a time."""
        random = np.random.default_rng(self.seed)
        at_once = max(1, DRAWS // puzzles)
        for start in range(0, self.resamples, at_once):
            count = min(at_once, self.resamples - start)
            drawn = random.integers(puzzles, size=(count, puzzles)) + puzzles * np.arange(count)[:, None]
            times = np.bincount(drawn.ravel(), minlength=count * puzzles).reshape(count, puzzles)
            yield times.astype(np.float64)

    def band(self, values: Float64[np.ndarray, "resample *batch"]) -> Float64[np.ndarray, "2 *batch"]:
        """Lower and upper end of the middle `level` of all resamples that have a value; NaN where none has one."""
        columns = values.reshape(len(values), -1)
        ends = np.full((2, columns.shape[1]), np.nan)
        some = ~np.isnan(columns).all(0)
        tail = (1 - self.level) / 2
        if some.any():
            ends[:, some] = np.nanquantile(columns[:, some], (tail, 1 - tail), axis=0)
        return ends.reshape(2, *values.shape[1:])

    def share_band(
        self,
        values: Float64[np.ndarray, "resample *batch"],
        part: Num[np.ndarray, "*batch"],
        whole: Num[np.ndarray, "*batch"],
    ) -> Float64[np.ndarray, "2 *batch"]:
        """The band of shares, `part` of `whole` puzzles: of the resamples, or of the binomial where one kind is RARE."""
        rare = np.minimum(part, whole - part) < RARE
        return np.where(rare, binomial_band(part, whole, self.level), self.band(values))


BY_PUZZLE = Resampling()


def binomial_band(
    part: Num[np.ndarray, "*batch"], whole: Num[np.ndarray, "*batch"], level: float = BY_PUZZLE.level
) -> Float64[np.ndarray, "2 *batch"]:
    """Interval of the share of `whole` independent puzzles (Wilson 1927). It has a width at 0 and 1 too; NaN of none."""
    z = NormalDist().inv_cdf((1 + level) / 2)
    share = ratio(part, whole)
    half = z * np.sqrt(part * (1 - share) + z**2 / 4)  # NaN of none
    ends = np.stack((part + z**2 / 2 - half, part + z**2 / 2 + half)) / (whole + z**2)
    return np.clip(ends, 0, 1)


@dataclass(frozen=True)
class Paired:
    """Two ways to solve the same puzzles, by the puzzles that only one of them solves."""

    gained: int  # only the second way solves them
    lost: int  # only the first

    @classmethod
    def of(cls, first: Bool[np.ndarray, "puzzle"], second: Bool[np.ndarray, "puzzle"]) -> "Paired":
        return cls(gained=int((second & ~first).sum()), lost=int((first & ~second).sum()))

    @property
    def p(self) -> float:
        """Exact two-sided p of McNemar's test (1947): of a fair coin for each puzzle that only one way solves."""
        tosses = self.gained + self.lost
        tail = sum(comb(tosses, heads) for heads in range(min(self.gained, self.lost) + 1))
        return min(1.0, 2 * tail / 2**tosses)

    @property
    def verdict(self) -> str:
        """Is the second way better?"""
        if not self.gained + self.lost:
            return "no difference"
        if self.p >= SIGNIFICANT:
            return "not significant"
        return "yes" if self.gained > self.lost else "no"

    def __str__(self) -> str:
        p = "p < 0.001" if self.p < 0.001 else f"p = {self.p:.2g}"
        return f"{self.gained} gained, {self.lost} lost, {p}"
