"""The card of a bundled model, from the files in its folder: every model's card has the same sections.

All results on a card were measured and recorded before. What a person has to add about one model is in its notes.md.
"""

import re
from typing import Any

import numpy as np

from trm import registry
from trm.config import KINDS, halting_words
from trm.export.markdown import markdown_table, percent
from trm.files import atomic_file
from trm.grading import binomial_band
from trm.terminal import as_command
from trm.training.cards.files import CardFacts, read_facts
from trm.training.cards.public import MODULE, PUBLIC_SETS, PUBLISHED, reported_steps
from trm.training.cards.recipe import PUZZLES, curriculum, data_sentence, limits, recipe
from trm.training.seeds import seeds_section

CARD = "card.md"
LEVELS = ("easy", "medium", "hard")

MEANING = {
    "sudoku": "Easy: naked and hidden singles suffice. Medium: needs locked candidates and pairs. Hard: needs search.",
    "maze": "Steps: length of the shortest path. Easy: shorter than two sides of the grid, or few dead ends along it. Medium: "
    "shorter than three sides. Hard: three sides or longer.",
}


def card(facts: CardFacts) -> str:
    """Return the model card as Markdown."""
    sections = (
        _title(facts),
        f"## Training\n\n{_training(facts)}",
        f"## Leakage\n\n{_leakage(facts)}",
        f"## Accuracy\n\n{_accuracy(facts)}",
        f"## Public puzzles\n\n{_public(facts)}",
        f"## Halting\n\n{_halting(facts)}",
        f"## States\n\n{_states(facts)}",
        f"## Seeds\n\n{seeds_section(facts.name)}",
        f"## Held-out accuracy during training\n\n{_progress(facts)}",
        f"## Limits\n\n{limits(facts.preset)}",
        facts.notes,
    )
    return "\n\n".join(filter(None, sections)) + "\n"


def write_card(name: str) -> None:
    """Write the card of a bundled model to its folder. Raises `UserError` if a file that it needs is missing or damaged."""
    with atomic_file(registry.models_folder() / name / CARD) as temporary:
        temporary.write_text(card(read_facts(name)), "utf-8")


def _title(facts: CardFacts) -> str:
    config = facts.config
    mixing = "attention and rotary positions" if config.mixing == "attention" else "MLP mixing"
    layers = f"{config.layers} layers" + (f" in f_L and {config.H_layers} in f_H" if config.H_layers else "")
    rows, columns = config.grid
    return (
        f"# {facts.name}\n\n{KINDS[config.kind].title} with {mixing} for {rows}x{columns} {PUZZLES.get(config.task, config.task)}: "
        f"{facts.parameters:,} parameters, n={config.n}, T={config.T},\n{config.N_sup} supervision steps, {layers}, D={config.hidden_size}. "
        f"Weights: `{facts.fingerprint}`. Licence: Apache-2.0."
    )


def _training(facts: CardFacts) -> str:
    preset, run, last = facts.preset, facts.training, facts.curve[-1]
    averaged = (
        f"The weights are an exponential moving average (decay {preset.ema})."
        if preset.ema
        else "The weights are not averaged."
    )
    lines = [
        f"{last['minutes']:.0f} minutes, {last['update']:,} updates of {preset.batch} puzzles, seed {preset.seed}, on "
        f"{run.machine}.{' ' + run.note if run.note else ''}",
        f"Data: {data_sentence(preset)}; seed {preset.data_seed}, augmented with random symmetries.",
        f"Curriculum: {curriculum(preset)}.",
        f"Unlike the published {KINDS[facts.config.kind].title}: {recipe(preset)}.",
        f"{averaged} The full log is `curve.csv`, which the Halting page of the app draws.",
    ]
    if facts.snapshots:
        lines.append(
            f"Intermediate checkpoints in float16 that can be opened by name: {', '.join(f'`{name}`' for name in facts.snapshots)}."
        )
    bullets = "\n".join(f"- {line}" for line in lines)
    return f"`{run.command}`\n\n{bullets}"


def _leakage(facts: CardFacts) -> str:
    unseen = " No public puzzle was used in training." if facts.public else ""
    return f"No solution in `{facts.scores['data']}` is a symmetric copy of a training solution.{unseen}"


