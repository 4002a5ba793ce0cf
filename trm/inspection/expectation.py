"""What the scores of a checkpoint say: whether it is read as it was trained, and what to try where it is not.

A wrong n, T, number of heads or kind of rope loads without an error. It shows in two ways: the model scores better with
another n or T, or far below what its makers published.
"""

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any

from trm.public.public_checkpoints import PublicCheckpoint

CLEARLY_LOWER = 0.9  # times a loss, from where another depth counts as better
SLACK = 0.1  # of the share of exact answers: our puzzles are others than the published score's


def score_line(score: Mapping[str, Any]) -> str:
    """A score in a few words."""
    count = score["puzzles"]
    return (
        f"{score['exact']:.1%} of {count} puzzle{'s' if count != 1 else ''} exact, {score['blank_cell']:.1%} of blank cells, "
        f"loss {score['loss']:.4f} nats"
    )


def interpret_scores(
    check: Mapping[str, Any] | None, depths: Sequence[Mapping[str, Any]], known: PublicCheckpoint | None
) -> str:
    """What the scores say, in a sentence or two; empty where nothing was measured."""
    if not check or "puzzles" not in check:
        return ""
    return " ".join(filter(None, (_of_depths(depths), _of_published(check, known), _of_steps(check))))


def _of_depths(depths: Sequence[Mapping[str, Any]]) -> str:
    if not depths:
        return ""
    own, *others = depths
    better = [other for other in others if _is_better(other, own)]
    if not better and not any(score["exact"] for score in depths):
        return "No answer is exact with n or T off by one either, so the scores say nothing of n and T."
    if not better:
        return "With n or T off by one it scores no better, as it should be."
    best = min(better, key=lambda score: (-score["exact"], score["loss"]))
    name = "n" if best["n"] != own["n"] else "T"
    return (
        f"It scores better with {name} = {best[name]} ({score_line(best)}) than with {own[name]}: it was probably trained "
        f"with another {name}. Look it up, or try --{name} {best[name]}."
    )


def _is_better(other: Mapping[str, Any], own: Mapping[str, Any]) -> bool:
    """By more than one puzzle, or as many at a clearly lower loss."""
    more = (other["exact"] - own["exact"]) * own["puzzles"]
    return more > 1.5 or (more > -0.5 and other["loss"] < CLEARLY_LOWER * own["loss"])


def _of_published(check: Mapping[str, Any], known: PublicCheckpoint | None) -> str:
    if known is None or known.exact is None:
        return ""
    error = 2 * sqrt(known.exact * (1 - known.exact) / check["puzzles"]) + SLACK
    published = f"{known.published} was published; here it is {check['exact']:.1%} of {check['puzzles']} other puzzles"
    if check["exact"] >= known.exact - error:
        return f"{published}, which fits."
    return (
        f"{published}, far less. Likely reasons: another n or T than it was trained with, another number of heads, a rope of "
        "another kind (rotate_half without its minus sign), or the weights as trained in place of their average."
    )


def _of_steps(check: Mapping[str, Any]) -> str:
    """Supervision steps that do not help are a sign of a wrong interpret_scores whatever was published."""
    losses = check.get("loss_by_step") or []
    if check["exact"] > 0 or len(losses) < 2 or losses[-1] < losses[0]:
        return ""
    return "No answer is exact, and more supervision steps do not help: it is not trained, or not read as it was trained."
