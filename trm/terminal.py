"""How the command line speaks: results for people, a line of progress; and how a program ends."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any, NoReturn

from trm.errors import UserError

MISTAKE, STOPPED, UNHEARD = 2, 130, 141
"""Exit codes; after Ctrl-C, and where the reader of a pipe has gone, as shells have them."""
NO_MEMORY = ("out of memory", "not enough memory", "allocate memory")  # as torch says it


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


def log(text: str) -> None:
    """A line on stderr, where it does not mix with results."""
    write(f"{text}\n")


def write(text: str) -> None:
    """A full disk behind stderr ends no work."""
    try:
        print(text, end="", file=sys.stderr, flush=True)
    except BrokenPipeError:
        raise
    except OSError:
        _silence(sys.stderr)


@contextmanager
def printing() -> Iterator[None]:
    """Within, a result is printed. Raises BrokenPipeError where nobody reads it, UserError where it cannot be written."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        _silence(sys.stdout)
        raise UserError(
            f"The result cannot be written: {error.strerror}. Make room, or write it elsewhere."
        ) from None


@contextmanager
def ending(name: str) -> Iterator[None]:
    """Within, a program works: a user's mistake, or a file that the system refuses, ends it with code 2 and one line, Ctrl-C and
    a pipe without a reader quietly."""
    try:
        yield
    except UserError as error:
        _mistake(name, error)
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not any(words in str(error) for words in NO_MEMORY):
            raise
        _end(MISTAKE, f"{name}: there is not enough memory for this. Take fewer puzzles at a time.")
    except KeyboardInterrupt:
        _end(STOPPED, f"{name}: stopped")
    except BrokenPipeError:
        _silence(sys.stdout, sys.stderr)
        sys.exit(UNHEARD)
    except OSError as error:  # a folder that may not be searched fails wherever something in it is looked for
        if not isinstance(error.filename, str):
            raise
        _mistake(name, UserError(f"{error.filename} cannot be used: {error.strerror}. Give another place."))


def _mistake(name: str, error: UserError) -> NoReturn:
    _end(MISTAKE, f"{name}: {' '.join(str(error).split())}")


def run_program(module: str) -> None:
    """Run `main` of a module, such as `trm.cli.main`: Ctrl-C is quiet from its first import on."""
    with ending(module.partition(".")[0]):
        sys.stdout.reconfigure(errors="backslashreplace")  # for terminals that have few letters
        import_module(module).main()


def _end(code: int, line: str) -> NoReturn:
    try:
        log(line)
    except BrokenPipeError:
        _silence(sys.stderr)
    sys.exit(code)


def _silence(*streams: Any) -> None:
    """What is still to be written goes nowhere: Python would fail on it once more when it ends."""
    for stream in streams:
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
