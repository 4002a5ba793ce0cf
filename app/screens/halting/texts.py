"""Texts beside the figures of the Halting page: how to read each figure, and the results in words."""

from collections.abc import Mapping

from app.screens.halting.source import HaltingResult
from app.ui.text import percent, plain
from probes.halting import reference
from probes.halting.by_step import FLAT_SHARE, LATE_STEP, PuzzleShare
from probes.halting.calibration import SAME, UNDECIDED, Reliability
from probes.halting.report import BeyondTraining, HaltingAnalysis, fewest_steps
from probes.halting.rules import OUTCOME_LABELS, OUTCOMES
from probes.halting.runs import HaltingRuns

HOW_TO_READ: Mapping[str, str] = {
    "steps": "Thick lines: median halting probability of puzzles that are solved after the last step, and of unsolved ones. "
    "Dark and light bands: the middle 50 % and 90 % of each group. Thin lines: single puzzles, with filled marks where the "
    "answer is correct. **Click a mark** to select its puzzle. Above the dotted line, the model would halt.",
    "reliability": "Of all answers with about this halting probability, how many are correct? A calibrated head follows the "
    "diagonal; below it, the head is overconfident. Answers that repeat the previous step (same cells, and a logit that "
    f"moved by less than {SAME}) are left out. Whiskers: 95 % intervals over puzzles. Bottom: answers per bin (log scale); "
    "a bin with only ten answers is unreliable.",
    "roc": "As the threshold on the logit falls, both the true and the false positive rate rise. The area under the curve "
    "(AUROC) is the probability that a correct answer gets a larger logit than a wrong one; 0.5 is chance. Over all steps, "
    "even a logit that merely grows with the step number has a high AUROC, because later answers are more often correct.",
    "timing": "Each square counts puzzles. On the dotted line, the model would halt at its first correct answer; below it, too "
    "early; above it, later than necessary. **Click a square** to list its puzzles.",
    "compute": "Left is cheaper, up is more accurate. The baselines need no halting head: the same depth for all puzzles, and "
    "stopping once the answer is unchanged (one point per number of steps). The halting-head curve covers every threshold on "
    "the logit; the star marks the threshold used in training.",
    "decisions": "Evaluation runs all steps, so the result of continuing is known. Only the two strong colours matter, where "
    "one choice is right and the other wrong: a good rule has blue under *halts* and orange under *continues*.",
    "beyond": "Top: accuracy after every step, with a 95 % band. Middle: puzzles gained (newly correct) and lost (no longer correct) at each later "
    "step. Bottom: how well the head still separates correct from wrong answers (AUROC), and its calibration error (ECE).",
    "errors": "All solved puzzles, aligned at their first correct answer: the share of blank cells that were wrong in the "
    "steps before. A slope means gradual improvement; a cliff means that a single step solved the puzzle. A puzzle solved at "
    "step 2 always looks like a cliff, so grokking along the steps is measured only on puzzles first correct at step "
    f"{LATE_STEP} or later: at most {1 - FLAT_SHARE:.0%} of the initial errors are fixed before one step fixes the rest.",
}


def description(result: HaltingResult) -> str:
    """A sentence on which runs these are."""
    metadata, runs = result.runs.metadata, result.analysis.whole
    when = f"Recorded {metadata.recorded}" if result.recorded else "Computed now"
    left_out = (
        f" Excluded: {metadata.without_label} puzzles without a unique solution."
        if metadata.without_label
        else ""
    )
    return plain(
        f"{when}: {metadata.model} on {runs.count:,} puzzles from {metadata.data}, {runs.steps} supervision steps "
        f"(trained with {metadata.N_sup}), {metadata.dtype} on {metadata.device.upper()}.{left_out}"
    )


def number(value: float | None) -> str:
    """Three decimals; "undefined" for None and NaN."""
    return "undefined" if value is None or value != value else f"{value:.3f}"


def probability_note(runs: HaltingRuns) -> str:
    """Which probability is drawn, if the model has two values."""
    return (
        "The halting probability is the sigmoid of HRM's margin, q_halt - q_continue."
        if runs.has_margin
        else ""
    )


def reliability(analysis: HaltingAnalysis) -> str:
    """The error over all answers, and over the more informative answers."""
    pairs, unsure = analysis.reliability.pairs, analysis.undecided.pairs
    low, high = UNDECIDED
    lines = [
        f"Expected calibration error over {pairs:,} answers, one per puzzle and step: "
        f"{error_with_band(analysis.reliability)}. {analysis.repeats:,} of them repeat the previous step.",
        f"- without repeats ({analysis.distinct.pairs:,}): **{error_with_band(analysis.distinct)}**",
        f"- uncertain answers, p from {low} to {high} ({unsure:,}, {percent(unsure / pairs)} of all): "
        f"**{error_with_band(analysis.undecided)}**; a calibrated head would stay below {number(analysis.undecided_by_chance)} "
        "in 95 % of draws",
        f"- at the halting step (one per puzzle): {error_with_band(analysis.at_halt)}",
    ]
    return "\n".join(lines)


