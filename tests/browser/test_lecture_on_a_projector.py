"""The lecture as it is projected, 1280 pixels wide and no more: what is said and drawn is read from the last row."""

import pytest
from player_page import PATIENCE

LEAST = 12  # pixels, of 720

# Every text on the screen that is smaller than that, as it is drawn: the diagram grows and shrinks with its place.
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


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize("scene", ["one-call", "halting", "hrm"])
def test_no_text_is_too_small_and_no_formula_breaks(served, new_page, scene, language):
    page = new_page(width=1280, height=720)
    page.goto(f"{served.url}/lecture?scene={scene}&lang={language}&present=true")
    lecture = page.get_by_test_id("lecture")
    lecture.locator("[data-cell]").first.wait_for(timeout=2000 * PATIENCE)
    page.wait_for_timeout(300)
    assert lecture.evaluate(SMALL, LEAST) == []
    for formula in lecture.locator(".scene-text .formula").all():
        height, line = formula.evaluate(
            "node => [node.clientHeight, parseFloat(getComputedStyle(node).lineHeight)]"
        )
        assert height < 2 * line
        assert formula.evaluate("node => node.scrollWidth <= node.clientWidth")


def test_flags_and_rings_are_explained_where_they_are_drawn(served, new_page):
    page = new_page(width=1280, height=720)
    page.goto(f"{served.url}/lecture?scene=one-call&present=true")
    lecture = page.get_by_test_id("lecture")
    lecture.locator(".flag:visible").first.wait_for(timeout=2000 * PATIENCE)
    letters = lecture.locator(".flag:visible i").all_text_contents()
    assert letters and lecture.locator(".marker:visible i").all_text_contents() == letters
    page.goto(f"{served.url}/lecture?scene=hrm&present=true")
    lecture.locator(".key.differs:visible").first.wait_for(timeout=2000 * PATIENCE)
