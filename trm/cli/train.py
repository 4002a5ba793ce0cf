"""`trm train`: train a preset, or resume a stopped run."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter
from cyclopts.validators import mutually_exclusive

from trm.errors import UserError
from trm.terminal import log
from trm.training.presets import get_preset
from trm.training.run import train

MAX_SNAPSHOTS = 50
LENGTH = Parameter(group=Group("Length", validator=mutually_exclusive))


def run(
    *,
    preset: str,
    out: Path,
    data: Path | None = None,
    minutes: Annotated[float | None, LENGTH] = None,
    updates: Annotated[int | None, LENGTH] = None,
    seed: int | None = None,
    snapshots: int | None = None,
    resume: bool = False,
) -> None:
    """Train a model.

    Args:
        preset: what to train, such as sudoku-trm; an unknown name lists the presets
        out: folder of the run
        data: official data folder, for the paper-* presets
        minutes: training time, including evaluations; the schedules adapt to it. Puzzles are generated first, once per folder
        updates: number of updates, however long they take
        seed: seed of the initial weights and of all random draws (default: the preset's). With --updates, equal seeds give equal weights on one machine with the same number of threads
        snapshots: number of intermediate models to save, evenly spaced (default: the preset's)
        resume: resume the run in the folder
    """
    if minutes is not None and not minutes > 0:
        raise UserError(f"--minutes must be positive, not {minutes:g}.")
    if updates is not None and updates < 1:
        raise UserError(f"--updates must be 1 or more, not {updates}.")
    if seed is not None and not 0 <= seed < 2**63:
        raise UserError(f"--seed must be 0 or more and below 2^63, not {seed}.")
    if snapshots is not None and not 0 <= snapshots <= MAX_SNAPSHOTS:
        raise UserError(f"--snapshots must be from 0 to {MAX_SNAPSHOTS}, not {snapshots}.")
    chosen = get_preset(preset)
    if seed is not None:
        chosen = replace(chosen, seed=seed)
    if snapshots is not None:
        times = tuple(number / (snapshots + 1) for number in range(1, snapshots + 1))
        chosen = replace(chosen, snapshots=times)
    train(
        chosen,
        out,
        data=data,
        minutes=minutes,
        updates=updates,
        resume=resume,
        log=log,
    )
