"""The command line: `python -m trm COMMAND`.

Results go to stdout, as one JSON object with --json; progress goes to stderr. A user's mistake ends with exit code 2
and one line that says what is wrong and what to do. Commands import what they need when they run, so that `--help`
and `models` do not wait for torch.
"""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

from trm import __version__
from trm.errors import UserError

MODEL_HELP = "a bundled name (see `trm models`), a folder, or a checkpoint file"
DATA_HELP = (
    "a bundled set such as sudoku/test, a CSV, a text file with one puzzle a line, or a dataset folder"
)


class Parser(argparse.ArgumentParser):
    """Keeps argparse's mistakes to one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def main(arguments: list[str] | None = None) -> None:
    options = parser().parse_args(arguments)
    try:
        result = options.run(options)
    except UserError as error:
        print(f"trm: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("trm: stopped", file=sys.stderr)
        sys.exit(130)
    if result is not None:
        print(json.dumps(result) if options.json else readable(result))


def parser() -> Parser:
    top = Parser(prog="trm", description="Tiny recursive models: run, watch, evaluate and train them.")
    top.add_argument("--version", action="version", version=__version__)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)

    def command(name: str, run, summary: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=summary, description=summary)
        sub.add_argument("--json", action="store_true", help="print one JSON object")
        sub.set_defaults(run=run)
        return sub

    command("models", run_models, "list the bundled models")
    solve = command("solve", run_solve, "run a model on one puzzle and print the answer after every f_H call")
    solve.add_argument("--model", required=True, help=MODEL_HELP)
    solve.add_argument("--puzzle", required=True, help="the puzzle as text, or a file that holds it")
    score = command("eval", run_eval, "score a model on a puzzle set")
    score.add_argument("--model", required=True, help=MODEL_HELP)
    score.add_argument("--data", required=True, help=DATA_HELP)
    score.add_argument("--limit", type=int, help="take this many puzzles, evenly spread over the set")
    raw = command("forward", run_forward, "write every number of a forward pass, to compare implementations")
    raw.add_argument("--model", required=True, help=MODEL_HELP)
    raw.add_argument(
        "--inputs", required=True, type=Path, help=".npz with inputs [B, L], optional puzzle_identifiers [B]"
    )
    raw.add_argument("--out", required=True, type=Path, help=".npz to write")
    train = command("train", run_train, "train a preset; kill it at any moment and go on with --resume")
    train.add_argument("--preset", required=True, help="sudoku-trm")
    train.add_argument("--out", required=True, type=Path, help="folder of the run")
    train.add_argument("--minutes", type=float, help="time to train; the schedules are fitted to it")
    train.add_argument("--resume", action="store_true", help="go on with the run in the folder")
    data = commands.add_parser("data", help="make puzzle sets").add_subparsers(
        required=True, parser_class=Parser
    )
    generate = data.add_parser("generate", help="generate puzzles with one solution each")
    generate.add_argument("--json", action="store_true", help="print one JSON object")
    generate.set_defaults(run=run_generate)
    generate.add_argument("task", help="sudoku")
    generate.add_argument("--count", required=True, type=int)
    generate.add_argument("--difficulty", default="easy", choices=("easy", "medium", "hard"))
    generate.add_argument("--givens", help="how many cells are given, such as 24-40 (a range) or 30")
    generate.add_argument("--seed", type=int, default=0)
    generate.add_argument("--out", required=True, type=Path, help="folder to write to")
    generate.add_argument("--format", default="official", choices=("official", "csv"))
    return top


def run_models(options: argparse.Namespace) -> list[dict[str, Any]]:
    from trm.registry import model_card, model_names

    return [model_card(name) for name in model_names()]


def run_solve(options: argparse.Namespace) -> dict[str, Any]:
    from trm.checkpoint import load_model
    from trm.solve import solve
    from trm.tasks import get_task

    model = load_model(options.model)
    task = get_task(model.config.task)
    result = solve(model, task, puzzle_text(options.puzzle))
    return result if options.json else {"grid": task.pretty(task.parse(result["answer"]))} | result


def run_eval(options: argparse.Namespace) -> dict[str, Any]:
    from trm.checkpoint import load_model
    from trm.data import load_puzzles
    from trm.evaluate import evaluate, evenly
    from trm.tasks import get_task

    model = load_model(options.model)
    task = get_task(model.config.task)
    with Progress("puzzles read") as reading:
        puzzles = load_puzzles(options.data, task, progress=reading.count)
    if options.limit is not None:
        puzzles = puzzles.take(evenly(len(puzzles), options.limit))
    with Progress("puzzles scored", len(puzzles)) as scoring:
        return evaluate(model, task, puzzles, progress=scoring.count)


def run_forward(options: argparse.Namespace) -> dict[str, Any]:
    from trm.checkpoint import load_model
    from trm.forward import forward_file

    return forward_file(load_model(options.model), options.inputs, options.out)


def run_train(options: argparse.Namespace) -> None:
    from trm.presets import get_preset
    from trm.train import train

    if options.minutes is not None and not options.minutes > 0:
        raise UserError(f"--minutes must be positive, not {options.minutes:g}.")
    train(get_preset(options.preset), options.out, minutes=options.minutes, resume=options.resume, say=tell)


def run_generate(options: argparse.Namespace) -> dict[str, Any]:
    from trm.data import generate_dataset, givens_range
    from trm.tasks import get_task

    task = get_task(options.task)
    chosen = {"givens": givens_range(options.givens)} if options.givens else {}
    with Progress("puzzles generated", options.count) as progress:
        written = generate_dataset(
            task,
            count=options.count,
            difficulty=options.difficulty,
            seed=options.seed,
            out=options.out,
            format=options.format,
            workers=os.cpu_count() or 1,
            progress=progress.count,
            **chosen,
        )
    return {"count": options.count, "written": str(written)}


def puzzle_text(given: str) -> str:
    """The text itself, or the content of the file it names."""
    if not os.path.isfile(given):  # noqa: PTH113 (unlike Path.is_file, false for a text that can be no path)
        return given
    path = Path(given)
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        raise UserError(f"{path} is not a text file.") from None


def readable(result: Any) -> str:
    """A result for people: one `name: value` a line, lists of objects as blocks."""
    if isinstance(result, list):
        return "\n\n".join(readable(item) for item in result) or "none"
    lines = []
    for name, value in result.items():
        if isinstance(value, str) and "\n" in value:
            lines.append(value)
        elif isinstance(value, list) and value and isinstance(value[0], str):
            lines += [f"{name}:", *(f"  {number:3d}  {item}" for number, item in enumerate(value, 1))]
        elif isinstance(value, dict):
            lines += [f"{name}:", *(f"  {key}: {_short(item)}" for key, item in value.items())]
        else:
            lines.append(f"{name}: {_short(value)}")
    return "\n".join(lines)


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4f}"
    if isinstance(value, list):
        return " ".join(_short(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{key} {_short(item)}" for key, item in value.items())
    return "none" if value is None else str(value)


def tell(text: str) -> None:
    """A line of progress."""
    print(text, file=sys.stderr, flush=True)


class Progress:
    """Counts on one line of a terminal; says nothing where nobody looks."""

    def __init__(self, what: str, total: int | None = None):
        self.what, self.total = what, total
        self.shown = False

    def count(self, done: int, total: int | None = None) -> None:
        total = total or self.total
        if sys.stderr.isatty():
            of = f" of {total}" if total else ""
            print(f"\r{done}{of} {self.what}", end="", file=sys.stderr, flush=True)
            self.shown = True

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *error: object) -> None:
        if self.shown:
            print(file=sys.stderr)
