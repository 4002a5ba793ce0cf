"""What two models differ in beside their kind. Where that is more than nothing, no result of theirs may be put down to the
architecture.

Of a bundled model its training preset and its log are known too; of others only what the weights say.
"""

import csv
from typing import TYPE_CHECKING

from probes.comparison.result import Measurements
from trm.errors import UserError
from trm.registry import model_folder

if TYPE_CHECKING:
    from trm.model import Model

SUDOKU_PAIR = ("sudoku-trm", "sudoku-hrm")
SUDOKU_CONFOUNDS = (
    "sudoku-trm and sudoku-hrm differ in eight things beside their kind: parameters, D, n, T, updates, calls with a gradient, the "
    "loss of the continue logit, and phases of depth in training. And z of sudoku-hrm is its input once more. So no difference "
    "between the two says anything of HRM or of TRM; maze-trm and maze-hrm are matched better."
)


def facts(model: "Model") -> dict[str, str]:
    """What a model is, and how it was trained where that is known."""
    from trm.models import parameter_count
    from trm.training.presets import get_preset

    config = model.config
    found = {
        "parameters": f"{parameter_count(model):,}",
        "D": str(config.hidden_size),
        "n": str(config.n),
        "T": str(config.T),
    }
    folder = model_folder(model.name)
    try:
        preset = get_preset(model.name)
    except UserError:
        return found
    if folder is None:
        return found
    with (folder / "curve.csv").open(encoding="utf-8", newline="") as log:
        *_, last = csv.DictReader(log)
    return found | {
        "updates": f"{int(last['update']):,}",
        "calls with a gradient": str(preset.gradient_calls or model.gradient_calls(config.n)),
        "a loss of the continue logit": "yes" if preset.continue_loss else "no",
        "phases of depth in training": str(len(preset.schedule.depth)),
    }


def differences(one: Measurements, other: Measurements) -> list[str]:
    """Each thing in which two models differ, with both values."""
    return [
        f"{name} ({value} and {other.facts[name]})"
        for name, value in one.facts.items()
        if other.facts.get(name, value) != value
    ]


def caution(one: Measurements, other: Measurements) -> str:
    """What their differences mean for anything said of the two; "" where there are none."""
    found = differences(one, other)
    if not found:
        return ""
    return (
        f"{one.about.name} and {other.about.name} differ in {len(found)} things beside their kind: {', '.join(found)}. Each was "
        "trained once. So no difference between their results can be put down to the architecture."
    )
