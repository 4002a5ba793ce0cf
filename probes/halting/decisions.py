"""A rule for stopping judged on its own terms: was halting here better than what it would have come to by going on?

HRM is trained by Q-learning (Wang et al. 2025, arXiv:2506.21734): q_halt is the value of halting now, one where the
answer is right, q_continue that of going on and halting later by the same rule, and it halts where the first is larger.
So q_continue is held against the answer at the step at which the rule would stop next, which runs that do not stop
show. The same question can be asked of TRM's rule, which has no value for going on.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from probes.halting.rules import Logits, Right
from probes.stats import check_runs


def right_if_continued(halting: Logits, right: Right) -> Bool[np.ndarray, "earlier puzzle"]:
    """Whether the answer is right where the rule stops after one more step or later, for every step but the last.

    A run that never halts again is judged by its last step. Raises RunsError where there is no puzzle or step.
    """
    check_runs(right, halting)
    later = np.zeros((len(right) - 1, right.shape[1]), bool)
    found = right[-1]
    for step in range(len(right) - 2, -1, -1):
        if step + 1 < len(right) - 1:
            found = np.where(halting[step + 1] > 0, right[step + 1], found)
        later[step] = found
    return later


CASES = {
    "both": "right now, and right where it would stop later",
    "now": "right now, wrong where it would stop later: better to halt",
    "later": "wrong now, right where it would stop later: better to go on",
    "neither": "wrong now and wrong later: nothing to lose",
}


@dataclass(frozen=True)
class Decisions:
    """Puzzles and steps, the last step left out, by what was at stake and what the rule says."""

    halts: dict[str, int]  # of each of CASES: the rule halts
    continues: dict[str, int]

    @property
    def at_stake(self) -> int:
        """Decisions that matter: one way is right, the other wrong."""
        return sum(part[case] for part in (self.halts, self.continues) for case in ("now", "later"))

    @property
    def correct_share(self) -> float | None:
        """Of those that matter, the share in which the rule takes the right way; None of none."""
        return (self.halts["now"] + self.continues["later"]) / self.at_stake if self.at_stake else None


def decisions(halting: Logits, right: Right) -> Decisions:
    """Sort every decision of the model's own rule. Raises RunsError where nothing is given."""
    later = right_if_continued(halting, right)
    now, halts = right[:-1], halting[:-1] > 0
    cases = {"both": now & later, "now": now & ~later, "later": ~now & later, "neither": ~now & ~later}
    return Decisions(
        halts={name: int((flags & halts).sum()) for name, flags in cases.items()},
        continues={name: int((flags & ~halts).sum()) for name, flags in cases.items()},
    )
