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
    "steps": "Thick lines are the median halting probabilities of the puzzles that are solved after the last step and of those that "
    "are not. Dark and light areas contain the middle 50% and 90% of each group. Thin lines are single puzzles; filled marks are "
    "correct answers. **Click a mark** to select its puzzle. Above the dotted line, the model would halt.",
    "reliability": "Of the answers with a given halting probability, how many are correct? A calibrated head follows the "
    "diagonal; bars below it mean that the head is overconfident. Answers that repeat the previous answer (same cells, and a logit "
    f"that changed by less than {SAME}) are left out. Whiskers are 95% intervals over puzzles. The bottom graph counts the answers "
    "in each bin on a log scale; a bin with only ten answers is unreliable.",
    "roc": "As the threshold on the logit falls, both the true and false positive rates rise. The area under the curve "
    "(AUROC) is the probability that a correct answer gets a larger logit than a wrong one; 0.5 is chance. Over all steps, "
    "even a logit that merely grows with the step number has a high AUROC, because later answers are more often correct.",
    "timing": "The number in each square counts puzzles. On the dotted line, the model would halt at its first correct answer; below it, too "
    "early; above it, later than necessary. **Click a square** to list its puzzles.",
    "compute": "Points further left are cheaper; points further up are more accurate. The baselines need no halting head: one uses the "
    "same depth for all puzzles, the other stops once the answer has not changed for a number of steps (one point per number). The "
    "curve of the halting head covers every threshold on the logit; the star marks the threshold used in training.",
    "decisions": "Evaluation runs all steps, so the result of continuing is known. Only the two strong colours matter: there, "
    "one choice is right and the other wrong. A good rule has blue under *halts* and orange under *continues*.",
    "beyond": "The top graph shows the accuracy after every step, with its 95% confidence interval. The middle graph counts the puzzles "
    "gained (newly correct) and lost (no longer correct) at each step. The bottom graph shows how well the head still separates "
    "correct from wrong answers (AUROC), and its expected calibration error (ECE).",
    "errors": "The graph shows the fraction of blank cells that were wrong in the steps before a puzzle was first correct; all solved "
    "puzzles are aligned at that step. A slope means gradual improvement; a cliff means that a single step solved the puzzle. A "
    "puzzle solved at step 2 always looks like a cliff, so grokking along the steps (at most "
    f"{1 - FLAT_SHARE:.0%} of the initial errors are fixed before one step fixes the rest) is measured only on puzzles first correct "
    f"at step {LATE_STEP} or later.",
}


def description(result: HaltingResult) -> str:
    """Return a sentence that says which runs are shown."""
    provenance, runs = result.runs.provenance, result.analysis.whole
    when = f"Recorded {provenance.recorded}" if result.recorded else "Computed now"
    left_out = (
        f" {runs.without_label} puzzles without a unique solution are left out." if runs.without_label else ""
    )
    return plain(
        f"{when}: {provenance.model} on {runs.count:,} puzzles from {provenance.data}, {runs.steps} supervision steps "
        f"(trained with {runs.trained_steps}), {provenance.dtype} on {provenance.device.upper()}.{left_out}"
    )


def number(value: float | None) -> str:
    """Format a number with three decimals; "undefined" for None and NaN."""
    return "undefined" if value is None or value != value else f"{value:.3f}"


def probability_note(runs: HaltingRuns) -> str:
    """Return a sentence that says which probability is drawn, if the rule compares two values; otherwise ""."""
    return (
        "The halting probability is the sigmoid of the margin q_halt - q_continue." if runs.has_margin else ""
    )


def reliability(analysis: HaltingAnalysis) -> str:
    """Return the calibration error over all answers, and over the more informative answers."""
    pairs, unsure = analysis.reliability.pairs, analysis.undecided.pairs
    low, high = UNDECIDED
    lines = [
        f"The expected calibration error over {pairs:,} answers (one per puzzle and step) is "
        f"{error_with_band(analysis.reliability)}. {analysis.repeats:,} of these answers repeat the previous answer. The error over",
        f"- answers that are not repeats ({analysis.distinct.pairs:,}) is **{error_with_band(analysis.distinct)}**",
        f"- uncertain answers, p from {low} to {high} ({unsure:,}, {percent(unsure / pairs)} of all), is "
        f"**{error_with_band(analysis.undecided)}**; a perfectly calibrated head would score below {number(analysis.undecided_by_chance)} "
        "in 95% of simulations",
        f"- answers at the halting step (one per puzzle) is {error_with_band(analysis.at_halt)}",
    ]
    return "\n".join(lines)


def error_with_band(reliability: Reliability) -> str:
    """Format an expected calibration error with its confidence interval; "none" without answers."""
    low, high = reliability.expected_error_band
    return f"{reliability.expected_error:.3f} ({low:.3f} to {high:.3f})" if reliability.pairs else "none"


