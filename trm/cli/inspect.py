"""`trm inspect`: what a checkpoint holds, what was assumed and why."""

from argparse import Namespace
from typing import Any

from trm.cli.options import add_command, forced, model_options
from trm.progress import ProgressLine


def add(adder) -> None:
    command = add_command(adder, "inspect", run, "say what a checkpoint holds, what was assumed and why")
    model_options(command, positional=True)
    command.add_argument("--no-check", action="store_true", help="leave out the self-check on a few puzzles")


def run(options: Namespace) -> dict[str, Any]:
    from trm.inspection.inspect import inspect_model, report

    with ProgressLine("self-check puzzles run") as checking:
        found = inspect_model(
            options.model, force=forced(options), self_check=not options.no_check, progress=checking.count
        )
    return found if options.json else report(found)
