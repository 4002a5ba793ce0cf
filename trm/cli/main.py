"""The command line: `trm COMMAND` or `python -m trm COMMAND`.

Results go to stdout, as one JSON object with --json; progress goes to stderr. A user error ends the program with exit
code 2 and one line that says what is wrong and what to do. Each command is a module with `add`, which defines its
options, and `run`. Its dependencies are imported when it runs, so that `--help` and `models` do not wait for torch.
"""

import json

from trm import __version__
from trm.cli import data, eval, export, forward, inspect, models, solve, trace, train
from trm.cli.options import Parser
from trm.terminal import exit_on_errors, format_result, printing_result

COMMANDS = (models, inspect, solve, eval, forward, export, trace, train, data)
"""Modules with `add(subparsers)`, which adds a parser whose default `run` is the command's function."""


def main(arguments: list[str] | None = None) -> None:
    run_command(parser(), arguments)


def run_command(parser: Parser, arguments: list[str] | None) -> None:
    """Run the command in `arguments` and print its result. A user error ends the program with exit code 2 and one line."""
    with exit_on_errors(parser.prog):
        options = parser.parse_args(arguments)
        result = options.run(options)
        if result is not None:
            with printing_result():
                print(json.dumps(result) if options.json else format_result(result))


def parser() -> Parser:
    top = Parser(prog="trm", description="Run, inspect, evaluate and train tiny recursive models.")
    top.add_argument("--version", action="version", version=__version__)
    subparsers = top.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)
    for command in COMMANDS:
        command.add(subparsers)
    return top
