"""Views: links, reloads, and the layout at window sizes."""

import re

import pytest
from player_page import Player

from trm.data import load_presets

HARD = next(preset.puzzle for preset in load_presets("sudoku") if preset.key == "hard")


def test_a_reload_keeps_the_view(kept_player):
    """In another session, too: test_link_and_keyboard.py."""
    player = kept_player
    player.cell(6, 1).click()
    player.press("Home")
    player.press("Shift+ArrowRight", "ArrowRight")
    player.page.wait_for_url(re.compile(r"at=2\.2\.7"))
    before = player.cells
    player.page.reload()
    again = type(player)(player.page)
    again.eventually(lambda: again.position == (2, 2, 7, "f_H"), "the place before")
    assert again.selected == "6,1"
    assert again.cells == before


def test_a_link_names_the_puzzle_and_coordinates_beyond_the_run_are_clipped_to_its_end(open_player, solved):
    player = open_player(f"?puzzle={HARD}&at=99.99.99&cell=99,99&mode=x")
    assert player.position == (16, 3, 7, "f_H")
    assert player.cells == solved(HARD)["answer"]


def check_widths(player: Player) -> None:
    width = player.page.viewport_size["width"]
    overflow = player.page.evaluate(
        "() => [document.documentElement, document.querySelector('[data-testid=stMain]')].map((e) => e.scrollWidth - e.clientWidth)"
    )
    assert overflow == [0, 0]
    boxes = [player.cell(row, column).bounding_box() for row, column in ((0, 0), (8, 8))]
    assert boxes[0]["x"] >= 0 and boxes[1]["x"] + boxes[1]["width"] <= width
    assert boxes[0]["width"] >= 30  # large enough for a finger
    cut = player.root.evaluate(
        "root => [...root.querySelectorAll('.modes button, .gutter span, .gutter b')]"
        ".filter((node) => node.scrollWidth > node.clientWidth + 1 && node.clientWidth).map((node) => node.textContent)"
    )
    assert cut == []


def test_nothing_is_wider_than_a_phone(open_player):
    check_widths(open_player(width=390, height=844))


PARTS = (
    ".modes",
    ".cells",
    ".legend",
    ".caption",
    ".transport",
    ".status",
    ".timeline",
    ".cell-panel",
    ".label",
)


def test_the_icon_of_the_page_is_of_this_server(kept_player, served):
    """Requests to other hosts fail every test, but a browser without windows fetches no icon."""
    icons = kept_player.page.locator("link[rel~=icon]").evaluate_all("links => links.map(({ href }) => href)")
    assert icons and all(icon.startswith((served.url, "data:")) for icon in icons)


@pytest.mark.parametrize("size", [(1024, 768), (1280, 800), (1920, 1080), (3840, 2160)], ids=str)
def test_the_whole_player_is_visible_without_scrolling(kept_player, size):
    """With the sidebar open; nothing overlaps or is wider than the window, and the grid takes a good part of the height."""
    width, height = size
    player = kept_player
    player.page.set_viewport_size({"width": width, "height": height})
    player.eventually(
        lambda: player.root.locator(".cells").bounding_box()["height"] >= 0.38 * height, "a large grid"
    )
    check_widths(player)
    assert player.page.get_by_test_id("stSidebar").get_attribute("data-collapsed") == "false"
    boxes = {part: player.root.locator(part).bounding_box() for part in PARTS}
    for part, box in boxes.items():
        assert box["y"] >= 0 and box["y"] + box["height"] <= height, part
        assert box["x"] >= 0 and box["x"] + box["width"] <= width + 0.5, part
    left, right = boxes[".transport"], boxes[".timeline"]
    assert left["x"] + left["width"] <= right["x"]
    buttons = player.root.locator(".transport button, .transport select").evaluate_all(
        "nodes => Math.max(...nodes.map((node) => node.getBoundingClientRect().right))"
    )
    assert buttons <= left["x"] + left["width"] + 0.5
    symbols = player.root.locator(".cell-panel [data-symbol]").evaluate_all(
        "nodes => Math.max(...nodes.map((node) => node.getBoundingClientRect().bottom))"
    )
    assert symbols <= player.page.get_by_role("button", name="Export").bounding_box()["y"]


def test_at_4k_everything_is_twice_as_large(kept_player):
    player = kept_player

    def sizes() -> list[float]:
        font = player.root.locator(".gutter span").first.evaluate("node => getComputedStyle(node).fontSize")
        sidebar = player.page.get_by_test_id("stSidebar").bounding_box()["width"]
        return [float(font.removesuffix("px")), player.cell(0, 0).bounding_box()["width"], sidebar]

    def resize(width: int, height: int) -> None:
        player.page.set_viewport_size({"width": width, "height": height})
        player.eventually(
            lambda: player.root.locator(".cells").bounding_box()["height"] >= 0.38 * height, "a large grid"
        )

    resize(1920, 1080)
    player.page.wait_for_timeout(500)  # the sidebar is resized in a transition
    small = sizes()
    resize(3840, 2160)
    twice = pytest.approx([2, 2, 2], abs=0.15)
    player.eventually(
        lambda: [two / one for one, two in zip(small, sizes(), strict=True)] == twice, "all twice as large"
    )


@pytest.mark.parametrize(
    "name, key", [("Solve", "player"), ("Interventions", "interventions"), ("Lecture", "lecture")]
)
def test_what_is_stepped_through_is_not_dimmed_while_the_page_is_computed_anew(kept_player, name, key):
    page = kept_player.page
    page.set_viewport_size({"width": 1280, "height": 800})
    page.get_by_role("link", name=name, exact=True).click()
    drawn = page.locator(f".st-key-{key}").first
    drawn.wait_for()
    drawn.evaluate(
        "node => { node.style.transition = 'none'; node.style.opacity = 0.33; }"
    )  # as Streamlit does
    assert drawn.evaluate("node => getComputedStyle(node).opacity") == "1"
