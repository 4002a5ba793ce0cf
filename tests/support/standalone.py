"""The player alone on an empty page, with runs made up for it: what it can show, and how fast, without a model or a server.

A made-up run is a `Trace` whose answers are given; probabilities and readings of z are drawn around them.
"""

import json
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from jaxtyping import UInt8
from playwright.sync_api import Page, Route

from trm.coordinates import Depth
from trm.export.payload import payload
from trm.player.bundle import player_css, player_js
from trm.provenance import Provenance
from trm.tasks.base import Puzzle, Task
from trm.trace import Trace, quantised

DEPTH = Depth(n=6, T=3, N_sup=16)

ADDRESS = "http://player.test/"  # answered by the test itself
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Alone</title><meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,"><link rel="stylesheet" href="player.css">
<style>body { margin: 0; padding: 16px; background: light-dark(#fcfcfa, #10151b); color-scheme: light dark }</style>
<script type="module">
import mount from "./player.js";
let place, leave;
window.renew = () => {
  place?.remove();
  leave?.();
  for (const name of ["views", "starts", "opened"]) globalThis[Symbol.for(`recursion-lens ${name}`)]?.clear(); // where players were
  for (const name of Object.getOwnPropertyNames(navigator)) delete navigator[name]; // what a test put there
  place = document.body.appendChild(Object.assign(document.createElement("div"), { id: "place" }));
  [window.reported, window.asked] = [[], []];
  scrollTo(0, 0);
};
window.renew();
window.show = (data) => {
  const { reported, asked } = window;
  const began = performance.now();
  leave = mount({
    data, parentElement: place,
    setStateValue: (name, view) => reported.push(view), setTriggerValue: (name, value) => asked.push([name, value]),
  });
  return performance.now() - began;
};
</script>"""


def open_standalone(page: Page, *, script: str | None = None, style: str = "") -> None:
    """Make a page that shows payloads by `window.show(payload)`, which says how many ms the player's script took.

    A page that showed the player before is used again, without a trace of what it showed. `script` is another component's
    in place of the player, with a `style` beside the player's.
    """
    if script is None and page.url == ADDRESS:
        page.evaluate("window.renew()")
        return
    files = {
        "/": (PAGE, "text/html"),
        "/player.css": (player_css() + style, "text/css"),
        "/player.js": (script or player_js(), "text/javascript"),
    }

    def answer(route: Route) -> None:
        body, content_type = files[urlsplit(route.request.url).path]
        route.fulfill(body=body, content_type=content_type)

    page.route(f"{ADDRESS}**", answer)
    page.goto(ADDRESS if script is None else f"{ADDRESS}?another")
    page.wait_for_function("() => window.show")
    page.unroute_all()  # a page with routes has no cache


def show(page: Page, data: dict[str, Any]) -> float:
    """Give the player a payload. Returns the milliseconds that its script took."""
    # As text: Playwright takes a second to hand over a nested object of this size.
    return page.evaluate(
        "(text) => { const data = JSON.parse(text); return window.show(data); }", json.dumps(data)
    )


def made_up_trace(
    task: Task,
    puzzle: Puzzle,
    answers: UInt8[np.ndarray, "f_H cells"],
    *,
    depth: Depth = DEPTH,
    seed: int = 0,
    kind: str = "trm",
) -> Trace:
    """A run that gave these answers; y and z look most like them, z in some cells like token 1."""
    rng = np.random.default_rng(seed)
    calls = depth.N_sup * depth.calls_per_step
    tokens = np.arange(1, task.vocab_size)
    z_answers = np.repeat(answers, depth.n + 1, axis=0)
    noise = rng.random(z_answers.shape) < 0.1
    z_reverse = np.where(noise, 1, z_answers).astype(np.uint8)
    z_answers = np.where(noise, rng.choice(tokens, z_answers.shape), z_answers).astype(np.uint8)
    sure = 0.35 + 0.6 * rng.random(answers.shape)
    weights = rng.random((*answers.shape, task.vocab_size)) ** 8
    np.put_along_axis(weights, answers[..., None].astype(int), 0, -1)
    weights *= ((1 - sure) / weights.sum(-1))[..., None]
    np.put_along_axis(weights, answers[..., None].astype(int), sure[..., None], -1)
    return Trace(
        provenance=Provenance("made-up", "0" * 16, kind, task.name, "cpu", "float32", "0", ""),
        depth=depth,
        trained=depth,
        inputs=puzzle.inputs,
        labels=puzzle.labels,
        answers=answers,
        probabilities=quantised(weights),
        entropy=np.linspace(1.5, 0.1, len(answers), dtype=np.float32),
        z_answers=z_answers,
        z_confidence=rng.integers(60, 256, z_answers.shape).astype(np.uint8),
        halt_probability=np.linspace(0.02, 0.97, depth.N_sup, dtype=np.float32),
        residual_y=np.geomspace(0.9, 0.004, len(answers)).astype(np.float32),
        residual_z=np.geomspace(0.9, 0.003, calls).astype(np.float32),
        z_reverse=z_reverse,
        y_reverse=answers,
    )


def random_answers(task: Task, depth: Depth = DEPTH, seed: int = 0) -> UInt8[np.ndarray, "f_H cells"]:
    """The worst case for drawing: every cell changes at every f_H call."""
    rng = np.random.default_rng(seed)
    steps = rng.integers(1, task.vocab_size - 1, (depth.N_sup * depth.T, task.cells))
    return (1 + np.cumsum(steps, 0) % (task.vocab_size - 1)).astype(np.uint8)


def growing_path(
    task: Task, puzzle: Puzzle, depth: Depth = DEPTH, *, doubt: float = 0.45, seed: int = 0
) -> UInt8[np.ndarray, "f_H cells"]:
    """A maze being solved: `doubt` is the share of open cells that the first answer guesses, the last one none."""
    rng = np.random.default_rng(seed)
    answers = []
    is_open = ~task.givens(puzzle.inputs)
    for progress in np.linspace(0, 1.15, depth.N_sup * depth.T):
        guessed = is_open & (rng.random(task.cells) < doubt * max(0.0, 1 - progress))
        answers.append(np.where(guessed, rng.choice([2, 5], task.cells), puzzle.labels))
    return np.stack(answers).astype(np.uint8)


def cut(trace: Trace, steps: int) -> Trace:
    """The run when this many supervision steps had arrived."""
    f_H, calls = steps * trace.depth.T, steps * trace.depth.calls_per_step
    lengths = {"answers": f_H, "probabilities": f_H, "entropy": f_H, "residual_y": f_H, "y_reverse": f_H}
    lengths |= dict.fromkeys(("z_answers", "z_confidence", "residual_z", "z_reverse"), calls)
    lengths |= {"halt_probability": steps}
    return replace(trace, **{name: getattr(trace, name)[:length] for name, length in lengths.items()})


def sent(task: Task, trace: Trace, **options: Any) -> dict[str, Any]:
    """What Python sends of a run."""
    return payload(trace, task, **options)
