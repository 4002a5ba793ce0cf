"""`trm inspect`: show the configuration of a checkpoint, the assumed values, and a self-check."""

from argparse import Namespace
from typing import Any

from trm.cli.options import add_command, forced_fields, model_options
from trm.progress import ProgressLine


def add(subparsers) -> None:
    command = add_command(
        subparsers,
        "inspect",
        run,
        "show the configuration of a checkpoint, the source of every value, and a self-check",
    )
    model_options(command, positional=True)
    command.add_argument("--no-check", action="store_true", help="skip the self-check on a few puzzles")


def run(options: Namespace) -> dict[str, Any]:
    from trm.inspection.inspect import inspect_model, report

    with ProgressLine("self-check puzzles run") as checking:
        result = inspect_model(
            options.model,
            force=forced_fields(options),
            self_check=not options.no_check,
            progress=checking.count,
        )
    return result if options.json else report(result)
