"""What is said beside the figures of the Halting page: how each is read, and what it says of these runs."""

from collections.abc import Mapping

from app.screens.halting.source import Shown
from app.ui.text import percent, plain
from probes.halting import reference
from probes.halting.by_step import Share
from probes.halting.report import Beyond, HaltingAnalysis, fewest_steps
from probes.halting.rules import OUTCOMES
from probes.halting.runs import HaltingRuns

HOW_TO_READ: Mapping[str, str] = {
    "steps": "Lines: median halting probability of the puzzles that are right after the last step, and of those that are "
    "not; dark and light bands hold half and nine tenths of them. Thin lines are single puzzles, full marks where the "
    "answer is right at that step. **Click a mark** to single one out. Above the dotted line the model would halt.",
    "reliability": "Of all answers given with about this probability, how many are right? On the diagonal a head means "
    "what it says; below it, it is too sure of itself. Whiskers: 95 % bootstrap over puzzles. Under it, how many answers "
    "each bin holds, on a logarithmic axis: a bin of ten answers says little.",
    "roc": "As the threshold on the logit falls, more right answers are found, and more wrong ones taken for right. The "
    "area under the curve (AUC) is the chance that a right answer gets a larger logit than a wrong one; 0.5 is chance.",
    "board": "Each square counts puzzles. On the dotted line the model would halt at its first right answer; below it too "
    "early, above it later than it could. **Click a square** to list its puzzles.",
    "compute": "Further left is cheaper, higher is better. The halting head has to beat two rules that need none: the same "
    "depth for all, and stopping once the answer stood still (a point for each number of steps). The line of the head holds every threshold on its logit, the star the one it was trained for.",
    "rule": "Evaluation never stops, so what going on would have come to is known. Only the two strong colours matter, where "
    "one way is right and the other wrong: a good rule has the blue part in *halts* and the orange one in *goes on*.",
    "beyond": "Top: share right after every step, with a 95 % band. Middle: right answers that each later step breaks, and "
    "wrong ones that it mends. Bottom: whether the head still tells right from wrong (AUC), and how far its probability is off.",
    "errors": "All puzzles that come right, aligned at that moment: how many of their blank cells were wrong in the steps "
    "before. A slope says that they are mended little by little, a cliff that one step does it: grokking along the steps.",
}


def source(shown: Shown) -> str:
    """Which runs these are."""
    about, runs = shown.runs.about, shown.analysis.whole
    made = f"Recorded {about.recorded}" if shown.recorded else "Computed now"
    left_out = (
        f" {about.without_label} without exactly one solution are left out." if about.without_label else ""
    )
    return plain(
        f"{made}: {about.model} on {runs.count:,} puzzles of {about.data}, {runs.steps} supervision steps "
        f"(trained with {about.N_sup}), {about.dtype} on {about.device.upper()}.{left_out}"
    )


def area(value: float | None) -> str:
    return "not defined" if value is None else f"{value:.3f}"


def margin(runs: HaltingRuns) -> str:
    """What the probability is that is drawn, where the model has two values."""
    return "Here the probability is that of HRM's rule, q_halt - q_continue." if runs.has_margin else ""


def reliability(found: HaltingAnalysis) -> str:
    low, high = found.reliability.expected_error_band
    return (
        f"Expected calibration error **{found.reliability.expected_error:.3f}** (95 % band {low:.3f} to {high:.3f}) over "
        f"{found.reliability.counts.sum():,} answers; after the last step alone "
        f"{found.beyond.expected_error[found.runs.steps - 1]:.3f}. The worst bin is off by {found.reliability.largest_error:.2f}."
    )


def roc(found: HaltingAnalysis) -> str:
    (last,) = reference.AUC_LAST_STEP
    return (
        f"All steps together {area(found.roc.auc)}, the last one alone {area(found.roc_last_step.auc)}. Published for the "
        f"last step: {last.value} ({last.of})."
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
        f"average; all {found.runs.steps} steps: {whole}.",
        f"Within half a point of that, the best threshold needs {by_head['mean_steps']:.1f} steps, the same depth for all "
        f"{by_depth['mean_steps']:.0f}.",
    ]
    if len(rules.unchanged.setting):
        lines.append(
            f"Stopping once the answer stood still for a step: {percent(rules.unchanged.accuracy[0])} after "
            f"{rules.unchanged.mean_steps[0]:.1f}."
        )
    return " ".join(lines)


def rule(found: HaltingAnalysis) -> str:
    made = found.decisions
    own = "q_halt > q_continue" if found.runs.has_margin else "q_halt > 0"
    if made.well_taken is None:
        return f"The rule is {own}. In no case was one way right and the other wrong."
    return f"The rule is {own}. Of {made.at_stake:,} decisions that mattered it took **{percent(made.well_taken)}** well."


def continuing(found: HaltingAnalysis) -> str:
    error = found.continuing.expected_error if found.continuing else 0.0
    return (
        "q_continue is trained as the chance that going on, and halting later by the same rule, ends right. Held against "
        f"just that, its expected calibration error is **{error:.3f}**."
    )


def beyond(found: Beyond, runs: HaltingRuns) -> str:
    broken, back = int((found.breaks.first > 0).sum()), int(found.breaks.recovered.sum())
    kind = "hrm" if runs.has_margin else "trm"
    sixteen, sixty_four = (
        reference.EXACT_BY_DEPTH[kind][reference.DEPTHS.index(depth)] for depth in (16, 64)
    )
    return (
        f"Right after step {found.trained}: {found.right_when_trained} of {runs.count} puzzles; after step "
        f"{runs.steps}: **{found.right_at_end}**. Answers that later broke: {broken}, of which {back} are right again at the "
        f"end. Published for {kind.upper()} on Sudoku-Extreme: {sixteen} % after 16 steps, {sixty_four} % after 64."
    )


def errors(found: HaltingAnalysis) -> str:
    solving = found.solving
    hrm, trm = reference.MONOTONE
    return (
        f"Monotone, never an error more: **{_share(solving.monotone)}** of the solved (published: {hrm.value} for HRM, "
        f"{trm.value} for TRM). Right once and right ever after: {_share(solving.stays)}. Solved in one leap, half of the "
        f"first step's errors or more mended by the last step: {_share(solving.at_once)}."
    )


def _share(found: Share) -> str:
    low, high = found.band
    return f"{percent(found.share)} ({percent(low)} to {percent(high)})" if found.count else "of no puzzle"


def outdated(runs: HaltingRuns) -> str:
    return (
        f"Recorded with other weights ({runs.about.fingerprint}) than those that are here now. Compute anew to see these, or "
        f"run `python -m probes halting --record --model {runs.about.model}`."
    )


def nothing(name: str) -> str:
    return f"Nothing is recorded for {plain(name)}. Choose puzzles below and compute: each is run once, then all is counted."
