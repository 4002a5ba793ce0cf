"""What a program writes on a terminal: log lines, one-line errors with exit codes, and the command of a result."""

import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import fields, is_dataclass
from importlib import import_module
from typing import Any, NoReturn, get_type_hints

from trm.errors import UserError

EXIT_USER_ERROR, EXIT_INTERRUPTED, EXIT_BROKEN_PIPE = 2, 130, 141
"""Exit codes. The codes for Ctrl-C and a broken pipe follow the convention of shells."""
NO_MEMORY = ("out of memory", "not enough memory", "allocate memory")  # in torch's messages


def as_command(program: str, *settings: Any) -> str:
    """Return the command with these settings as options.

    Settings are dataclasses, whose default values are left out, or mappings of names or options. The option of a field is the first name in
    its annotation (`cyclopts.Parameter`), otherwise `--` and its name. A field that is a dataclass stands for its own
    options. None and False are left out; a tuple is joined by commas, and a list repeats the option.
    """
    words = program.split()
    for option, value in (pair for each in settings for pair in _options(each)):
        if value is True:
            words.append(option)
        elif value is not None and value is not False:
            for item in value if isinstance(value, list) else [value]:
                words += [option, ",".join(map(str, item)) if isinstance(item, tuple) else str(item)]
    return shlex.join(words)


def _options(settings: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(settings, Mapping):
        for name, value in settings.items():
            yield name if name.startswith("--") else f"--{name.replace('_', '-')}", value
        return
    hints = get_type_hints(type(settings), include_extras=True)
    for field in fields(settings):
        value = getattr(settings, field.name)
        parameters = getattr(hints[field.name], "__metadata__", ())
        if is_dataclass(value):
            yield from _options(value)
        elif field.default is True and not value:
            yield parameters[0].negative[0], True
        elif value != field.default:
            names = [name for parameter in parameters for name in parameter.name or ()]
            yield (names or [f"--{field.name.replace('_', '-')}"])[0], value


def names_of(kind: Any, tokens: Sequence[Any]) -> tuple[str, ...]:
    """Convert an option with comma-separated names. For `cyclopts.Parameter(converter=...)`."""
    return tuple(name.strip() for token in tokens for name in token.value.split(",") if name.strip())


def steps_of(kind: Any, tokens: Sequence[Any]) -> tuple[int, ...]:
    """Convert an option with supervision steps, such as 1,4,8-16. For `cyclopts.Parameter(converter=...)`.

    Raises UserError for any other text.
    """
    steps: set[int] = set()
    for part in names_of(kind, tokens):
        first, dash, last = part.partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()) or len(part) > 9:
            raise UserError(
                f"{tokens[0].keyword} must be supervision steps such as 1,4,8-16, not {part[:40]!r}."
            )
        steps |= set(range(int(first), int(last or first) + 1))
    return tuple(sorted(steps))


def log(text: str) -> None:
    """Write a line to stderr, separate from the results on stdout."""
    write(f"{text}\n")


def write(text: str) -> None:
    """Write text to stderr. Ignores write errors such as a full disk, so that the work continues."""
    try:
        print(text, end="", file=sys.stderr, flush=True)
    except BrokenPipeError:
        raise
    except OSError:
        _silence(sys.stderr)


@contextmanager
def printing_result() -> Iterator[None]:
    """Context manager for printing a result. Raises BrokenPipeError for a closed pipe, UserError for other failures."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        _silence(sys.stdout)
        raise UserError(
            f"The result cannot be written: {error.strerror}. Free some space, or write it elsewhere."
        ) from None


@contextmanager
def exit_on_errors(name: str) -> Iterator[None]:
    """Context manager for running a program.

    A user error, a lack of memory, or a file that the system refuses to open ends the program with exit code 2 and one
    line on stderr. Ctrl-C ends it with exit code 130 and one line, a broken pipe with exit code 141 and no message.
    """
    try:
        yield
    except UserError as error:
        _exit_user_error(name, error)
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not any(words in str(error) for words in NO_MEMORY):
            raise
        _exit(EXIT_USER_ERROR, f"{name}: not enough memory. Use fewer puzzles at a time.")
    except KeyboardInterrupt:
        _exit(EXIT_INTERRUPTED, f"{name}: stopped")
    except BrokenPipeError:
        _silence(sys.stdout, sys.stderr)
        sys.exit(EXIT_BROKEN_PIPE)
    except OSError as error:  # without search permission on a folder, any access to a file in it fails
        if not isinstance(error.filename, str):
            raise
        _exit_user_error(
            name, UserError(f"{error.filename} cannot be used: {error.strerror}. Give another path.")
        )


def _exit_user_error(name: str, error: UserError) -> NoReturn:
    _exit(EXIT_USER_ERROR, f"{name}: {' '.join(str(error).split())}")


def run_program(module: str) -> None:
    """Import a module such as `trm.cli.main` and run its `main`. Errors in both are handled by `exit_on_errors`."""
    with exit_on_errors(module.partition(".")[0]):
        sys.stdout.reconfigure(errors="backslashreplace")  # for terminals without Unicode
        import_module(module).main()


def _exit(code: int, line: str) -> NoReturn:
    try:
        log(line)
    except BrokenPipeError:
        _silence(sys.stderr)
    sys.exit(code)


def _silence(*streams: Any) -> None:
    """Discard buffered output, which Python would otherwise try to write again at exit."""
    for stream in streams:
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
