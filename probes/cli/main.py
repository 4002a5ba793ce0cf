"""The command line of what is read out of the states: `python -m probes COMMAND`, as the pages do it, without a browser.

Results go to stdout, as one JSON object with --json; progress goes to stderr. A user's mistake ends with exit code 2 and one
line that says what is wrong and what to do. Each command is a module with `add`, which names its options and what runs it;
what it needs is imported when it runs.
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
)  # modules with `add(adder)`: a parser of their own in it, with the default `run`


def main(arguments: list[str] | None = None) -> None:
    run_command(parser(), arguments)


def parser() -> Parser:
    top = Parser(prog="probes", description="What the states of a recursive model hold, and what they do.")
    adder = top.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)
    for module in COMMANDS:
        module.add(adder)
    for command in adder.choices.values():
        command.add_argument("--json", action="store_true", help="print one JSON object")
    return top
