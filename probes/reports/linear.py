"""The section "What can be read from z and y?" of a document: every number and verdict in it is that of a recorded experiment."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from probes.linear.experiment.verdicts import (
    FEWEST,
    MARGINS,
    SCORES,
    format_score,
    puzzles_with_rarer_class,
    sentences,
    untestable_reason,
)
from probes.linear.experiment.views import Summary, baselines_at, labels_of, result_for, value_at
from probes.reports.markdown import write_section
from trm.errors import UserError

NAME = "probes"
STEPS = ("1", "4", "16")
CAVEATS = {
    "solution": "It does not say that z is searched for the digit: the head reads y alone.",
    "answer_now": "Of y this is what its own head predictions, so a low number would mean a bad probe; of z it does not tell copy from cause.",
    "candidates": "The input gives them by construction; the comparison only says how much of that a state still holds.",
    "candidates_left": "The input gives it by construction; it does not say that the count steers anything.",
    "naked_single": "A count in the input gives it by construction; it does not say that these cells are filled first.",
    "naked_single_now": "It does not tell a single that is seen from an answer that is already certain.",
    "conflict_now": "It does not say that a conflict, once seen, is mended.",
    "singles_round": "It does not say that the model fills cells in this order.",
    "right_now": "It does not say that the model uses it.",
    "right_at_end": "It does not say that the end is settled at that step: easy puzzles end well from any state.",
    "given": "It only says that the probe works: what is given can be seen in x, which every call predictions.",
    "on_path": "It does not say that the way is followed from its ends.",
    "dead_end": "It does not say that dead ends are filled one after the other.",
    "distance_to_start": "It does not say that distances are counted up.",
    "distance_to_goal": "It does not say that distances are counted down.",
    "next_direction": "It does not say that the way is walked.",
    "reached_within_16": "It does not say that a flood runs.",
}
"""What a result about a target leaves open."""


def write_findings(
    document: Path, experiments: Mapping[str, Summary], uses: Mapping[str, Mapping[str, Any]] | None = None
) -> dict[str, Any]:
    """Write the section from recorded experiments, and recorded `uses`, by model. Raises UserError where there is no experiment."""
    if not experiments:
        raise UserError("Nothing is recorded. Run `python -m probes fit --model sudoku-trm --record` first.")
    write_section(document, NAME, section(experiments, uses or {}))
    return {"models": list(experiments), "format_score": str(document)}


def section(experiments: Mapping[str, Summary], uses: Mapping[str, Mapping[str, Any]]) -> str:
    """Markdown: how it was made, then a table and sentences for each model."""
    lines = [
        "## What can be read from z and y?",
        "",
        "Made by `python -m probes fit --model MODEL --record` for each model, then "
        "`python -m probes fit --findings docs/findings.md`. The experiments lie in `assets/recorded/probes` and are drawn on the "
        "page Probes.",
        "",
        "Linear probes of the state after a supervision step, one for each step. Targets of several classes are scored by accuracy "
        "in percent, those of two classes by AUROC (the probability that a yes is rated higher than a no: of a rare class accuracy says "
        "no more than how rare it is), numbers by R²; in brackets 95 % bands of a bootstrap over test puzzles, or, where every resample gives the same number, the exact binomial bound of as many puzzles. Baselines: a constant "
        "guess (the most frequent class, an AUROC of 0.5, the mean); the same probe of the input, one-hot, of the cell and its row, column and box "
        "(mazes: of 5x5 cells around it); the same probe of what can be derived from the input (Sudoku: candidates, their numbers, places left, blanks, and "
        "the digits that naked and hidden singles fill in; mazes: row, column, offsets and distances to start and goal); the same probe of the same net with random "
        "weights, after the last step shown.",
        "",
        "Differences are taken resample by resample. One whose 95 % band, in brackets, lies within "
        f"{100 * MARGINS['accuracy']:.0f} points of accuracy, or {MARGINS['auroc']:.2f} of AUROC or R², of 0 is “no more”; else it is “more” or “less” where the band lies above or "
        "below 0, and “not told apart” where it does not. Nothing is said of targets "
        f"that have one class in the test part, the rarer of two classes in fewer than {FEWEST} test puzzles, or the labels of another target. Verdicts are not corrected for "
        "their number. Selectivity: how much is lost on a control task of random labels (Hewitt & Liang 2019), drawn as the labels of that step "
        "are distributed, after the last step shown; it depends on this one draw, the more the rarer a class is. Puzzles, not cells, are split.",
        "",
    ]
    for model, experiment in experiments.items():
        lines += [*_model(model, experiment), ""]
        if model in uses:
            lines += [*_use(model, uses[model]), ""]
    return "\n".join(lines)


def _model(model: str, experiment: Summary) -> list[str]:
    about, split = experiment["about"], experiment["about"]["split"]
    labels = labels_of(experiment)
    time_points = [labels.index(step) for step in STEPS if step in labels] or [0, len(labels) - 1]
    lines = [
        f"### {model}",
        "",
        f"Weights {about['fingerprint']}; {about['puzzles']} puzzles of {about['data']}: {split['train']} to train, "
        f"{split['validation']} to choose the regularisation, {split['test']} to test.",
        "",
        f"| target | score | from | {' | '.join(f'step {labels[at]}' for at in time_points)} | constant guess | input | derived | random weights | selectivity |",
        f"|---|---|---|{'---|' * (len(time_points) + 5)}",
    ]
    for target in experiment["targets"]:
        if all(target["repeats"][at] for at in time_points):
            continue
        for state in experiment["settings"]["states"]:
            lines.append(_row(experiment, target, state, time_points))
    lines.append("")
    for target in experiment["targets"]:
        name = target["name"]
        has_verdict = not all(untestable_reason(experiment, target, at) for at in time_points)
        lines.append(
            f"- **{name.replace('_', ' ')}** ({target['meaning'].rstrip('.')}): {sentences(experiment, name, time_points)} "
            f"{CAVEATS.get(name, '') if has_verdict else ''}".rstrip()
        )
    return lines


def _use(model: str, recorded: Mapping[str, Any]) -> list[str]:
    """Whether the model minds a change along the probe's direction more than along random ones."""
    first = recorded["uses"][0]
    return [
        f"**Does {model} use it?** Made by `python -m probes use --model {model} --record` (weights {recorded['fingerprint']}, "
        f"{first['puzzles']} puzzles). The state is {'moved' if first['how'] == 'move' else 'put to the mean'} along the direction of "
        f"*{(first['target'].replace('_', ' ') + ' ' + first['class']).strip()}* in every cell, once, after a supervision step, and the run goes "
        f"on; {len(first['random'])} random directions move each cell as far. Percent of the blank cells that are answered "
        "otherwise than in the plain run. It tells of this direction at this dose, not of all that a state may hold.",
        "",
        "| state | after step | move, share of the norm | at once: probe, random | at the end: probe, random | difference at the end |",
        "|---|---|---|---|---|---|",
        *map(_use_row, recorded["uses"]),
    ]


