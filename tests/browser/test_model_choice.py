"""Models of a person's own folder in the browser: mazes and grids of any size, by name, by path and by link."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from own_models import save_own_model, served_models
from player_page import Player, alert
from playwright.sync_api import Page, expect
from served_app import ServedApp


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedApp]:
    with served_models(tmp_path_factory.mktemp("models")) as app:
        yield app


def choose_model(page: Page, name: str) -> None:
    page.locator(".st-key-model").get_by_role("combobox").click()
    page.get_by_role("option", name=name, exact=True).click()


@pytest.mark.parametrize(("name", "side"), [("mazes/15", 15), ("sudoku-4", 4)])
def test_grids_of_other_sizes_are_drawn(open_player, name, side):
    player = open_player(f"?model={name}")
    assert player.root.locator("[data-cell]").count() == side * side
    player.cell(side - 1, side - 1).click()
    player.wait_for_whole_run(steps=4)
    assert player.position == (4, 2, 3, "f_H")


def test_a_typed_path_opens_and_a_mistyped_one_is_named(open_player):
    player = open_player()
    choose_model(player.page, "Other: path or HF repo")
    field = player.page.locator(".st-key-model_path input")
    field.fill("mazes/15/model.safetensors")
    field.press("Enter")
    player.eventually(lambda: player.root.locator("[data-cell]").count() == 225, "the maze")
    for typed, says in (("no/such", "no file or folder 'no/such' on this machine"), ("broken", "damaged")):
        field.fill(typed)
        field.press("Enter")
        expect(alert(player.page, says)).to_be_visible()
        assert player.root.locator("[data-cell]").count() == 225


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A maze's, in a folder that the server was not started with."""
    folder = tmp_path / "my run ü"
    save_own_model(folder, "mazes/15")
    return folder


def test_a_checkpoint_anywhere_on_ones_own_machine_is_opened_by_its_path(open_player, checkpoint):
    player = open_player()
    choose_model(player.page, "Other: path or HF repo")
    field = player.page.locator(".st-key-model_path input")
    field.fill(str(checkpoint))
    field.press("Enter")
    player.eventually(lambda: player.root.locator("[data-cell]").count() == 225, "the maze")


def test_a_checkpoint_whose_files_are_dropped_is_opened(open_player, checkpoint):
    player = open_player()
    choose_model(player.page, "Other: path or HF repo")
    player.page.locator(".st-key-model_files input[type=file]").set_input_files(
        [str(path) for path in checkpoint.iterdir()]
    )
    player.eventually(lambda: player.root.locator("[data-cell]").count() == 225, "the maze")


def test_a_link_is_text_and_never_markup(new_page, served):
    page = new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{served.url}/?model=![x](//e.invalid/y) *a* $b$")
    player = Player(page)
    expect(alert(page, "![x](//e.invalid/y) *a* $b$")).to_contain_text("on this machine")
    assert not [url for url in asked if "//e.invalid" in url.partition("?")[0]]
    assert player.root.locator("[data-cell]").count() == 81


def test_values_are_forced_in_the_page(open_player):
    player = open_player("?model=sudoku-4")
    player.page.get_by_text("TRM, sudoku 4x4").click()
    field = player.page.locator(".st-key-force_n input")
    field.fill("5")
    field.press("Enter")
    expect(player.page.get_by_test_id("stSidebar")).to_contain_text("n = 5 (trained with 2)")
    player.eventually(lambda: player.position == (1, 1, 6, "f_H"), "the deeper run")
    expect(player.page.get_by_test_id("stSidebar")).to_contain_text("of blank cells", timeout=30_000)


def test_a_maze_is_typed_as_a_picture(open_player):
    player = open_player("?model=mazes/15")
    rows = ["S" + " " * 14, *[" " * 15] * 13, " " * 14 + "G"]
    player.type_puzzle("\n".join(rows))
    player.page.wait_for_url(re.compile(r"puzzle=S\.{223}G"))
    widths = player.page.evaluate(
        """() => {
            const style = getComputedStyle(document.querySelector('.st-key-puzzle_text textarea'));
            const pen = document.createElement('canvas').getContext('2d');
            pen.font = `${style.fontSize} ${style.fontFamily}`;
            return ['#', ' ', 'S', 'o'].map((character) => pen.measureText(character).width);
        }"""
    )
    assert len(set(widths)) == 1
