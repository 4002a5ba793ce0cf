"""Views: links, reloads, and the layout at window sizes."""

import re

import pytest

from trm.data import load_presets

HARD = next(preset.puzzle for preset in load_presets("sudoku") if preset.key == "hard")


def test_the_link_of_a_view_opens_it_in_another_session(player, open_player):
    player.cell(2, 5).click()
    player.press("Shift+ArrowRight", "Shift+ArrowRight", "ArrowDown", "ArrowDown", "3")
    player.page.wait_for_url(re.compile(r"at=3\.2\.2.*cell=2%2C5|cell=2%2C5.*at=3\.2\.2"))
    link = player.page.url
    theirs = open_player("?" + link.partition("?")[2])
    assert theirs.position == (3, 2, 2, "f_L")
    assert theirs.selected == "2,5"
    assert theirs.mode == "confidence"
    assert theirs.cells == player.cells


def test_a_reload_keeps_the_view(player):
    player.cell(6, 1).click()
    player.press("Shift+ArrowRight", "ArrowRight")
    player.page.wait_for_url(re.compile(r"at=2\.2\.7"))
    before = player.cells
    player.page.reload()
    again = type(player)(player.page)
    again.eventually(lambda: again.position == (2, 2, 7, "f_H"), "the place before")
    assert again.selected == "6,1"
    assert again.cells == before


def test_a_link_names_the_puzzle(open_player, solved):
    player = open_player(f"?puzzle={HARD}&at=5.3.7")
    assert player.position == (5, 3, 7, "f_H")
    assert player.cells == solved(HARD)["answers"][14]


def test_coordinates_beyond_the_run_are_clipped_to_its_end(open_player):
    assert open_player("?at=99.99.99&cell=99,99&mode=x").position == (16, 3, 7, "f_H")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(390, 844), (1024, 768), (1280, 800), (1920, 1080)], ids=str)
def test_nothing_is_wider_than_the_window(open_player, size, scheme):
    width, height = size
    player = open_player(width=width, height=height, color_scheme=scheme)
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


@pytest.mark.parametrize("size", [(1024, 768), (1280, 800), (1920, 1080), (3840, 2160)], ids=str)
def test_the_whole_player_is_visible_without_scrolling(open_player, size):
    """With the sidebar open; nothing overlaps, and the grid takes a good part of the height."""
    width, height = size
    player = open_player(width=width, height=height)
    assert player.page.get_by_test_id("stSidebar").get_attribute("data-collapsed") == "false"
    boxes = {part: player.root.locator(part).bounding_box() for part in PARTS}
    for part, box in boxes.items():
        assert box["y"] >= 0 and box["y"] + box["height"] <= height, part
        assert box["x"] >= 0 and box["x"] + box["width"] <= width + 0.5, part
    left, right = boxes[".transport"], boxes[".timeline"]
    assert left["x"] + left["width"] <= right["x"]
    assert boxes[".cells"]["height"] >= 0.38 * height
    buttons = player.root.locator(".transport button, .transport select").evaluate_all(
        "nodes => Math.max(...nodes.map((node) => node.getBoundingClientRect().right))"
    )
    assert buttons <= left["x"] + left["width"] + 0.5
    symbols = player.root.locator(".cell-panel [data-symbol]").evaluate_all(
        "nodes => Math.max(...nodes.map((node) => node.getBoundingClientRect().bottom))"
    )
    assert symbols <= player.page.get_by_role("button", name="Export").bounding_box()["y"]


def test_at_4k_everything_is_twice_as_large(open_player):
    sizes = []
    for width, height in ((1920, 1080), (3840, 2160)):
        player = open_player(width=width, height=height)
        font = player.root.locator(".gutter span").first.evaluate("node => getComputedStyle(node).fontSize")
        sidebar = player.page.get_by_test_id("stSidebar").bounding_box()["width"]
        sizes.append((float(font.removesuffix("px")), player.cell(0, 0).bounding_box()["width"], sidebar))
    small, large = sizes
    assert [two / one for one, two in zip(small, large, strict=True)] == pytest.approx([2, 2, 2], abs=0.15)
