"""The command line: `python -m trm COMMAND`.

Results go to stdout, as one JSON object with --json; progress goes to stderr. A user's mistake ends with exit code 2
and one line that says what is wrong and what to do. What each command does stands in `trm.cli.commands`, which imports what
it needs when it runs, so that `--help` and `models` do not wait for torch.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import NoReturn

from trm import __version__
from trm.cli import commands
from trm.cli.export import run_export
from trm.cli.trace import run_trace
from trm.errors import UserError
from trm.terminal import readable

MODEL_HELP = (
    "a bundled name (see `trm models`), a folder, a checkpoint file, or hf://owner/repo[/file] on the hub"
)
DATA_HELP = (
    "a bundled set such as sudoku/test, a CSV, a text file with puzzles in lines, a dataset folder, "
    "or a folder of official ARC JSON"
)
PUZZLE_HELP = "the puzzle as text, or a file that holds it (solve: or several)"
PUZZLE_ID_HELP = "row of the model's puzzle table (ARC): a number, or a name in --identifiers"
EXPORTS = {
    "html": "the player in one page that needs no network",
    "png": "one moment as a picture",
    "svg": "one moment as a drawing, its text as text",
    "gif": "the run as a film",
    "mp4": "the same, made by the program ffmpeg",
    "csv": "a table, one line per call",
    "npz": "every array of the run",
}
DIFFICULTIES = ("easy", "medium", "hard")

# What a checkpoint may not say of itself, by field of ModelConfig: option names, type, help.
FORCED = {
    "n": (("--n", "--L_cycles"), int, "f_L calls in a latent recursion"),
    "T": (("--T", "--H_cycles"), int, "latent recursions in a supervision step"),
    "N_sup": (("--N_sup", "--halt_max_steps"), int, "supervision steps"),
    "heads": (("--heads", "--num_heads"), int, "attention heads"),
    "positions": (("--positions", "--pos_encodings"), str, "rope, learned or none"),
    "prefix_length": (("--prefix", "--puzzle_emb_len"), int, "positions before the first cell"),
    "sequence_length": (("--cells", "--seq_len"), int, "cells of the grid"),
    "task": (("--task",), str, "sudoku, maze or arc"),
}


class Parser(argparse.ArgumentParser):
    """Keeps argparse's mistakes to one line, and takes no shortened options: scripts outlive them."""

    def __init__(self, **options):
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def main(arguments: list[str] | None = None) -> None:
    run_command(parser(), arguments)


def run_command(known: Parser, arguments: list[str] | None) -> None:
    """Run the command that the arguments name and print what it returns; a user's mistake ends with code 2 and one line."""
    options = known.parse_args(arguments)
    try:
        result = options.run(options)
    except UserError as error:
        print(f"{known.prog}: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print(f"{known.prog}: stopped", file=sys.stderr)
        sys.exit(130)
    if result is not None:
        print(json.dumps(result) if options.json else readable(result))


def parser() -> Parser:
    top = Parser(prog="trm", description="Tiny recursive models: run, watch, evaluate and train them.")
    top.add_argument("--version", action="version", version=__version__)
    adder = top.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)

    _command(adder, "models", commands.run_models, "list the bundled models")
    inspect = _command(
        adder, "inspect", commands.run_inspect, "say what a checkpoint holds, what was assumed and why"
    )
    _model_options(inspect, positional=True)
    inspect.add_argument("--no-check", action="store_true", help="leave out the self-check on a few puzzles")

    solve = _command(
        adder,
        "solve",
        commands.run_solve,
        "run a model on one puzzle and print the answer after every f_H call",
    )
    _model_options(solve)
    solve.add_argument("--puzzle", required=True, help=PUZZLE_HELP)
    _puzzle_id_options(solve, PUZZLE_ID_HELP)

    score = _command(adder, "eval", commands.run_eval, "score a model on a puzzle set")
    _model_options(score)
    score.add_argument("--data", required=True, help=DATA_HELP)
    score.add_argument("--limit", type=int, help="take this many puzzles, evenly spread over the set")
    _identifiers_option(score)

    raw = _command(
        adder,
        "forward",
        commands.run_forward,
        "write every number of a forward pass, to compare implementations",
    )
    _model_options(raw)
    raw.add_argument(
        "--inputs", required=True, type=Path, help=".npz with inputs [B, L], optional puzzle_identifiers [B]"
    )
    raw.add_argument("--out", required=True, type=Path, help=".npz to write")

    export = _command(adder, "export", run_export, "write what the player shows of a run to offline files")
    _export_options(export)

    trace = _command(
        adder,
        "trace",
        run_trace,
        "record the states of many puzzles into a store; stopped at any moment, the same command goes on",
    )
    _trace_options(trace)

    train = _command(
        adder, "train", commands.run_train, "train a preset; kill it at any moment and go on with --resume"
    )
    train.add_argument(
        "--preset", required=True, help="what to train, such as sudoku-trm; a wrong name lists them"
    )
    train.add_argument("--data", type=Path, help="official data folder, for the paper- presets")
    train.add_argument("--out", required=True, type=Path, help="folder of the run")
    length = train.add_mutually_exclusive_group()
    length.add_argument("--minutes", type=float, help="time to train; the schedules are fitted to it")
    length.add_argument("--updates", type=int, help="updates to train, however long they take")
    train.add_argument(
        "--seed", type=int, help="of the first weights and of what is drawn (usual: the preset's)"
    )
    train.add_argument("--resume", action="store_true", help="go on with the run in the folder")

    data = adder.add_parser("data", help="make and convert puzzle sets")
    _data_commands(data.add_subparsers(required=True, metavar="COMMAND", parser_class=Parser))
    return top


