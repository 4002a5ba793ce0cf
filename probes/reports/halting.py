"""The section "Does it know when it is done?" of a document, from what was recorded: every number in it is generated.

It stands between two marks, so that other sections of the same document are left as they are.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from probes.halting import reference
from probes.halting.by_step import FLAT_SHARE, LATE_STEP
from probes.halting.calibration import SAME, UNDECIDED
from probes.halting.report import analyse, report
from probes.halting.rules import OUTCOMES
from probes.halting.runs import DEEP, DEEP_RECORDED, load_runs
from probes.reports.markdown import percent, write_section
from probes.stats import BANDS, SIGNIFICANT, Paired
from trm.errors import UserError

SECTION = "halting"  # name of its marks
CALIBRATED = 0.05  # a head is called so where the band of its error on undecided pairs ends here or below
LEAPS = 0.5  # a model is said to grok where the band of its share of leaps begins here or above

Report = Mapping[str, Any]


def write_findings(document: Path, folder: Path) -> dict[str, Any]:
    """Write the section into a document, which is made if it is not there. Raises UserError where nothing is recorded,
    or the document has one mark without the other.
    """
    names = sorted(path.stem for path in folder.glob("*.parquet") if not path.stem.endswith(DEEP))
    if not names:
        raise UserError(f"Nothing is recorded in {folder}. Run `python -m probes halting --record` first.")
    text = section({name: _reports(folder, name) for name in names})
    write_section(document, SECTION, text)
    return {"models": names, "written": str(document)}


def _reports(folder: Path, name: str) -> tuple[Report, Report | None]:
    """Of the steps of training, and of those beyond."""
    main, deep = (folder / f"{name}{ending}.parquet" for ending in ("", DEEP))
    return report(analyse(load_runs(main))), report(analyse(load_runs(deep))) if deep.is_file() else None


def section(found: Mapping[str, tuple[Report, Report | None]]) -> str:
    """The section as Markdown: short answers, then the table."""
    main = {name: each for name, (each, _) in found.items()}
    deep = {name: each for name, (_, each) in found.items() if each is not None}
    made = ", ".join(f"{name} {each['about']['fingerprint']}" for name, each in main.items())
    return "\n".join(
        [
            "## Does it know when it is done?",
            "",
            "Made by `python -m probes halting --record`, then `python -m probes halting --findings docs/findings.md`; "
            f"the runs lie in `assets/recorded/halting` and are drawn on the page Halting. Weights: {made}.",
            "",
            *_answers(main, deep),
            "",
            *_table(main, deep),
            "",
            _footnote(),
        ]
    )


def _footnote() -> str:
    low, high = UNDECIDED
    return (
        "Expected calibration error: 15 bins of equal width (Guo et al. 2017) over pairs of a puzzle and a supervision step. A pair "
        f"repeats the step before where no cell of the answer changed and q_halt moved by less than {SAME}; "
        f"it is undecided where the halting probability is between {low} and {high}. Chance: the error that a perfectly "
        "calibrated head with these probabilities would stay below in 95 % of draws, with one draw for all steps of a "
        f"puzzle. Bands: {BANDS}. An error of few pairs is biased upwards, and "
        "the ends of its band are too. Gained: puzzles that only the own rule, or only the longer run, solves; lost: those that "
        f"only the other solves; p: McNemar's exact test, not corrected for the number of comparisons; not significant: {SIGNIFICANT} or more. "
        "Monotone: no step leaves more blank cells wrong than the one before. "
        f"A leap: first right at step {LATE_STEP} or later, and until then at most {percent(1 - FLAT_SHARE, 0)} of the cells that were wrong after "
        "step 1 were mended; a solve at step 2 mends all of them by definition, so it is not counted. "
        f"Beyond training: {DEEP_RECORDED} puzzles of the same set. Published numbers are of other, larger models on harder puzzles."
    )


def _answers(main: Mapping[str, Report], deep: Mapping[str, Report]) -> list[str]:
    """One line for each question, with the verdict and its figures for each model."""

    def each(reports: Mapping[str, Report], say: Callable[[Report], str]) -> str:
        return "; ".join(f"{name} {say(one)}" for name, one in reports.items())

    low, high = UNDECIDED
    lines = [
        f"- **Is the halting probability calibrated?** Judged on undecided pairs (probability {low} to {high}); the others are "
        f"near 0 or 1, where any head that tells right from wrong has a small error: {each(main, _calibrated)}.",
        f"- **Does halting cost accuracy?** The model's own rule compared with all steps: {each(main, _cost)}.",
        "- **Is the head worth its training?** The model's own rule compared with one that needs no head, “stop when the answer is "
        f"unchanged”: {each(main, _without_head)}.",
        f"- **Grokking along the steps** ({reference.GROKKING.value}: {reference.GROKKING.of}, {reference.GROKKING.source}): {each(main, _grokking)}.",
        f"- **Does a solved puzzle stay solved?** {each(main, lambda one: _share(one['along_steps']['stays_solved']))}.",
    ]
    if deep:
        lines.append(f"- **Does depth beyond training help?** {each(deep, _deeper)}.")
    return lines


def _calibrated(one: Report) -> str:
    """The verdict of the undecided pairs: the others say little of calibration, whatever the head."""
    found, pairs = one["calibration"]["undecided"], one["calibration"]["pairs"]
    if not found["pairs"]:
        return "never undecided"
    error, (_, most) = found["expected_error"], found["expected_error_band"]
    verdict = "no" if error > found["by_chance"] else "yes" if most <= CALIBRATED else "unclear"
    lean = (
        f", too {'sure' if found['too_sure'] > 0 else 'unsure'} by {abs(found['too_sure']):.3f}"
        if verdict == "no"
        else ""
    )
    return (
        f"{verdict} (error {_banded(found)}{lean}; by chance up to {found['by_chance']:.3f}; {found['pairs']:,} pairs, "
        f"{percent(found['pairs'] / pairs)} of all)"
    )


def _cost(one: Report) -> str:
    rules, paired = one["stopping"], _paired(one["paired"]["all_steps_to_learned"])
    gained = rules["learned"]["accuracy"] - rules["all_steps"]["accuracy"]
    verdict = {"no": "yes", "yes": "no, it gains"}.get(paired.verdict, paired.verdict)
    return f"{verdict} ({100 * gained + 0.0:+.1f} points after {rules['learned']['mean_steps']:.1f} of {one['about']['N_sup']} steps: {paired})"


def _without_head(one: Report) -> str:
    paired = _paired(one["paired"]["unchanged_answer_to_learned"])
    verdict = {"yes": "more accurate", "no": "less accurate"}.get(paired.verdict, paired.verdict)
    return f"{verdict} ({_rule(one, 'learned')}, {_rule(one, 'unchanged_answer')}: {paired})"


def _grokking(one: Report) -> str:
    found = one["along_steps"]["solved_at_once"]
    if not found["puzzles"]:
        return "no solve to tell from"
    low, high = found["band"]
    verdict = "yes" if low >= LEAPS else "no" if high < LEAPS else "unclear"
    return f"{verdict} (a leap in {_share(found)} solves at step {LATE_STEP} or later)"


def _deeper(one: Report) -> str:
    beyond = one["beyond"]
    paired = _paired(beyond["paired"])
    return (
        f"{paired.verdict} ({beyond['right_when_trained']} right of {one['count']} at step {beyond['trained_steps']}, "
        f"{beyond['right_at_end']} at {one['steps']}: {paired})"
    )


def _paired(found: Mapping[str, Any]) -> Paired:
    return Paired(gained=found["gained"], lost=found["lost"])


def _table(main: Mapping[str, Report], deep: Mapping[str, Report]) -> list[str]:
    rows: list[tuple[str, Callable[[Report], str], str]] = [
        ("puzzles", lambda one: f"{one['count']:,} of {one['about']['data']}", ""),
        ("exactly right, all steps", lambda one: percent(one["stopping"]["all_steps"]["accuracy"]), ""),
        ("calibration error of q_halt, all pairs", lambda one: _banded(one["calibration"]), ""),
        ("pairs after step 1 that repeat the step before", _repeats, ""),
        ("calibration error without repeats", lambda one: _banded(one["calibration"]["distinct"]), ""),
        ("calibration error of undecided pairs", lambda one: _banded(one["calibration"]["undecided"]), ""),
        ("calibration error where it would halt", lambda one: _banded(one["calibration"]["at_halt"]), ""),
        (
            "calibration error after the last step",
            lambda one: f"{one['calibration']['expected_error_last_step']:.3f}",
            "",
        ),
        ("too sure by (mean, all pairs)", lambda one: f"{one['calibration']['too_sure']:+.3f}", ""),
        ("AUC of “exactly right now”", lambda one: _number(one["discrimination"]["auc"]), ""),
        (
            "AUC of the step number alone",
            lambda one: _number(one["discrimination"]["auc_of_step_number"]),
            "",
        ),
        ("AUC, last step", _last_auc, reference.AUC_LAST_STEP[0].value),
        ("halting by its own rule", lambda one: _rule(one, "learned"), ""),
        ("stop when unchanged", lambda one: _rule(one, "unchanged_answer"), ""),
        (
            "steps within half a point of full accuracy, best threshold, same depth for all",
            lambda one: ", ".join(
                f"{one['stopping'][name]['mean_steps']:.1f}"
                for name in ("fewest_steps", "fewest_steps_fixed_depth")
            ),
            "",
        ),
        ("decisions that mattered, well taken", _decisions, ""),
        ("calibration error of q_continue", _continue_calibration, ""),
        *((f"{name.replace('_', ' ')}: {words}", _outcome(name), "") for name, words in OUTCOMES.items()),
        (
            "monotone solves",
            lambda one: _share(one["along_steps"]["monotone"]),
            ", ".join(f"{each.of.partition(',')[0]} {each.value}" for each in reference.MONOTONE),
        ),
        (
            f"monotone, of solves at step {LATE_STEP} or later",
            lambda one: _share(one["along_steps"]["monotone_late"]),
            "",
        ),
        ("once right, right ever after", lambda one: _share(one["along_steps"]["stays_solved"]), ""),
        (
            f"leaps, of solves at step {LATE_STEP} or later",
            lambda one: _share(one["along_steps"]["solved_at_once"]),
            "",
        ),
    ]
    lines = [f"| | {' | '.join(main)} | published |", f"|---|{'---|' * len(main)}---|"]
    lines += [f"| {name} | {' | '.join(map(say, main.values()))} | {known} |" for name, say, known in rows]
    if deep:
        lines += [
            f"| {name} | {' | '.join(say(deep[model]) if model in deep else '' for model in main)} | {known} |"
            for name, say, known in (
                (
                    "right when trained depth ends",
                    lambda one: _count_share(one, "right_when_trained"),
                    _published(16),
                ),
                ("right after 64 steps", lambda one: _count_share(one, "right_at_end"), _published(64)),
                ("broke beyond training, of these right again", _regressions, ""),
            )
        ]
    return lines


def _published(depth: int) -> str:
    at = reference.DEPTHS.index(depth)
    return ", ".join(f"{kind.upper()} {values[at]} %" for kind, values in reference.EXACT_BY_DEPTH.items())


def _number(value: float | None) -> str:
    return "not defined" if value is None else f"{value:.3f}"


def _share(found: Mapping[str, Any]) -> str:
    if found["share"] is None:
        return "none"
    low, high = found["band"]
    return f"{percent(found['share'])} ({100 * low:.1f} to {100 * high:.1f}) of {found['puzzles']:,}"


def _banded(found: Mapping[str, Any]) -> str:
    """An expected calibration error with its band."""
    if not found["pairs"]:
        return "none"
    low, high = found["expected_error_band"]
    return f"{found['expected_error']:.3f} ({low:.3f} to {high:.3f})"


def _repeats(one: Report) -> str:
    found = one["calibration"]["repeats"]
    share = found["pairs"] / found["of"] if found["of"] else None
    return f"{percent(share)} of {found['of']:,}"


def _last_auc(one: Report) -> str:
    found = one["discrimination"]
    if found["auc_last_step"] is None:
        return _number(None)
    low, high = found["auc_last_step_band"]
    return f"{found['auc_last_step']:.3f} ({low:.3f} to {high:.3f})"


def _rule(one: Report, name: str) -> str:
    point = one["stopping"].get(name)
    return f"{percent(point['accuracy'])} after {point['mean_steps']:.1f} steps" if point else ""


def _decisions(one: Report) -> str:
    made = one["decisions"]
    return f"{percent(made['well_taken'])} of {made['at_stake']:,}"


def _continue_calibration(one: Report) -> str:
    found = one["continue_calibration"]
    return _number(found["expected_error"]) if found else "not trained"


def _outcome(name: str) -> Callable[[Report], str]:
    return lambda one: f"{one['outcomes'][name]:,}"


def _count_share(one: Report, name: str) -> str:
    return f"{percent(one['beyond'][name] / one['count'])} of {one['count']}"


def _regressions(one: Report) -> str:
    return f"{one['beyond']['broken']}, {one['beyond']['recovered']}"
