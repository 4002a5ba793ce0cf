"""What the browser tests of a session share, however many workers it has: one server of the app and one browser. A plugin of
pytest: the session's first process starts each when a test first asks for it, and ends them.
"""

import json
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import ExitStack, suppress
from multiprocessing.connection import Client, Listener
from threading import Thread

import pytest
from playwright._impl._driver import compute_driver_executable, get_driver_env
from served_app import BROWSER_OPTIONS, Served, ServedApp, browser_path, end
from xdist.workermanage import WorkerController


class ServedBrowser(Served):
    """A context in which a browser waits at `url` for Playwright's `connect`. Who connects sees no pages but their own: neither
    over Chromium's own protocol nor by Playwright's `bind` would that be so.
    """

    def __enter__(self) -> "ServedBrowser":
        with tempfile.NamedTemporaryFile("w", suffix=".json") as options:
            json.dump(
                {"executablePath": browser_path(), "args": BROWSER_OPTIONS, "host": "127.0.0.1"}, options
            )
            options.flush()
            launch = ["launch-server", "--browser", "chromium", "--config", options.name]
            self._process = subprocess.Popen(
                [*compute_driver_executable(), *launch],
                env=get_driver_env(),
                stdout=subprocess.PIPE,
                text=True,
            )
            self.url = self._process.stdout.readline().strip()
        if not self.url:
            self.__exit__()
            raise RuntimeError("The browser ended at once.")
        return self

    def __exit__(self, *error: object) -> None:
        end(self._process)
        self._process.stdout.close()


SERVERS = {"app": ServedApp, "browser": ServedBrowser}


class Shared:
    """Starts the servers and tells where they are, at an address for other processes."""

    def __init__(self) -> None:
        self._listener = Listener()
        self.address: str = self._listener.address
        self._thread = Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        urls: dict[str, str | Exception] = {}
        with ExitStack() as running:
            while True:
                with suppress(EOFError, OSError), self._listener.accept() as asking:  # who asked may be gone
                    name = asking.recv()
                    if name == "end":
                        return
                    if name not in urls:
                        try:
                            urls[name] = running.enter_context(SERVERS[name]()).url
                        except Exception as error:
                            urls[name] = error
                    asking.send(urls[name])

    def end(self) -> None:
        with Client(self.address) as shared:
            shared.send("end")
        self._thread.join()
        self._listener.close()


ADDRESS = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        config.stash[ADDRESS] = config.workerinput["shared"]
    else:
        shared = Shared()
        config.stash[ADDRESS] = shared.address
        config.add_cleanup(shared.end)


def pytest_configure_node(node: WorkerController) -> None:
    node.workerinput["shared"] = node.config.stash[ADDRESS]


@pytest.fixture(scope="session")
def shared_url(pytestconfig: pytest.Config) -> Callable[[str], str]:
    """Tells where one of SERVERS is."""

    def ask(name: str) -> str:
        with Client(pytestconfig.stash[ADDRESS]) as shared:
            shared.send(name)
            url = shared.recv()
        if isinstance(url, Exception):
            raise url
        return url

    return ask
