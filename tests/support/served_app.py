"""The app as a person meets it: a server process of its own, and the system's Chromium. Used by tests and benchmarks."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from playwright.sync_api import Browser, Playwright

ROOT = Path(__file__).resolve().parents[2]
# The first is Chromium without windows: tests take a fifth less processor time in it.
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
# No GPU, no sandbox (containers have neither), and no calls home that would wait for a network.
BROWSER_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
START_WITHIN = 60  # seconds


@dataclass
class Served:
    """What waits at `url`."""

    url: str = ""


class ServedApp(Served):
    """A context in which the app is served at `url`, from a fresh process."""

    cwd = ROOT / "assets"  # it may be started from anywhere

    def __enter__(self) -> "ServedApp":
        self.url = f"http://localhost:{_free_port()}"
        self._said = tempfile.TemporaryFile()
        self._start()
        return self

    def command(self, port: str) -> list[str]:
        command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "app" / "main.py")]
        return [*command, "--server.headless", "true", "--server.port", port]

    def restart(self) -> None:
        """Kill the server and start it again at the same address."""
        self._process.kill()
        self._process.wait()
        self._start()

    def _start(self) -> None:
        self._process = subprocess.Popen(
            self.command(self.url.rpartition(":")[2]),
            cwd=self.cwd,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
            stdout=self._said,
            stderr=subprocess.STDOUT,
        )
        try:
            self._wait_for_health()
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *error: object) -> None:
        end(self._process)
        self._said.close()

    def processor_seconds(self) -> float:
        """What the server has used of all processors so far. Linux only."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # in user mode, in the kernel

    def resident_bytes(self) -> int:
        """Memory of the server that is in RAM. Linux only."""
        pages = Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def said(self) -> str:
        """What the server printed so far."""
        self._said.seek(0)
        return self._said.read().decode(errors="replace")

    def _wait_for_health(self) -> None:
        deadline = time.monotonic() + START_WITHIN
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise RuntimeError(f"The app's server ended at once:\n{self.said()}")
            try:
                with urlopen(f"{self.url}/_stcore/health", timeout=5):
                    return
            except (URLError, TimeoutError):
                time.sleep(0.05)
        raise TimeoutError(f"The app's server was not up after {START_WITHIN} s:\n{self.said()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return probe.getsockname()[1]


def end(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def browser_path() -> str | None:
    """The system's Chromium or Chrome."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def open_browser(playwright: Playwright) -> Browser:
    """A headless browser, warm: it has shown an empty page."""
    browser = playwright.chromium.launch(executable_path=browser_path(), args=BROWSER_OPTIONS)
    browser.new_page().close()
    return browser
