"""Output of the command line: formatted results, log lines, and exit codes."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any, NoReturn

from trm.errors import UserError

EXIT_USER_ERROR, EXIT_INTERRUPTED, EXIT_BROKEN_PIPE = 2, 130, 141
"""Exit codes; those for Ctrl-C and a broken pipe follow the convention of shells."""
NO_MEMORY = ("out of memory", "not enough memory", "allocate memory")  # in torch's messages


def format_result(result: Any) -> str:
    """Format a result for reading: one `name: value` per line, and one block per object in a list."""
    if isinstance(result, list):
        return "\n\n".join(format_result(item) for item in result) or "none"
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
    """Context manager for printing a result. Raises BrokenPipeError for a closed pipe, UserError if writing fails."""
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

    A user error, or a file that the system refuses to open, ends the program with exit code 2 and one line on stderr.
    Ctrl-C and a broken pipe end the program without a message.
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
    """Run `main` of a module such as `trm.cli.main`. Ctrl-C prints no traceback, even while importing it."""
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
