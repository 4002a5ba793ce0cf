"""The Latents page in a browser: a lasso lists exactly its puzzles, a click opens the same step in Solve, an export works offline."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from player_page import PATIENCE, Player
from playwright.sync_api import Page, expect

from probes.latents.files import load_projection
from probes.latents.settings import RECORDED

PLOT = ".st-key-latents_projection .js-plotly-plot"
ON_SCREEN = """plot => {
  const { _fullLayout: layout, _fullData: traces } = plot;
  const box = plot.getBoundingClientRect();
  const { xaxis, yaxis } = layout;
  return traces.filter((trace) => trace.customdata).flatMap((trace) => trace.customdata.map(([row, timePoint, puzzle], index) => ({
    row, timePoint, puzzle,
    x: box.x + xaxis._offset + xaxis.d2p(trace.x[index]),
    y: box.y + yaxis._offset + yaxis.d2p(trace.y[index]),
  })));
}"""


def points(page: Page) -> list[dict]:
    """Every point of the plot with its position on the screen."""
    return page.locator(PLOT).evaluate(ON_SCREEN)


def tool(page: Page, name: str) -> None:
    """Press a button of the chart toolbar."""
    page.locator(f'{PLOT} .modebar-btn[data-title="{name}"]').click()
    page.wait_for_timeout(300)


def lasso(page: Page, corners: list[tuple[float, float]]) -> None:
    page.mouse.move(*corners[0])
    page.mouse.down()
    for corner in [*corners[1:], corners[0]]:
        page.mouse.move(*corner, steps=6)
    page.mouse.up()


@pytest.mark.slow
def test_selecting_opening_in_solve_and_exporting(served, new_page, tmp_path):
    projection = load_projection(RECORDED / "sudoku-trm.safetensors")
    page = new_page(1280, 1000)
    page.goto(f"{served.url}/latents?model=sudoku-trm")
    page.locator(PLOT).wait_for(timeout=2000 * PATIENCE)

    # move the slider inside the figure to a time point in the middle
    page.locator(f"{PLOT} .slider-rail-touch-rect").wait_for()
    rail = page.locator(f"{PLOT} .slider-rail-touch-rect").bounding_box()
    page.mouse.click(rail["x"] + rail["width"] * 0.2, rail["y"] + rail["height"] / 2)
    page.wait_for_function(
        f"() => document.querySelector('{PLOT}')._fullData.some((t) => t.customdata?.some(([, m]) => m > 3))"
    )
    page.wait_for_timeout(500)
    drawn = points(page)
    time_points = {point["timePoint"] for point in drawn}
    assert len(drawn) == len(projection) and len(time_points) == 1
    time_point = time_points.pop()

    # the toolbar covers no point
    tools, area = (page.locator(f"{PLOT} {part}").bounding_box() for part in (".modebar", ".nsewdrag"))
    assert area["x"] + area["width"] <= tools["x"]

    # how far a point is from its nearest neighbour, for the click below
    def room(point: dict) -> float:
        return min(
            (point["x"] - other["x"]) ** 2 + (point["y"] - other["y"]) ** 2
            for other in drawn
            if other is not point
        )

    # a lasso around the left half of the points
    drawn.sort(key=lambda point: point["x"])
    gaps = [(drawn[n + 1]["x"] - drawn[n]["x"], n) for n in range(8, 40)]
    _, last = max(gaps)
    border = (drawn[last]["x"] + drawn[last + 1]["x"]) / 2
    inside = drawn[: last + 1]
    left, top = min(point["x"] for point in inside) - 8, min(point["y"] for point in inside) - 8
    bottom = max(point["y"] for point in inside) + 8
    tool(page, "Lasso Select")
    lasso(page, [(left, top), (border, top), (border, bottom), (left, bottom)])
    summary = page.get_by_text(re.compile(r"puzzles? selected"))
    summary.wait_for(timeout=1000 * PATIENCE)
    text = summary.evaluate("node => node.closest('p').textContent")
    listed = list(map(int, re.findall(r"\d+", text.partition(":")[2])))
    assert listed == sorted(point["puzzle"] for point in inside)
    assert text.startswith(f"{len(inside)} puzzles selected")

    # an export that needs no network
    page.get_by_role("button", name="Export").click()
    with page.expect_download(timeout=2000 * PATIENCE) as download:
        page.get_by_role("button", name="Figure (HTML)").click()
    path = tmp_path / "figure.html"
    download.value.save_as(path)
    alone = new_page(1280, 800)
    requests: list[str] = []
    alone.on("request", lambda request: requests.append(request.url))
    alone.goto(path.as_uri())
    alone.locator(".js-plotly-plot").wait_for()
    exported = alone.locator(".js-plotly-plot").evaluate(
        "plot => plot._fullData.filter((t) => t.customdata).reduce((n, t) => n + t.customdata.length, 0)"
    )
    assert exported == len(projection)
    assert all(url.startswith(("file:", "data:", "blob:")) for url in requests), requests
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Figure (HTML)").wait_for(state="hidden")

    # a click
    tool(page, "Pan")
    drawn = points(page)
    target = max(drawn, key=room)
    page.mouse.click(target["x"], target["y"])
    page.wait_for_url(lambda url: "/latents" not in url, timeout=1000 * PATIENCE)
    player = Player(page)
    at = projection.calls[target["timePoint"]]
    player.eventually(
        lambda: player.position == (at.supervision_step, at.cycle, at.call, at.kind),
        f"the player at {at}, not {player.position}",
    )
    assert target["timePoint"] in (time_point, 0)
    assert parse_qs(urlsplit(page.url).query)["puzzle"] == [projection.puzzles[target["row"]]]
    givens = "".join(
        character if character.isdigit() and character != "0" else ""
        for character in projection.puzzles[target["row"]]
    )
    assert len(player.flagged("given")) == len(givens)


@pytest.mark.slow  # runs a model; the test of the page without a browser covers it too
def test_computing_shows_progress_is_cancelled_and_restarted(served, new_page):
    page = new_page(1280, 1000)
    page.goto(f"{served.url}/latents?model=sudoku-hrm")
    expect(page.get_by_text("No projection of sudoku-hrm is recorded")).to_be_visible(timeout=1000 * PATIENCE)
    page.get_by_role("button", name="Compute", exact=True).click()
    cancel = page.get_by_role("button", name="Cancel")
    cancel.wait_for(timeout=1000 * PATIENCE)
    expect(page.get_by_role("progressbar")).to_be_visible()
    cancel.click()
    expect(page.get_by_text(re.compile(r"Cancelled( at \d+%; that work was discarded)?\."))).to_be_visible(
        timeout=1000 * PATIENCE
    )
    expect(page.locator(PLOT)).to_have_count(0)
    count = page.locator(".st-key-latents-count").get_by_role("slider")
    count.focus()
    page.keyboard.press("Home")
    expect(page.get_by_text("10 puzzles at 16 calls")).to_be_visible()
    page.get_by_role("button", name="Compute", exact=True).click()
    page.locator(PLOT).wait_for(timeout=2000 * PATIENCE)
    expect(page.get_by_text("on 10 puzzles from")).to_be_visible()
