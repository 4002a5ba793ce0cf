"""Statistics of runs on many puzzles: input checks, bootstrap bands, and a paired test of two methods on the same
puzzles.

Correctness after each supervision step is an array (step, puzzle). Steps are counted from 1, as in the app.
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
RARE = 5  # with fewer puzzles of the rarer outcome, the bootstrap band of a share is too narrow; with none its width is zero
BANDS = f"95 % bootstrap intervals over puzzles; Wilson intervals for shares with fewer than {RARE} successes or failures"
SIGNIFICANT = 0.05  # significance level


class RunsError(UserError):
    """The runs cannot be analysed as requested."""


def check_runs(
    right: Bool[np.ndarray, "step puzzle"], halting: Float[np.ndarray, "step puzzle"] | None = None
) -> None:
    """Check the inputs. Raises RunsError if there are no puzzles or steps, or a halting logit is not finite."""
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
    """part / whole; NaN where whole is 0."""
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole != 0)


@dataclass(frozen=True)
class Resampling:
    """Bootstrap over puzzles (Efron 1979): puzzles are resampled with replacement, each with all its steps.

    Steps of a puzzle are correlated, so resampling single steps would make bands too narrow. Bootstrap bands of shares near
    0 or 1 are too narrow as well, so `share_band` uses a binomial interval there.
    """

    resamples: int = 1000
    level: float = 0.95  # share of the resamples within a band
    seed: int = 0

    def __post_init__(self) -> None:
        if not (1 <= self.resamples <= 100_000 and 0 < self.level < 1 and self.seed >= 0):
            raise RunsError(
                f"{self} is invalid. Use 1 to 100000 resamples, a level between 0 and 1, and a seed of 0 or more."
            )

    def sums(self, values: Num[np.ndarray, "puzzle value"]) -> Float64[np.ndarray, "resample value"]:
        """The sum of each value over the puzzles of every resample. Equal numbers of puzzles get the same resamples."""
        sums = []
        for times in self.draws(len(values)):
            with one_blas_thread():
                sums.append(times @ values)
        return np.concatenate(sums)

    def draws(self, puzzles: int) -> Iterator[Float64[np.ndarray, "resample puzzle"]]:
        """The number of times each puzzle is drawn in every resample, in batches of resamples."""
        random = np.random.default_rng(self.seed)
        at_once = max(1, DRAWS // puzzles)
        for start in range(0, self.resamples, at_once):
            count = min(at_once, self.resamples - start)
            drawn = random.integers(puzzles, size=(count, puzzles)) + puzzles * np.arange(count)[:, None]
            times = np.bincount(drawn.ravel(), minlength=count * puzzles).reshape(count, puzzles)
            yield times.astype(np.float64)

    def band(self, values: Float64[np.ndarray, "resample *batch"]) -> Float64[np.ndarray, "2 *batch"]:
        """Bounds of the central `level` share of the resamples, ignoring NaN; NaN if all are NaN."""
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
        """The band of the shares part / whole: from the resamples, or the binomial interval if the rarer outcome has
        fewer than RARE puzzles.
        """
        rare = np.minimum(part, whole - part) < RARE
        return np.where(rare, binomial_band(part, whole, self.level), self.band(values))


BY_PUZZLE = Resampling()


def binomial_band(
    part: Num[np.ndarray, "*batch"], whole: Num[np.ndarray, "*batch"], level: float = BY_PUZZLE.level
) -> Float64[np.ndarray, "2 *batch"]:
    """Wilson's interval (1927) of the share part / whole. Its width is above zero at 0 and 1 too; NaN where whole is
    0.
    """
    z = NormalDist().inv_cdf((1 + level) / 2)
    share = ratio(part, whole)
    half = z * np.sqrt(part * (1 - share) + z**2 / 4)  # NaN where whole is 0
    ends = np.stack((part + z**2 / 2 - half, part + z**2 / 2 + half)) / (whole + z**2)
    return np.clip(ends, 0, 1)


@dataclass(frozen=True)
class Paired:
    """A paired comparison of two methods on the same puzzles: the number that only one of them solves."""

    gained: int  # puzzles that only the second method solves
    lost: int  # puzzles that only the first method solves

    @classmethod
    def of(cls, first: Bool[np.ndarray, "puzzle"], second: Bool[np.ndarray, "puzzle"]) -> "Paired":
        """Count them, given which puzzles each method solves."""
        return cls(gained=int((second & ~first).sum()), lost=int((first & ~second).sum()))

    @property
    def p(self) -> float:
        """Exact two-sided p-value of McNemar's test (1947): a fair coin flip for each puzzle that only one method
        solves.
        """
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
