"""A training preset in words, for the card of its model: the puzzles, the curriculum, the papers' recipe, and the limits."""

from typing import Any

from trm.training.presets import PRESETS, TrainingPreset

PUZZLES = {"sudoku": "Sudoku puzzles", "maze": "mazes"}
OPTIMIZERS = {"adamw": "AdamW", "adam-atan2": "Adam-atan2"}
ONLY_SINGLES = "It was trained only on puzzles that singles solve; medium and hard puzzles are out of distribution, and it fails on them more often. "
LIMITS = {
    "sudoku": "It cannot report that a puzzle has no solution or several: its halting probability can be high for an answer "
    "that breaks the rules.",
    "maze": "It was trained only on depth-first mazes up to this size, with a single path to the goal. It never saw loops, open "
    "areas, larger grids or an unreachable goal. Most cells are walls, which inflates the cell accuracy: look at exact "
    "accuracy.",
}
HRM_PAPER = {"n": 2, "T": 2, "layers": 4}
"""What the HRM of the paper (arXiv:2506.21734) has and the TRM of the paper has not, of all that `recipe` compares."""


def data_sentence(preset: TrainingPreset) -> str:
    """Return a phrase that describes the generated training puzzles."""
    parts = []
    for part in preset.data:
        options = ", ".join(
            f"{name.replace('_', ' ')} {_words(value)}" for name, value in part.options.items()
        )
        parts.append(f"{part.puzzles:,} {part.difficulty}" + (f" ({options})" if options else ""))
    return f"generated {PUZZLES.get(preset.model.task, preset.model.task)}: {', '.join(parts)}"


def curriculum(preset: TrainingPreset) -> str:
    """Return a phrase on what changes during training besides the learning rate."""
    schedule = preset.schedule
    *first, last = schedule.depth
    depths = [f"n={phase.n} T={phase.T} until {phase.until:.0%}" for phase in first]
    parts = [f"{', '.join(depths)} of the run, then n={last.n} T={last.T}" if depths else ""]
    if schedule.smaller_grids:
        sides = [
            f"{phase.cells**0.5:.0f}x{phase.cells**0.5:.0f} until {phase.until:.0%}"
            for phase in schedule.smaller_grids
        ]
        parts.append(f"grids of {', '.join(sides)} of the run")
    if schedule.fewer_steps:
        steps = [f"{phase.steps} until {phase.until:.0%}" for phase in schedule.fewer_steps]
        parts.append(
            f"supervision steps per puzzle: at most {', '.join(steps)} of the run, then {preset.model.N_sup}"
        )
    if schedule.reveal:
        parts.append(
            f"up to {schedule.reveal:.0%} of the blank cells are revealed, fewer and fewer until {schedule.reveal_until:.0%}"
        )
    if schedule.givens:
        weights = [f"{phase.weight:g} until {phase.until:.0%}" for phase in schedule.givens]
        parts.append(f"the loss weighs given cells {', '.join(weights)}, then 1")
    return "; ".join(filter(None, parts))


def recipe(preset: TrainingPreset) -> str:
    """Return a phrase on what differs from the model and training of its paper."""
    maze, hrm = preset.model.task == "maze", preset.model.kind == "hrm"
    paper = PRESETS["paper-maze" if maze else "paper-sudoku-mlp"]
    model, theirs = preset.model, vars(paper.model) | (HRM_PAPER if hrm else {})
    pairs = [
        (f"{name}={{}}", getattr(model, field), theirs[field])
        for name, field in (("D", "hidden_size"), ("n", "n"), ("T", "T"))
    ]
    pairs += [
        ("{} layers in each net", model.layers, theirs["layers"]),
        ("{}", OPTIMIZERS[preset.optimizer], OPTIMIZERS[paper.optimizer]),
        ("{} loss", preset.cell_loss, paper.cell_loss),
        ("{} weights", "averaged" if preset.ema else "unaveraged", "unaveraged" if hrm else "averaged"),
        ("{} puzzles", "generated", f"1,000 of {'Maze-Hard' if maze else 'Sudoku-Extreme'}"),
    ]
    differences = [f"{form.format(ours)} instead of {their}" for form, ours, their in pairs if ours != their]
    if hrm and not preset.continue_loss:
        differences.append("no loss on q_continue")
    return ", ".join(differences)


def limits(preset: TrainingPreset) -> str:
    """Return sentences about puzzles outside the training distribution and about answers that the model cannot give."""
    only_singles = preset.model.task == "sudoku" and {part.difficulty for part in preset.data} == {"easy"}
    return (ONLY_SINGLES if only_singles else "") + LIMITS.get(preset.model.task, "")


def _words(value: Any) -> str:
    return " to ".join(map(str, value)) if isinstance(value, tuple) else str(value)
