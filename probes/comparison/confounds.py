"""Confounds of a comparison: the differences between two models besides their type.

If there are confounds, a difference in results cannot be attributed to the architecture. Bundled models are also
compared by training preset and training log, other models only by size and depth.
"""

from typing import TYPE_CHECKING

from probes.comparison.result import Measurements
from trm.config import HALT_OR_CONTINUE
from trm.registry import model_folder, own_training

if TYPE_CHECKING:
    from trm.model import Model

SUDOKU_PAIR = ("sudoku-trm", "sudoku-hrm")
SUDOKU_CONFOUNDS = (
    "Apart from the model type, sudoku-trm and sudoku-hrm differ in seven ways: parameters, D, T, updates, backpropagated "
    "calls, phases of the depth schedule, and supervision steps early in training. Differences between the two therefore say nothing "
    "about HRM or TRM in general; maze-trm and maze-hrm are better matched."
)
LABELS = {
    "calls with gradient": "backpropagated calls",
    "depth phases in training": "phases of the depth schedule",
}
"""Display names of the facts whose key is not their name."""


def facts(model: "Model") -> dict[str, str]:
    """Return the size and depth of a model and, for bundled models, how it was trained, as strings by name."""
    from trm.models import parameter_count
    from trm.training.presets import get_preset

    config = model.config
    values = {
        "parameters": f"{parameter_count(model):,}",
        "D": str(config.hidden_size),
        "n": str(config.n),
        "T": str(config.T),
    }
    folder = model_folder(model.name)
    training = None if folder is None else own_training(folder)
    if training is None:
        return values
    preset = get_preset(training.preset)
    return values | {
        "seed": str(training.seed),
        "updates": f"{training.update:,}",
        "calls with gradient": str(preset.gradient_calls or model.gradient_calls(config.n)),
        "loss on the continue logit": "yes" if config.halting == HALT_OR_CONTINUE else "no",
        "depth phases in training": str(len(preset.schedule.depth)),
        "supervision steps early in training": str(preset.schedule.steps_at(0.0, config.N_sup)),
    }


def differences(one: Measurements, other: Measurements) -> dict[str, str]:
    """Return the facts that differ between two models, each as text with both values."""
    return {
        name: f"{LABELS.get(name, name)} ({value} vs {other.facts[name]})"
        for name, value in one.facts.items()
        if other.facts.get(name, value) != value
    }


def caution(one: Measurements, other: Measurements) -> str:
    """Return a paragraph on the confounds of a comparison and their consequence; "" if there are no confounds."""
    differing = differences(one, other)
    if not differing:
        return ""
    ways = "1 way" if len(differing) == 1 else f"{len(differing)} ways"
    *others, last = differing.values()
    listed = ", and ".join(filter(None, (", ".join(others), last)))
    names = f"{one.provenance.model} and {other.provenance.model} differ in {ways}: {listed}."
    if differing.keys() == {"seed"}:
        return f"{names} They show how much two training runs of the same preset differ."
    if differing.keys() == {"updates"}:
        return f"{names} They are two stages of one training run."
    subject = names if one.provenance.kind == other.provenance.kind else f"Apart from the model type, {names}"
    return (
        f"{subject} Each is a single training run, so differences between their results cannot be attributed to the "
        "architecture."
    )
