"""How a command ends: Ctrl-C at any time, a closed pipe, a full disk behind stdout, a user without a home folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from trm.cli.main import main

pytestmark = pytest.mark.heavy

REPOSITORY = Path(__file__).resolve().parents[4]
INTERRUPT = """
import os, signal, sys

signal.signal(signal.SIGINT, signal.default_int_handler)  # a program started in the background ignores it

class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == os.environ.get("INTERRUPT_AT"):
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupt())
"""
"""A `sitecustomize` that presses Ctrl-C when a module is looked for."""


def started(*command: str, path: str = "", **options) -> subprocess.CompletedProcess:
    """A program in a process of its own, with stdout kept back as Python usually does."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    environment |= {"OMP_NUM_THREADS": "1", "PYTHONPATH": f"{path}{os.pathsep}{REPOSITORY}"}
    environment |= options.pop("env", {})
    return subprocess.run(
        [sys.executable, "-m", *command], env=environment, stderr=subprocess.PIPE, text=True, **options
    )


@pytest.mark.parametrize(
    ("command", "module"),
    [
        ("trm models", "trm.registry"),
        ("trm eval --model sudoku-trm --data sudoku/test", "torch"),
        ("probes fit --model sudoku-trm", "numpy"),
        ("probes states --model sudoku-trm", "torch"),
    ],
)
def test_ctrl_c_while_something_is_imported(tmp_path, command, module):
    (tmp_path / "sitecustomize.py").write_text(INTERRUPT)
    done = started(*command.split(), path=str(tmp_path), env={"INTERRUPT_AT": module})
    assert (done.returncode, done.stderr) == (130, f"{command.split()[0]}: stopped\n")


def without_a_reader() -> int:
    """The end of a pipe to write to, whose other end is closed."""
    read, write = os.pipe()
    os.close(read)
    return write


@pytest.mark.parametrize("command", ["trm models --json", "probes --help"])
def test_a_closed_pipe(command):
    pipe = without_a_reader()
    done = started(*command.split(), stdout=pipe)
    os.close(pipe)
    assert (done.returncode, done.stderr) == (141, "")


def test_an_error_message_to_a_closed_pipe():
    pipe = without_a_reader()
    command = [sys.executable, "-m", "trm", "export", "--trace", "nowhere", "--html", "a.html"]
    assert subprocess.run(command, cwd=REPOSITORY, stdout=pipe, stderr=pipe).returncode == 2
    os.close(pipe)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("command", ["trm models --json", "trm --version", "probes --help"])
def test_a_full_disk_behind_stdout(command):
    with Path("/dev/full").open("w") as full:
        done = started(*command.split(), stdout=full)
    name = command.split()[0]
    assert done.returncode == 2
    assert done.stderr == (
        f"{name}: The result cannot be written: No space left on device. Free some space, or write it elsewhere.\n"
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_behind_stderr_does_not_end_the_work():
    code = "from trm.terminal import log; log('one'); log('two'); print('done')"
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=full, text=True
        )
    assert (done.returncode, done.stdout) == (0, "done\n")


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (MemoryError(), 2, "not enough memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 10 GB"), 2, "not enough memory"),
        (KeyboardInterrupt(), 130, "trm: stopped"),
        (
            PermissionError(13, "Permission denied", "/secret/a\n.json"),
            2,
            "trm: /secret/a\\n.json cannot be used: Permission denied. Give another path.\n",
        ),
    ],
)
def test_what_ends_a_command_from_outside(monkeypatch, capsys, error, code, line):
    def fail():
        raise error

    monkeypatch.setattr("trm.cli.models.model_names", fail)
    with pytest.raises(SystemExit) as end:
        main(["models"])
    said = capsys.readouterr().err
    assert end.value.code == code and line in said and said.count("\n") == 1


def test_characters_that_the_terminal_does_not_have():
    done = started("trm", "--help", stdout=subprocess.PIPE, env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0


def test_a_user_without_a_home_folder(refused, monkeypatch):
    """HOME is not set, and the user's number is in no list."""
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    assert "There is no model '~/model'" in refused("inspect", "~/model")
