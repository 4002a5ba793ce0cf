"""`trm trace`: the states of many puzzles recorded into a store (`trm.store`)."""

import shlex
import sys
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import Any

from trm.cli.options import (
    DATA_HELP,
    add_command,
    forced,
    identifiers_option,
    limited_puzzles,
    model_options,
    opened,
)
from trm.config import FORCEABLE
from trm.progress import ProgressLine
from trm.terminal import log


def add(adder) -> None:
    trace = add_command(
        adder,
        "trace",
        run,
        "record the states of many puzzles into a store; stopped at any moment, the same command goes on",
    )
    model_options(trace, taken=("--positions",))
    trace.add_argument("--data", required=True, help=DATA_HELP)
    trace.add_argument("--out", required=True, type=Path, help="folder of the store")
    trace.add_argument("--limit", type=int, help="take this many puzzles, evenly spread over the set")
    trace.add_argument("--force", action="store_true", help="remove the store that is there and start over")
    identifiers_option(trace)
    kept = trace.add_argument_group("what is kept")
    kept.add_argument("--states", default="y,z", help="y, z, or y,z (usual), or none")
    kept.add_argument(
        "--calls",
        default="f_H",
        help="after which calls: f_H (usual), all, last (of each supervision step), or a list of supervision "
        "step.cycle.call such as 1.3.7,16.*.7; y is kept at f_H calls only, which rewrite it",
    )
    kept.add_argument(
        "--positions",
        default="cells",
        help="of states: cells (usual), mean (over all cells), prefix, all, or cells such as r1c1,r5c5; "
        "several with commas between",
    )
    kept.add_argument(
        "--logits", default="top5", help="of the answers at f_H calls: none, all, or top<k> (usual: top5)"
    )
    kept.add_argument(
        "--dtype",
        default="float16",
        choices=("float16", "float32", "bfloat16"),
        help="of states and logits (usual: float16)",
    )
    runs = trace.add_argument_group("how it is run")
    runs.add_argument("--batch", type=int, help="puzzles a forward pass (usual: 64)")
    runs.add_argument(
        "--shard", type=int, help="puzzles a shard, which is whole or not there (usual: 64, or the batch)"
    )


def run(options: Namespace) -> dict[str, Any] | None:
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
    puzzles = limited_puzzles(options, model, task)
    with ProgressLine("puzzles run") as running:
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
    forcing = {
        field: names[-1] if "--positions" in names else names[0] for field, (_, names, _) in FORCEABLE.items()
    }
    values: dict[str, object] = {"--model": options.model, "--data": options.data, "--limit": options.limit}
    values |= {f"--{name}": value for name, value in asdict(settings).items()}
    values |= {forcing[name]: value for name, value in forced(options).items()}
    values["--identifiers"] = options.identifiers
    words = [word for name, value in values.items() if value is not None for word in (name, str(value))]
    return shlex.join(["trm", "trace", *words])


def _tell_over_progress(text: str) -> None:
    """A line on stderr, in the place of the line of progress that may stand there."""
    log(f"\r\033[K{text}" if sys.stderr.isatty() else text)


def _nothing(text: str) -> None:
    """What a process says that does not lead."""
