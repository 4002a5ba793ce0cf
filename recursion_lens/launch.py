"""The command line `recursion-lens`: serve the app and open it in a browser.

The app is served by `streamlit run app/main.py` in this process. Streamlit reads the theme from `app/.streamlit/config.toml`
wherever it is started; what depends on who can reach the server is passed as options.
"""

import os
import socket
import sys
import time
import webbrowser
from contextlib import suppress
from pathlib import Path
from runpy import run_module
from threading import Thread
from typing import Annotated

from cyclopts import Parameter
from cyclopts.types import ExistingDirectory, Port

from recursion_lens import APP
from trm import __version__
from trm.cli.main import new_app, run_command
from trm.errors import UserError
from trm.terminal import log

PORTS = range(8501, 8601)
LARGEST_UPLOAD = (
    1024  # MB; a checkpoint of one's own. Other visitors may upload what .streamlit/config.toml allows
)
NO_HOME = "/nonexistent"  # what Debian gives to the user nobody: nothing is read from there or written to it

app = new_app("recursion-lens", "Open Recursion Lens in a browser.", version=__version__)


@app.default
def serve(
    *,
    port: Port | None = None,
    model_dir: tuple[ExistingDirectory, ...] = (),
    data_dir: ExistingDirectory | None = None,
    site: str | None = None,
    hub: Annotated[bool | None, Parameter(negative="--no-hub")] = None,
    no_browser: bool = False,
    lan: bool = False,
    public: bool = False,
) -> None:
    """Serve the app until it is stopped.

    Only this machine can reach the server, unless --lan or --public is given.

    Args:
        port: port of the server; by default the first free port from 8501 on
        model_dir: folder with checkpoints to list beside the bundled models; may be repeated
        data_dir: folder with ARC tasks and recorded states
        site: address of the pages that `make site` built, for links and the QR code of the lecture
        hub: whether models from the Hugging Face hub may be opened; by default only with neither --lan nor --public
        no_browser: do not open a browser
        lan: let others on the network use the app, and print the address for them
        public: like --lan, but for strangers: also limits the length of a run
    """
    is_open = lan or public
    host = "0.0.0.0" if is_open else "localhost"
    port = _free_port(host, port)
    settings = {
        "server.address": host,
        "server.port": port,
        "server.headless": "true",  # Streamlit would ask for an e-mail address
        "logger.hideWelcomeMessage": "true",  # Streamlit would ask another host for the address of this one
    }
    if not is_open:
        settings["server.maxUploadSize"] = LARGEST_UPLOAD
    options = [f"--model-dir={folder}" for folder in model_dir]
    options += [f"--data-dir={data_dir}"] if data_dir else []
    options += [f"--site={site}"] if site else []
    options += [f"--{name}" for name, given in (("lan", lan), ("public", public)) if given]
    options += [] if hub is None else ["--hub" if hub else "--no-hub"]
    url = f"http://{_network_address() if is_open else host}:{port}"
    Thread(target=_announce, args=(url, port, not no_browser and _has_screen()), daemon=True).start()
    _ensure_home()
    flags = [f"--{name}={value}" for name, value in settings.items()]
    sys.argv = ["streamlit", "run", *flags, str(APP / "main.py"), "--", *options]
    run_module("streamlit", run_name="__main__", alter_sys=True)


def _free_port(host: str, port: int | None) -> int:
    """Return `port`, or the first free one of PORTS for None. Raises UserError if it cannot be used."""
    for number in PORTS if port is None else (port,):
        try:
            with socket.create_server((host, number)) as server:
                return server.getsockname()[1]
        except OSError as error:
            reason = os.strerror(error.errno or 0)
    raise UserError(f"Port {number} cannot be used: {reason}. Choose another one with --port.")


def _network_address() -> str:
    """Return the address of this machine in its network, or its name if it has no route to other networks."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 1))  # an address for examples; nothing is sent to it
            return probe.getsockname()[0]
        except OSError:
            return socket.gethostname()


def _has_screen() -> bool:
    """Return whether a browser has a screen. Without one, `webbrowser` would open one in the terminal."""
    return sys.platform in ("darwin", "win32") or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))


def _announce(url: str, port: int, opens_browser: bool) -> None:
    """Print the address, and open it in a browser, once the server answers."""
    while True:
        with suppress(OSError), socket.create_connection(("localhost", port), timeout=1):
            break
        time.sleep(0.05)
    log(f"Recursion Lens: {url} (Ctrl-C stops it)")
    if opens_browser:
        webbrowser.open(url)


def _ensure_home() -> None:
    """Streamlit does not start without a home folder, which a container's user may not have."""
    try:
        Path.home()
    except RuntimeError:
        os.environ["HOME"] = NO_HOME


def main(arguments: list[str] | None = None) -> None:
    """Run the command in `arguments`, by default those of the process. Exits with code 2 after a user error."""
    run_command(app, arguments)
