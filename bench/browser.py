"""Latency in the browser: time to the first grid, and from a key press to the changed grid. `python -m bench.browser`

Key presses step through every call of the bundled run, in every view. They are 33 ms apart, as when a key is held down. The
browser is headless Chromium at 1280x800, without a GPU. Script time is measured from the key event to the end of the player's
work. Paint time is measured from the key event until the browser has painted the next animation frame.

For 30x30 mazes, key presses step through the answers of a bundled run and two synthetic runs in a standalone player. The first
synthetic run extends its path gradually, and is also loaded step by step while keys are pressed. The second is the worst case:
all 900 cells change at every answer. Two synchronised players are measured in the same way, with two bundled models and with
the worst case.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from bench.figures import parse_quick, percentile_95, print_figure, progress
from tests.support.served_app import ServedApp, open_browser
from tests.support.standalone import (
    DEPTH,
    cut,
    growing_path,
    made_up_trace,
    open_standalone,
    random_answers,
    sent,
    show,
)
from trm.checkpoint import load_model
from trm.export.payload import pair_payload
from trm.record import record
from trm.registry import trace_paths
from trm.tasks import get_task
from trm.trace import Trace, load_trace

TOPIC = "browser"
SIZE = {"width": 1280, "height": 800}
BUNDLED_MAZE = "maze30-trm"
MODES = ("answer", "probabilities", "confidence", "change", "z", "reverse")
KEY_INTERVAL = 33  # ms between key presses, as when a key is held down
# ms per key press; LARGE_PAINT is for 30x30 cells and for two players
SCRIPT, PAINT, LARGE_PAINT = 4.0, 33.0, 50.0
READY_TIMEOUT = 120_000  # ms until the computed run replaces the recorded one

# Dispatches the key events in the page, so that only the page is timed.
PRESS_KEYS = """
async ([key, presses, every]) => {
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  const times = { script: [], paint: [] };
  for (let press = 0; press < presses; press++) {
    const due = performance.now() + every;
    const start = performance.now();
    document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, composed: true, cancelable: true }));
    times.script.push(performance.now() - start);
    await new Promise((done) => requestAnimationFrame(() => {
      const channel = new MessageChannel(); // its message is handled after the frame's style, layout and paint
      channel.port1.onmessage = () => done();
      channel.port2.postMessage(null);
    }));
    times.paint.push(performance.now() - start);
    await pause(Math.max(0, due - performance.now()));
  }
  return times;
}
"""


# For every step, shows the run with one more step, then presses a key four times. Returns the script times of the player, and
# the durations of all long tasks (more than 50 ms) that the browser reports.
GROW_AND_PRESS = """
async ([texts, every]) => {
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  const times = { script: [], long: [0] };
  const observer = new PerformanceObserver((list) => times.long.push(...list.getEntries().map((task) => task.duration)));
  const payloads = texts.map((text) => JSON.parse(text));
  await pause(200);
  observer.observe({ entryTypes: ["longtask"] });
  for (const payload of payloads) {
    times.script.push(window.show(payload));
    for (let press = 0; press < 4; press++) {
      document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true, composed: true, cancelable: true }));
      await pause(every);
    }
  }
  await pause(200);
  return times;
}
"""


def seconds_to_first_grid(browser: Browser) -> float:
    """Measure the seconds from opening a page on a fresh server until its first cell appears."""
    with ServedApp() as app:
        context = browser.new_context(viewport=SIZE)
        page = context.new_page()
        start = time.monotonic()
        page.goto(app.url, wait_until="commit")
        page.locator("[data-cell]").first.wait_for()
        elapsed = time.monotonic() - start
        context.close()
        return elapsed


@contextmanager
def standalone_player(browser: Browser, data: dict[str, Any]) -> Iterator[tuple[Page, float]]:
    """Open a new page that shows the payload `data`. Yields the page and the player's script time in ms."""
    page = browser.new_page(viewport=SIZE)
    open_standalone(page)
    yield page, show(page, data)
    page.close()


