"""Writes the model card of a bundled model: its training, accuracy, and limits.

All results on a card come from `trm.evaluate` or from the run's log. The sentences about the limits of a task are fixed
texts in this module.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from trm.config import KINDS, ModelConfig
from trm.terminal import as_command
from trm.training.presets import TrainingPreset
from trm.training.seeds import seeds_section

LEVELS = ("easy", "medium", "hard")
PUZZLES = {"sudoku": "Sudoku puzzles", "maze": "mazes"}

MEANING = {
    "sudoku": "Easy: naked and hidden singles suffice. Medium: needs locked candidates and pairs. Hard: needs search.",
    "maze": "Steps: length of the shortest path. Easy: shorter than two sides of the grid, or few dead ends along it. Medium: "
    "shorter than three sides. Hard: three sides or longer.",
}
ONLY_SINGLES = "It was trained only on puzzles that singles solve; medium and hard puzzles are out of distribution, and it fails on them more often. "
LIMITS = {
    "sudoku": "It cannot report that a puzzle has no solution or several: its halting probability can be high for an answer "
    "that breaks the rules.",
    "maze": "It was trained only on depth-first mazes up to this size, with a single path to the goal. It never saw loops, open "
    "areas, larger grids or an unreachable goal. Most cells are walls, which inflates the cell accuracy: look at exact "
    "accuracy.",
}


@dataclass(frozen=True)
class TrainingRun:
    """Facts about a training run that the card reports and the preset does not contain."""

    log: Sequence[dict[str, Any]]  # the lines of log.jsonl
    note: str = ""  # a sentence about the circumstances, such as other work on the machine
    command: str = ""  # the training command, if not the preset's own

    @property
    def evaluations(self) -> list[dict[str, Any]]:
        """The log lines that contain an evaluation on held-out puzzles."""
        return [line for line in self.log if "held_out_exact_by_step" in line]

    @property
    def machine(self) -> str:
        """The hardware on which the run was last started or resumed."""
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
    """Return the model card as Markdown.

    `scores` are the results of `trm.training.bundle.measure`, and `snapshots` are the names of the snapshot models.
    """
    sections = (
        _title(preset.name, preset.model, model),
        _made(preset, scores, run, snapshots),
        _skill(preset, scores),
        _progress(preset, run),
        f"## Limits\n\n{limits(preset)}\n{_measured_limits(scores)} Measured on {today.isoformat()}; "
        "results in other dtypes differ on a few puzzles.",
        seeds_section(preset.name),
    )
    return "\n\n".join(filter(None, sections)) + "\n"


def _title(name: str, config: ModelConfig, model: Any) -> str:
    parameters = sum(tensor.numel() for tensor in model.state_dict().values())
    mixing = "attention and rotary positions" if config.mixing == "attention" else "MLP mixing"
    layers = f"{config.layers} layers" + (f" in f_L and {config.H_layers} in f_H" if config.H_layers else "")
    rows, columns = config.grid
    return (
        f"# {name}\n\n{KINDS[config.kind].title} with {mixing} for {rows}x{columns} {PUZZLES.get(config.task, config.task)}: {parameters:,} "
        f"parameters, n={config.n}, T={config.T},\n{config.N_sup} supervision steps, {layers}, D={config.hidden_size}. "
        f"Weights: `{model.fingerprint}`. Licence: Apache-2.0."
    )


def _made(preset: TrainingPreset, scores: dict[str, Any], run: TrainingRun, snapshots: Sequence[str]) -> str:
    last = run.log[-1]
    settings = {"preset": preset.name, "seed": preset.seed or None, "out": f"runs/{preset.name}"}
    command = run.command or as_command("python -m trm train", settings)
    averaged = (
        f"The weights are an exponential moving average (decay {preset.ema})."
        if preset.ema
        else "The weights are not averaged."
    )
    lines = [
        f"{last['minutes']:.0f} minutes, {last['update']:,} updates of {preset.batch} puzzles, seed {preset.seed}, on "
        f"{run.machine}.{' ' + run.note if run.note else ''}",
        f"Data: {data_sentence(preset)}; seed {preset.data_seed}, augmented with random symmetries. No solution is a "
        f"symmetric copy of one in `{scores['data']}`.",
        f"{averaged} The full log is `curve.csv`, which the Halting page of the app draws.",
    ]
    if snapshots:
        lines.append(
            f"Intermediate checkpoints in float16 that can be opened by name: {', '.join(f'`{name}`' for name in snapshots)}."
        )
    bullets = "\n".join(f"- {line}" for line in lines)
    return f"## Training\n\n`{command}`\n\n{bullets}"


def _skill(preset: TrainingPreset, scores: dict[str, Any]) -> str:
    steps = preset.model.N_sup
    columns = [step for step in (1, 4, steps) if step <= steps]
    head = " | ".join(f"after {step}" for step in columns)
    options = {"model": preset.name, "data": scores["data"], "limit": scores.get("limit")}
    groups = [
        *sorted(scores["by_difficulty"].items(), key=_easy_first),
        ("all", {"count": scores["count"], "exact_by_step": scores["exact_by_step"]}),
    ]
    rows = "\n".join(
        f"| {name} | {group['count']} | "
        + " | ".join(f"{100 * group['exact_by_step'][step - 1]:.1f}%" for step in columns)
        + " |"
        for name, group in groups
    )
    return f"""## Accuracy

