"""What is said beside the figures of the Halting page: how each is read, and what it says of these runs."""

from collections.abc import Mapping

from app.screens.halting.source import HaltingResult
from app.ui.text import percent, plain
from probes.halting import reference
from probes.halting.by_step import FLAT_SHARE, LATE_STEP, PuzzleShare
from probes.halting.calibration import SAME, UNDECIDED, Reliability
from probes.halting.report import BeyondTraining, HaltingAnalysis, fewest_steps
from probes.halting.rules import OUTCOMES
from probes.halting.runs import HaltingRuns

HOW_TO_READ: Mapping[str, str] = {
    "steps": "Lines: median halting probability of the puzzles that are right after the last step, and of those that are "
    "not; dark and light bands hold half and nine tenths of them. Thin lines are single puzzles, full marks where the "
    "answer is right at that step. **Click a mark** to single one out. Above the dotted line the model would halt.",
    "reliability": "Of all answers given with about this probability, how many are right? On the diagonal a head means "
    "what it says; below it, it is too sure of itself. An answer that repeats the step before (the same cells, and a "
    f"logit that moved by less than {SAME}) is left out. Whiskers: 95 % bands over puzzles. Under it, how many "
    "answers each bin holds, on a logarithmic axis: a bin of ten answers says little.",
    "roc": "As the threshold on the logit falls, more right answers are found, and more wrong ones taken for right. The "
    "area under the curve (AUC) is the chance that a right answer gets a larger logit than a wrong one; 0.5 is chance. Over "
    "all steps, a logit that only rises with the step number has a large area too, as later answers are more often right.",
    "board": "Each square counts puzzles. On the dotted line the model would halt at its first right answer; below it too "
    "early, above it later than it could. **Click a square** to list its puzzles.",
    "compute": "Further left is cheaper, higher is better. The halting head has to beat two rules that need none: the same "
    "depth for all, and stopping once the answer stood still (a point for each number of steps). The line of the head holds every threshold on its logit, the star the one it was trained for.",
    "rule": "Evaluation never stops, so what going on would have come to is known. Only the two strong colours matter, where "
    "one way is right and the other wrong: a good rule has the blue part in *halts* and the orange one in *goes on*.",
    "beyond": "Top: share right after every step, with a 95 % band. Middle: right answers that each later step breaks, and "
    "wrong ones that it mends. Bottom: whether the head still tells right from wrong (AUC), and how far its probability is off.",
    "errors": "All puzzles that come right, aligned at that moment: how many of their blank cells were wrong in the steps "
    "before. A slope says that they are mended little by little, a cliff that one step does it. A puzzle solved at step 2 "
    "always looks like a cliff, so only those first right at step "
    f"{LATE_STEP} or later are asked for grokking along the steps: at most {1 - FLAT_SHARE:.0%} of the first errors mended, then all at once.",
}


def description(shown: HaltingResult) -> str:
    """Which runs these are."""
    about, runs = shown.runs.metadata, shown.analysis.whole
    made = f"Recorded {about.recorded}" if shown.recorded else "Computed now"
    left_out = (
        f" {about.without_label} without exactly one solution are left out." if about.without_label else ""
    )
    return plain(
        f"{made}: {about.model} on {runs.count:,} puzzles of {about.data}, {runs.steps} supervision steps "
        f"(trained with {about.N_sup}), {about.dtype} on {about.device.upper()}.{left_out}"
    )


def auc_text(value: float | None) -> str:
    return "not defined" if value is None or value != value else f"{value:.3f}"


def probability_note(runs: HaltingRuns) -> str:
    """What the probability is that is drawn, where the model has two values."""
    return "Here the probability is that of HRM's rule, q_halt - q_continue." if runs.has_margin else ""


def reliability(found: HaltingAnalysis) -> str:
    """The error over all answers, and over those that say something new."""
    pairs, unsure = found.reliability.pairs, found.undecided.pairs
    low, high = UNDECIDED
    lines = [
        f"Expected calibration error over {pairs:,} answers, one a puzzle and step: {error_with_band(found.reliability)}. "
        f"{found.repeats:,} of them repeat the step before.",
        f"- without repeats, {found.distinct.pairs:,}: **{error_with_band(found.distinct)}**",
        f"- undecided, p from {low} to {high}, {unsure:,} ({percent(unsure / pairs)} of all): "
        f"**{error_with_band(found.undecided)}**; by chance a calibrated head has up to {auc_text(found.undecided_by_chance)}",
        f"- at the step where it would halt, one a puzzle: {error_with_band(found.at_halt)}",
    ]
    return "\n".join(lines)


