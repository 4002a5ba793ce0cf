"""`trm data generate` and `trm data convert`: puzzle sets made, and written in another format."""

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


def add(adder) -> None:
    data = adder.add_parser("data", help="make and convert puzzle sets")
    adder = data.add_subparsers(required=True, metavar="COMMAND", parser_class=Parser)
    generate = add_command(adder, "generate", run_generate, "generate puzzles with their answers")
    generate.add_argument("task", help="sudoku or maze")
    generate.add_argument("--count", required=True, type=int)
    generate.add_argument(
        "--size", type=int, help="rows of the grid: Sudoku 4, 6 or 9 (usual), maze any (usual: 15)"
    )
    generate.add_argument("--difficulty", default="easy", choices=DIFFICULTIES)
    generate.add_argument("--givens", help="Sudoku: how many cells are given, such as 24-40 (a range) or 30")
    generate.add_argument("--style", help="maze: depth-first (one way; usual), loops, or random walls")
    generate.add_argument(
        "--min-path", type=int, help="maze: least steps of the shortest path (usual: the side)"
    )
    generate.add_argument("--max-path", type=int, help="maze: most steps of the shortest path")
    generate.add_argument("--loops", type=int, help="maze of style loops: how many walls are taken out")
    generate.add_argument("--seed", type=int, default=0)
    _written(generate)

    convert = add_command(
        adder, "convert", run_convert, "write a puzzle set in the official folder format or as CSV"
    )
    convert.add_argument("task", help="sudoku, maze or arc")
    convert.add_argument("--data", required=True, help=DATA_HELP)
    convert.add_argument("--size", type=int, help="rows of the grid, where it is not the task's usual size")
    _written(convert)


def _written(command: Parser) -> None:
    command.add_argument("--out", required=True, type=Path, help="folder to write to")
    command.add_argument("--format", default="official", choices=("official", "csv"))
    command.add_argument("--split", default="test", choices=("train", "test"), help="part of the data set")


def run_generate(options: Namespace) -> dict[str, Any]:
    from trm.data import generate_dataset, givens_range

    task = sized_task(options)
    wishes = {
        "givens": givens_range(options.givens) if options.givens else None,
        "style": options.style,
        "min_path": options.min_path,
        "max_path": options.max_path,
        "loops": options.loops,
    }
    chosen = {name: wish for name, wish in wishes.items() if wish is not None}
    foreign = sorted(chosen.keys() - task.generator_options)
    if foreign:
        raise UserError(
            f"--{foreign[0].replace('_', '-')} is no option of {task.name} puzzles. Leave it out."
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
    """The task that the options name, in their size. Raises UserError."""
    from trm.tasks import get_task

    return get_task(options.task, None if options.size is None else options.size**2)
