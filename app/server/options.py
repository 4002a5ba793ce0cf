"""The options that the server was started with: what users may open on it.

    streamlit run app/main.py -- --model-dir runs --data-dir arc --no-hub
    streamlit run app/main.py --server.address 0.0.0.0 -- --public

On localhost the server belongs to its owner: any path may be typed, links are followed, and the hub is enabled with the
owner's token. On any other address, and with `--public`, models come only from the folders named here; the hub is
disabled, or with `--hub` enabled for public repositories. `--public` is for servers open to strangers: it also limits
how much each visitor may compute. The environment variables RECURSION_LENS_MODEL_DIR (several folders separated like
PATH) and RECURSION_LENS_DATA_DIR have the same effect.
"""

import argparse
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NoReturn

import streamlit as st

from trm.errors import UserError

LOCAL = ("localhost", "127.0.0.1", "::1")
MODEL_DIR, DATA_DIR = "RECURSION_LENS_MODEL_DIR", "RECURSION_LENS_DATA_DIR"
HOW_TO_START = "`make app MODEL_DIR=FOLDER`, or `streamlit run app/main.py -- --model-dir FOLDER`"


class OptionError(UserError):
    """The server was started with invalid options."""


@dataclass(frozen=True)
class Options:
    """Options from the command line and the environment, and who can reach the server."""

    model_dirs: tuple[Path, ...] = ()
    data_dir: Path | None = None
    hub: bool = False
    local: bool = False  # reachable only from this machine: any readable path may be opened
    public: bool = False  # open to strangers

    @property
    def opens_others(self) -> bool:
        """Whether models other than the bundled ones may be opened."""
        return self.local or self.hub or bool(self.model_dirs)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise OptionError(
            f"The app was started with invalid options: {message}. Start it with {HOW_TO_START}."
        )


def read_options(arguments: Sequence[str], environment: Mapping[str, str], address: str | None) -> Options:
    """Options of a server bound to an address. Raises OptionError naming the invalid option or missing folder."""
    parser = _Parser(prog="app", add_help=False, allow_abbrev=False)
    parser.add_argument("--model-dir", action="append", type=Path, default=[])
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--hub", action=argparse.BooleanOptionalAction)
    parser.add_argument("--public", action="store_true")
    given = parser.parse_args(list(arguments))
    listed = filter(None, environment.get(MODEL_DIR, "").split(os.pathsep))
    model_dirs = tuple(given.model_dir) or tuple(map(Path, listed))
    data_dir = given.data_dir or (Path(environment[DATA_DIR]) if environment.get(DATA_DIR) else None)
    for name, folder in [("--model-dir", folder) for folder in model_dirs] + [("--data-dir", data_dir)]:
        if folder is not None and not folder.is_dir():
            raise OptionError(f"{name} {folder} is not a folder. Start the app with an existing folder.")
    resolved = tuple(folder.resolve() for folder in model_dirs)
    local = address in LOCAL and not given.public
    hub = local if given.hub is None else given.hub
    return Options(resolved, None if data_dir is None else data_dir.resolve(), hub, local, given.public)


def server_options() -> Options:
    """The options of this server. Streamlit passes on the arguments after `--`; in tests the arguments are not ours."""
    arguments = sys.argv[1:] if Path(sys.argv[0]).name == "main.py" else []
    environment = tuple((name, os.environ[name]) for name in (MODEL_DIR, DATA_DIR) if name in os.environ)
    return _options(tuple(arguments), environment, st.get_option("server.address"))


@cache
def _options(
    arguments: tuple[str, ...], environment: tuple[tuple[str, str], ...], address: str | None
) -> Options:
    """The options. Cached, because every page requests them repeatedly."""
    return read_options(arguments, dict(environment), address)


def about(error: OptionError) -> str:
    """The error as shown to visitors. If visitors may be strangers, folders are named only in the log."""
    if st.get_option("server.address") in LOCAL:
        return str(error)
    logging.getLogger(__name__).error("%s", error)
    return "The app was started with invalid options; the server's log has the details."
