"""The program `recursion-lens`: what it makes of its options, without a server."""

import socket
import sys
from pathlib import Path
from threading import Thread

import pytest

from app.server.options import read_options
from recursion_lens import APP, launch


@pytest.fixture
def started(monkeypatch, capsys):
    """Calls the program, and returns the options of Streamlit and those of the app, as they are served."""
    monkeypatch.setattr(launch, "run_module", lambda *_, **__: None)
    monkeypatch.setattr(launch, "_announce", lambda *_: None)
    monkeypatch.setattr(sys, "argv", sys.argv)

    def call(*arguments: object) -> tuple[dict[str, str], list[str]]:
        launch.main([str(argument) for argument in arguments])
        flags = sys.argv[: sys.argv.index("--")]
        assert flags[:2] == ["streamlit", "run"] and flags[-1] == str(APP / "main.py")
        return dict(flag[2:].split("=", 1) for flag in flags[2:-1]), sys.argv[sys.argv.index("--") + 1 :]

    return call


@pytest.fixture
def refusal(capsys):
    """Calls the program with a user's mistake, and returns the one line that it prints."""

    def call(*arguments: object) -> str:
        with pytest.raises(SystemExit) as end:
            launch.main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        assert end.value.code == 2 and out == "" and err.count("\n") == 1
        return err.strip()

    return call


def test_the_server_is_its_owners_unless_it_is_opened_to_others(started):
    settings, options = started()
    assert settings["server.address"] == "localhost" and int(settings["server.port"]) in launch.PORTS
    assert settings["server.maxUploadSize"] == str(launch.LARGEST_UPLOAD)
    assert options == []


@pytest.mark.parametrize("option", ["--lan", "--public"])
def test_others_may_upload_little_to_an_open_server(started, option):
    settings, options = started(option)
    assert settings["server.address"] == "0.0.0.0" and "server.maxUploadSize" not in settings
    assert options == [option]


def test_the_app_understands_the_options_that_are_passed_on(started, tmp_path):
    models, other, data = tmp_path / "my models", tmp_path / "-other", tmp_path / "data"
    for folder in (models, other, data):
        folder.mkdir()
    given = ("--model-dir", models, "--model-dir", other, "--data-dir", data, "--public")
    _, options = started(*given, "--hub", "--site", "https://lens.example/")
    read = read_options(options, {}, "0.0.0.0")
    assert read.site == "https://lens.example/"
    assert (read.model_dirs, read.data_dir, read.hub, read.public) == ((models, other), data, True, True)
    assert not read_options(started("--no-hub")[1], {}, "localhost").hub
    assert read_options(started()[1], {}, "localhost").hub


def test_a_port_in_use_is_one_line_when_chosen_and_passed_over_otherwise(started, refusal, monkeypatch):
    with socket.create_server(("localhost", 0)) as other:
        port = other.getsockname()[1]
        said = refusal("--port", port)
        assert said == (
            f"recursion-lens: Port {port} cannot be used: Address already in use. Choose another one with --port."
        )
        monkeypatch.setattr(launch, "PORTS", (port, 0))
        assert started()[0]["server.port"] != str(port)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--model-dir", "/no/such/folder"], "/no/such/folder"),
        (["--data-dir", Path(__file__)], "test_launch.py"),
        (["--port", "70000"], "65535"),
        (["--port", "http"], "http"),
        (["--modeldir", "x"], "--modeldir"),
        (["models"], "models"),
    ],
)
def test_a_mistake_is_one_line_that_names_it_and_the_help(refusal, arguments, says):
    said = refusal(*arguments)
    assert says in said and said.startswith("recursion-lens: ") and "recursion-lens --help" in said


def test_the_address_for_others_is_one_of_this_machine():
    with socket.create_server((launch._network_address(), 0)) as server:
        assert server.getsockname()[0] != "127.0.0.1" or launch._network_address() == "127.0.0.1"


def test_without_a_home_folder_the_home_is_a_place_that_does_not_exist(started, monkeypatch):
    monkeypatch.setenv("HOME", "unset below")

    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(launch.Path, "home", no_home)
    started()
    assert launch.os.environ["HOME"] == launch.NO_HOME and not Path(launch.NO_HOME).exists()


def test_a_browser_opens_the_page_once_the_server_answers(monkeypatch, capsys):
    opened = []
    monkeypatch.setattr(launch.webbrowser, "open", opened.append)
    with socket.create_server(("localhost", 0)) as server:
        port = server.getsockname()[1]
    url = f"http://localhost:{port}"
    announcing = Thread(target=launch._announce, args=(url, port, True), daemon=True)
    announcing.start()
    assert opened == []
    with socket.create_server(("localhost", port)):
        announcing.join(10)
    assert opened == [url] and f"Recursion Lens: {url}" in capsys.readouterr().err
