"""How the server is started: options and environment variables, and one line for those that mean nothing."""

import pytest

from app.server.options import DATA_DIR, MODEL_DIR, OptionError, Options, read_options


def test_nothing_given_is_no_folder_and_the_hub():
    assert read_options([], {}) == Options((), None, True)


def test_options_and_environment_say_the_same(tmp_path):
    models, more, data = tmp_path / "models", tmp_path / "more", tmp_path / "data"
    for folder in (models, more, data):
        folder.mkdir()
    given = ["--model-dir", str(models), "--model-dir", str(more), "--data-dir", str(data)]
    environment = {MODEL_DIR: f"{models}:{more}", DATA_DIR: str(data)}
    assert read_options(given, {}) == read_options([], environment) == Options((models, more), data, True)
    assert read_options(["--no-hub"], {}) == Options((), None, False)
    assert read_options(given, {MODEL_DIR: "/nowhere"}).model_dirs == (models, more)  # what is typed counts


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--modeldir", "x"], "unrecognized arguments: --modeldir x"),
        (["--model-dir"], "expected one argument"),
        (["runs"], "unrecognized arguments: runs"),
        (["--model-dir", "/no/such/folder"], "--model-dir /no/such/folder is not a folder"),
        (["--data-dir", "/no/such/folder"], "--data-dir /no/such/folder is not a folder"),
    ],
)
def test_options_that_mean_nothing_are_one_line(arguments, says):
    with pytest.raises(OptionError) as refusal:
        read_options(arguments, {})
    assert says in str(refusal.value) and "\n" not in str(refusal.value)


def test_a_page_of_a_server_started_wrong_says_so(open_app, monkeypatch):
    monkeypatch.setenv(MODEL_DIR, "/no/such/folder")
    app = open_app()
    assert app.errors == [
        "--model-dir /no/such/folder is not a folder. Start the app with one that is there."
    ]
    assert not app.payloads