`{as_command("python -m trm eval", options)}` in {scores["dtype"]}: fraction of {scores["count"]:,} unseen puzzles solved
exactly after different numbers of supervision steps.

| puzzles | count | {head} |
|---|---|{"---|" * len(columns)}
{rows}

- Cell accuracy {100 * scores["cell"]:.1f}%, {100 * scores["blank_cell"]:.1f}% on blank cells.
- Halting AUROC (halting logit against correctness of the answer): {scores["halt_auc"]:.3f} over all steps, where the step number
  helps, and {scores["halt_auc_last_step"]:.3f} at the last step alone. Mean halting step: {scores["mean_halt_step"]:.1f}.

{MEANING.get(preset.model.task, "")}"""


def _progress(preset: TrainingPreset, run: TrainingRun) -> str:
    sizes = bool(preset.schedule.smaller_grids)
    rows = "\n".join(
        f"| {line['minutes']:.0f} | {line['update']:,} | T={line['T']}, n={line['n']}"
        + (f", {line['grid_cells']} cells" if sizes else "")
        + f" | {line['held_out_exact_by_step'][0]:.3f} | {line['held_out_exact_by_step'][-1]:.3f} |"
        for line in run.evaluations
    )
    return f"""## Held-out accuracy during training

The model is tested on {preset.held_out} held-out puzzles like those of training, at the {"grid size and " if sizes else ""}recursion depth in use at the time.

| minutes | updates | depth | exact after 1 step | exact after {preset.model.N_sup} |
|---|---|---|---|---|
{rows}"""


def limits(preset: TrainingPreset) -> str:
    """Return sentences about puzzles outside the training distribution and about answers that the model cannot give."""
    only_singles = preset.model.task == "sudoku" and {part.difficulty for part in preset.data} == {"easy"}
    return (ONLY_SINGLES if only_singles else "") + LIMITS.get(preset.model.task, "")


def _measured_limits(scores: dict[str, Any]) -> str:
    wrong = 1 - scores["exact"]
    return (
        f"After the last step, {100 * wrong:.1f}% of the test puzzles are still wrong; the model would halt on a wrong answer for "
        f"{100 * scores['halted_wrong']:.1f}% of all test puzzles."
    )


def data_sentence(preset: TrainingPreset) -> str:
    """Return a phrase that describes the generated training puzzles."""
    parts = []
    for part in preset.data:
        options = ", ".join(
            f"{name.replace('_', ' ')} {_words(value)}" for name, value in part.options.items()
        )
        parts.append(f"{part.puzzles:,} {part.difficulty}" + (f" ({options})" if options else ""))
    return f"generated {PUZZLES.get(preset.model.task, preset.model.task)}: {', '.join(parts)}"


def _words(value: Any) -> str:
    return " to ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _easy_first(item: tuple[str, Any]) -> tuple[int, str]:
    rank = next((rank for rank, level in enumerate(LEVELS) if item[0].startswith(level)), len(LEVELS))
    return rank, item[0]