def _use_row(use: Mapping[str, Any]) -> str:
    def mean(name: str) -> float:
        return sum(outcome[name] for outcome in use["random"]) / len(use["random"])

    excess = use["excess"]["changed_end"]
    pairs = [
        f"{100 * use['along'][name]:.1f}, {100 * mean(name):.1f}" for name in ("changed_now", "changed_end")
    ]
    return (
        f"| {use['state']} | {use['at']['supervision_step']} | {100 * use['distance']:.0f} % | {pairs[0]} | {pairs[1]} "
        f"| {100 * excess['value']:+.1f} ({100 * excess['low']:+.1f} to {100 * excess['high']:+.1f}) |"
    )


def _row(experiment: Summary, target: Summary, state: str, time_points: list[int]) -> str:
    name, score = target["name"], target["score"]
    result, last = result_for(experiment, name, state), time_points[-1]
    few = [puzzles_with_rarer_class(experiment, target, at) for at in time_points]
    cells = [
        _banded(result, score, at)
        if count is None or count >= FEWEST
        else "too few"
        if count
        else "one class"
        for at, count in zip(time_points, few, strict=True)
    ]
    base = baselines_at(experiment, name, score, last, of=state)
    guess = next(iter(base.values()))
    cells += [
        format_score(one, score) for one in (guess, *map(base.get, ("input", "derived", f"random {state}")))
    ]
    cells.append(format_score(value_at(result, "selectivity", last), score))
    return f"| {name.replace('_', ' ')} | {SCORES[score]} | {state} | {' | '.join(cells)} |"


def _banded(result: Summary | None, score: str, time_point: int) -> str:
    value, low, high = (value_at(result, score, time_point, bound) for bound in ("value", "low", "high"))
    if value is None:
        return "none"
    return f"{format_score(value, score)} ({format_score(low, score)} to {format_score(high, score)})"
