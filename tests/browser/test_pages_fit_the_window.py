"""Pages in windows of many sizes: what belongs together is seen together."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

import pytest
from fake_runs import eventually
from pair_page import Pair
from player_page import PATIENCE, Player
from playwright.sync_api import Locator, Page

from trm.data import load_presets

EASY = load_presets("sudoku")[0]
SHALLOW = "?model=sudoku-trm&steps=2&n=1&T=1"
COMPARED = "compare?model=maze-trm"
STEERED = f"interventions{SHALLOW}&experiment=steer"
STANDARD = 16  # pixels, the text size of a browser as it is installed
FITTED = """selector => {
  const charts = [...document.querySelectorAll(selector)];
  return charts.length && charts.every(({ _fullLayout: layout, clientWidth: width }) =>
    layout && Math.abs(layout.width - width) < 2 && width < innerWidth);
}"""


@pytest.fixture(scope="module")
def page_at(served, pages) -> Iterator[Callable[..., Page]]:
    """A page of the app at a link below the root, in a window of a size; it is opened once, and its window resized from then on."""
    opened: dict[str, Page] = {}
    with pages.lent() as lent:

        def make(link: str, size: tuple[int, int]) -> Page:
            width, height = size
            if link not in opened:
                opened[link] = lent(width=width, height=height)
                opened[link].goto(f"{served.url}/{link}")
            opened[link].set_viewport_size({"width": width, "height": height})
            return opened[link]

        yield make


@contextmanager
def large_text(page: Page) -> Iterator[None]:
    """The browser's own text size is twice the default, as people choose it in its settings."""
    session = page.context.new_cdp_session(page)

    def choose(size: int) -> None:
        session.send("Page.setFontSizes", {"fontSizes": {"standard": size}})
        page.evaluate("dispatchEvent(new Event('resize'))")  # as a change of the zoom is told

    choose(2 * STANDARD)
    try:
        yield
    finally:
        choose(STANDARD)  # the page is used again


@pytest.fixture(scope="module")
def pair_at(page_at) -> Callable[..., Pair]:
    """Two players on a page in a window of a size, once they are drawn."""

    def make(link: str, size: tuple[int, int]) -> Pair:
        page = page_at(link, size)
        page.get_by_test_id("pair").locator("[data-cell]").first.wait_for(timeout=2000 * PATIENCE)
        return Pair(page)

    return make


@pytest.fixture(scope="module")
def solve_at(page_at) -> Callable[..., Player]:
    """The player of Solve in a window of a size."""
    return lambda *size: Player(page_at("", size))


def drawn_charts(page: Page, selector: str) -> list[Locator]:
    """The charts of a page once each fits the window as it is now."""
    page.locator(selector).first.locator(".modebar").wait_for(state="attached", timeout=2000 * PATIENCE)
    page.wait_for_function(FITTED, arg=selector)
    return page.locator(selector).all()


def box(locator) -> tuple[float, float, float, float]:
    """Left, top, right and bottom, once the element is drawn: charts replace theirs."""
    boxes = []
    eventually(lambda: boxes.append(locator.bounding_box()) or boxes[-1])
    found = boxes[-1]
    return found["x"], found["y"], found["x"] + found["width"], found["y"] + found["height"]


@pytest.mark.parametrize(
    ("link", "size"),
    [
        (f"interventions{SHALLOW}", (1024, 768)),
        (f"interventions{SHALLOW}", (1920, 1080)),
        (STEERED, (1280, 800)),
        (COMPARED, (1280, 800)),
        (COMPARED, (3840, 2160)),
    ],
    ids=str,
)
def test_both_grids_are_whole_in_the_first_screen(pair_at, link, size):
    width, height = size
    pair, least = pair_at(link, size), (0.4 if width > 1024 and link != STEERED else 0.25) * height

    def are_large() -> bool:
        left, right = (box(player.root.locator(".cells")) for player in pair.players)
        are_beside = left[1] == right[1] and left[2] < right[0]
        return are_beside and right[2] <= width and least <= right[3] - right[1] <= height - right[1]

    pair.left.eventually(are_large, f"both grids large and whole at {size}")


TOPS = """() => {
  const players = [];
  const visit = (root) => root.querySelectorAll("*").forEach((each) => {
    if (each.matches('[data-testid="player"]')) players.push(each);
    if (each.shadowRoot) visit(each.shadowRoot);
  });
  visit(document);
  return players.filter((each) => each.style.getPropertyValue("--top")).map((each) => [
    Number.parseFloat(each.style.getPropertyValue("--top")),
    Math.round(Math.min(each.getBoundingClientRect().top, 0.65 * innerHeight)),
  ]);
}"""


