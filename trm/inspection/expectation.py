"""Interpret the scores of a checkpoint: whether its configuration matches its training, and what to try if not.

A checkpoint with a wrong n, T, number of heads, or type of RoPE loads without an error. There are two signs of the
mistake: the model scores better with another n or T, or scores far below its published accuracy.
"""

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any

from trm.public.public_checkpoints import PublicCheckpoint

CLEARLY_LOWER = 0.9  # ratio of losses below which another depth is considered better
SLACK = 0.1  # tolerance in exact accuracy: the published score is on other puzzles


def score_line(score: Mapping[str, Any]) -> str:
    """Describe a score as text."""
    count = score["puzzles"]
    return (
        f"{score['exact']:.1%} of {count} puzzle{'s' if count != 1 else ''} exact, {score['blank_cell']:.1%} of blank cells, "
        f"loss {score['loss']:.4f} nats"
    )


def interpret_scores(
    check: Mapping[str, Any] | None, depths: Sequence[Mapping[str, Any]], listed: PublicCheckpoint | None
) -> str:
    """Interpret the scores in a few sentences; empty if nothing was measured.

    `check` and `depths` are the results of `run_self_check` and `check_depths`. `listed` is the public checkpoint that
    was recognised, or None.
    """
    if not check or "puzzles" not in check:
        return ""
    sentences = (_compare_depths(depths), _compare_published(check, listed), _check_exact(check))
    return " ".join(filter(None, sentences))


def _compare_depths(depths: Sequence[Mapping[str, Any]]) -> str:
    if not depths:
        return ""
    own, *others = depths
    better = [other for other in others if _is_better(other, own)]
    if not better and not any(score["exact"] for score in depths):
        return "With n or T changed by one, no puzzle is solved either, so this does not show whether n and T are right."
    if not better:
        return "It scores no better with n or T changed by one, as expected."
    best = min(better, key=lambda score: (-score["exact"], score["loss"]))
    name = "n" if best["n"] != own["n"] else "T"
    return (
        f"It scores better with {name} = {best[name]} ({score_line(best)}) than with {own[name]}: it was probably trained "
        f"with another {name}. Check its documentation, or try --{name} {best[name]}."
    )


def _is_better(other: Mapping[str, Any], own: Mapping[str, Any]) -> bool:
    """Return whether a score is better by more than one puzzle, or not worse and with a clearly lower loss.

    The loss counts only if less than half of the puzzles are solved: otherwise it is that of the few unsolved ones,
    which varies with any change of the depth.
    """
    more = round((other["exact"] - own["exact"]) * own["puzzles"])
    lower = own["exact"] < 0.5 and other["loss"] < CLEARLY_LOWER * own["loss"]
    return more > 1 or (more >= 0 and lower)


def _compare_published(check: Mapping[str, Any], listed: PublicCheckpoint | None) -> str:
    if listed is None or listed.exact is None:
        return ""
    error = 2 * sqrt(listed.exact * (1 - listed.exact) / check["puzzles"]) + SLACK
    published = (
        f"Published: {listed.published}; here: {check['exact']:.1%} of {check['puzzles']} other puzzles"
    )
    if check["exact"] >= listed.exact - error:
        return f"{published}, which is consistent."
    return (
        f"{published}, far less. Likely reasons: an n or T that differs from training, a different number of heads, a different "
        "kind of rope (rotate_half without its minus sign), or weights as trained instead of their average."
    )


def _check_exact(check: Mapping[str, Any]) -> str:
    """Return a warning if no answer is exact, which is a sign of a wrong configuration."""
    if check["exact"] > 0:
        return ""
    losses = check.get("loss_by_step") or []
    no_help = (
        ", and more supervision steps do not help" if len(losses) > 1 and losses[-1] >= losses[0] else ""
    )
    return f"No answer is exact{no_help}: the model may be untrained, or a setting may differ from the one used in training."