def _accuracy(facts: CardFacts) -> str:
    scores = facts.scores
    columns = reported_steps(facts.config)
    rows = [
        [name, group["count"], *(percent(group["exact_by_step"][step - 1]) for step in columns)]
        for name, group in sorted(scores["by_difficulty"].items(), key=_easy_first)
    ]
    totals = [
        with_interval(round(scores["count"] * scores["exact_by_step"][step - 1]), scores["count"])
        for step in columns
    ]
    options = {"model": facts.name, "data": scores["data"], "limit": scores.get("limit")}
    table = markdown_table(
        ["puzzles", "count", *(f"after {step}" for step in columns)],
        [*rows, ["all", scores["count"], *totals]],
    )
    return f"""`{as_command("python -m trm eval", options)}` in {scores["dtype"]}, on {scores["date"]}: the share of {scores["count"]:,} unseen puzzles
that are solved exactly after 1, 4 and all supervision steps, and its 95% interval (Wilson) over all of them. Results in other dtypes differ
on a few puzzles.

{table}

Cell accuracy after the last step: {percent(scores["cell"])}, and {percent(scores["blank_cell"])} on blank cells.

{MEANING.get(facts.config.task, "")}"""


def _public(facts: CardFacts) -> str:
    if not facts.public:
        return "It was not measured on public puzzles."
    columns = sorted({step for result in facts.public.values() for step in result.solved})
    rows = [
        [
            f"[{PUBLIC_SETS[name].title}]({PUBLIC_SETS[name].source})",
            result.count,
            *(with_interval(result.solved.get(step), result.count) for step in columns),
            with_interval(result.halted_wrong, result.count),
        ]
        for name, result in facts.public.items()
    ]
    head = ["sample of", "count", *(f"after {step}" for step in columns), "would halt on a wrong answer"]
    dtypes, dates = (
        sorted({getattr(each, name) for each in facts.public.values()}) for name in ("dtype", "date")
    )
    text = (
        f"`python -m {MODULE} {facts.name} --as SET --data FILE` in {' and '.join(dtypes)}, on {' and '.join(dates)}:\n\n"
        f"{markdown_table(head, rows)}"
    )
    return f"{text}\n\n{_published()}" if "sudoku-extreme" in facts.public else text


def _published() -> str:
    rows = [
        [f"[{each.name}]({each.source})", each.parameters, each.trained_on, percent(each.exact)]
        for each in PUBLISHED
    ]
    head = ["published model", "parameters", "trained on", "exact on all of Sudoku-Extreme"]
    return markdown_table(head, rows)


def _halting(facts: CardFacts) -> str:
    scores = facts.scores
    return (
        f"It {halting_words(facts.config.halting)}: on the test puzzles after {scores['mean_halt_step']:.1f} of {facts.config.N_sup} steps on "
        f"average, and with a wrong answer on {percent(scores['halted_wrong'])} of them.\nHalting AUROC (halting logit against correctness of "
        f"the answer): {scores['halt_auc']:.3f} over all steps, where the step number helps, and {scores['halt_auc_last_step']:.3f} at the last "
        "step alone."
    )


def _states(facts: CardFacts) -> str:
    figures = {
        "variance_by_token": "variance explained by the cell's token",
        "changed": "changed answers in blank cells",
        "exact": "solved",
        "exact_with_constant": "solved with constants",
    }
    rows = [[name, *(percent(use[key], 0) for key in figures)] for name, use in facts.states.items()]
    verdict = "only repeats its input" if facts.states["z"]["inert"] else "takes part"
    return f"""**z {verdict}.** `python -m trm inspect {facts.name}` replaces a state with constants, one vector for each input token, on up to
16 puzzles:

{markdown_table(["state", *figures.values()], rows)}"""


def _progress(facts: CardFacts) -> str:
    preset = facts.preset
    sizes = bool(preset.schedule.smaller_grids)
    rows = [
        [
            f"{line['minutes']:.0f}",
            f"{line['update']:,}",
            f"T={line['T']}, n={line['n']}" + (f", {line['grid_cells']} cells" if sizes else ""),
            *(
                f"{line[name]:.3f}" if name in line else "-"
                for name in ("held_out_exact_1", "held_out_exact")
            ),
        ]
        for line in facts.evaluations
    ]
    head = ["minutes", "updates", "depth", "exact after 1 step", f"exact after {preset.model.N_sup}"]
    return f"""On {preset.held_out} held-out puzzles like those of training, at the {"grid size and " if sizes else ""}recursion depth in use at the time:

{markdown_table(head, rows)}"""


def with_interval(solved: int | None, count: int) -> str:
    """Return a share of puzzles in percent with its 95 % interval (Wilson), or "-" if it was not measured."""
    if solved is None:
        return "-"
    low, high = (100 * float(end) for end in binomial_band(np.array(solved), np.array(count)))
    return f"{percent(solved / count)} ({low:.1f} to {high:.1f})"


def _easy_first(item: tuple[str, Any]) -> tuple[int, list[int]]:
    """Sort groups of puzzles by difficulty, then by the numbers in their names."""
    rank = next((rank for rank, level in enumerate(LEVELS) if item[0].startswith(level)), len(LEVELS))
    return rank, [int(number) for number in re.findall(r"\d+", item[0])]
