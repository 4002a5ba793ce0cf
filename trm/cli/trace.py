"""`trm trace`: record the states of many puzzles into a store (`trm.store`)."""

import shlex
import sys
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import Any

from trm.cli.options import (
    DATA_HELP,
    add_command,
    forced_fields,
    identifiers_option,
    limited_puzzles,
    model_options,
    open_model,
)
from trm.config import FORCEABLE
from trm.progress import ProgressLine
from trm.terminal import log


def add(subparsers) -> None:
    trace = add_command(
        subparsers,
        "trace",
        run,
        "record the states of many puzzles into a store; after an interruption, the same command resumes",
    )
    model_options(trace, taken=("--positions",))
    trace.add_argument("--data", required=True, help=DATA_HELP)
    trace.add_argument("--out", required=True, type=Path, help="folder of the store")
    trace.add_argument("--limit", type=int, help="use only this many puzzles, spread evenly over the set")
    trace.add_argument("--force", action="store_true", help="remove an existing store and start over")
    identifiers_option(trace)
    stored = trace.add_argument_group("what is stored")
    stored.add_argument("--states", default="y,z", help="y, z, y,z or none (default: y,z)")
    stored.add_argument(
        "--calls",
        default="f_H",
        help="after which calls: f_H, all, last (of each supervision step), or a list of supervision "
        "step.cycle.call such as 1.3.7,16.*.7 (default: f_H); y is stored only at f_H calls, which update it",
    )
    stored.add_argument(
        "--positions",
        default="cells",
        help="positions of the states: cells, mean (over all cells), prefix, all, or cells such as r1c1,r5c5; "
        "several separated by commas (default: cells)",
    )
    stored.add_argument(
        "--logits",
        default="top5",
        help="logits of the answers at f_H calls: none, all, or top<k> (default: top5)",
    )
    stored.add_argument(
        "--dtype",
        default="float16",
        choices=("float16", "float32", "bfloat16"),
        help="dtype of states and logits (default: float16)",
    )
    runs = trace.add_argument_group("how it runs")
    runs.add_argument("--batch", type=int, help="puzzles per forward pass (default: 64)")
    runs.add_argument(
        "--shard",
        type=int,
        help="puzzles per shard; a shard is stored completely or not at all (default: 64)",
    )


def run(options: Namespace) -> dict[str, Any] | None:
    from trm.store.layout import StoreSettings
    from trm.store.record import Worker, record_store, take_gpu_of_this_process

    worker = Worker.of_this_process()
    shard = options.shard or max(options.batch or 0, StoreSettings.shard)
    settings = StoreSettings(
        states=options.states,
        calls=options.calls,
        positions=options.positions,
        logits=options.logits,
        dtype=options.dtype,
        batch=options.batch or min(StoreSettings.batch, shard),
        shard=shard,
    )
    take_gpu_of_this_process()
    model, task = open_model(options)
    puzzles = limited_puzzles(options, model, task)
    with ProgressLine("puzzles run") as running:
        result = record_store(
            model,
            task,
            puzzles,
            options.out,
            settings,
            worker=worker,
            force=options.force,
            command=command_line(options, settings),
            log=_log_over_progress if worker.is_lead else _nothing,
            progress=running.count if worker.is_lead else None,
        )
    return result if worker.is_lead else None


def command_line(options: Namespace, settings: Any) -> str:
    """The command that records the same store, with every setting; without --out, as a store may be moved."""
    forcing = {
        field: names[-1] if "--positions" in names else names[0] for field, (_, names, _) in FORCEABLE.items()
    }
    values: dict[str, object] = {"--model": options.model, "--data": options.data, "--limit": options.limit}
    values |= {f"--{name}": value for name, value in asdict(settings).items()}
    values |= {forcing[name]: value for name, value in forced_fields(options).items()}
    values["--identifiers"] = options.identifiers
    words = [word for name, value in values.items() if value is not None for word in (name, str(value))]
    return shlex.join(["trm", "trace", *words])


def _log_over_progress(text: str) -> None:
    """Log a line to stderr, replacing any progress line."""
    log(f"\r\033[K{text}" if sys.stderr.isatty() else text)


def _nothing(text: str) -> None:
    """A log callback that discards its line, for workers other than the lead."""