def error_with_band(found: Reliability) -> str:
    low, high = found.expected_error_band
    return f"{found.expected_error:.3f} ({low:.3f} to {high:.3f})" if found.pairs else "none"


def roc(found: HaltingAnalysis) -> str:
    (last,) = reference.AUC_LAST_STEP
    ends = found.auc_last_step_band
    band = f" (95 % band {ends[0]:.3f} to {ends[1]:.3f})" if ends else ""
    return (
        f"All steps together {auc_text(found.roc.auc)}; the step number alone would have {auc_text(found.auc_of_step)}. The last "
        f"step, where every answer has the same number: **{auc_text(found.roc_last_step.auc)}**{band}. Published for the last "
        f"step: {last.value} ({last.of})."
    )


def board(found: HaltingAnalysis) -> str:
    """The outcomes as a list, those of no puzzle left out."""
    return "\n".join(
        f"- **{count:,}** {name.replace('_', ' ')}: {OUTCOMES[name]}"
        for name, count in found.outcomes.counts.items()
        if count
    )


def compute(found: HaltingAnalysis) -> str:
    rules = found.stopping
    own, whole = rules.own, percent(rules.fixed.accuracy[-1])
    by_head, by_depth = fewest_steps(own), fewest_steps(rules.fixed)
    lines = [
        f"As trained: **{percent(own.accuracy[own.learned])}** right after **{own.mean_steps[own.learned]:.1f}** steps on "
        f"average; all {found.runs.steps} steps: {whole} (halting: {rules.all_to_own}).",
        f"Within half a point of that, the best threshold, chosen on these puzzles, needs {by_head['mean_steps']:.1f} steps, the same depth for all "
        f"{by_depth['mean_steps']:.0f}.",
    ]
    if len(rules.unchanged.setting):
        lines.append(
            f"Stopping once the answer stood still for a step, which needs no head: {percent(rules.unchanged.accuracy[0])} "
            f"after {rules.unchanged.mean_steps[0]:.1f} (with the head instead: {rules.unchanged_to_own})."
        )
    return " ".join(lines)


def rule(found: HaltingAnalysis) -> str:
    made = found.decisions
    own = "q_halt > q_continue" if found.runs.has_margin else "q_halt > 0"
    if made.correct_share is None:
        return f"The rule is {own}. In no case was one way right and the other wrong."
    return f"The rule is {own}. Of {made.at_stake:,} decisions that mattered it took **{percent(made.correct_share)}** well."


def continuing(found: HaltingAnalysis) -> str:
    error = found.continuing.expected_error if found.continuing else 0.0
    return (
        "q_continue is trained as the chance that going on, and halting later by the same rule, ends right. Compared "
        f"with just that, its expected calibration error is **{error:.3f}**."
    )


def beyond(found: BeyondTraining, runs: HaltingRuns) -> str:
    broken, back = int((found.regressions.first > 0).sum()), int(found.regressions.recovered.sum())
    kind = "hrm" if runs.has_margin else "trm"
    sixteen, sixty_four = (
        reference.EXACT_BY_DEPTH[kind][reference.DEPTHS.index(depth)] for depth in (16, 64)
    )
    return (
        f"Right after step {found.trained}: {found.right_when_trained} of {runs.count} puzzles; after step "
        f"{runs.steps}: **{found.right_at_end}** ({found.paired}). Answers that later broke: {broken}, {back} of them right "
        f"again at the end. Published for {kind.upper()} on Sudoku-Extreme: {sixteen} % after 16 steps, {sixty_four} % after 64."
    )


def errors(found: HaltingAnalysis) -> str:
    solving = found.solving
    hrm, trm = reference.MONOTONE
    return (
        f"Monotone, never an error more: **{_share(solving.monotone)}** solved puzzles (published: {hrm.value} for HRM, "
        f"{trm.value} for TRM); of those first right at step {LATE_STEP} or later: {_share(solving.monotone_late)}. Right once and "
        f"right ever after: {_share(solving.stays)}. Flat, then solved by one step, of those first right at step {LATE_STEP} or "
        f"later: **{_share(solving.single_step)}**."
    )


def _share(found: PuzzleShare) -> str:
    low, high = found.band
    if not found.count:
        return "of no puzzle"
    return f"{percent(found.share)} ({percent(low)} to {percent(high)}) of {found.count:,}"


def outdated(runs: HaltingRuns) -> str:
    return (
        f"Recorded with other weights ({runs.metadata.fingerprint}) than those that are here now. Compute anew to see these, or "
        f"run `python -m probes halting --record --model {runs.metadata.model}`."
    )


def nothing_recorded(name: str) -> str:
    return f"Nothing is recorded for {plain(name)}. Choose puzzles below and compute: each is run once, then all is counted."
