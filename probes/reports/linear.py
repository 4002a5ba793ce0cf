"""The section "What can be read from z and y?" of a document: every number and verdict in it is that of a recorded study."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from probes.linear.experiment.views import Summary, baselines_at, finding_of, labels_of, value_at
from probes.reports.markdown import write_section
from trm.errors import UserError

NAME = "probes"
STEPS = ("1", "4", "16")
NOT_SAID = {
    "solution": "It does not say that z is searched for the digit, nor that it is where the head looks: the head reads y alone.",
    "answer_now": "Of y this is what its own head reads, so a low number would mean a bad probe; of z it does not tell copy from cause.",
    "candidates": "It does not say that the model eliminates candidates: they are a sum over the input that any mixing of cells can give.",
    "candidates_left": "It does not say that the count steers anything.",
    "naked_single": "It does not say that these cells are filled first.",
    "naked_single_now": "It does not tell a single that is seen from an answer that is already certain.",
    "conflict_now": "It does not say that a conflict, once seen, is mended.",
    "singles_round": "It does not say that the model fills cells in this order.",
    "right_now": "It does not say that the model knows: cells that are easy are right and can be told from the input.",
    "right_at_end": "It does not say that the end is settled at that step: easy puzzles end well from any state.",
    "given": "It only says that the probe works: what is given can be seen in x, which every call reads.",
    "on_path": "It does not say that the way is followed from its ends.",
    "dead_end": "It does not say that dead ends are filled one after the other.",
    "distance_to_start": "It does not say that distances are counted up.",
    "distance_to_goal": "It does not say that distances are counted down.",
    "next_direction": "It does not say that the way is walked.",
    "reached_within_16": "It does not say that a flood runs.",
}
"""What a finding about a target leaves open."""

BASELINE = {
    "majority": "the most frequent class or mean",
    "input": "the input",
    "random z": "random weights",
    "random y": "random weights",
}


def write_findings(
    document: Path, studies: Mapping[str, Summary], uses: Mapping[str, Mapping[str, Any]] | None = None
) -> dict[str, Any]:
    """Write the section from recorded studies, and recorded `uses`, by model. Raises UserError where there is no study."""
    if not studies:
        raise UserError("Nothing is recorded. Run `python -m probes fit --model sudoku-trm --record` first.")
    write_section(document, NAME, section(studies, uses or {}))
    return {"models": list(studies), "written": str(document)}


def section(studies: Mapping[str, Summary], uses: Mapping[str, Mapping[str, Any]]) -> str:
    """Markdown: how it was made, then a table and sentences for each model."""
    lines = [
        "## What can be read from z and y?",
        "",
        "Made by `python -m probes fit --model MODEL --record` for each model, then "
        "`python -m probes fit --findings docs/findings.md`. The studies lie in `assets/recorded/probes` and are drawn on the "
        "page Probes.",
        "",
        "Linear probes of the state after a supervision step, one for each step. Accuracy in percent, of numbers R²; in "
        "brackets 95 % bands over test puzzles. Baselines: the most frequent class (of numbers their mean, R² = 0); the same "
        "probe of the input, one-hot, of the cell and its row, column and box; the same probe of the same net with random "
        "weights, after the last step shown. A sentence says more or less only where the 95 % band of the difference, in brackets in points or R², says so; "
        "differences are taken puzzle by puzzle. Of rare classes (a naked single, a wrong answer) accuracy can hardly exceed the most "
        "frequent class: ask for these with `--balanced`. Selectivity: how much is lost on a control task of random labels (Hewitt & Liang "
        "2019), after the last step shown. Puzzles, not cells, are split.",
        "",
    ]
    for model, study in studies.items():
        lines += [*_model(model, study), ""]
        if model in uses:
            lines += [*_use(model, uses[model]), ""]
    return "\n".join(lines)


def _model(model: str, study: Summary) -> list[str]:
    about, split = study["about"], study["about"]["split"]
    labels = labels_of(study)
    moments = [labels.index(step) for step in STEPS if step in labels] or [0, len(labels) - 1]
    lines = [
        f"### {model}",
        "",
        f"Weights {about['fingerprint']}; {about['puzzles']} puzzles of {about['data']}: {split['train']} to train, "
        f"{split['validation']} to choose the regularisation, {split['test']} to test.",
        "",
        f"| target | from | {' | '.join(f'step {labels[at]}' for at in moments)} | most frequent | input | random weights | selectivity |",
        f"|---|---|{'---|' * (len(moments) + 4)}",
    ]
    for target in study["targets"]:
        for state in study["settings"]["states"]:
            lines.append(_row(study, target, state, moments))
    lines.append("")
    for target in study["targets"]:
        name = target["name"]
        lines.append(
            f"- **{name.replace('_', ' ')}** ({target['meaning'].rstrip('.')}): {verdict(study, target, moments[-1])} {NOT_SAID.get(name, '')}".rstrip()
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


def _row(study: Summary, target: Summary, state: str, moments: list[int]) -> str:
    name, score = target["name"], target["score"]
    finding, last = finding_of(study, name, state), moments[-1]
    cells = [
        _banded(*(value_at(finding, score, at, bound) for bound in ("value", "low", "high")), score=score)
        for at in moments
    ]
    base = baselines_at(study, name, score, last, of=state)
    cells += [_number(base.get(key), score) for key in ("majority", "input", f"random {state}")]
    cells.append(_number(value_at(finding, "selectivity", last), score))
    return f"| {name.replace('_', ' ')} | {state} | {' | '.join(cells)} |"


def verdict(study: Summary, target: Summary, moment: int) -> str:
    """One sentence: what each state holds beyond the baseline that it beats least, as the band of the difference says."""
    score, label = target["score"], labels_of(study)[moment]
    said = []
    for state in study["settings"]["states"]:
        name, least = least_gain(study, target["name"], state, moment)
        if least is None:
            said.append(f"{state} was not tested")
            continue
        value, low, high = least
        amount = f"{_signed(value, score)}, {_signed(low, score)} to {_signed(high, score)}, against {BASELINE[name]}"
        more = "more" if low > 0 else "less" if high < 0 else "no more"
        said.append(
            f"{state} holds {more} than {'any' if more == 'more' else 'the best'} baseline ({amount})"
        )
    return f"after step {label}, {' and '.join(said)}."


def least_gain(
    study: Summary, target: str, state: str, moment: int
) -> tuple[str, tuple[float, float, float] | None]:
    """The baseline that a state exceeds least: its name, the difference and its band."""
    finding = finding_of(study, target, state)
    found = {
        name: tuple(value_at(finding, f"above {name}", moment, bound) for bound in ("value", "low", "high"))
        for name in ("majority", "input", f"random {state}")
    }
    known = {name: gain for name, gain in found.items() if gain[0] is not None}
    if not known:
        return "", None
    least = min(known, key=lambda name: known[name][0])
    return least, known[least]


def _banded(value: float | None, low: float | None, high: float | None, *, score: str) -> str:
    if value is None:
        return "none"
    return f"{_number(value, score)} ({_number(low, score)} to {_number(high, score)})"


def _signed(value: float, score: str) -> str:
    return f"{value:+.2f}" if score == "r2" else f"{100 * value:+.1f}"


def _number(value: float | None, score: str) -> str:
    if value is None:
        return ""
    return f"{value:.2f}" if score == "r2" else f"{100 * value:.1f}"
