"""The training run of a model on the Halting page, from folders as `trm train` writes them."""

import json
import os
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from app.screens.halting.training_run import summary
from app.server.options import MODEL_DIR
from app.ui import progress
from app.ui.text import ago
from tests.app.sidebar.test_training_axis import add_snapshot
from trm.training.folder import locked
from trm.training.log import LOG

START = {"update": 0, "minutes": 0.0, "machine": "one core", "seed": 0, "length": "60 minutes"}


def add_line(run: Path, update: int, **values: object) -> None:
    with (run / LOG).open("a") as log:
        log.write(json.dumps({"update": update, "minutes": update / 10} | values) + "\n")


@pytest.fixture
def run(tmp_path, monkeypatch, tiny_model):
    """The folder of a run that has just begun."""
    folder = tmp_path / "models" / "run"
    add_snapshot(folder, tiny_model(vocab_size=11, sequence_length=81), 10)
    add_line(folder, **START)
    add_line(folder, 10, loss=2.5)
    monkeypatch.setenv(MODEL_DIR, str(folder.parent))
    return folder


@pytest.fixture
def training(run):
    """A process that trains into the folder; closed when it ends."""
    with ExitStack() as process:
        process.enter_context(locked(run))
        yield process


def open_page(open_app, model: str = "run"):
    return open_app("halting", model=model)


def curves(app) -> list[list[float]]:
    """The values of each curve."""
    specs = [json.loads(element.proto.spec) for element in app.test.get("plotly_chart")]
    return [spec["data"][0]["y"] for spec in specs]


def state(app) -> str:
    (text,) = [
        each.value for each in app.test.markdown if each.value.startswith("**") and "Last" in each.value
    ]
    return text


def follows(app) -> bool:
    return any(each["only_visible"] and each["feed"] for each in app.progress)


def news(app) -> None:
    """What the browser sends when the log has changed."""
    app.trigger("news", {"edits": 0}, progress.NAME)


def test_a_run_is_followed_while_it_trains(open_app, run, training, tiny_model):
    app = open_page(open_app)
    assert curves(app) == [[2.5]] and not app.has("snapshot_place")
    assert state(app).startswith(
        "**Being trained.** Update 10 after 1.0 minutes, of 60 minutes. Last log line less"
    )
    assert follows(app)
    add_line(run, 20, loss=1.5)
    add_line(run, 30, held_out_exact_by_step=[0.1, 0.4], n=2, T=1)
    add_snapshot(run / "snapshots/050-percent", tiny_model(vocab_size=11, sequence_length=81), 20)
    add_snapshot(run, tiny_model(vocab_size=11, sequence_length=81), 30)
    news(app)
    assert curves(app) == [[2.5, 1.5], [0.4]] and "Update 30" in state(app)
    assert "Last saved at update 30." in state(app)
    slider = app.test.get_by_key("snapshot_place")
    assert (slider.label, slider.max, slider.value) == ("Training update 30", 2, 2)
    add_line(run, 40, finished=True)
    training.close()
    news(app)
    assert state(app).startswith("**Finished.** Update 40") and not follows(app)


def test_a_new_snapshot_leaves_the_slider_at_an_older_one(open_app, run, training, tiny_model):
    for update, share in ((20, "050"), (30, "075")):
        add_snapshot(
            run / f"snapshots/{share}-percent", tiny_model(vocab_size=11, sequence_length=81), update
        )
        if update == 20:
            add_snapshot(run, tiny_model(vocab_size=11, sequence_length=81), 25)
            app = open_page(open_app)
            app.set("snapshot_place", 1)
    news(app)
    slider = app.test.get_by_key("snapshot_place")
    assert (slider.label, slider.max, slider.value) == ("Training update 20", 3, 1)


def test_a_run_that_was_stopped_is_not_followed(open_app, run):
    long_ago = time.time() - 3 * 3600
    os.utime(run / LOG, (long_ago, long_ago))
    app = open_page(open_app)
    assert state(app).startswith(
        "**Not being trained on this machine.** Update 10 after 1.0 minutes, of 60 minutes."
    )
    assert "Last log line 3 hours ago." in state(app) and not follows(app)


def test_a_run_that_is_copied_from_another_machine_is_followed(open_app, run):
    assert follows(open_page(open_app))


def test_an_unfinished_line_is_left_out_and_a_damaged_one_is_an_error(open_app, run):
    with (run / LOG).open("a") as log:
        log.write('{"update": 2')
    app = open_page(open_app)
    assert curves(app) == [[2.5]] and not app.warnings
    with (run / LOG).open("a") as log:
        log.write("\n")
    news(app)
    (warning,) = app.warnings
    assert warning.startswith("run/log.jsonl is not a log of a training run, or is damaged") and not curves(
        app
    )


def test_bundled_models_show_the_curve_of_their_run(open_app):
    app = open_page(open_app, "maze-hrm")
    loss, held_out = curves(app)[-2:]
    assert loss[0] == 1.5649 and held_out[-1] == 0.99219
    assert any("6,365 updates in 4.7 minutes" in text.value for text in app.test.markdown) and not follows(
        app
    )


def test_how_long_ago():
    assert ago(-5) == ago(59) == "less than a minute ago"
    assert ago(60) == "1 minute ago" and ago(3599) == "59 minutes ago"
    assert ago(7200) == "2 hours ago" and ago(86_400) == "1 day ago"


def test_a_run_without_metrics_or_length():
    assert summary([], training=True, age=5).startswith("**Being trained.** Nothing is logged yet.")
    line = {"update": 1, "minutes": 0.25}
    assert summary([line], training=False, age=5).endswith(
        "Update 1 after 0.2 minutes. Last log line less than a minute ago."
    )
