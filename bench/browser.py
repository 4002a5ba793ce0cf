"""What a person waits for in the browser: first grid, and key press to changed picture. `python -m bench.browser`

Key presses go through every call of the bundled run, in every mode, 33 ms apart as a held key sends them, at 1280x800 in
headless Chromium without a GPU. Script time is from the key event's arrival in the page to the end of the player's
work; paint is from there to the frame after the next animation frame, when the changed picture has been handed over.
"""

import time

from playwright.sync_api import Browser, Page, sync_playwright

from bench.figures import figure, is_quick, percentile_95, say
from tests.browser.served_app import ServedApp, open_browser

TOPIC = "browser"
SIZE = {"width": 1280, "height": 800}
MODES = ("answer", "probabilities", "confidence", "change", "z")
KEY_EVERY = 33  # ms: a held key
READY = 120_000  # ms for the model's own run to take over

# Dispatches the keys itself, so that nothing but the page is on the clock.
SWEEP = """
async ([key, presses, every]) => {
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  const times = { script: [], paint: [] };
  for (let press = 0; press < presses; press++) {
    const due = performance.now() + every;
    const began = performance.now();
    document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, composed: true, cancelable: true }));
    times.script.push(performance.now() - began);
    await new Promise((done) => requestAnimationFrame(() => {
      const channel = new MessageChannel(); // its message is handled after the frame's style, layout and paint
      channel.port1.onmessage = () => done();
      channel.port2.postMessage(null);
    }));
    times.paint.push(performance.now() - began);
    await pause(Math.max(0, due - performance.now()));
  }
  return times;
}
"""


def first_grid(browser: Browser) -> float:
    """Seconds from a fresh server being up to the first cell on the page."""
    with ServedApp() as app:
        context = browser.new_context(viewport=SIZE)
        page = context.new_page()
        began = time.monotonic()
        page.goto(app.url, wait_until="commit")
        page.locator("[data-cell]").first.wait_for()
        taken = time.monotonic() - began
        context.close()
        return taken


def sweep(page: Page, mode: int, presses: int) -> dict[str, list[float]]:
    """Times in ms of stepping call by call in a mode (from 1), from the first answer on."""
    page.keyboard.press("Home")
    page.keyboard.press(str(mode))
    page.wait_for_timeout(200)
    return page.evaluate(SWEEP, ["ArrowDown", presses, KEY_EVERY])


def main() -> None:
    quick = is_quick(__doc__)
    with sync_playwright() as playwright:
        browser = open_browser(playwright)
        say("time to first grid")
        opened = [first_grid(browser) for _ in range(1 if quick else 3)]
        figure("first grid after the server is up", max(opened), "s", topic=TOPIC, budget=4.0, of=len(opened))
        with ServedApp() as app:
            page = browser.new_page(viewport=SIZE)
            page.goto(app.url)
            page.get_by_text("computed now").wait_for(timeout=READY)
            page.keyboard.press("Home")
            calls = int(page.get_by_test_id("timeline-steps").get_attribute("aria-valuemax"))
            first = int(page.get_by_test_id("player").get_attribute("data-call"))
            presses = 30 if quick else calls - first
            for number, mode in enumerate(MODES, 1):
                say(f"{presses} key presses in mode {mode}")
                times = sweep(page, number, presses)
                facts = {"presses": presses, "viewport": "1280x800"}
                for name, budget in (("script", 4.0), ("paint", 33.0)):
                    value = percentile_95(times[name])
                    figure(
                        f"key to {name}, 95th percentile, {mode}",
                        value,
                        "ms",
                        topic=TOPIC,
                        budget=budget,
                        **facts,
                    )
        browser.close()


if __name__ == "__main__":
    main()
