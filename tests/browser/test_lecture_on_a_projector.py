"""The lecture on a projector only 1280 pixels wide: text and diagram are readable from the last row."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from itertools import pairwise

import pytest
from player_page import PATIENCE
from playwright.sync_api import Locator

from app.screens.lecture.contents import bundled_lecture
from tests.browser.test_pages_fit_the_window import box, large_text

LEAST = 12  # pixels, of 720
PRESENTED, RUSSIAN = "&present=true", "&lang=ru&present=true"
DRAWN = """async () => {
  for (let frame = 0; frame < 4; frame++) await new Promise(requestAnimationFrame);
}"""

# Every visible text that is smaller than that, at its drawn size: the diagram scales with its box.
SMALL = """(root, least) => {
  const small = [], walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode, parent = text.parentElement, range = document.createRange();
    range.selectNodeContents(text);
    const { width } = range.getBoundingClientRect();
    const isSeen = text.textContent.trim() && width > 1 && !parent.closest(".picture + .row, .row, .live-region, .tools, title, .tip");
    if (!isSeen || getComputedStyle(parent).visibility === "hidden") continue;
    const scale = parent.closest("svg.diagram")?.getScreenCTM().a ?? 1;
    const size = scale * parseFloat(getComputedStyle(parent).fontSize);
    if (size < least) small.push([text.textContent, parent.getAttribute("class"), size]);
  }
  return small;
}"""


@pytest.fixture(scope="module")
def lecture_at(served, pages) -> Iterator[Callable[..., Locator]]:
    """The lecture at a scene in a window of a size. The page of a link is opened once; its buttons lead to the other scenes."""
    scenes = [scene.id for scene in bundled_lecture().scenes]
    opened: dict[str, Locator] = {}
    with pages.lent() as lent:

        def make(scene: str, link: str, size: tuple[int, int]) -> Locator:
            width, height = size
            if link not in opened:
                page = lent(width, height)
                page.goto(f"{served.url}/lecture?scene={scene}{link}")
                opened[link] = page.get_by_test_id("lecture")
                opened[link].locator("[data-cell]").first.wait_for(timeout=2000 * PATIENCE)
            lecture = opened[link]
            lecture.page.set_viewport_size({"width": width, "height": height})
            lecture.locator(".scenes button").nth(scenes.index(scene)).evaluate("button => button.click()")
            lecture.page.locator(f'[data-testid="lecture"][data-scene="{scene}"] [data-cell]').first.wait_for(
                timeout=2000 * PATIENCE
            )
            lecture.page.evaluate(DRAWN)
            return lecture

        yield make


@pytest.mark.parametrize(
    ("scene", "link"), [("one-call", RUSSIAN), ("halting", RUSSIAN), ("hrm", RUSSIAN), ("hrm", PRESENTED)]
)
def test_no_text_is_too_small_and_no_formula_breaks(lecture_at, scene, link):
    lecture = lecture_at(scene, link, (1280, 720))
    assert lecture.evaluate(SMALL, LEAST) == []
    for formula in lecture.locator(".scene-text .formula").all():
        height, line = formula.evaluate(
            "node => [node.clientHeight, parseFloat(getComputedStyle(node).lineHeight)]"
        )
        assert height < 2 * line
        assert formula.evaluate("node => node.scrollWidth <= node.clientWidth")


def test_flags_and_rings_have_a_legend(lecture_at):
    lecture = lecture_at("one-call", PRESENTED, (1280, 720))
    lecture.locator(".flag:visible").first.wait_for(timeout=2000 * PATIENCE)
    letters = lecture.locator(".flag:visible i").all_text_contents()
    assert letters and lecture.locator(".marker:visible i").all_text_contents() == letters
    lecture_at("hrm", PRESENTED, (1280, 720))
    lecture.locator(".key.differs:visible").first.wait_for(timeout=2000 * PATIENCE)


@pytest.mark.parametrize("size", [(1024, 768), (1280, 720), (1920, 1080)], ids=str)
@pytest.mark.parametrize(("scene", "link"), [("deep-recursion", ""), ("maze", RUSSIAN)])
def test_the_legend_of_the_flags_is_whole(lecture_at, scene, link, size):
    lecture = lecture_at(scene, link, size)
    legend = lecture.locator(".markers")
    legend.get_by_text("H").wait_for(timeout=2000 * PATIENCE)
    markers = lecture.locator(".marker:visible")
    assert markers.evaluate_all("nodes => nodes.every((node) => node.scrollWidth <= node.clientWidth)")
    assert box(legend)[3] <= box(lecture.locator(".captions"))[1]


def test_both_grids_of_a_pair_are_large_on_a_small_projector(lecture_at):
    lecture = lecture_at("hrm", "", (1024, 768))
    heights = lecture.locator(".cells").evaluate_all("nodes => nodes.map((node) => node.clientHeight)")
    assert len(heights) == 2 and min(heights) >= 0.25 * 768


@pytest.mark.parametrize(("size", "is_large_text"), [((1280, 800), True), ((390, 844), False)], ids=str)
@pytest.mark.parametrize("link", ["", PRESENTED])
def test_parts_are_stacked_on_a_phone_and_where_the_text_is_large(lecture_at, link, size, is_large_text):
    lecture = lecture_at("deep-recursion", link, size)
    with large_text(lecture.page) if is_large_text else nullcontext():
        lecture.page.evaluate(DRAWN)
        lecture.locator(".marker.halt").wait_for()
        names = (".scene-text", ".markers", ".captions", ".diagram-box", ".code-box")
        for above, below in pairwise(box(lecture.locator(name)) for name in names):
            assert above[3] <= below[1]
        right = lecture.locator("button:visible").evaluate_all(
            "nodes => Math.max(...nodes.map((node) => node.getBoundingClientRect().right))"
        )
        assert right <= size[0]


@pytest.mark.parametrize("link", ["", PRESENTED])
@pytest.mark.parametrize("width", [1280, 1920])
def test_the_numbers_of_the_steps_keep_apart(lecture_at, link, width):
    lecture = lecture_at("deep-recursion", link, (width, 9 * width // 16))
    gaps = lecture.locator(".steps .units:not([hidden]) i").evaluate_all(GAPS)
    assert len(gaps) >= 7 and min(gaps) >= 3


def test_the_label_of_the_download_is_whole_on_a_phone(served, new_page):
    page = new_page(390, 844)
    page.goto(f"{served.url}/lecture?lang=ru")
    label = page.locator(".stDownloadButton button :has(> p)")
    label.wait_for(timeout=2000 * PATIENCE)
    assert label.evaluate("node => node.clientWidth > 0 && node.scrollWidth <= node.clientWidth")


# Pixels from each visible number to the next one.
GAPS = """(nodes) => {
  const boxes = nodes.filter((node) => getComputedStyle(node).visibility === "visible" && node.textContent)
    .map((node) => node.getBoundingClientRect());
  return boxes.slice(1).map((box, at) => box.left - boxes[at].right);
}"""


# How many lines of code are broken or wider than the view, of all lines.
BROKEN_LINES = """(list) => {
  const lines = [...list.querySelectorAll(".source-line")];
  const height = 1.5 * parseFloat(getComputedStyle(list).lineHeight);
  const broken = lines.filter((line) => line.clientHeight > height || line.scrollWidth > line.clientWidth);
  return [broken.length, lines.length];
}"""


@pytest.mark.parametrize("link", ["", PRESENTED])
def test_no_line_of_code_is_broken_or_cut_off(lecture_at, link):
    for size in ((1280, 800), (1920, 1080)):
        lecture = lecture_at("deep-recursion", link, size)
        broken, lines = lecture.locator(".source-lines").evaluate(BROKEN_LINES)
        assert broken == 0 and lines > 20
    assert lecture.locator(".source-line.gradient").count() == 2
