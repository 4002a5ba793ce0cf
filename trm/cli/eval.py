"""`trm eval`: score a model on a puzzle set."""

from argparse import Namespace
from typing import Any

from trm.cli.options import (
    DATA_HELP,
    add_command,
    identifiers_option,
    limited_puzzles,
    model_options,
    open_model,
)
from trm.progress import ProgressLine


def add(subparsers) -> None:
    command = add_command(subparsers, "eval", run, "score a model on a puzzle set")
    model_options(command)
    command.add_argument("--data", required=True, help=DATA_HELP)
    command.add_argument("--limit", type=int, help="use only this many puzzles, spread evenly over the set")
    identifiers_option(command)


def run(options: Namespace) -> dict[str, Any]:
    from trm.evaluate import evaluate

    model, task = open_model(options)
    puzzles = limited_puzzles(options, model, task)
    with ProgressLine("puzzles scored", len(puzzles)) as scoring:
        return evaluate(model, task, puzzles, progress=scoring.count)
