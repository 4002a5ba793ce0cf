"""How the server was started: the folders that people may open models and puzzles from, and whether the hub is on.

    streamlit run app/main.py -- --model-dir runs --data-dir arc --no-hub

The environment variables RECURSION_LENS_MODEL_DIR (several folders with the system's separator of paths) and
RECURSION_LENS_DATA_DIR say the same.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

import streamlit as st

from trm.errors import UserError

LOCAL = ("localhost", "127.0.0.1", "::1")
MODEL_DIR, DATA_DIR = "RECURSION_LENS_MODEL_DIR", "RECURSION_LENS_DATA_DIR"
HOW_TO_START = "`make app MODEL_DIR=FOLDER`, or `streamlit run app/main.py -- --model-dir FOLDER`"


class OptionError(UserError):
    """A server started with options that mean nothing."""


@dataclass(frozen=True)
class Options:
    """What was asked for on the command line and in the environment."""

    model_dirs: tuple[Path, ...] = ()
    data_dir: Path | None = None
    hub: bool = True
    links: bool = False  # links below the folders may lead out of them: nobody but this machine's people can reach the server


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise OptionError(
            f"The app was started with options it does not know: {message}. Start it with {HOW_TO_START}."
        )


def read_options(arguments: Sequence[str], environment: Mapping[str, str]) -> Options:
    """Options of a server. Raises OptionError naming the one at fault, or a folder that is not there."""
    parser = _Parser(prog="app", add_help=False, allow_abbrev=False)
    parser.add_argument("--model-dir", action="append", type=Path, default=[])
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--no-hub", action="store_true")
    given = parser.parse_args(list(arguments))
    listed = filter(None, environment.get(MODEL_DIR, "").split(os.pathsep))
    model_dirs = tuple(given.model_dir) or tuple(map(Path, listed))
    data_dir = given.data_dir or (Path(environment[DATA_DIR]) if environment.get(DATA_DIR) else None)
    for name, folder in [("--model-dir", folder) for folder in model_dirs] + [("--data-dir", data_dir)]:
        if folder is not None and not folder.is_dir():
            raise OptionError(f"{name} {folder} is not a folder. Start the app with one that is there.")
    resolved = tuple(folder.resolve() for folder in model_dirs)
    return Options(resolved, None if data_dir is None else data_dir.resolve(), not given.no_hub)


def server_options() -> Options:
    """Options of this server. Streamlit hands on what follows `--`; elsewhere (tests) the arguments are not ours."""
    arguments = sys.argv[1:] if Path(sys.argv[0]).name == "main.py" else []
    options = read_options(arguments, os.environ)
    return replace(options, links=st.get_option("server.address") in LOCAL)