def _command(adder, name: str, run, summary: str) -> Parser:
    sub = adder.add_parser(name, help=summary, description=summary)
    sub.add_argument("--json", action="store_true", help="print one JSON object")
    sub.set_defaults(run=run)
    return sub


def _model_options(
    command: Parser, *, positional: bool = False, required: bool = True, taken: tuple[str, ...] = ()
) -> None:
    """The model, and what to take for values that its checkpoint does not hold; `taken` names mean something else here."""
    if positional:
        command.add_argument("model", help=MODEL_HELP)
    else:
        command.add_argument("--model", required=required, help=MODEL_HELP)
    forced = command.add_argument_group(
        "forced values", "taken instead of what was found or assumed (`trm inspect` shows that)"
    )
    for field, (names, kind, text) in FORCED.items():
        forced.add_argument(
            *(name for name in names if name not in taken), dest=f"force_{field}", type=kind, help=text
        )


def _puzzle_id_options(command: Parser, text: str) -> None:
    command.add_argument("--puzzle-id", default="0", help=text)
    _identifiers_option(command)


def _identifiers_option(command: Parser) -> None:
    command.add_argument(
        "--identifiers",
        type=Path,
        help="identifiers.json of the data set that an ARC model was trained on; usually looked for beside the checkpoint",
    )


def _export_options(export: Parser) -> None:
    _model_options(export, required=False)
    export.add_argument("--puzzle", help=PUZZLE_HELP)
    _puzzle_id_options(export, PUZZLE_ID_HELP)
    export.add_argument(
        "--depth",
        metavar="N,T,N_SUP",
        help="run it at another depth than its own, such as 6,3,24; the files say which it was trained with",
    )
    export.add_argument("--trace", type=Path, help="a recorded run, instead of a model and a puzzle")
    export.add_argument(
        "--against",
        metavar="MODEL_OR_TRACE",
        help="a second run beside it on the page of --html, on one clock: another model on the same puzzle, or a recorded run",
    )
    files = export.add_argument_group("files", "one run is written to as many as are named")
    for name, text in EXPORTS.items():
        files.add_argument(f"--{name}", type=Path, metavar="FILE", help=text)
    shown = export.add_argument_group("what is shown")
    shown.add_argument(
        "--step", type=int, help="supervision step of the picture (usual: the last); the page opens there too"
    )
    shown.add_argument("--cycle", type=int, help="cycle in that step (usual: the last)")
    shown.add_argument(
        "--call", type=int, help="call in that cycle (usual: the last, which is the call of f_H)"
    )
    shown.add_argument(
        "--view",
        metavar="VIEW",
        help="what the cells show: answer (usual), probabilities, confidence, change, z, reverse (z by reverse embedding)",
    )
    shown.add_argument(
        "--marks", action="store_true", help="also mark the cells that were right once and stayed right"
    )
    shown.add_argument("--theme", metavar="THEME", help="of pictures and films: light (usual) or dark")
    shown.add_argument(
        "--every",
        default="answer",
        choices=("call", "answer", "step"),
        help="frames of a film (usual: answer, each f_H call)",
    )
    shown.add_argument(
        "--frame-time", type=float, default=0.3, metavar="S", help="seconds of a frame (usual: 0.3)"
    )
    shown.add_argument(
        "--hold",
        type=float,
        default=1.5,
        metavar="S",
        help="seconds of the first and the last frame (usual: 1.5)",
    )


def _trace_options(trace: Parser) -> None:
    _model_options(trace, taken=("--positions",))
    trace.add_argument("--data", required=True, help=DATA_HELP)
    trace.add_argument("--out", required=True, type=Path, help="folder of the store")
    trace.add_argument("--limit", type=int, help="take this many puzzles, evenly spread over the set")
    trace.add_argument("--force", action="store_true", help="remove the store that is there and start over")
    _identifiers_option(trace)
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
    run = trace.add_argument_group("how it is run")
    run.add_argument("--batch", type=int, help="puzzles a forward pass (usual: 64)")
    run.add_argument(
        "--shard", type=int, help="puzzles a shard, which is whole or not there (usual: 64, or the batch)"
    )


def _data_commands(adder) -> None:
    generate = _command(adder, "generate", commands.run_generate, "generate puzzles with their answers")
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

    convert = _command(
        adder, "convert", commands.run_convert, "write a puzzle set in the official folder format or as CSV"
    )
    convert.add_argument("task", help="sudoku, maze or arc")
    convert.add_argument("--data", required=True, help=DATA_HELP)
    convert.add_argument("--size", type=int, help="rows of the grid, where it is not the task's usual size")
    _written(convert)


def _written(command: Parser) -> None:
    command.add_argument("--out", required=True, type=Path, help="folder to write to")
    command.add_argument("--format", default="official", choices=("official", "csv"))
    command.add_argument("--split", default="test", choices=("train", "test"), help="part of the data set")
