"""The command line: `trm COMMAND` or `python -m trm COMMAND`.

Results go to stdout, as one JSON object with --json; progress goes to stderr. A user error ends the program with exit
code 2 and one line that says what is wrong and what to do. A command is a function whose parameters are its options. It
is imported when it is called, so `--help` and `models` do not wait for torch.
"""

import json as json_format
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from cyclopts import App, CycloptsError, Parameter

from trm import __version__
from trm.cli.printing import Output, format_result, plain_console, wrapped
from trm.errors import UserError
from trm.terminal import exit_on_errors, printing_result

LONGEST_LINE = 10_000  # columns; help is wrapped afterwards


def new_app(name: str, summary: str, **options: Any) -> App:
    """Return an app without commands. `options` are those of `cyclopts.App`."""
    app = App(
        name=name,
        help=summary,
        help_format="plaintext",
        help_formatter="plain",
        result_action="return_value",
        suppress_keyboard_interrupt=False,
        default_parameter=Parameter(negative=(), show_default=_shown_default, allow_repeating=True),
        **options,
    )

    app.meta.suppress_keyboard_interrupt = False

    @app.meta.default
    def launch(
        *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)], json: bool = False
    ) -> tuple[Any, bool]:
        """Call a command. Returns its result and whether to print it as JSON.

        Args:
            json: print the result as one JSON object
        """
        _, apps, rest = app.parse_commands(tokens)
        if apps[-1].default_command is None and not (rest and rest[0].startswith("-")):
            names = ", ".join(name for name in apps[-1] if not name.startswith("-"))
            what = f"There is no command {rest[0]!r}" if rest else "A command is required"
            raise UserError(f"{what}. Choose one of: {names}.")
        return app(tokens, exit_on_error=False, print_error=False), json

    return app


def _shown_default(value: object) -> str | None:
    if value is None or value is False or value in ("", ()):
        return None
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def call(app: App, arguments: Sequence[str] | None) -> tuple[Any, bool]:
    """Call the command in `arguments`, by default those of the process, and return its result.

    Also returns whether to print it as JSON. The result of --help and --version is their text. Raises UserError.
    """
    console = plain_console(LONGEST_LINE)
    try:
        result = app.meta(arguments, exit_on_error=False, print_error=False, console=console)
    except CycloptsError as error:
        error.verbose = False
        program = " ".join([*app.name, *(error.command_chain or ())])
        raise UserError(f"{error} (see {program} --help)") from None
    return result or (wrapped(console.file.getvalue()), False)


def run_command(app: App, arguments: Sequence[str] | None) -> None:
    """Run the command in `arguments` and print its result. `arguments` defaults to those of the process.

    A command that takes long may be a generator. The text of each of its results is printed as it comes; --json prints
    the values of the last, which are complete. A user error ends the program with exit code 2 and one line.
    """
    with exit_on_errors(app.name[0]):
        result, as_json = call(app, arguments)
        values = None
        for part in result if isinstance(result, Iterator) else (result,):
            values, text = (part.values, part.text) if isinstance(part, Output) else (part, part)
            if text is not None and not as_json:
                _print(format_result(text))
        if values is not None and as_json:
            _print(json_format.dumps(values))


def _print(text: str) -> None:
    with printing_result():
        print(text)


def add_commands(app: App, commands: dict[str, str]) -> None:
    """Add commands to an app. `commands` maps the import path of a function to "name: summary"."""
    for function, text in commands.items():
        name, _, summary = text.partition(": ")
        app.command(function, name=name, help=summary)


app = new_app("trm", "Run, inspect, evaluate and train tiny recursive models.", version=__version__)
add_commands(
    app,
    {
        "trm.cli.models:run": "models: list the bundled models",
        "trm.cli.inspect:run": "inspect: show the configuration of a checkpoint, the source of every value, and a self-check",
        "trm.cli.solve:run": "solve: run a model on a puzzle, and show its answer, what changed when, and when it halts",
        "trm.cli.eval:run": "eval: score a model on a puzzle set",
        "trm.cli.forward:run": "forward: write the raw outputs of a forward pass, for comparing implementations",
        "trm.cli.export:run": "export: export a run as a page, images, an animation or data",
        "trm.cli.trace:run": "trace: record the states of many puzzles into a store; after an interruption, the same command resumes",
        "trm.cli.train:run": "train: train a preset; an interrupted run can be resumed with --resume",
    },
)
data = App(name="data", help="generate and convert puzzle sets")
add_commands(
    data,
    {
        "trm.cli.data:generate": "generate: generate puzzles with their solutions",
        "trm.cli.data:convert": "convert: convert a puzzle set to the official folder format or to CSV",
    },
)
app.command(data)


def main(arguments: list[str] | None = None) -> None:
    """Run the command in `arguments`, by default those of the process. Exits with code 2 after a user error."""
    run_command(app, arguments)
