"""Evaluation of a halting rule by its own decisions: was halting at a step better than continuing?

HRM is trained by Q-learning (Wang et al. 2025, arXiv:2506.21734). q_halt is the value of halting now: 1 if the answer
is correct. q_continue is the value of continuing and halting later by the same rule. The model halts when q_halt is
larger. q_continue is therefore compared with the answer at the step at which the rule would halt next. Evaluation runs
do not stop at the halt, so that answer is available. TRM's rule can be evaluated in the same way, although it has no
value for continuing.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from probes.halting.rules import Logits, Right
from probes.stats import check_runs


def right_if_continued(halting: Logits, right: Right) -> Bool[np.ndarray, "earlier puzzle"]:
    """For every step except the last, return whether the answer is correct when the rule next halts.

    If the rule does not halt again, the answer after the last step counts. Raises RunsError if there are no puzzles or
    steps, or a logit is not finite.
    """
    check_runs(right, halting)
    later = np.zeros((len(right) - 1, right.shape[1]), bool)
    at_next_halt = right[-1]
    for step in range(len(right) - 2, -1, -1):
        at_next_halt = np.where(halting[step + 1] > 0, right[step + 1], at_next_halt)
        later[step] = at_next_halt
    return later


CASES = {
    "both": "correct now, and correct where it would halt later",
    "now": "correct now, wrong where it would halt later: halting is better",
    "later": "wrong now, correct where it would halt later: continuing is better",
    "neither": "wrong now and wrong later: nothing to lose",
}


@dataclass(frozen=True)
class Decisions:
    """Number of decisions by case, for halting and continuing. Each puzzle has one decision per step except the last."""

    halts: dict[str, int]  # number of decisions to halt, by case of CASES
    continues: dict[str, int]

    @property
    def at_stake(self) -> int:
        """Number of decisions that matter, where only one choice leads to a correct answer."""
        return sum(part[case] for part in (self.halts, self.continues) for case in ("now", "later"))

    @property
    def correct_share(self) -> float | None:
        """Fraction of the decisions that matter in which the rule chooses correctly; None if no decision matters."""
        return (self.halts["now"] + self.continues["later"]) / self.at_stake if self.at_stake else None


def decisions(halting: Logits, right: Right) -> Decisions:
    """Count the decisions of the model's own rule in each of CASES.

    Raises RunsError if there are no puzzles or steps, or a logit is not finite.
    """
    later = right_if_continued(halting, right)
    now, halts = right[:-1], halting[:-1] > 0
    cases = {"both": now & later, "now": now & ~later, "later": ~now & later, "neither": ~now & ~later}
    return Decisions(
        halts={name: int((flags & halts).sum()) for name, flags in cases.items()},
        continues={name: int((flags & ~halts).sum()) for name, flags in cases.items()},
    )
