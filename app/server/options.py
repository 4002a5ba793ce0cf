"""Reads the options that the server was started with, which determine the models and data that users may open.

    streamlit run app/main.py -- --model-dir runs --data-dir arc --no-hub
    streamlit run app/main.py --server.address 0.0.0.0 -- --public

The command `recursion-lens` passes them on. On localhost, only the owner can reach the server. The owner may type any
path, symbolic links are followed, and the hub is enabled with the owner's token. On any other address, and with
`--public`, models come only from the given folders, and the hub is disabled. `--hub` enables the hub for public
repositories. `--public` is for servers that strangers can reach, and also limits the length of a run. `--lan` puts this
machine's address in the local network into the QR code of the lecture, for a lecturer who opens the app at localhost.
`--site` is the address of the pages that `make site` built, to which the app then links. The environment variables
RECURSION_LENS_MODEL_DIR (several folders, separated as in PATH), RECURSION_LENS_DATA_DIR and RECURSION_LENS_SITE set
the folders and the site too.
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

from app.site.address import site_folder
from trm.errors import UserError

LOCAL = ("localhost", "127.0.0.1", "::1")
MODEL_DIR, DATA_DIR, SITE = (f"RECURSION_LENS_{name}" for name in ("MODEL_DIR", "DATA_DIR", "SITE"))
HOW_TO_START = "`recursion-lens --model-dir FOLDER`, or `make app MODEL_DIR=FOLDER`"


class OptionError(UserError):
    """The server was started with invalid options."""


@dataclass(frozen=True)
class Options:
    """The server's options, from the command line, the environment and the address."""

    model_dirs: tuple[Path, ...] = ()
    data_dir: Path | None = None
    hub: bool = False
    local: bool = False  # whether only this machine can reach the server, so that any path may be opened
    public: bool = False  # whether strangers can reach the server
    lan: bool = False  # whether the lecture's QR code has this machine's address in the local network
    site: str | None = None  # address of the published site, which ends with "/"

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
    """Read the options of a server bound to `address`. Raises OptionError for an invalid option or a missing folder."""
    parser = _Parser(prog="app", add_help=False, allow_abbrev=False)
    parser.add_argument("--model-dir", action="append", type=Path, default=[])
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--hub", action=argparse.BooleanOptionalAction)
    parser.add_argument("--public", action="store_true")
    parser.add_argument("--lan", action="store_true")
    parser.add_argument("--site")
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
    data_dir = None if data_dir is None else data_dir.resolve()
    typed = given.site or environment.get(SITE)
    site = site_folder(typed) if typed else None
    if typed and site is None:
        raise OptionError(
            f"--site {typed!r} is not a web address. Start the app with one such as https://lens.example/site/."
        )
    return Options(resolved, data_dir, hub, local, given.public, given.lan, site)


def server_options() -> Options:
    """Return the options of this server. Raises OptionError if they are invalid."""
    # Streamlit passes on the arguments after `--`. In tests, the arguments are those of the test runner.
    arguments = sys.argv[1:] if Path(sys.argv[0]).name == "main.py" else []
    environment = tuple(
        (name, os.environ[name]) for name in (MODEL_DIR, DATA_DIR, SITE) if name in os.environ
    )
    return _options(tuple(arguments), environment, st.get_option("server.address"))


@cache
def _options(
    arguments: tuple[str, ...], environment: tuple[tuple[str, str], ...], address: str | None
) -> Options:
    """Read the options. The result is cached, because every page requests the options several times."""
    return read_options(arguments, dict(environment), address)


def about(error: OptionError) -> str:
    """Return the message to show to visitors. On any address other than localhost, details are only in the log."""
    if st.get_option("server.address") in LOCAL:
        return str(error)
    logging.getLogger(__name__).error("%s", error)
    return "The app was started with invalid options; the server's log has the details."
