"""Statistics of runs on many puzzles: input checks, bootstrap confidence intervals and a paired test of two methods.

Correctness after each supervision step is an array of shape [step, puzzle]. Steps are counted from 1, as in the app.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import comb

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64, Num

from probes.threads import one_blas_thread
from trm.errors import UserError
from trm.grading import binomial_band

DRAWS = 1 << 22  # resampled puzzles in memory at a time, 32 MiB
RARE = 5  # with fewer puzzles of the rarer outcome, the bootstrap interval is too narrow, and with 0 its width is 0
BANDS = f"95% bootstrap intervals over puzzles, or Wilson intervals for proportions with fewer than {RARE} successes or failures"
SIGNIFICANT = 0.05  # significance level


class RunsError(UserError):
    """The runs cannot be analysed as requested."""


def check_runs(
    right: Bool[np.ndarray, "step puzzle"], halting: Float[np.ndarray, "step puzzle"] | None = None
) -> None:
    """Check the inputs of an analysis.

    Raises RunsError if there are no puzzles or no steps, or if a halting logit is not finite.
    """
    steps, puzzles = right.shape
    if not (steps and puzzles):
        raise RunsError(
            f"There is nothing to analyse in {puzzles} puzzles with {steps} supervision steps. Take at least one puzzle and one step."
        )
    if halting is not None and not np.isfinite(halting).all():
        raise RunsError(
            "Some halting logits are infinite or NaN. Run these puzzles again, in float32 if they were in float16."
        )


def ratio(
    part: Num[np.ndarray, "*batch"], whole: Num[np.ndarray, "*#batch"]
) -> Float64[np.ndarray, "*batch"]:
    """Return part / whole, with NaN where whole is 0."""
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole != 0)


@dataclass(frozen=True)
class Resampling:
    """Settings of the bootstrap over puzzles (Efron 1979): it resamples puzzles with replacement, each with all its
    steps.

    The steps of a puzzle are correlated, so resampling single steps would make confidence intervals too narrow.
    Bootstrap intervals of proportions near 0 or 1 are too narrow as well, so `share_band` uses a binomial interval
    there.
    """

    resamples: int = 1000
    level: float = 0.95  # confidence level
    seed: int = 0

    def __post_init__(self) -> None:
        if not (1 <= self.resamples <= 100_000 and 0 < self.level < 1 and self.seed >= 0):
            raise RunsError(
                f"{self} is invalid. Use 1 to 100000 resamples, a level between 0 and 1, and a seed of 0 or more."
            )

    def sums(self, values: Num[np.ndarray, "puzzle value"]) -> Float64[np.ndarray, "resample value"]:
        """Sum each value over the puzzles of every resample. Arrays with equally many puzzles get the same resamples."""
        sums = []
        for times in self.draws(len(values)):
            with one_blas_thread():
                sums.append(times @ values)
        return np.concatenate(sums)

    def indices(self, *groups: int) -> Iterator[Int64[np.ndarray, "resample puzzle"]]:
        """Yield the puzzles of every resample, in batches of resamples.

        With the sizes of several groups, each group is resampled separately. The puzzles of the first group come first,
        and the indices of a group begin after those of the group before it.
        """
        random, sizes = np.random.default_rng(self.seed), np.array(groups)
        size, first = (np.repeat(each, sizes) for each in (sizes, np.cumsum(sizes) - sizes))
        at_once = max(1, DRAWS // len(size))
        for start in range(0, self.resamples, at_once):
            count = min(at_once, self.resamples - start)
            yield first + random.integers(size, size=(count, len(size)))

    def draws(self, puzzles: int) -> Iterator[Float64[np.ndarray, "resample puzzle"]]:
        """Yield how often each puzzle occurs in every resample, in batches of resamples."""
        for drawn in self.indices(puzzles):
            drawn = drawn + puzzles * np.arange(len(drawn))[:, None]
            times = np.bincount(drawn.ravel(), minlength=drawn.size).reshape(drawn.shape)
            yield times.astype(np.float64)

    def with_sample(self, puzzles: int) -> Float64[np.ndarray, "draw puzzle"]:
        """Return how often each puzzle occurs in the sample itself, once, and below it in every resample.

        The counts are drawn as such, which is faster than drawing puzzles, so these resamples differ from those of
        `draws`.
        """
        drawn = np.random.default_rng(self.seed).multinomial(
            puzzles, np.full(puzzles, 1 / puzzles), self.resamples
        )
        return np.concatenate([np.ones((1, puzzles)), drawn])

    def band(self, values: Float64[np.ndarray, "resample *batch"]) -> Float64[np.ndarray, "2 *batch"]:
        """Return the lower and upper confidence limits of resampled values, ignoring NaN; NaN if all values are NaN."""
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
        """Return the confidence limits of the proportion part / whole.

        They come from the resamples, or from the binomial interval if the rarer outcome occurs in fewer than RARE
        puzzles.
        """
        rare = np.minimum(part, whole - part) < RARE
        return np.where(rare, binomial_band(part, whole, self.level), self.band(values))


BY_PUZZLE = Resampling()


@dataclass(frozen=True)
class Paired:
    """Paired comparison of two methods on the same puzzles: the number of puzzles that only one method solves."""

    gained: int  # puzzles that only the second method solves
    lost: int  # puzzles that only the first method solves

    @classmethod
    def of(cls, first: Bool[np.ndarray, "puzzle"], second: Bool[np.ndarray, "puzzle"]) -> "Paired":
        """Count these puzzles, given which puzzles each method solves."""
        return cls(gained=int((second & ~first).sum()), lost=int((first & ~second).sum()))

    @property
    def p(self) -> float:
        """Exact two-sided p-value of McNemar's test (1947) for the puzzles that only one method solves."""
        tosses = self.gained + self.lost
        tail = sum(comb(tosses, heads) for heads in range(min(self.gained, self.lost) + 1))
        return min(1.0, 2 * tail / 2**tosses)

    @property
    def verdict(self) -> str:
        """Whether the second method is better: "yes", "no", "not significant" or "no difference"."""
        if not self.gained + self.lost:
            return "no difference"
        if self.p >= SIGNIFICANT:
            return "not significant"
        return "yes" if self.gained > self.lost else "no"

    def __str__(self) -> str:
        p = "p < 0.001" if self.p < 0.001 else f"p = {self.p:.2g}"
        return f"{self.gained} gained, {self.lost} lost, {p}"
