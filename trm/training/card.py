"""The card of a bundled model: how it was made, what it can do, where it fails.

Every number is measured by `trm.evaluate` or read from the run's log. The sentences on a task's limits are written
here; the numbers beside them are not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from trm.config import KINDS, ModelConfig
from trm.training.presets import TrainingPreset

LEVELS = ("easy", "medium", "hard")

MEANING = {
    "sudoku": "Easy: naked and hidden singles suffice. Medium: locked candidates and pairs are needed. Hard: search is needed.",
    "maze": "Steps are those of the shortest way. Easy: shorter than two sides, or hardly a wrong turning. Medium: "
    "shorter than three sides. Hard: three sides and more.",
}
ONLY_SINGLES = "It learned only from puzzles that singles solve; medium and hard ones it was not taught, and it fails more often there. "
LIMITS = {
    "sudoku": "It cannot say that a puzzle has no solution or several: its halting probability can be high for an answer "
    "that breaks the rules.",
    "maze": "It learned only depth-first mazes of this size with one way through. Loops, open places, another size and a "
    "goal that cannot be reached were never shown to it. Most cells are walls, so that the share of all cells that are "
    "right flatters it: look at exact answers.",
}


@dataclass(frozen=True)
class TrainingRun:
    """What is told of a training run beside its preset."""

    log: Sequence[dict[str, Any]]  # the lines of log.jsonl
    note: str = ""  # a sentence on circumstances, such as other work on the machine
    command: str = ""  # where it was not the preset's own

    @property
    def evaluations(self) -> list[dict[str, Any]]:
        """The lines on held-out puzzles."""
        return [line for line in self.log if "held_out_exact_by_step" in line]

    @property
    def machine(self) -> str:
        """What it ran on; the last start counts."""
        machines = [line["machine"] for line in self.log if "machine" in line]
        return machines[-1] if machines else "an unrecorded machine"


def card(
    preset: TrainingPreset,
    model: Any,
    scores: dict[str, Any],
    run: TrainingRun,
    today: date,
    snapshots: Sequence[str] = (),
) -> str:
    """The model's card, in Markdown."""
    sections = (
        _title(preset.name, preset.model, model),
        _made(preset, scores, run, snapshots),
        _skill(preset, scores),
        _progress(preset, run),
        f"## Limits\n\n{limits(preset)}\n{_measured_limits(scores)} Measured on {today.isoformat()}; "
        "results in other dtypes differ on a few puzzles.",
    )
    return "\n\n".join(sections) + "\n"


def _title(name: str, config: ModelConfig, model: Any) -> str:
    numbers = sum(tensor.numel() for tensor in model.state_dict().values())
    mixing = "attention and rotary positions" if config.mixing == "attention" else "MLP mixing"
    layers = f"{config.layers} layers" + (f" in f_L and {config.H_layers} in f_H" if config.H_layers else "")
    rows, columns = config.grid
    return (
        f"# {name}\n\n{KINDS[config.kind].title} with {mixing} for {config.task} of {rows}x{columns} cells: {numbers:,} "
        f"numbers, n={config.n}, T={config.T},\n{config.N_sup} supervision steps, {layers}, D={config.hidden_size}. "
        f"Weights: `{model.fingerprint}`. Licence: Apache-2.0."
    )


def _made(preset: TrainingPreset, scores: dict[str, Any], run: TrainingRun, snapshots: Sequence[str]) -> str:
    last = run.log[-1]
    command = run.command or f"python -m trm train --preset {preset.name} --out runs/{preset.name}"
    averaged = (
        f"The weights are an exponential moving average ({preset.ema})."
        if preset.ema
        else "The weights are not averaged."
    )
    lines = [
        f"{last['minutes']:.0f} minutes, {last['update']:,} updates of {preset.batch} puzzles, seed {preset.seed}, on "
        f"{run.machine}.{' ' + run.note if run.note else ''}",
        f"Data: {data_sentence(preset)} (seed {preset.data_seed}), under random symmetries; no solution is a symmetric "
        f"twin of one in `{scores['data']}`.",
        f"{averaged} Full log: `curve.csv`, drawn in `curve.png`.",
    ]
    if snapshots:
        lines.append(
            f"Weights on the way, in float16, each opened by its name: {', '.join(f'`{name}`' for name in snapshots)}."
        )
    bullets = "\n".join(f"- {line}" for line in lines)
    return f"## How it was made\n\n`{command}`\n\n{bullets}\n\n![Training](curve.png)"