def roc(analysis: HaltingAnalysis) -> str:
    """Return sentences on the AUROC over all steps, of the step number alone, and at the last step."""
    (published,) = reference.AUC_LAST_STEP
    ends = analysis.auc_last_step_band
    band = f" (95% interval {ends[0]:.3f} to {ends[1]:.3f})" if ends else ""
    return (
        f"Over all steps, the AUROC is {number(analysis.roc.auc)}; the step number alone reaches {number(analysis.auc_of_step)}. At the "
        f"last step, where the step number is constant, the AUROC is **{number(analysis.roc_last_step.auc)}**{band}. Published "
        f"values for the last step are {published.value} ({published.of})."
    )


def outcomes(analysis: HaltingAnalysis) -> str:
    """Return a Markdown list of the outcomes that occur, with their numbers of puzzles."""
    return "\n".join(
        f"- **{count:,}** {OUTCOME_LABELS[name]}: {OUTCOMES[name]}"
        for name, count in analysis.outcomes.counts.items()
        if count
    )


def compute(analysis: HaltingAnalysis) -> str:
    """Return sentences on accuracy and mean steps of the compared rules."""
    rules = analysis.stopping
    own, all_steps = rules.own, percent(rules.fixed.accuracy[-1])
    by_head, by_depth = fewest_steps(own), fewest_steps(rules.fixed)
    lines = [
        f"With the threshold used in training, the accuracy is **{percent(own.accuracy[own.learned])}** after "
        f"**{own.mean_steps[own.learned]:.1f}** steps on average; with all {analysis.runs.steps} steps it is {all_steps} (effect of "
        f"halting: {rules.all_to_own}).",
        f"To stay within half a point of {all_steps}, the best threshold (selected on these puzzles) needs "
        f"{by_head['mean_steps']:.1f} steps on average; a fixed depth needs {by_depth['mean_steps']:.0f}.",
    ]
    if len(rules.unchanged.setting):
        lines.append(
            "Stopping once the answer has not changed for one step, which needs no halting head, gives an accuracy of "
            f"{percent(rules.unchanged.accuracy[0])} after {rules.unchanged.mean_steps[0]:.1f} steps (effect of using the "
            f"head instead: {rules.unchanged_to_own})."
        )
    return " ".join(lines)


def decisions(analysis: HaltingAnalysis) -> str:
    """Return the model's halting rule, and how often it is right in the decisions that matter."""
    own = "q_halt > q_continue" if analysis.runs.has_margin else "q_halt > 0"
    correct, at_stake = analysis.decisions.correct_share, analysis.decisions.at_stake
    if correct is None:
        return f"The model halts if {own}. Halting or continuing never mattered."
    return f"The model halts if {own}. This rule is right in **{percent(correct)}** of the {at_stake:,} decisions that mattered."


def continuing(analysis: HaltingAnalysis) -> str:
    """Return sentences on the calibration of q_continue."""
    error = analysis.continuing.expected_error if analysis.continuing else 0.0
    return (
        "q_continue is trained as the probability that the answer is correct if the model continues and halts later by the "
        f"same rule. Its expected calibration error is **{error:.3f}**."
    )


def beyond(beyond: BeyondTraining, runs: HaltingRuns) -> str:
    """Return sentences on accuracy and lost answers beyond the training depth."""
    lost, recovered = int((beyond.regressions.first > 0).sum()), int(beyond.regressions.recovered.sum())
    kind = "hrm" if runs.provenance.kind == "hrm" else "trm"
    sixteen, sixty_four = (
        reference.EXACT_BY_DEPTH[kind][reference.DEPTHS.index(depth)] for depth in (16, 64)
    )
    lost_text = f"{lost} ({recovered} of them correct again at the end)" if lost else "none"
    return (
        f"After step {beyond.trained}, {beyond.right_when_trained} of {runs.count} puzzles are correct; after step "
        f"{runs.steps}, **{beyond.right_at_end}** are ({beyond.paired}). Correct answers lost in between: {lost_text}. Published "
        f"accuracy of {kind.upper()} on Sudoku-Extreme: {sixteen}% after 16 steps, {sixty_four}% after 64."
    )


def errors(analysis: HaltingAnalysis) -> str:
    """Return sentences on monotone solves, retention and single-step solves."""
    solving = analysis.solving
    hrm, trm = reference.MONOTONE
    return (
        f"- The number of errors never increases in **{_share(solving.monotone)}** solved puzzles (published: "
        f"{hrm.value} for HRM, {trm.value} for TRM), and in {_share(solving.monotone_late)} puzzles first correct at step "
        f"{LATE_STEP} or later.\n"
        f"- The answer stays correct in {_share(solving.stays)} puzzles that are correct at some step.\n"
        f"- A single step solves **{_share(solving.single_step)}** puzzles first correct at step {LATE_STEP} or later."
    )


def _share(share: PuzzleShare) -> str:
    low, high = share.band
    if not share.count:
        return "0 of 0"
    return f"{percent(share.share)} ({percent(low)} to {percent(high)}) of {share.count:,}"


def update(name: str) -> str:
    """Return how to replace runs that were recorded with different weights."""
    return f"Compute again, or run `python -m probes halting --record --model {name}`."


def nothing_recorded(name: str) -> str:
    """Return the message for a model without recorded runs."""
    return f"Nothing has been recorded for {plain(name)}. Choose puzzles below and press Compute."
