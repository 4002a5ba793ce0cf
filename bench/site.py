"""Times of the static site in headless Chromium. `python -m bench.site`

"first screen": from the request of a page until a recorded run is drawn, on a line of 1.5 Mbit/s with 40 ms of latency in
each direction (Chromium's emulation), for a visitor whose browser has nothing of the site. The line's bytes until then are the
weight. "first answer" and "whole run": from Enter on a new puzzle, with the model loaded, until the first supervision
step and all steps have been computed and drawn in the page, on a line without limits.
"""

from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
from playwright.sync_api import Browser, sync_playwright

from app.site.address import MODELS
from app.site.build import build
from bench.figures import parse_quick, print_figure, progress
from tests.support.served_app import open_browser
from tests.support.static_site import served
from trm.checkpoint import load_model
from trm.tasks import task_of
from trm.web.runtime import runtime_folder

TOPIC = "site"
LINE = {"offline": False, "latency": 80, "downloadThroughput": 1.5e6 / 8, "uploadThroughput": 0.75e6 / 8}
SIZE = {"width": 390, "height": 844}
FIRST_SCREEN, FIRST_ANSWER, WHOLE_RUN = 1.0, 0.5, 3.0  # budgets in seconds, on an idle machine
TIMEOUT = 120_000  # ms


def first_screen(browser: Browser, address: str) -> tuple[float, float]:
    """Return the seconds until a recorded run is drawn, and the bytes that were received until then."""
    context = browser.new_context(viewport=SIZE, service_workers="block")
    page = context.new_page()
    protocol = context.new_cdp_session(page)
    protocol.send("Network.enable")
    protocol.send("Network.emulateNetworkConditions", LINE)
    received: list[float] = []
    protocol.on("Network.loadingFinished", lambda event: received.append(event["encodedDataLength"]))
    page.add_init_script(
        "new MutationObserver((_, watch) => document.querySelector('[data-cell]') && (performance.measure('drawn'), watch.disconnect()))"
        ".observe(document, { childList: true, subtree: true })"
    )
    page.goto(address)
    page.locator("[data-cell]").first.wait_for()
    weight = sum(received)
    seconds = page.evaluate("performance.getEntriesByName('drawn')[0].duration") / 1000
    context.close()
    return seconds, weight


def run_times(browser: Browser, address: str, model: str, puzzles: list[str]) -> list[list[float]]:
    """Return (first answer, whole run) in seconds for each puzzle after the first."""
    page = browser.new_context(service_workers="block").new_page()
    page.goto(address)
    page.locator("[data-cell]").first.wait_for()
    page.get_by_test_id("model-0").select_option(model)
    times = []
    for puzzle in puzzles:
        page.get_by_test_id("puzzle").fill(puzzle)
        page.get_by_test_id("puzzle").press("Enter")
        page.get_by_text("Computed in this browser").wait_for(timeout=TIMEOUT)
        names = "['first answer', 'whole run']"
        times.append(
            page.evaluate(f"{names}.map((name) => performance.getEntriesByName(name).at(-1).duration / 1000)")
        )
        page.get_by_test_id("status").evaluate("(node) => { node.textContent = ''; }")
    page.context.close()
    return times[1:]  # the first one loads the runtime and the model


def main() -> None:
    repeats = 2 if parse_quick(__doc__) else 7
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        size = build(Path(folder) / "site", runtime_folder())
        print_figure("size", size / 1e6, "MB", topic=TOPIC, budget=40)
        browser = open_browser(playwright)
        with served(Path(folder) / "site") as address:
            progress("first screen")
            first_screen(browser, address)
            screens = [first_screen(browser, address) for _ in range(repeats)]
            print_figure(
                "first screen", median(seconds for seconds, _ in screens), "s", topic=TOPIC, budget=FIRST_SCREEN,
                kB=round(median(weight for _, weight in screens) / 1e3),
            )  # fmt: skip
            for model in MODELS:
                progress(model)
                task = task_of(load_model(model).config)
                puzzles = [task.format(inputs) for inputs in task.generate_many(repeats + 1, seed=3)[0]]
                first, whole = np.median(run_times(browser, address, model, puzzles), axis=0)
                print_figure("first answer", first, "s", topic=TOPIC, budget=FIRST_ANSWER, model=model)
                print_figure("whole run", whole, "s", topic=TOPIC, budget=WHOLE_RUN, model=model)


if __name__ == "__main__":
    main()