@pytest.mark.parametrize(
    "link",
    [
        "?model=sudoku-trm",
        pytest.param(f"interventions{SHALLOW}", marks=pytest.mark.slow),
    ],  # one player's code
)
def test_a_player_knows_where_it_begins_when_messages_above_it_are_gone(served, new_page, link):
    page = new_page()
    page.goto(f"{served.url}/{link}")
    page.locator("[data-cell]").first.wait_for(timeout=2000 * PATIENCE)
    page.get_by_text("computed live").first.wait_for()  # the model's own run, in place of the recorded one
    page.wait_for_timeout(500)
    tops = page.evaluate(TOPS)
    assert tops and all(abs(known - real) <= 2 for known, real in tops), tops


def test_attribution_is_seen_together_with_the_grid_in_which_its_cell_is_chosen(pair_at):
    pair = pair_at(f"interventions{SHALLOW}", (1280, 800))
    pair.page.get_by_text("Attribution", exact=True).click()
    figure = pair.page.locator(".st-key-interventions-attribution .js-plotly-plot")
    figure.wait_for()
    pair.left.eventually(lambda: not pair.left.root.locator(".right").is_visible(), "the curves gone")
    assert box(figure)[3] - box(pair.left.root.locator(".cells"))[1] <= 800
    pair.root.get_by_test_id("curves").click()
    assert pair.left.root.locator(".right").is_visible()
    pair.page.get_by_role("radiogroup", name="Figure").get_by_role(
        "radio", name="Noise"
    ).click()  # the page is used again


# ---- charts

CHARTS = {
    "latents": ".js-plotly-plot",
    "probes": ".js-plotly-plot",
    "halting": ".js-plotly-plot",
    f"interventions{SHALLOW}": ".st-key-interventions-noise .js-plotly-plot",
    COMPARED: ".js-plotly-plot",
}
COVERED = """plot => {
  const tools = plot.querySelector(".modebar").getBoundingClientRect();
  return [...plot.querySelectorAll(".legend, .colorbar, .nsewdrag, .infolayer text")].filter((each) => {
    const box = each.getBoundingClientRect();
    return box.right > tools.left && box.left < tools.right && box.top < tools.bottom && box.bottom > tools.top;
  }).map((each) => each.getAttribute("class") + each.textContent);
}"""


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("link", CHARTS)
def test_the_tools_of_a_chart_lie_over_nothing(page_at, link, width):
    page = page_at(link, (width, 844))
    drawn_charts(page, CHARTS[link])
    covered = page.locator(CHARTS[link]).evaluate_all(
        f"plots => plots.flatMap({COVERED})"
    )  # a rerun may replace one
    assert covered == []


@pytest.mark.slow  # test_views.py tells of the page at 4k, tests/app/ui/test_text_size.py of its charts
def test_charts_at_4k_are_as_large_in_the_room_as_on_a_screen_of_half_its_pixels(page_at):
    sizes = []
    for size in ((1920, 1080), (3840, 2160)):
        page = page_at("halting", size)
        page.locator(".js-plotly-plot .xtick text").first.wait_for(timeout=2000 * PATIENCE)
        body = float(page.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize)"))
        font = page.wait_for_function(
            """least => {
              const tick = document.querySelector(".js-plotly-plot .xtick text");  // gone while the chart is redrawn
              const font = tick ? parseFloat(getComputedStyle(tick).fontSize) : 0;
              return font >= least && font;
            }""",
            arg=0.8 * body,
        ).json_value()
        sizes.append((font, page.locator(".js-plotly-plot").first.bounding_box()["height"]))
    (font, height), (large_font, large_height) = sizes
    assert large_font == pytest.approx(2 * font, rel=0.1)
    assert large_height == pytest.approx(2 * height, rel=0.1)


# ---- what is chosen from, and pressed

CUT_FIELDS = """(nodes) => nodes.filter((node) => node.scrollWidth > node.clientWidth + 1
  || node.clientHeight > 2 * parseFloat(getComputedStyle(node).lineHeight)).map((node) => node.value ?? node.textContent)"""
CUT = """(nodes) => nodes.filter((node) => {
  const box = node.getBoundingClientRect();
  const frame = (node.closest("[data-testid=stColumn]") ?? document.body).getBoundingClientRect();
  return box.left < frame.left - 1 || box.right > frame.right + 1
    || [...node.querySelectorAll("*")].some((part) => part.scrollWidth > part.clientWidth + 1 && part.clientWidth > 0);
}).map((node) => node.textContent)"""


@pytest.mark.parametrize("size", [(1280, 800), (1024, 768), (960, 540), (390, 844)], ids=str)
@pytest.mark.parametrize("name", ["probes", "latents"])
def test_every_button_and_choice_is_seen_whole(page_at, name, size):
    page = page_at(name, size)
    drawn_charts(page, CHARTS[name])
    buttons = page.get_by_test_id("stMain").locator("[role=radio], .stPopover button, .stButton button")
    assert buttons.count() >= 7
    assert buttons.evaluate_all(CUT) == []


