"""The training axis: a slider over the snapshots of a run, in the sidebar of every page."""

from pathlib import Path

import pytest

from app.sidebar.model_controls import ANOTHER
from trm import registry
from trm.checkpoint import save_model
from trm.provenance import Training

RUN = "runs/axis"


@pytest.fixture
def run(model_dir, tiny_model):
    """A run of 4x4 Sudoku with snapshots after 10 and 20 updates, and a model after 30."""
    for seed, folder in enumerate(("snapshots/030-percent", "snapshots/060-percent", ".")):
        add_snapshot(model_dir / RUN / folder, tiny_model(seed=seed), 10 * (seed + 1))
    return model_dir / RUN


def add_snapshot(folder: Path, model, update: int) -> None:
    save_model(folder, model.config, model.state_dict(), Training("tiny", 0, update))


def shown(app) -> tuple[str, int]:
    """What the slider says, and of how many snapshots it chooses one."""
    slider = app.test.get_by_key("snapshot_place")
    return slider.label, slider.max


def test_the_slider_chooses_the_model(open_app, run):
    app = open_app(model=RUN)
    assert shown(app) == ("Training update 30", 3) and app["snapshot_place"] == 3 and app.link["model"] == RUN
    newest = app.payload["answers"]
    app.set("snapshot_place", 1)
    assert not app.errors and app.link["model"] == f"{RUN}/snapshots/030-percent"
    assert app.payload["answers"] != newest and app.payload["label"].startswith(app.link["model"])
    again = open_app(**app.link)
    assert (again["model"], shown(again)) == (RUN, ("Training update 10", 3))
    assert again.payload["answers"] == app.payload["answers"]
    app.set("snapshot_place", 3)
    assert app.link["model"] == RUN and app.payload["answers"] == newest


def test_the_menu_lists_the_run_without_its_snapshots(open_app, run):
    names = open_app().test.get_by_key("model").options
    assert RUN in names and not [name for name in names if "snapshots" in name]


def test_new_snapshots_appear_while_the_run_trains(open_app, run, tiny_model):
    """The slider stays at the chosen snapshot, or at the newest."""
    app = open_app(model=RUN)
    add_snapshot(run / "snapshots/090-percent", tiny_model(seed=7), 25)
    add_snapshot(run, tiny_model(seed=8), 40)
    app.run()
    assert shown(app) == ("Training update 40", 4)
    app.set("snapshot_place", 3)
    add_snapshot(run / "snapshots/045-percent", tiny_model(seed=9), 15)
    app.run()
    assert shown(app) == ("Training update 25", 5) and app["snapshot_place"] == 4


def test_at_the_newest_snapshot_a_later_one_is_followed(open_app, run, tiny_model):
    """Also if the newest stays on the axis, because it was saved as a snapshot of its own."""
    app = open_app(model=RUN)
    add_snapshot(run / "snapshots/090-percent", tiny_model(seed=2), 30)
    add_snapshot(run, tiny_model(seed=8), 40)
    app.run()
    assert shown(app) == ("Training update 40", 4) and app.link["model"] == RUN


def test_a_model_without_snapshots_has_no_slider(open_app, run):
    app = open_app(model=RUN)
    app.set("snapshot_place", 1)
    app.set("model", "runs/hrm")
    assert not app.has("snapshot_place") and app.link["model"] == "runs/hrm"
    app.set("model", RUN)
    assert shown(app) == ("Training update 30", 3)


def test_step_files_of_public_code(open_app, model_dir, public_checkpoint):
    for step in (5, 1000, 20):
        public_checkpoint(cells=81).save(model_dir / "public", name=f"step_{step}")
    app = open_app(model="public")
    assert shown(app) == ("Training step 1,000", 3)
    app.set("snapshot_place", 2)
    assert not app.errors and app.link["model"] == "public/step_20"
    again = open_app(**app.link)
    assert (again["model"], shown(again)) == (ANOTHER, ("Training step 20", 3))
    again.open("compare")
    again.set("model", "public")  # AppTest forgets what was chosen on the previous page
    assert {"public/step_5", "public/step_20"} < set(again.test.get_by_key("compare_with").options)


def test_a_snapshot_that_cannot_be_opened_is_an_error(open_app, run):
    (run / "snapshots/030-percent/model.safetensors").write_bytes(b"cut")
    app = open_app(model=RUN)
    app.set("snapshot_place", 1)
    assert "damaged" in app.errors[0] and app.link["model"] == RUN


def test_the_bundled_snapshots_open_this_way(open_app):
    app = open_app(model="sudoku-trm/snapshots/035-percent")
    assert app["model"] == "sudoku-trm"
    assert shown(app) == ("Training update 5,403", 1 + len(registry.snapshot_names("sudoku-trm")))
    assert (app["force_n"], app["force_T"]) == (2, 2)
