"""The lecture on a projector only 1280 pixels wide: text and diagram are readable from the last row."""

import pytest
from player_page import PATIENCE

LEAST = 12  # pixels, of 720

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


@pytest.mark.parametrize(
    ("scene", "language"), [("one-call", "ru"), ("halting", "ru"), ("hrm", "ru"), ("hrm", "en")]
)
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


def test_flags_and_rings_have_a_legend(served, new_page):
    page = new_page(width=1280, height=720)
    page.goto(f"{served.url}/lecture?scene=one-call&present=true")
    lecture = page.get_by_test_id("lecture")
    lecture.locator(".flag:visible").first.wait_for(timeout=2000 * PATIENCE)
    letters = lecture.locator(".flag:visible i").all_text_contents()
    assert letters and lecture.locator(".marker:visible i").all_text_contents() == letters
    page.goto(f"{served.url}/lecture?scene=hrm&present=true")
    lecture.locator(".key.differs:visible").first.wait_for(timeout=2000 * PATIENCE)


# How many lines of code are broken or wider than the view, of all lines.
BROKEN_LINES = """(list) => {
  const lines = [...list.querySelectorAll(".source-line")];
  const height = 1.5 * parseFloat(getComputedStyle(list).lineHeight);
  const broken = lines.filter((line) => line.clientHeight > height || line.scrollWidth > line.clientWidth);
  return [broken.length, lines.length];
}"""


@pytest.mark.parametrize("link", ["", "&present=true"])
def test_no_line_of_code_is_broken_or_cut_off(served, new_page, link):
    page = new_page()
    page.goto(f"{served.url}/lecture?scene=deep-recursion{link}")
    lecture = page.get_by_test_id("lecture")
    lecture.locator("[data-cell]").first.wait_for(timeout=2000 * PATIENCE)
    for width, height in ((1280, 800), (1920, 1080)):
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(300)  # a change of the window is drawn
        broken, lines = lecture.locator(".source-lines").evaluate(BROKEN_LINES)
        assert broken == 0 and lines > 20
    assert lecture.locator(".source-line.gradient").count() == 2