def _skill(preset: TrainingPreset, scores: dict[str, Any]) -> str:
    steps = preset.model.N_sup
    columns = [step for step in (1, 4, steps) if step <= steps]
    head = " | ".join(f"after {step}" for step in columns)
    limit = f" --limit {scores['limit']}" if "limit" in scores else ""
    groups = [
        *sorted(scores["by_difficulty"].items(), key=_easy_first),
        ("all", {"count": scores["count"], "exact_by_step": scores["exact_by_step"]}),
    ]
    rows = "\n".join(
        f"| {name} | {group['count']} | "
        + " | ".join(f"{100 * group['exact_by_step'][step - 1]:.1f} %" for step in columns)
        + " |"
        for name, group in groups
    )
    return f"""## What it can do

`python -m trm eval --model {preset.name} --data {scores["data"]}{limit}`, in {scores["dtype"]}: {scores["count"]} puzzles it never saw, exactly
right after so many supervision steps.

| puzzles | count | {head} |
|---|---|{"---|" * len(columns)}
{rows}

- Cells right {100 * scores["cell"]:.1f} %, blank cells right {100 * scores["blank_cell"]:.1f} %.
- The halting logit tells right answers from wrong ones with an AUC of {scores["halt_auc"]:.3f} over all steps, where the step
  number helps, and of {scores["halt_auc_last_step"]:.3f} after the last step alone. It would halt after {scores["mean_halt_step"]:.1f} steps in the mean.

{MEANING.get(preset.model.task, "")}"""


def _progress(preset: TrainingPreset, run: TrainingRun) -> str:
    sizes = bool(preset.schedule.smaller_grids)
    rows = "\n".join(
        f"| {line['minutes']:.0f} | {line['update']:,} | T={line['T']}, n={line['n']}"
        + (f", {line['grid_cells']} cells" if sizes else "")
        + f" | {line['held_out_exact_by_step'][0]:.3f} | {line['held_out_exact_by_step'][-1]:.3f} |"
        for line in run.evaluations
    )
    return f"""## On held-out puzzles while it was trained

{preset.held_out} puzzles of the training kinds, {"of the size and " if sizes else ""}at the recursion depth then in use.

| minutes | updates | depth | exact after 1 step | after {preset.model.N_sup} |
|---|---|---|---|---|
{rows}"""


def limits(preset: TrainingPreset) -> str:
    """What was not taught, and what a model of the task cannot say."""
    only_singles = preset.model.task == "sudoku" and {part.difficulty for part in preset.data} == {"easy"}
    return (ONLY_SINGLES if only_singles else "") + LIMITS.get(preset.model.task, "")


def _measured_limits(scores: dict[str, Any]) -> str:
    wrong = 1 - scores["exact"]
    return (
        f"Of the puzzles above {100 * wrong:.1f} % are still wrong after the last step; it would halt on a wrong answer in "
        f"{100 * scores['halted_wrong']:.1f} % of them all."
    )


def data_sentence(preset: TrainingPreset) -> str:
    """What was trained on, in words."""
    parts = [
        f"{part.puzzles:,} {part.difficulty} ones"
        + "".join(f", {name.replace('_', ' ')} {_words(value)}" for name, value in part.options.items())
        for part in preset.data
    ]
    return f"generated {preset.model.task} puzzles, {'; '.join(parts)}"


def _words(value: Any) -> str:
    return " to ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _easy_first(item: tuple[str, Any]) -> tuple[int, str]:
    rank = next((rank for rank, level in enumerate(LEVELS) if item[0].startswith(level)), len(LEVELS))
    return rank, item[0]