def error_with_band(reliability: Reliability) -> str:
    low, high = reliability.expected_error_band
    return f"{reliability.expected_error:.3f} ({low:.3f} to {high:.3f})" if reliability.pairs else "none"


def roc(analysis: HaltingAnalysis) -> str:
    (published,) = reference.AUC_LAST_STEP
    ends = analysis.auc_last_step_band
    band = f" (95 % band {ends[0]:.3f} to {ends[1]:.3f})" if ends else ""
    return (
        f"AUROC over all steps: {number(analysis.roc.auc)}; for the step number alone: {number(analysis.auc_of_step)}. At the "
        f"last step, where the step number is constant: **{number(analysis.roc_last_step.auc)}**{band}. Published for the "
        f"last step: {published.value} ({published.of})."
    )


def outcomes(analysis: HaltingAnalysis) -> str:
    """The outcomes that occur, as a list."""
    return "\n".join(
        f"- **{count:,}** {OUTCOME_LABELS[name]}: {OUTCOMES[name]}"
        for name, count in analysis.outcomes.counts.items()
        if count
    )


def compute(analysis: HaltingAnalysis) -> str:
    rules = analysis.stopping
    own, all_steps = rules.own, percent(rules.fixed.accuracy[-1])
    by_head, by_depth = fewest_steps(own), fewest_steps(rules.fixed)
    lines = [
        f"As trained: accuracy **{percent(own.accuracy[own.learned])}** after **{own.mean_steps[own.learned]:.1f}** steps on "
        f"average; with all {analysis.runs.steps} steps: {all_steps} (effect of halting: {rules.all_to_own}).",
        f"To stay within half a point of {all_steps}, the best threshold (selected on these puzzles) needs "
        f"{by_head['mean_steps']:.1f} steps on average; a fixed depth needs {by_depth['mean_steps']:.0f}.",
    ]
    if len(rules.unchanged.setting):
        lines.append(
            "Stopping once the answer is unchanged for one step, which needs no halting head, gives "
            f"{percent(rules.unchanged.accuracy[0])} after {rules.unchanged.mean_steps[0]:.1f} steps (effect of using the "
            f"head instead: {rules.unchanged_to_own})."
        )
    return " ".join(lines)


def decisions(analysis: HaltingAnalysis) -> str:
    own = "q_halt > q_continue" if analysis.runs.has_margin else "q_halt > 0"
    correct, at_stake = analysis.decisions.correct_share, analysis.decisions.at_stake
    if correct is None:
        return f"The model halts if {own}. The choice never mattered."
    return f"The model halts if {own}. This rule is right in **{percent(correct)}** of the {at_stake:,} decisions that mattered."


def continuing(analysis: HaltingAnalysis) -> str:
    error = analysis.continuing.expected_error if analysis.continuing else 0.0
    return (
        "q_continue is trained as the probability that the answer is correct if the model continues and halts later by the "
        f"same rule. Its expected calibration error is **{error:.3f}**."
    )


def beyond(beyond: BeyondTraining, runs: HaltingRuns) -> str:
    lost, recovered = int((beyond.regressions.first > 0).sum()), int(beyond.regressions.recovered.sum())
    kind = "hrm" if runs.has_margin else "trm"
    sixteen, sixty_four = (
        reference.EXACT_BY_DEPTH[kind][reference.DEPTHS.index(depth)] for depth in (16, 64)
    )
    lost_text = f"{lost} ({recovered} of them correct again at the end)" if lost else "none"
    return (
        f"Correct after step {beyond.trained}: {beyond.right_when_trained} of {runs.count} puzzles; after step "
        f"{runs.steps}: **{beyond.right_at_end}** ({beyond.paired}). Correct answers lost in between: {lost_text}. "
        f"Published for {kind.upper()} on Sudoku-Extreme: {sixteen} % after 16 steps, {sixty_four} % after 64."
    )


def errors(analysis: HaltingAnalysis) -> str:
    solving = analysis.solving
    hrm, trm = reference.MONOTONE
    return (
        f"Monotone (the number of errors never increases): **{_share(solving.monotone)}** solved puzzles (published: "
        f"{hrm.value} for HRM, {trm.value} for TRM); of those first correct at step {LATE_STEP} or later: "
        f"{_share(solving.monotone_late)}. Once solved, stays solved: {_share(solving.stays)}. Flat, then solved in a single "
        f"step (of those first correct at step {LATE_STEP} or later): **{_share(solving.single_step)}**."
    )


def _share(share: PuzzleShare) -> str:
    low, high = share.band
    if not share.count:
        return "none of 0"
    return f"{percent(share.share)} ({percent(low)} to {percent(high)}) of {share.count:,}"


def outdated(runs: HaltingRuns) -> str:
    metadata = runs.metadata
    return (
        f"Recorded with different weights ({metadata.fingerprint}). Compute again, or run "
        f"`python -m probes halting --record --model {metadata.model}`."
    )


def nothing_recorded(name: str) -> str:
    return f"Nothing is recorded for {plain(name)}. Choose puzzles below and press Compute."
