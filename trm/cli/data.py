"""`trm data generate` and `trm data convert`: generate puzzle sets and convert them to other formats."""

import os
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trm.cli.options import DATA_HELP, Parser, add_command
from trm.errors import UserError
from trm.progress import ProgressLine

if TYPE_CHECKING:
    from trm.tasks.base import Task

DIFFICULTIES = ("easy", "medium", "hard")


def add(subparsers) -> None:
    data = subparsers.add_parser("data", help="generate and convert puzzle sets")
    subcommands = data.add_subparsers(required=True, metavar="COMMAND", parser_class=Parser)
    generate = add_command(subcommands, "generate", run_generate, "generate puzzles with their solutions")
    generate.add_argument("task", help="sudoku or maze")
    generate.add_argument("--count", required=True, type=int, help="number of puzzles")
    generate.add_argument(
        "--size",
        type=int,
        help="rows of the grid: 4, 6 or 9 for Sudoku (default: 9), any for mazes (default: 15)",
    )
    generate.add_argument("--difficulty", default="easy", choices=DIFFICULTIES, help="default: easy")
    generate.add_argument("--givens", help="Sudoku: number of given cells, such as 24-40 (a range) or 30")
    generate.add_argument(
        "--style", help="maze: depth-first (a single path; default), loops, or random (random walls)"
    )
    generate.add_argument(
        "--min-path", type=int, help="maze: minimum length of the shortest path in steps (default: the side)"
    )
    generate.add_argument("--max-path", type=int, help="maze: maximum length of the shortest path in steps")
    generate.add_argument("--loops", type=int, help="maze of style loops: number of walls to remove")
    generate.add_argument("--seed", type=int, default=0, help="random seed (default: 0)")
    _output_options(generate)

    convert = add_command(
        subcommands, "convert", run_convert, "convert a puzzle set to the official folder format or to CSV"
    )
    convert.add_argument("task", help="sudoku, maze or arc")
    convert.add_argument("--data", required=True, help=DATA_HELP)
    convert.add_argument("--size", type=int, help="rows of the grid, if not the usual size of the task")
    _output_options(convert)


def _output_options(command: Parser) -> None:
    command.add_argument("--out", required=True, type=Path, help="folder to write to")
    command.add_argument(
        "--format", default="official", choices=("official", "csv"), help="output format (default: official)"
    )
    command.add_argument(
        "--split", default="test", choices=("train", "test"), help="part of the dataset (default: test)"
    )


def run_generate(options: Namespace) -> dict[str, Any]:
    from trm.data import generate_dataset, givens_range

    task = sized_task(options)
    values = {
        "givens": givens_range(options.givens) if options.givens else None,
        "style": options.style,
        "min_path": options.min_path,
        "max_path": options.max_path,
        "loops": options.loops,
    }
    chosen = {name: value for name, value in values.items() if value is not None}
    unsupported = sorted(chosen.keys() - task.generator_options)
    if unsupported:
        raise UserError(
            f"--{unsupported[0].replace('_', '-')} is not an option for {task.name} puzzles. Leave it out."
        )
    with ProgressLine("puzzles generated", options.count) as progress:
        written = generate_dataset(
            task,
            count=options.count,
            difficulty=options.difficulty,
            seed=options.seed,
            out=options.out,
            format=options.format,
            split=options.split,
            workers=os.cpu_count() or 1,
            progress=progress.count,
            **chosen,
        )
    return {"count": options.count, "written": str(written)}


def run_convert(options: Namespace) -> dict[str, Any]:
    from trm.data import load_puzzles, write_dataset

    task = sized_task(options)
    with ProgressLine("puzzles read") as reading:
        puzzles = load_puzzles(options.data, task, progress=reading.count, split=options.split)
    written = write_dataset(puzzles, options.out, task, format=options.format, split=options.split)
    return {"count": len(puzzles), "written": str(written)}


def sized_task(options: Namespace) -> "Task":
    """The task and grid size given by the options. Raises UserError."""
    from trm.tasks import get_task

    return get_task(options.task, None if options.size is None else options.size**2)
