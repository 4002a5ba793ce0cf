"""The seeds of a bundled model: one model in the list, with a choice of the seed for all pages."""

import pytest

from app.screens.compare import second_model
from tests.app.sidebar.test_training_axis import shown
from trm.checkpoint import save_model
from trm.provenance import Training

MODEL = "small"
SEED_1, SEED_7 = f"{MODEL}/seeds/1", f"{MODEL}/seeds/7"


@pytest.fixture(autouse=True)
def bundled(tmp_path, monkeypatch, tiny_model):
    """A model of seed 3 with a snapshot, trained again with seeds 1 and 7, and a model of a single seed."""
    runs = {
        MODEL: (3, 9),
        f"{MODEL}/snapshots/050-percent": (3, 5),
        SEED_1: (1, 9),
        SEED_7: (7, 9),
        "another": (0, 9),
    }
    for number, (name, (seed, update)) in enumerate(runs.items()):
        model = tiny_model(seed=number)
        save_model(tmp_path / name, model.config, model.state_dict(), Training(MODEL, seed, update))
    monkeypatch.setenv("RECURSION_LENS_MODELS", str(tmp_path))
    return tmp_path


def seeds_of(app) -> list[str]:
    return app.test.get_by_key("seed").options


def test_the_list_of_models_shows_a_model_once(open_app):
    app = open_app(model=MODEL)
    assert app.test.get_by_key("model").options[:2] == ["another", MODEL]
    assert not [name for name in app.test.get_by_key("model").options if "/" in name and "Other" not in name]
    assert seeds_of(app) == ["1", "3", "7"] and app["seed"] == 3


def test_the_chosen_seed_is_the_model_of_the_page_and_of_its_link(open_app):
    app = open_app(model=MODEL)
    own = app.payload["answers"]
    app.set("seed", 7)
    assert not app.errors and app.link["model"] == SEED_7 and app["model"] == MODEL
    assert app.payload["label"].startswith(SEED_7) and app.payload["answers"] != own
    again = open_app(**app.link)
    assert (again["model"], again["seed"], again.link["model"]) == (MODEL, 7, SEED_7)
    assert again.payload["answers"] == app.payload["answers"]
    app.set("seed", 3)
    assert app.link["model"] == MODEL and app.payload["answers"] == own


@pytest.mark.parametrize("page", ["halting", "probes", "latents", "interventions"])
def test_a_page_of_many_puzzles_uses_the_chosen_seed(open_app, page):
    app = open_app(page, model=SEED_1)
    assert not app.errors and (app["seed"], app.link["model"]) == (1, SEED_1)
    app.set("seed", 7)
    assert app.link["model"] == SEED_7


def test_a_session_keeps_its_seed_until_another_model_is_chosen(open_app):
    app = open_app(model=SEED_7)
    app.set("supervision_steps", 2)
    assert app["seed"] == 7 and app.link["steps"] == "2"
    app.set("model", "another")
    assert not app.has("seed") and app.link["model"] == "another"
    app.set("model", MODEL)
    assert (app["seed"], app.link["model"]) == (3, MODEL)


def test_only_the_own_seed_has_the_training_axis(open_app):
    app = open_app(model=MODEL)
    app.set("snapshot_place", 1)
    assert app.link["model"] == f"{MODEL}/snapshots/050-percent"
    app.set("seed", 1)
    assert not app.has("snapshot_place") and app.link["model"] == SEED_1
    app.set("seed", 3)
    assert shown(app) == ("Training update 9", 2) and app.link["model"] == MODEL


def test_a_link_to_a_snapshot_opens_it_with_the_own_seed(open_app):
    app = open_app(model=f"{MODEL}/snapshots/050-percent")
    assert app["seed"] == 3 and shown(app) == ("Training update 5", 2)


def test_a_link_to_a_seed_that_does_not_exist_opens_the_own_seed(open_app):
    app = open_app(model=f"{MODEL}/seeds/2")
    assert (app["model"], app["seed"], app.link["model"]) == (MODEL, 3, MODEL)


def test_a_seed_that_cannot_be_opened_is_an_error(open_app, bundled):
    (bundled / SEED_1 / "config.json").write_text("{")
    app = open_app(model=MODEL)
    app.set("seed", 1)
    assert "damaged" in app.errors[0] and app.link["model"] == MODEL


def test_another_seed_can_be_the_second_model(open_app):
    app = open_app("compare", model=SEED_1)
    names = app.test.get_by_key(second_model.KEY).options
    assert names.index(MODEL) < names.index(SEED_1) < names.index(f"{MODEL}/snapshots/050-percent")
    app.set(second_model.KEY, SEED_7)
    assert not app.errors and app.link["against"] == SEED_7
