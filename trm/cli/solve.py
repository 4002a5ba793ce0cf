"""`trm solve`: solve a puzzle and print the answer after every f_H call."""

from argparse import Namespace
from typing import Any

from trm.cli.options import (
    PUZZLE_HELP,
    PUZZLE_ID_HELP,
    add_command,
    chosen_puzzle_id,
    model_options,
    open_model,
    puzzle_id_options,
    puzzle_texts,
)
from trm.progress import ProgressLine


def add(subparsers) -> None:
    command = add_command(
        subparsers,
        "solve",
        run,
        "run a model on a puzzle and print the answer after every f_H call",
    )
    model_options(command)
    command.add_argument("--puzzle", required=True, help=PUZZLE_HELP)
    puzzle_id_options(command, PUZZLE_ID_HELP)


def run(options: Namespace) -> dict[str, Any] | list[dict[str, Any]]:
    """Solve the puzzle, or all puzzles in a file: then the result is {count, puzzles}, or a list without --json."""
    from trm.evaluate import solve

    model, task = open_model(options)
    texts = puzzle_texts(options.puzzle, task)
    puzzle_id = chosen_puzzle_id(options, model)
    with ProgressLine("puzzles solved", len(texts)) as solving:
        results = []
        for place, text in texts.items():
            results.append({"place": place, **solve(model, task, text, puzzle_id=puzzle_id)})
            solving.count(len(results))
    if len(results) > 1:
        return {"count": len(results), "puzzles": results} if options.json else results
    del results[0]["place"]
    return results[0]
