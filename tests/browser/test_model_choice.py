"""Models of a person's own folder in the browser: mazes and grids of any size, by name, by path and by link."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from own_models import save_own_model
from pages import Pages
from player_page import Player, alert
from playwright.sync_api import Page, expect
from select_box import choose_option
from served_app import Served


@pytest.fixture(scope="module")
def mazes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the server was not started with, of a model of 15x15 mazes."""
    folder = tmp_path_factory.mktemp("models") / "my run ü"
    save_own_model(folder, "mazes/15")
    return folder


def choose_model(page: Page, name: str) -> None:
    box = page.locator(".st-key-model").get_by_role("combobox")
    choose_option(box, page.get_by_role("option", name=name, exact=True))


@pytest.fixture(scope="module")
def player_of_any_model(pages: Pages, served: Served) -> Iterator[Player]:
    """The player on a page where a model outside the list is asked for."""
    with pages.lent() as lent:
        page = lent()
        page.goto(served.url)
        player = Player(page)
        choose_model(page, "Other: path or HF repo")
        yield player


def wait_for_cells(player: Player, count: int) -> None:
    player.eventually(lambda: player.root.locator("[data-cell]").count() == count, f"{count} cells")


def test_a_typed_path_opens_and_a_mistyped_one_is_named(player_of_any_model, mazes, tmp_path):
    player = player_of_any_model
    field = player.page.locator(".st-key-model_path input")
    field.fill(str(mazes / "model.safetensors"))
    field.press("Enter")
    wait_for_cells(player, 225)
    (tmp_path / "model.safetensors").write_bytes(b"nothing")
    for typed, says in (
        ("no/such", "no file or folder 'no/such' on this machine"),
        (str(tmp_path), "damaged"),
    ):
        field.fill(typed)
        field.press("Enter")
        expect(alert(player.page, says)).to_be_visible()
        assert player.root.locator("[data-cell]").count() == 225


def test_a_checkpoint_whose_files_are_dropped_is_opened(player_of_any_model, tmp_path):
    save_own_model(tmp_path / "run", "sudoku-4")
    files = player_of_any_model.page.locator(".st-key-model_files input[type=file]")
    files.set_input_files([str(path) for path in (tmp_path / "run").iterdir()])
    wait_for_cells(player_of_any_model, 16)


def test_a_link_is_text_and_never_markup(new_page, served):
    page = new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{served.url}/?model=![x](//e.invalid/y) *a* $b$")
    player = Player(page)
    expect(alert(page, "![x](//e.invalid/y) *a* $b$")).to_contain_text("on this machine")
    assert not [url for url in asked if "//e.invalid" in url.partition("?")[0]]
    assert player.root.locator("[data-cell]").count() == 81


@pytest.mark.slow
def test_a_maze_of_another_size_is_drawn_and_another_one_typed_as_a_picture(open_player, mazes):
    player = open_player(f"?model={quote(str(mazes))}")
    assert player.root.locator("[data-cell]").count() == 15 * 15
    player.cell(14, 14).click()
    player.wait_for_whole_run(steps=4)
    assert player.position == (4, 2, 3, "f_H")
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
