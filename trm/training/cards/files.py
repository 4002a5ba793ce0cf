"""The files of a bundled model from which its card is written.

config.json      the model, its preset, seed and number of updates
training.json    what no other file knows of the run: its command and its machine
curve.csv        the log of the run, with its held-out accuracy
scores.json      accuracy and halting on the bundled test set; states.json: whether y and z are used
public.json      accuracy on public puzzles, if it was measured
notes.md         what a person adds to the limits, if anything
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from trm import registry
from trm.config import ModelConfig
from trm.errors import UserError
from trm.files import reading
from trm.results import load
from trm.training.cards.public import PublicResult, read_public
from trm.training.log import Line, read_curve
from trm.training.presets import PRESETS, TrainingPreset, get_preset

TRAINING, NOTES = "training.json", "notes.md"


@dataclass(frozen=True)
class TrainingRecord:
    """What neither the preset nor the log of a training run contains, and the machine that the log names."""

    command: str
    machine: str
    note: str = ""  # a sentence about the circumstances, such as other work on the machine


@dataclass(frozen=True)
class CardFacts:
    """All that the card of a bundled model reports."""

    preset: TrainingPreset  # with the seed of the run
    config: ModelConfig
    parameters: int
    fingerprint: str
    training: TrainingRecord
    curve: list[Line]
    snapshots: list[str]
    scores: Mapping[str, Any]
    states: Mapping[str, Mapping[str, Any]]
    public: Mapping[str, PublicResult]
    notes: str

    @property
    def name(self) -> str:
        return self.preset.name

    @property
    def evaluations(self) -> list[Line]:
        """The lines of the curve with an evaluation on held-out puzzles."""
        return [line for line in self.curve if "held_out_exact" in line]


def bundled_names() -> list[str]:
    """Return the names of the bundled models that have a preset, in the order of the presets."""
    present = set(registry.model_names())
    return [name for name in PRESETS if name in present]


def read_facts(name: str) -> CardFacts:
    """Read the files of a bundled model. Runs no model.

    Raises `UserError` if there is no such model, or if one of the files is missing or damaged.
    """
    if name not in bundled_names():
        raise UserError(f"There is no bundled model {name!r}. Choose one of: {', '.join(bundled_names())}.")
    folder, preset, model = registry.models_folder() / name, get_preset(name), registry.model_card(name)
    if model["accuracy"] is None:
        raise UserError(f"{folder} has no scores.json. Run python -m trm.training.bundle {name} RUN.")
    trained = registry.own_training(folder)
    return CardFacts(
        preset=replace(preset, seed=trained.seed if trained else preset.seed),
        config=registry.model_config(name),
        parameters=model["parameters"],
        fingerprint=registry.fingerprint(folder / "model.safetensors"),
        training=load(folder / TRAINING, TrainingRecord, refusal=UserError, thing="record of a training run"),
        curve=read_curve(folder),
        snapshots=registry.snapshot_names(name),
        scores=model["accuracy"],
        states=registry.measured_states(name),
        public=read_public(folder),
        notes=_notes(folder / NOTES),
    )


def _notes(path: Path) -> str:
    if not path.is_file():
        return ""
    with reading(path, UserError, "text", "Restore it."):
        return path.read_text("utf-8").strip()
