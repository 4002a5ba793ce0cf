"""The training axis in the browser, on a run that `trm train` wrote."""

import json
import shutil
from pathlib import Path
from urllib.parse import quote

import pytest
from player_page import Player
from playwright.sync_api import expect
from training_runs import usual_preset

from trm.cli import main
from trm.training.folder import locked
from trm.training.log import LOG


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, tiny_config) -> Path:
    """A folder with a run of three snapshots."""
    folder = tmp_path_factory.mktemp("models")
    preset = usual_preset(tiny_config(N_sup=4))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trm.cli.train.get_preset", lambda name: preset)
        out = ["--out", str(folder / "run")]
        main(["train", "--preset", "usual", "--updates", "8", "--snapshots", "3", "--seed", "3", *out])
    return folder


def final_grid(player: Player) -> str:
    """The cells at the end of the run; the keys go to the player and not to the slider."""
    player.page.evaluate("document.activeElement.blur()")
    player.wait_for_whole_run(steps=4)
    return player.cells


def test_moving_the_slider_changes_the_grid(open_player, folder):
    player = open_player(f"?model={quote(str(folder / 'run'))}")
    place = player.page.locator(".st-key-snapshot_place")
    slider = place.get_by_role("slider")
    expect(place).to_contain_text("Training update 8")
    newest = final_grid(player)
    slider.press("Home")
    expect(place).to_contain_text("Training update 2")
    player.page.wait_for_url("**run%2Fsnapshots%2F025-percent**")
    player.eventually(lambda: final_grid(player) != newest, "the answer of the snapshot")
    earlier = final_grid(player)
    slider.press("End")
    player.eventually(lambda: final_grid(player) == newest, "the newest answer again")
    linked = open_player(f"?model={quote(str(folder / 'run/snapshots/025-percent'))}")
    player.eventually(lambda: final_grid(linked) == earlier, "the linked snapshot")


def test_a_run_is_followed_while_it_trains(folder, served, new_page, tmp_path):
    """New log lines and snapshots appear without a reload, and the slider stays at an earlier snapshot once chosen."""
    run = Path(shutil.copytree(folder / "run", folder / "live"))
    *_, later = sorted((run / "snapshots").iterdir())
    shutil.move(later, tmp_path)

    def add_line(update: int, **values: object) -> None:
        with (run / LOG).open("a") as log:
            log.write(json.dumps({"update": update, "minutes": 1.0} | values) + "\n")

    page = new_page()
    with locked(run):
        add_line(8, machine="one core", length="90 updates")
        page.goto(f"{served.url}/halting?model={quote(str(run))}")
        state = page.get_by_text("Being trained.")
        place = page.locator(".st-key-snapshot_place:not([data-stale=true])")
        expect(state.locator("..")).to_contain_text("Update 8 after 1.0 minutes, of 90 updates.")
        page.evaluate("window.isFirst = true")
        place.get_by_role("slider").press("Home")
        expect(place).to_contain_text("1 of 3")
        for update in (60, 80):
            add_line(update, loss=1.5)
            expect(state.locator("..")).to_contain_text(f"Update {update} after")
        shutil.move(tmp_path / later.name, later)
        add_line(85, loss=1.25)
        expect(place).to_contain_text("1 of 4")
        expect(place).to_contain_text("Training update 2")
        expect(page.get_by_text("Latest: training loss 1.250")).to_be_visible()
        add_line(90, finished=True)
    expect(page.get_by_text("Finished.").locator("..")).to_contain_text("Update 90")
    assert page.evaluate("window.isFirst")
