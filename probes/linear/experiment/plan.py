"""How far a study has come: its stages weighed by what they cost, so that progress is even."""

from collections.abc import Callable, Sequence

from probes.linear.target_groups import Family
from trm.coordinates import Coordinates, Depth

FIT_COST = 0.1  # a probe of one moment, in supervision steps of the whole puzzle set

Tell = Callable[[float, str], None]
"""Told the share of the work done, 0 to 1, and what is being done; what it raises ends the work."""


class Plan:
    """Splits 0 to 1 among the stages of a study, by what they cost."""

    def __init__(
        self,
        tell: Tell | None,
        *,
        states: Sequence[str],
        families: Sequence[Family],
        depth: Depth,
        random_at: Sequence[Coordinates],
        moments: int,
    ):
        self.tell = tell or (lambda share, words: None)
        self.fits = FIT_COST * moments
        steps = depth.N_sup + (random_at[-1].supervision_step if random_at else 0)
        probes = sum(len(family.members) for family in families)
        sources = len(states) * (2 if random_at else 1) + 1
        self.all, self.done = steps + self.fits * probes * sources, 0.0

    def stage(self, cost: int | float, words: str) -> Callable[[float], None]:
        """The progress of the next stage."""
        begun = self.done
        self.done += cost
        return lambda share: self.tell(min(1.0, (begun + share * cost) / self.all), words)

    def fit(self, words: str) -> Callable[[float], None]:
        """The next probe."""
        return self.stage(self.fits, words)
