"""How the server is started: options and environment variables, and one line for those that mean nothing."""

import pytest
import streamlit as st

from app.screens.probes import uploads
from app.server.options import DATA_DIR, LOCAL, MODEL_DIR, SITE, OptionError, Options, read_options
from trm.data.puzzle_file import LARGEST

OPEN = "0.0.0.0"


def test_on_localhost_everything_is_open_to_its_owner():
    for address in LOCAL:
        assert read_options([], {}, address) == Options(hub=True, local=True)
    assert read_options(["--no-hub"], {}, "localhost") == Options(local=True)


@pytest.mark.parametrize("address", [OPEN, "192.168.1.7", "::", "", None])
def test_on_another_address_the_hub_is_off_unless_it_is_asked_for(address):
    assert read_options([], {}, address) == Options()
    assert read_options(["--hub"], {}, address) == Options(hub=True)


def test_a_public_server_is_nobodys_own_even_on_localhost():
    """Such as behind a proxy, or a tunnel."""
    assert read_options(["--public"], {}, "localhost") == Options(public=True)
    assert read_options(["--public", "--hub"], {}, OPEN) == Options(hub=True, public=True)


def test_options_and_environment_say_the_same(tmp_path):
    models, more, data = tmp_path / "models", tmp_path / "more", tmp_path / "data"
    for folder in (models, more, data):
        folder.mkdir()
    site = "https://lens.example/"
    given = ["--model-dir", str(models), "--model-dir", str(more), "--data-dir", str(data), "--site", site]
    environment = {MODEL_DIR: f"{models}:{more}", DATA_DIR: str(data), SITE: site}
    expected = Options((models, more), data, site=site)
    assert read_options(given, {}, OPEN) == read_options([], environment, OPEN) == expected
    assert read_options(given, {MODEL_DIR: "/nowhere"}, OPEN).model_dirs == (
        models,
        more,
    )  # what is typed counts


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--modeldir", "x"], "unrecognized arguments: --modeldir x"),
        (["--model-dir"], "expected one argument"),
        (["runs"], "unrecognized arguments: runs"),
        (["--model-dir", "/no/such/folder"], "--model-dir /no/such/folder is not a folder"),
        (["--data-dir", "/no/such/folder"], "--data-dir /no/such/folder is not a folder"),
        *(
            ([f"--site={site}"], f"--site {site!r} is not a web address")
            for site in (
                *(
                    "lens.example",
                    "ftp://lens.example",
                    "file:///lens",
                    "https://",
                    "https:///lens",
                    "https://[::1",
                ),
                *("https://lens.example:port", "https://lens.example/a b", "https://lens.example/\n"),
            )
        ),
    ],
)
def test_options_that_mean_nothing_are_one_line(arguments, says):
    with pytest.raises(OptionError) as refusal:
        read_options(arguments, {}, OPEN)
    assert says in str(refusal.value) and "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("given", "folder"),
    [
        ("https://lens.example", "https://lens.example/"),
        ("http://[::1]:8000/", "http://[::1]:8000/"),
        ("http://lens.example:8000/lens", "http://lens.example:8000/lens/"),
        ("https://lens.example/lens/index.html?model=maze-trm#runs", "https://lens.example/lens/"),
    ],
)
def test_the_address_of_the_site_may_be_that_of_a_page_of_it(given, folder):
    assert read_options(["--site", given], {}, OPEN).site == folder


def test_a_page_of_a_server_started_wrong_says_so(open_app, monkeypatch):
    monkeypatch.setenv(MODEL_DIR, "/no/such/folder")
    app = open_app()
    assert app.errors == [
        "--model-dir /no/such/folder is not a folder. Start the app with an existing folder."
    ]
    assert not app.payloads


def test_what_a_stranger_may_ask_for_is_bounded(open_app, monkeypatch):
    monkeypatch.setattr("sys.argv", ["main.py", "--public"])
    assert not open_app(n="12").errors
    (error,) = open_app(n="26", T="26").errors
    assert "11,232 calls" in error and "allows 1,344" in error


def test_uploads_are_bounded_to_what_pages_read():
    assert st.get_option("server.maxUploadSize") == LARGEST >> 20 == uploads.LARGEST


def test_visitors_from_elsewhere_are_told_no_folder(open_app, monkeypatch, served_to_others):
    monkeypatch.setenv(MODEL_DIR, "/no/such/folder")
    assert open_app().errors == [
        "The app was started with invalid options; the server's log has the details."
    ]
