"""The Halting page in a browser: from a figure over a whole set to one puzzle in the player."""

import contextlib
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from pages import Pages
from player_page import PATIENCE, Player
from playwright.sync_api import Locator, Page, TimeoutError, expect
from select_box import choose_option
from served_app import Served

MARK_POSITION = """plot => {
    const { xaxis, yaxis, _size } = plot._fullLayout, box = plot.getBoundingClientRect();
    const trace = plot._fullData.find((one) => one.customdata?.length), last = trace.x.length - 1;
    return [box.x + _size.l + xaxis.d2p(trace.x[last]), box.y + _size.t + yaxis.d2p(trace.y[last])];
}"""
"""Position on the page of the last mark of the first clickable trace."""


def click_mark(page: Page, figure: str, effect: Locator) -> None:
    """Click until the page shows the effect: plotly loses a click while it draws."""
    plot = page.locator(f".st-key-{figure} .js-plotly-plot")
    expect(plot).to_have_count(1)  # the previous figure is gone
    expect(plot.locator(".scatterlayer .points path").first).to_be_attached()
    for _ in range(5):
        plot.scroll_into_view_if_needed()
        x, y = plot.evaluate(MARK_POSITION)
        page.mouse.move(x - 2, y)  # plotly ignores a click without a movement before it
        page.mouse.move(x, y)
        page.mouse.click(x, y)
        with contextlib.suppress(TimeoutError):
            effect.wait_for(timeout=6000)
            return
    expect(effect).to_be_visible()


PRINTED = """() => matchMedia("print").addEventListener("change", ({ matches }) => {
  if (!matches) return;
  const layer = document.querySelector(".js-plotly-plot .main-svg");
  const rights = [...layer.querySelectorAll(".xtick text, .legendtext")].map((node) => node.getBoundingClientRect().right);
  const { width, right } = layer.getBoundingClientRect();
  window.printed = [layer.getAttribute("width"), width, Math.max(...rights), right];
})"""
"""For a printed chart: its width on screen and on paper, and the right edges of its labels and of the chart."""


MOVES = """() => [...document.querySelectorAll("*")].filter((node) => {
  const { transitionDuration, animationDuration } = getComputedStyle(node);
  return [transitionDuration, animationDuration].some((all) => all.split(", ").some((each) => parseFloat(each) > 0.001));
}).map((node) => node.dataset.testid ?? node.className)"""


@pytest.fixture(scope="module")
def page(pages: Pages, served: Served) -> Iterator[Page]:
    """The Halting page."""
    with pages.lent() as lent:
        page = lent()
        page.goto(f"{served.url}/halting")
        yield page


def test_charts_fit_the_paper(page: Page):
    page.locator(".js-plotly-plot .xtick").first.wait_for(timeout=2000 * PATIENCE)
    page.evaluate(PRINTED)
    page.pdf(format="A4")
    on_screen, on_paper, labels, edge = map(float, page.evaluate("window.printed"))
    assert on_paper < on_screen and labels <= edge
    assert page.locator(".main-svg[viewBox]").count() == 0


def test_with_reduced_motion_nothing_moves(page: Page):
    assert page.evaluate(MOVES) != []
    page.emulate_media(reduced_motion="reduce")
    assert page.evaluate(MOVES) == []
    page.emulate_media(reduced_motion="no-preference")


def test_in_high_contrast_the_chosen_figure_stands_out(page: Page):
    page.emulate_media(forced_colors="active")
    grounds = [
        page.get_by_role("radio", name=name, exact=True).evaluate(
            "node => getComputedStyle(node).backgroundColor"
        )
        for name in ("By step", "Calibration")
    ]
    page.emulate_media(forced_colors="none")
    assert grounds[0] != grounds[1]


def test_from_a_mark_in_the_figure_to_its_puzzle_in_solve(page: Page):
    expect(page.get_by_text("Does the model know when it is done?")).to_be_visible()
    expect(page.get_by_text("Recorded", exact=False).first).to_contain_text("1,000 puzzles from sudoku/test")
    expect(page.get_by_test_id("stMetric")).to_have_count(4)
    link = page.get_by_role("link", name="Open in Solve at step")
    click_mark(page, "halting-steps", link)

    page.get_by_role("radio", name="Halting time").click()
    expect(page.locator(".heatmaplayer image")).to_be_attached()
    click_mark(page, "halting-timing", page.get_by_role("button", name="All puzzles"))
    assert "halting_view=Halting+time" in page.url
    page.get_by_role("radio", name="By step").click()
    choose_option(page.get_by_role("combobox", name="Puzzle"), page.get_by_role("option").nth(1))
    expect(link).to_be_visible()

    address = link.get_attribute("href")
    query = {name: value for name, (value,) in parse_qs(urlsplit(address).query).items()}
    page.goto(
        address
        if address.startswith("http")
        else f"{page.url.partition('/halting')[0]}/{address.removeprefix('./')}"
    )
    player = Player(page)
    position = (*map(int, query["at"].split(".")), "f_H")
    player.eventually(lambda: player.position == position, "the step of the mark, once it is computed")
    givens = [
        (symbol, cell) for symbol, cell in zip(query["puzzle"], player.cells, strict=True) if symbol != "."
    ]
    assert givens and all(symbol == cell for symbol, cell in givens)
