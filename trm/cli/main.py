"""The command line: `python -m trm COMMAND`.

Results go to stdout, as one JSON object with --json; progress goes to stderr. A user's mistake ends with exit code 2
and one line that says what is wrong and what to do. Each command is a module with `add`, which names its options, and `run`;
what it needs is imported when it runs, so that `--help` and `models` do not wait for torch.
"""

import json

from trm import __version__
from trm.cli import data, eval, export, forward, inspect, models, solve, trace, train
from trm.cli.options import Parser
from trm.terminal import exit_on_errors, format_result, printing_result

COMMANDS = (models, inspect, solve, eval, forward, export, trace, train, data)
"""Modules with `add(adder)`: a parser of their own in it, with the default `run`."""


def main(arguments: list[str] | None = None) -> None:
    run_command(parser(), arguments)


def run_command(known: Parser, arguments: list[str] | None) -> None:
    """Run the command that the arguments name and print what it returns; a user's mistake ends with code 2 and one line."""
    with exit_on_errors(known.prog):
        options = known.parse_args(arguments)
        result = options.run(options)
        if result is not None:
            with printing_result():
                print(json.dumps(result) if options.json else format_result(result))


def parser() -> Parser:
    top = Parser(prog="trm", description="Tiny recursive models: run, watch, evaluate and train them.")
    top.add_argument("--version", action="version", version=__version__)
    adder = top.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)
    for command in COMMANDS:
        command.add(adder)
    return top
