"""`trm trace`: record the states of many puzzles into a store (`trm.store`)."""

import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Group, Parameter

from trm.cli.options import CHECKPOINT, FLAT, EngineChoice, ModelChoice, PuzzleChoice
from trm.config import FORCEABLE
from trm.parallel import Worker, take_gpu_of_this_process
from trm.progress import ProgressLine, no_progress
from trm.store.layout import StoredStates, StoreSettings
from trm.store.record import record_store
from trm.terminal import as_command, log

POSITIONS = FORCEABLE["positions"]


@FLAT
@dataclass(frozen=True, kw_only=True)
class TracedModel(ModelChoice):
    """The model. --positions here selects states, not the model's position encoding."""

    positions: Annotated[
        str | None, Parameter(name=POSITIONS.options[1:], help=POSITIONS.meaning, group=CHECKPOINT)
    ] = None


def run(
    *,
    choice: TracedModel,
    puzzles: PuzzleChoice,
    out: Path,
    force: bool = False,
    engine: EngineChoice = EngineChoice(),
    stored: Annotated[StoredStates, Parameter(name="*", group=Group("What is stored"))] = StoredStates(),
    batch: int | None = None,
    shard: int | None = None,
) -> dict[str, Any] | None:
    """Record the states, and return what was recorded. None in all processes but the lead.

    Args:
        out: folder of the store
        force: remove an existing store and start over
        batch: puzzles per forward pass (default: 32, or a smaller shard)
        shard: puzzles per shard, which is stored completely or not at all (default: 64, or a larger batch)
    """
    worker = Worker.of_this_process()
    shard = shard or max(batch or 0, StoreSettings.shard)
    settings = StoreSettings(**asdict(stored), batch=batch or min(StoreSettings.batch, shard), shard=shard)
    take_gpu_of_this_process()
    model, task = choice.load()
    model = engine.give(model)
    chosen = puzzles.load(model, task)
    with ProgressLine() as progress:
        result = record_store(
            model,
            task,
            chosen,
            out,
            settings,
            worker=worker,
            force=force,
            command=as_command(
                "trm trace", choice, puzzles, engine, settings
            ),  # without --out: a store may be moved
            log=_log_over_progress if worker.is_lead else _nothing,
            progress=progress if worker.is_lead else no_progress,
        )
    return result if worker.is_lead else None


def _log_over_progress(text: str) -> None:
    """Log a line to stderr, replacing any progress line."""
    log(f"\r\033[K{text}" if sys.stderr.isatty() else text)


def _nothing(text: str) -> None:
    """Log callback that discards its line, for all workers except the lead."""
