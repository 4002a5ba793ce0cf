"""Time from a position of the slider of "Steer by hand" to the changed grid in the browser. `python -m bench.steering`

The whole run is steered from its first f_H call on, so nothing of it can be resumed. The arrow key moves the slider to
one position after the other; each is measured from the key event until both players of the changed runs have been drawn.
For small models this is the complete run, for large ones the first supervision step. "opening" is the time from the
choice of "Steer by hand" until both runs are drawn, with the model loaded and the clean run computed. "processor_seconds"
is what the server used for each position on all cores, which depends less on what else the machine does.
"""

from collections.abc import Callable
from functools import partial
from statistics import median

from playwright.sync_api import Page, sync_playwright

from bench.figures import parse_quick, percentile_95, print_figure, progress
from tests.support.served_app import ServedApp, open_browser

TOPIC = "steering"
SIZE = {"width": 1280, "height": 800}
SMALL = ("sudoku-trm", "sudoku-hrm", "maze-trm", "maze-hrm")
LARGE = ("sudoku-trm-large", "maze30-trm")
BUDGET = 2.0  # seconds at the 95th percentile, for small models
POSITIONS = 20
REST = 500  # ms after which the page is at rest
TIMEOUT = 30_000  # ms

# Starts to wait for the title of the second run to match a pattern and its grid to have cells, which are drawn in one frame.
# `window.drawn` resolves to the milliseconds since the event of this type: the key or click that chose.
WAIT = """
([pattern, type, patience]) => {
  const find = (root, selector, found = []) => {
    found.push(...root.querySelectorAll(selector));
    for (const each of root.querySelectorAll("*")) if (each.shadowRoot) find(each.shadowRoot, selector, found);
    return found;
  };
  const isDrawn = () => {
    const [, half] = find(document, ".half");
    return half && RegExp(pattern).test(half.querySelector(".half-title").textContent) && find(half, "[data-cell]").length;
  };
  window.drawn = new Promise((resolve, reject) => {
    const begin = () => {
      const start = performance.now();
      const look = () => {
        const now = performance.now() - start;
        if (now > patience) reject(new Error(`not drawn: ${pattern}`));
        else if (isDrawn()) requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - start)));
        else setTimeout(look, 5);
      };
      look();
    };
    window.addEventListener(type, begin, { capture: true, once: true });
  });
}
"""


def seconds_until_drawn(page: Page, pattern: str, event: str, choose: Callable[[], None]) -> float:
    """Return the seconds from an event in the browser, which `choose` causes, until the steered run is drawn."""
    page.evaluate(WAIT, [pattern, event, TIMEOUT])
    choose()
    return page.evaluate("window.drawn") / 1000


def measure(page: Page, served: ServedApp, model: str, positions: int) -> None:
    """Measure a model, and print its figures."""
    progress(model)
    page.goto(f"{served.url}/interventions?model={model}")
    page.get_by_text("computed live").first.wait_for(timeout=4 * TIMEOUT)
    experiment = page.locator(".st-key-experiment").get_by_text("Steer by hand")
    opening = seconds_until_drawn(page, r"after 1\.1\.", "click", experiment.click)
    print_figure("opening", opening, "s", topic=TOPIC, model=model)
    whole = "correct; .*" if model in SMALL else ""  # the result of a run that is complete
    slider, times = page.locator(".st-key-steer_size input"), []
    slider.focus()
    page.wait_for_timeout(REST)
    before = served.processor_seconds()
    for position in range(1, positions + 1):
        size = round(1 - 0.05 * position, 2)
        page.wait_for_timeout(REST)
        press = partial(page.keyboard.press, "ArrowLeft")
        times.append(seconds_until_drawn(page, f"{whole} size {size:g}$", "keydown", press))
    page.wait_for_timeout(REST)
    processor = (served.processor_seconds() - before) / positions
    facts = {"model": model, "positions": positions, "processor_seconds": round(processor, 3)}
    name, budget = ("changed grid", BUDGET) if model in SMALL else ("first changed answer", None)
    print_figure(f"{name}, median", median(times), "s", topic=TOPIC, **facts)
    print_figure(f"{name}, 95th percentile", percentile_95(times), "s", topic=TOPIC, budget=budget, **facts)


def main() -> None:
    positions = 3 if parse_quick(__doc__) else POSITIONS
    with ServedApp() as served, sync_playwright() as playwright, open_browser(playwright) as browser:
        for model in (*SMALL, *LARGE):
            context = browser.new_context(viewport=SIZE)
            measure(context.new_page(), served, model, positions)
            context.close()


if __name__ == "__main__":
    main()
