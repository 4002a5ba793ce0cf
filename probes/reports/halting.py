"""The section "Does it know when it is done?" of a document, from what was recorded: every number in it is generated.

It stands between two marks, so that other sections of the same document are left as they are.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from probes.halting import reference
from probes.halting.report import analyse, report
from probes.halting.rules import OUTCOMES
from probes.halting.runs import DEEP, DEEP_RECORDED, load_runs
from probes.reports.markdown import percent, write_section
from trm.errors import UserError

SECTION = "halting"  # name of its marks
CALIBRATED, NEARLY = 0.02, 0.05  # expected calibration error up to which a head is called so
LEAPS = 0.5  # share of solves in one leap from which on a model is said to grok

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
            "Expected calibration error: 15 bins of equal width over all supervision steps (Guo et al. 2017), 95 % band from a "
            "bootstrap over puzzles. Monotone: no step leaves more blank cells wrong than the one before. In one leap: the "
            "solving step mends at least half as many cells as were wrong after step 1. "
            f"Beyond training: {DEEP_RECORDED} puzzles of the same set. Published numbers are of other, larger models on harder puzzles.",
        ]
    )


def _answers(main: Mapping[str, Report], deep: Mapping[str, Report]) -> list[str]:
    """One line for each question, yes or no for each model."""

    def each(reports: Mapping[str, Report], say: Callable[[Report], str]) -> str:
        return "; ".join(f"{name} {say(one)}" for name, one in reports.items())

    lines = [
        f"- **Is the halting head calibrated?** Yes up to an error of {CALIBRATED}, nearly up to {NEARLY}: {each(main, _calibrated)}.",
        f"- **Does halting cost accuracy?** Against all steps: {each(main, _cost)}.",
        f"- **Is the head worth its training?** Steps within half a point of full accuracy, head against same depth for all: {each(main, _worth)}.",
        f"- **Grokking along the steps** ({reference.GROKKING.value}: {reference.GROKKING.of}, {reference.GROKKING.source}): {each(main, _grokking)}.",
        f"- **Does a solved puzzle stay solved?** {each(main, lambda one: percent(one['along_steps']['stays_solved']['share']))}.",
    ]
    if deep:
        lines.append(f"- **Does depth beyond training help?** {each(deep, _deeper)}.")
    return lines


def _calibrated(one: Report) -> str:
    error = one["calibration"]["expected_error"]
    verdict = "yes" if error <= CALIBRATED else "nearly" if error <= NEARLY else "no"
    bias = too_sure(one)
    lean = "" if verdict == "yes" else f", too {'sure' if bias > 0 else 'unsure'} by {abs(bias):.3f}"
    return f"{verdict} ({error:.3f}{lean})"


def too_sure(one: Report) -> float:
    """Mean halting probability less the share that is right, over all answers."""
    bins = [each for each in one["calibration"]["bins"] if each["answers"]]
    off = sum(each["answers"] * (each["mean_probability"] - each["share_right"]) for each in bins)
    return off / sum(each["answers"] for each in bins)


def _cost(one: Report) -> str:
    rules = one["stopping"]
    lost = rules["all_steps"]["accuracy"] - rules["learned"]["accuracy"]
    return f"{-100 * lost:+.1f} points after {rules['learned']['mean_steps']:.1f} of {one['about']['N_sup']} steps"


def _worth(one: Report) -> str:
    rules = one["stopping"]
    return f"{rules['fewest_steps']['mean_steps']:.1f} against {rules['fewest_steps_fixed_depth']['mean_steps']:.0f}"


def _grokking(one: Report) -> str:
    share = one["along_steps"]["solved_at_once"]["share"]
    if share is None:
        return "no solve to tell from"
    return f"{'yes' if share >= LEAPS else 'no'} ({percent(share)} of solves in one leap)"


def _deeper(one: Report) -> str:
    beyond = one["beyond"]
    gain = beyond["right_at_end"] - beyond["right_when_trained"]
    verdict = "yes" if gain > 0 else "no" if gain < 0 else "neither way"
    return (
        f"{verdict} ({beyond['right_when_trained']} right of {one['count']} at step {beyond['trained_steps']}, "
        f"{beyond['right_at_end']} at {one['steps']}; {beyond['broken']} broke)"
    )


def _table(main: Mapping[str, Report], deep: Mapping[str, Report]) -> list[str]:
    rows: list[tuple[str, Callable[[Report], str], str]] = [
        ("puzzles", lambda one: f"{one['count']:,} of {one['about']['data']}", ""),
        ("exactly right, all steps", lambda one: percent(one["stopping"]["all_steps"]["accuracy"]), ""),
        ("calibration error of q_halt", _banded, ""),
        ("too sure by (mean)", lambda one: f"{too_sure(one):+.3f}", ""),
        (
            "the same after the last step",
            lambda one: f"{one['calibration']['expected_error_last_step']:.3f}",
            "",
        ),
        ("AUC of “exactly right now”", lambda one: _number(one["discrimination"]["auc"]), ""),
        (
            "AUC, last step",
            lambda one: _number(one["discrimination"]["auc_last_step"]),
            reference.AUC_LAST_STEP[0].value,
        ),
        ("halting by its own rule", lambda one: _rule(one, "learned"), ""),
        ("stop when unchanged", lambda one: _rule(one, "unchanged_answer"), ""),
        ("decisions that mattered, well taken", _well_taken, ""),
        ("calibration error of q_continue", _continuing, ""),
        *((f"{name.replace('_', ' ')}: {words}", _outcome(name), "") for name, words in OUTCOMES.items()),
        (
            "monotone solves",
            lambda one: _share(one["along_steps"]["monotone"]),
            ", ".join(f"{each.of.partition(',')[0]} {each.value}" for each in reference.MONOTONE),
        ),
        ("once right, right ever after", lambda one: _share(one["along_steps"]["stays_solved"]), ""),
        ("solved in one leap", lambda one: _share(one["along_steps"]["solved_at_once"]), ""),
    ]
    lines = [f"| | {' | '.join(main)} | published |", f"|---|{'---|' * len(main)}---|"]
    lines += [f"| {name} | {' | '.join(map(say, main.values()))} | {known} |" for name, say, known in rows]
    if deep:
        lines += [
            f"| {name} | {' | '.join(say(deep[model]) if model in deep else '' for model in main)} | {known} |"
            for name, say, known in (
                (
                    "right when trained depth ends",
                    lambda one: _part(one, "right_when_trained"),
                    _published(16),
                ),
                ("right after 64 steps", lambda one: _part(one, "right_at_end"), _published(64)),
                ("broke beyond training, of these right again", _broke, ""),
            )
        ]
    return lines


def _published(depth: int) -> str:
    at = reference.DEPTHS.index(depth)
    return ", ".join(f"{kind.upper()} {values[at]} %" for kind, values in reference.EXACT_BY_DEPTH.items())


def _number(value: float | None) -> str:
    return "not defined" if value is None else f"{value:.3f}"


def _share(found: Mapping[str, Any]) -> str:
    low, high = found["band"]
    return (
        "none"
        if found["share"] is None
        else f"{percent(found['share'])} ({100 * low:.1f} to {100 * high:.1f})"
    )


def _banded(one: Report) -> str:
    low, high = one["calibration"]["expected_error_band"]
    return f"{one['calibration']['expected_error']:.3f} ({low:.3f} to {high:.3f})"


def _rule(one: Report, name: str) -> str:
    point = one["stopping"].get(name)
    return f"{percent(point['accuracy'])} after {point['mean_steps']:.1f} steps" if point else ""


def _well_taken(one: Report) -> str:
    made = one["decisions"]
    return f"{percent(made['well_taken'])} of {made['at_stake']:,}"


def _continuing(one: Report) -> str:
    found = one["continue_calibration"]
    return _number(found["expected_error"]) if found else "not trained"


def _outcome(name: str) -> Callable[[Report], str]:
    return lambda one: f"{one['outcomes'][name]:,}"


def _part(one: Report, name: str) -> str:
    return f"{percent(one['beyond'][name] / one['count'])} of {one['count']}"


def _broke(one: Report) -> str:
    return f"{one['beyond']['broken']}, {one['beyond']['recovered']}"
