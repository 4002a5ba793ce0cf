"""The provenance of a result: what made it."""

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from trm import __version__

if TYPE_CHECKING:
    from trm.coordinates import Depth
    from trm.data import PuzzleSet
    from trm.model import Model


@dataclass(frozen=True)
class Training:
    """How far `trm train` had trained a checkpoint when it saved it."""

    preset: str
    seed: int
    update: int  # number of updates


@dataclass(frozen=True)
class Provenance:
    """What made a trace or the result of an analysis: the model, the device, this library and the puzzles."""

    model: str  # value of `--model`
    fingerprint: str  # hash of the weights (`trm.registry.fingerprint`)
    kind: str  # type of model
    task: str
    device: str
    dtype: str
    version: str  # version of this library
    recorded: str  # date, ISO 8601; empty for a live run
    changes: str | None = None  # the interventions (`probes.interventions.spec`); None for a clean run
    halting: str | None = (
        None  # the halting rule; None in older traces, when each kind of model had only one rule
    )
    unknown: str | None = None  # settings of the checkpoint that were not understood
    cells: int | None = None  # cells of the grid
    data: str | None = None  # value of `--data`
    count: int | None = None  # puzzles
    n: int | None = None  # depth of the runs
    T: int | None = None
    N_sup: int | None = None
    command: str | None = None  # command that reproduces the result
    engine: str | None = None  # what computed the nets (`trm.engine`); None in older traces: torch
    seed: int | None = None  # seed of the model's training, if `trm train` saved it
    update: int | None = None  # updates of its training

    @classmethod
    def of(
        cls,
        model: "Model",
        *,
        recorded: date | None = None,
        changes: str | None = None,
        puzzles: "PuzzleSet | None" = None,
        depth: "Depth | None" = None,
        command: str | None = None,
    ) -> "Provenance":
        """Describe a run of a model, or runs of a puzzle set, at a depth. `recorded` is the date of a recording."""
        config, training = model.config, getattr(model, "training_run", None)
        return cls(
            model=model.name,
            fingerprint=model.fingerprint,
            kind=config.kind,
            task=config.task,
            device=model.device.type,
            dtype=str(model.compute_dtype).removeprefix("torch."),
            version=__version__,
            recorded=recorded.isoformat() if recorded else "",
            changes=changes,
            halting=config.halting,
            unknown=", ".join(config.unknown) or None,
            command=command,
            engine=model.engine,
            seed=training and training.seed,
            update=training and training.update,
            **(vars(depth) if depth else {}),
            **(
                {}
                if puzzles is None
                else {"cells": puzzles.inputs.shape[1], "data": puzzles.name, "count": len(puzzles)}
            ),
        )
