"""`trm solve`: one puzzle, and the answer after every f_H call."""

from argparse import Namespace
from typing import Any

from trm.cli.options import (
    PUZZLE_HELP,
    PUZZLE_ID_HELP,
    add_command,
    asked_puzzle_id,
    model_options,
    opened,
    puzzle_id_options,
    puzzle_texts,
)
from trm.progress import ProgressLine


def add(adder) -> None:
    command = add_command(
        adder,
        "solve",
        run,
        "run a model on one puzzle and print the answer after every f_H call",
    )
    model_options(command)
    command.add_argument("--puzzle", required=True, help=PUZZLE_HELP)
    puzzle_id_options(command, PUZZLE_ID_HELP)


def run(options: Namespace) -> dict[str, Any] | list[dict[str, Any]]:
    """Of a file with several puzzles all are solved: {count, puzzles}, or for people one result below the other."""
    from trm.evaluate import solve

    model, task = opened(options)
    asked = puzzle_texts(options.puzzle, task)
    puzzle_id = asked_puzzle_id(options, model)
    with ProgressLine("puzzles solved", len(asked)) as solving:
        results = []
        for place, text in asked.items():
            results.append({"place": place, **solve(model, task, text, puzzle_id=puzzle_id)})
            solving.count(len(results))
    if len(results) > 1:
        return {"count": len(results), "puzzles": results} if options.json else results
    del results[0]["place"]
    return results[0]
