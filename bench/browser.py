"""What a person waits for in the browser: first grid, and key press to changed picture. `python -m bench.browser`

Key presses go through every call of the bundled run, in every mode, 33 ms apart as a held key sends them, at 1280x800 in
headless Chromium without a GPU. Script time is from the key event's arrival in the page to the end of the player's
work; paint is from there to the frame after the next animation frame, when the changed picture has been handed over.

30x30 mazes are stepped answer by answer in a player of its own: a bundled run, and two that are made up: one that finds its
path little by little, and the worst there can be, in which all 900 cells change at every answer. The former also arrives step by step
while keys are pressed. Two players on one clock are measured in the same way, with two bundled models and with the worst.
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
KEY_INTERVAL = 33  # ms: a held key
# ms that a key may take; the last for 30x30 cells and for two players
SCRIPT, PAINT, LARGE_PAINT = 4.0, 33.0, 50.0
READY_TIMEOUT = 120_000  # ms for the model's own run to take over

# Dispatches the keys itself, so that nothing but the page is on the clock.
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


# Hands over a run that has grown by a step, then presses a key four times; again for every step. Times of the player's
# script, and of all tasks that the browser itself calls long: more than 50 ms.
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
    """Seconds from a fresh server being up to the first cell on the page."""
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
    """A page of its own that shows a payload, and the ms that the player's script took for it."""
    page = browser.new_page(viewport=SIZE)
    open_standalone(page)
    yield page, show(page, data)
    page.close()


def press_keys(
    page: Page, presses: int, *, label: str = "", key: str = "ArrowDown", paint: float = PAINT
) -> None:
    """Step from the first answer on, in every mode, and print the times. `what` says whose they are."""
    facts = {"presses": presses, "viewport": "1280x800"}
    for number, mode in enumerate(MODES, 1):
        name = f"{label}: key, {mode}" if label else f"key, {mode}"
        progress(f"{presses} presses of a {name}")
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
    """The Sudoku that the app opens with, in the app."""
    with ServedApp() as app:
        page = browser.new_page(viewport=SIZE)
        page.goto(app.url)
        page.get_by_text("computed now").wait_for(timeout=READY_TIMEOUT)
        page.keyboard.press("Home")
        calls = int(page.get_by_test_id("timeline-steps").get_attribute("aria-valuemax"))
        first = int(page.get_by_test_id("player").get_attribute("data-call"))
        press_keys(page, 30 if quick else calls - first)
        page.close()


def synthetic_mazes() -> dict[str, Trace]:
    """Runs on a 30x30 maze: about 60 cells changing at a time, and all."""
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
        progress(f"{name} arriving step by step")
        grown = [json.dumps(sent(task, cut(trace, step))) for step in steps]
        times = page.evaluate(GROW_AND_PRESS, [grown, KEY_INTERVAL])
    for what, values in (("script of a new step, longest", "script"), ("long task while it grows", "long")):
        print_figure(f"{name}: {what}", max(times[values]), "ms", topic=TOPIC, budget=50.0, steps=len(steps))


def two_players(browser: Browser, quick: bool) -> None:
    """Two bundled models on one clock at a hard Sudoku, and two runs in which every cell changes at every answer."""
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
        progress("time to first grid")
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
