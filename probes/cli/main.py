"""The command line `python -m probes COMMAND`: the analyses of the app's pages, without a browser.

Results go to stdout, as one JSON object with --json; progress goes to stderr. A user error exits with code 2 and one
line that says what is wrong and what to do. Each command is a module with a function `add`, which adds its options and
the function that runs it. Modules import what they need when they run.
"""

from probes.cli import attribute, compare, fit, halting, intervene, project, states, sweep, use
from trm.cli.main import run_command
from trm.cli.options import Parser

COMMANDS = (
    attribute,
    compare,
    fit,
    halting,
    intervene,
    project,
    states,
    sweep,
    use,
)  # each module's `add` adds a subparser that sets `run`


def main(arguments: list[str] | None = None) -> None:
    """Run a command, by default the one in the process's arguments. Exits with code 2 after a user error."""
    run_command(parser(), arguments)


def parser() -> Parser:
    """The parser of all commands."""
    top = Parser(
        prog="probes",
        description="Analyse what the states of a recursive model encode, and how the model uses them.",
    )
    adder = top.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)
    for module in COMMANDS:
        module.add(adder)
    for command in adder.choices.values():
        command.add_argument("--json", action="store_true", help="print one JSON object")
    return top