FITS_BESIDE_CHARTS = """least => {
  const em = parseFloat(getComputedStyle(document.documentElement).fontSize);
  const columns = document.querySelectorAll("[data-testid=stColumn]:has(.js-plotly-plot) + [data-testid=stColumn]");
  const main = document.querySelector("[data-testid=stMain]");
  return columns.length && main.scrollWidth <= main.clientWidth
    && [...columns].every((column) => column.getBoundingClientRect().width >= least * em);
}"""


@pytest.mark.parametrize("name", ["latents", "probes", "halting"])
@pytest.mark.parametrize("is_large_text", [False, True])
def test_text_beside_a_chart_is_no_narrow_strip(page_at, name, is_large_text):
    page = page_at(name, (1280 if is_large_text else 1024, 800))
    with large_text(page) if is_large_text else nullcontext():
        drawn_charts(page, CHARTS[name])
        page.wait_for_function(FITS_BESIDE_CHARTS, arg=11)


def test_buttons_beside_a_caption_wrap_together(page_at):
    page = page_at("probes", (1024, 768))
    drawn_charts(page, CHARTS["probes"])
    one, other = (
        box(page.get_by_role("button", name=name)) for name in ("Open saved probes", "Fit new probes")
    )
    assert one[1] == other[1] and one[2] < other[0]


def test_on_a_phone_the_description_of_a_puzzle_is_as_wide_as_the_window(solve_at):
    page = solve_at(390, 844).page
    description = box(page.locator(".st-key-puzzle_line").get_by_text(EASY.sentence))
    assert description[2] - description[0] >= 0.8 * 390


def test_the_step_of_the_latents_fits_a_phone(page_at):
    page = page_at("latents", (390, 844))
    (plot, *_) = drawn_charts(page, CHARTS["latents"])
    eventually(lambda: box(plot.locator(".slider-label").first)[2] <= box(plot)[2])


def test_at_4k_no_setting_of_a_steered_run_is_cut(pair_at):
    page = pair_at(STEERED, (3840, 2160)).page
    fields = page.locator(".st-key-steer input, .st-key-steer label")
    assert fields.count() >= 8
    assert fields.evaluate_all(CUT_FIELDS) == []
    icons = page.locator(".st-key-steer [data-testid=stTooltipIcon] svg")
    assert (
        icons.evaluate_all("nodes => Math.min(...nodes.map((node) => node.getBoundingClientRect().width))")
        >= 30
    )


def test_the_list_of_pages_keeps_from_the_edge_and_is_named_on_a_phone(solve_at):
    page = solve_at(960, 540).page
    assert page.get_by_test_id("stTopNavLink").last.bounding_box()["width"] > 40
    assert box(page.get_by_test_id("stTopNavLink").last)[2] <= 960 - 6
    page.set_viewport_size({"width": 390, "height": 844})
    button = page.get_by_test_id("stExpandSidebarButton")
    button.wait_for()
    assert "Recursion Lens" in button.evaluate("node => getComputedStyle(node, '::after').content")
    assert box(button)[2] <= 390


LARGE_TEXT = "html:root { font-size: 200% !important }"
OVERLAPPING = """root => {
  const parts = [".status", ".modes", ".cells", ".legend", ".transport", ".timeline", ".cell-panel", ".label"]
    .map((name) => [name, root.querySelector(name).getBoundingClientRect()]);
  const over = parts.flatMap(([one, a], at) => parts.slice(at + 1).filter(([, b]) =>
    Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1
  ).map(([other]) => `${one} ${other}`));
  const cut = [...root.querySelectorAll(".modes button, .gutter span, .gutter b, .zoom button, .steps span, .calls button, .transport *, .legend *")]
    .filter((node) => node.clientWidth && node.scrollWidth > node.clientWidth + 1).map((node) => node.textContent || node.className);
  return [...over, ...cut];
}"""


def test_with_text_of_twice_the_size_nothing_on_solve_is_cut_or_covered(solve_at):
    player = solve_at(1280, 800)
    style = player.page.add_style_tag(content=LARGE_TEXT)
    player.page.evaluate("dispatchEvent(new Event('resize'))")
    assert player.page.evaluate("getComputedStyle(document.documentElement).fontSize") == "32px"
    player.eventually(lambda: player.root.evaluate(OVERLAPPING) == [], "nothing cut or covered")
    main = player.page.get_by_test_id("stMain")
    assert main.evaluate("node => node.scrollWidth <= node.clientWidth")
    style.evaluate("node => node.remove()")  # the page is used again


def test_at_a_zoom_of_200_percent_nothing_on_solve_is_cut_or_covered(solve_at):
    player = solve_at(640, 400)
    player.eventually(lambda: player.root.evaluate(OVERLAPPING) == [], "nothing cut or covered")


@pytest.mark.parametrize("height", [720, 800])
def test_the_list_of_keys_is_whole_in_the_window(solve_at, height):
    player = solve_at(1280, height)
    player.press("?")
    for part in (player.root.locator(".help > div"), player.root.get_by_test_id("close-help")):
        assert box(part)[1] >= 0 and box(part)[3] <= height
    player.press("Escape")
