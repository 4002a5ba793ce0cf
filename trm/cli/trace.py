"""What `trm trace` does: states of many puzzles into a store (`trm.store`)."""

import shlex
import sys
from argparse import Namespace
from typing import Any

from trm.cli.commands import forced, identifiers, opened
from trm.terminal import Progress, tell


def run_trace(options: Namespace) -> dict[str, Any] | None:
    from trm.data import load_puzzles
    from trm.evaluate import evenly
    from trm.store.layout import Settings
    from trm.store.record import Part, record_store, take_gpu_of_this_process

    part = Part.of_this_process()
    shard = options.shard or max(options.batch or 0, Settings.shard)
    settings = Settings(
        states=options.states,
        calls=options.calls,
        positions=options.positions,
        logits=options.logits,
        dtype=options.dtype,
        batch=options.batch or min(Settings.batch, shard),
        shard=shard,
    )
    take_gpu_of_this_process()
    model, task = opened(options)
    with Progress("puzzles read") as reading:
        puzzles = load_puzzles(
            options.data, task, progress=reading.count, identifiers=identifiers(options, model)
        )
    if options.limit is not None:
        puzzles = puzzles.take(evenly(len(puzzles), options.limit))
    with Progress("puzzles run") as running:
        result = record_store(
            model,
            task,
            puzzles,
            options.out,
            settings,
            part=part,
            force=options.force,
            command=command_line(options, settings),
            say=_tell_over_progress if part.leads else _nothing,
            progress=running.count if part.leads else None,
        )
    return result if part.leads else None


def command_line(options: Namespace, settings: Any) -> str:
    """The command that records the same store, every setting named; without --out, as a store may be moved."""
    from dataclasses import asdict

    from trm.cli.main import FORCED

    forcing = {
        field: names[-1] if "--positions" in names else names[0] for field, (names, *_) in FORCED.items()
    }
    values: dict[str, object] = {"--model": options.model, "--data": options.data, "--limit": options.limit}
    values |= {f"--{name}": value for name, value in asdict(settings).items()}
    values |= {forcing[name]: value for name, value in forced(options).items()}
    values["--identifiers"] = options.identifiers
    words = [word for name, value in values.items() if value is not None for word in (name, str(value))]
    return shlex.join(["trm", "trace", *words])


def _tell_over_progress(text: str) -> None:
    """A line on stderr, in the place of the line of progress that may stand there."""
    tell(f"\r\033[K{text}" if sys.stderr.isatty() else text)


def _nothing(text: str) -> None:
    """What a process says that does not lead."""
