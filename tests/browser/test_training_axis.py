"""The training axis in the browser, on a run that `trm train` wrote."""

import re
from collections.abc import Iterator

import pytest
from player_page import Player
from playwright.sync_api import expect
from served_app import ServedApp
from training_runs import usual_preset

from app.server.options import MODEL_DIR
from trm.cli import main


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, tiny_config) -> Iterator[ServedApp]:
    """The app, with a run of ten snapshots in its folder of models."""
    folder = tmp_path_factory.mktemp("models")
    preset = usual_preset(tiny_config(N_sup=4))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trm.cli.train.get_preset", lambda name: preset)
        out = ["--out", str(folder / "run")]
        main(["train", "--preset", "usual", "--updates", "44", "--snapshots", "10", "--seed", "3", *out])
        patch.setenv(MODEL_DIR, str(folder))
        with ServedApp() as app:
            yield app


def final_grid(player: Player) -> str:
    """The cells at the end of the run; the keys go to the player and not to the slider."""
    player.page.evaluate("document.activeElement.blur()")
    player.wait_for_whole_run(steps=4)
    return player.cells


def test_moving_the_slider_changes_the_grid(open_player):
    player = open_player("?model=run")
    place = player.page.locator(".st-key-snapshot_place")
    slider = place.get_by_role("slider")
    expect(place).to_contain_text("Training update 44")
    newest = final_grid(player)
    slider.press("Home")
    expect(place).to_contain_text(re.compile("Training update 4(?!4)"))
    player.page.wait_for_url("**model=run%2Fsnapshots%2F009-percent**")
    player.eventually(lambda: final_grid(player) != newest, "the answer of the snapshot")
    earlier = final_grid(player)
    slider.press("End")
    player.eventually(lambda: final_grid(player) == newest, "the newest answer again")
    linked = open_player("?model=run/snapshots/009-percent")
    player.eventually(lambda: final_grid(linked) == earlier, "the linked snapshot")