def press_keys(
    page: Page, presses: int, *, label: str = "", key: str = "ArrowDown", paint: float = PAINT
) -> None:
    """Press a key to step through the run from its first answer, in every view, and print the times in ms.

    `label` names the run; `paint` is the budget of the paint time in ms.
    """
    facts = {"presses": presses, "viewport": "1280x800"}
    for number, mode in enumerate(MODES, 1):
        name = f"{label}: key press, {mode}" if label else f"key press, {mode}"
        progress(f"{presses} key presses: {name}")
        page.keyboard.press("Home")
        page.keyboard.press(str(number))
        page.wait_for_timeout(200)
        times = page.evaluate(PRESS_KEYS, [key, presses, KEY_INTERVAL])
        for part, budget in (("script", SCRIPT), ("paint", paint)):
            value = percentile_95(times[part])
            print_figure(
                f"{name} to {part}, 95th percentile", value, "ms", topic=TOPIC, budget=budget, **facts
            )


def bundled_run(browser: Browser, quick: bool) -> None:
    """Measure key presses in the app, on the Sudoku that it shows first."""
    with ServedApp() as app:
        page = browser.new_page(viewport=SIZE)
        page.goto(app.url)
        page.get_by_text("computed live").wait_for(timeout=READY_TIMEOUT)
        page.keyboard.press("Home")
        calls = int(page.get_by_test_id("timeline-steps").get_attribute("aria-valuemax"))
        first = int(page.get_by_test_id("player").get_attribute("data-call"))
        press_keys(page, 30 if quick else calls - first)
        page.close()


def synthetic_mazes() -> dict[str, Trace]:
    """Create two synthetic runs on a 30x30 maze, by name. Each answer changes about 60 cells, or all cells."""
    task = get_task("maze", 900)
    puzzle = task.generate(np.random.default_rng(1), "hard")
    answers = {
        "30x30 maze": growing_path(task, puzzle, doubt=0.25),
        "30x30 maze, all cells change": random_answers(task),
    }
    return {name: made_up_trace(task, puzzle, given) for name, given in answers.items()}


def large_grids(browser: Browser, quick: bool) -> None:
    task = get_task("maze", 900)
    runs = synthetic_mazes()
    bundled = {BUNDLED_MAZE: load_trace(trace_paths(BUNDLED_MAZE)[0])}
    for name, trace in (bundled | runs).items():
        with standalone_player(browser, sent(task, trace)) as (page, elapsed):
            print_figure(f"{name}: script of the first grid", elapsed, "ms", topic=TOPIC, budget=300.0)
            presses = 15 if quick else len(trace.answers) - 1
            press_keys(page, presses, label=name, key="ArrowRight", paint=LARGE_PAINT)
    name, trace = next(iter(runs.items()))
    steps = range(2, 6 if quick else trace.steps + 1)
    with standalone_player(browser, sent(task, cut(trace, 1))) as (page, _):
        progress(f"{name}, loaded step by step")
        grown = [json.dumps(sent(task, cut(trace, step))) for step in steps]
        times = page.evaluate(GROW_AND_PRESS, [grown, KEY_INTERVAL])
    for what, part in (
        ("longest script of a new step", "script"),
        ("longest task while the run grows", "long"),
    ):
        print_figure(f"{name}: {what}", max(times[part]), "ms", topic=TOPIC, budget=50.0, steps=len(steps))


def two_players(browser: Browser, quick: bool) -> None:
    """Measure two synchronised players: two models on a hard Sudoku, and two runs that always change all cells."""
    task = get_task("sudoku")
    puzzle = task.generate(np.random.default_rng(1), "hard")
    models = [load_model(name) for name in ("sudoku-hrm", "sudoku-trm")]
    runs = {
        "two players": [record(model, task, puzzle.inputs) for model in models],
        "two players, all cells change": [
            made_up_trace(task, puzzle, random_answers(task, DEPTH, seed), depth=DEPTH) for seed in (0, 1)
        ],
    }
    for name, pair in runs.items():
        data = pair_payload(
            [sent(task, run) for run in pair], names=["Left", "Right"], titles=["one", "another"]
        )
        presses = 30 if quick else DEPTH.N_sup * DEPTH.calls_per_step - DEPTH.n - 1
        with standalone_player(browser, data) as (page, _):
            press_keys(page, presses, label=name, paint=LARGE_PAINT)


def main() -> None:
    quick = parse_quick(__doc__)
    with sync_playwright() as playwright:
        browser = open_browser(playwright)
        progress("time to the first grid")
        opened = [seconds_to_first_grid(browser) for _ in range(1 if quick else 3)]
        print_figure(
            "first grid after the server is up", max(opened), "s", topic=TOPIC, budget=4.0, of=len(opened)
        )
        bundled_run(browser, quick)
        large_grids(browser, quick)
        two_players(browser, quick)
        browser.close()


if __name__ == "__main__":
    main()
