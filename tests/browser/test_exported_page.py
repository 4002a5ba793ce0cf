"""The offline page, opened from the disk with no network at all: it shows every answer of the run and asks for nothing."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from player_page import Player
from playwright.sync_api import Page
from standalone import growing_path, made_up_trace, random_answers

from trm.cli.main import main
from trm.coordinates import Depth
from trm.export.payload import shortened, trace_id
from trm.tasks import get_task
from trm.tasks.base import Difficulty, Puzzle, Task
from trm.trace import Trace, save_trace

DEPTH = Depth(n=2, T=2, N_sup=3)  # 6 answers
SUDOKU, MAZE = get_task("sudoku"), get_task("maze", 49)
MODEL = "</script><!-- \"quoted\" <script>document.title = 'broken'</script> שלום 🙂 " + "x" * 300
PUZZLE = "<img src=x onerror=document.title=1> & 'so on' שלום " + "y" * 150


def sudoku_run() -> Trace:
    solution = SUDOKU.parse(
        "534678912672195348198342567859761423426853791713924856961537284287419635345286179"
    )
    inputs = np.where(np.arange(81) % 3 == 0, solution, 1).astype(np.uint8)
    answers = random_answers(SUDOKU, DEPTH)
    answers[-1] = solution
    return made_up_trace(SUDOKU, Puzzle(inputs, solution, Difficulty.EASY), answers, depth=DEPTH)


def maze_run() -> Trace:
    puzzle = MAZE.generate(np.random.default_rng(1), "medium")
    return made_up_trace(MAZE, puzzle, growing_path(MAZE, puzzle, DEPTH), depth=DEPTH)


RUNS = {"sudoku": (SUDOKU, sudoku_run), "maze": (MAZE, maze_run)}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[Task, Trace, Path]]:
    """Exports a made-up run as the command does; returns its task, the run and the page."""

    def make(name: str, *options: str, file: str = "run", model: str = "made-up") -> tuple[Task, Trace, Path]:
        task, run = RUNS[name]
        folder = tmp_path_factory.mktemp("exported")
        trace = run()
        trace = replace(trace, provenance=replace(trace.provenance, model=model))
        save_trace(folder / file, trace)
        main(["export", "--trace", str(folder / file), "--html", str(folder / "page.html"), *options])
        return task, trace, folder / "page.html"

    return cache(make)


@pytest.fixture
def open_page(new_page: Callable[..., Page]) -> Callable[..., tuple[Player, list[str]]]:
    """Opens a file with the network gone; returns its player and the list of what the page asks for, itself left out."""

    def make(file: Path, **options) -> tuple[Player, list[str]]:
        page = new_page(**options)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.route(lambda url: not url.startswith("file:"), lambda route: route.abort())
        page.context.set_offline(True)
        page.goto(file.as_uri())
        player = Player(page)
        assert asked.pop(0) == file.as_uri()
        return player, asked

    return make


def texts(player: Player) -> list[str]:
    return player.root.locator("[data-cell]").all_text_contents()


def walk(player: Player, task: Task, trace: Trace) -> None:
    """Every f_H call in order, by key, each cell held against the trace."""
    player.press("Home")
    for number, answer in enumerate(trace.answers):
        step, cycle = divmod(number, trace.depth.T)
        assert player.position == (step + 1, cycle + 1, trace.depth.n + 1, "f_H")
        assert texts(player) == [task.symbols[token] for token in answer]
        assert player.halt_probability == pytest.approx(trace.halt_probability[step], abs=1e-3)
        if trace.labels is not None:
            columns = task.columns
            wrong = {
                f"{cell // columns},{cell % columns}"
                for cell in (answer != trace.labels).nonzero()[0].tolist()
            }
            assert player.flagged("wrong") == wrong
        player.press("ArrowRight")
    assert number == 5


@pytest.mark.parametrize("name", RUNS)
def test_every_answer_is_shown_without_a_request(exported, open_page, name):
    """Light, and dark after a press of the toggle."""
    task, trace, file = exported(name)
    player, asked = open_page(file)
    walk(player, task, trace)
    player.page.locator("#theme").click()
    walk(player, task, trace)
    assert asked == []


BRIGHTNESS = """(selector) => {
  const canvas = document.createElement("canvas").getContext("2d");
  canvas.fillStyle = getComputedStyle(document.querySelector(selector)).backgroundColor;
  canvas.fillRect(0, 0, 1, 1);
  return Math.max(...canvas.getImageData(0, 0, 1, 1).data.slice(0, 3));
}"""
MIDDLE = """(root) => {
  const picture = root.querySelector("canvas.picture");
  const row = [...root.querySelectorAll("[data-cell]")].findIndex((cell) => cell.textContent === ".");
  const columns = root.querySelector(".row").children.length;
  const size = picture.width / columns;
  const at = [row % columns, Math.floor(row / columns)].map((place) => Math.floor((place + 0.7) * size));
  return Math.max(...picture.getContext("2d").getImageData(...at, 1, 1).data.slice(0, 3));
}"""


@pytest.mark.parametrize(("name", "scheme"), [("sudoku", "light"), ("maze", "dark")])
def test_the_toggle_turns_page_and_player(exported, open_page, name, scheme):
    _, _, file = exported(name)
    player, _ = open_page(file, color_scheme=scheme)
    player.press("End")
    button = player.page.locator("#theme")

    def is_dark() -> bool:
        shades = [player.page.evaluate(BRIGHTNESS, selector) for selector in ("body", ".player")]
        if name == "maze":
            shades.append(player.root.evaluate(MIDDLE))
        assert all(shade < 90 for shade in shades) or all(shade > 200 for shade in shades), shades
        return shades[0] < 90

    for dark in (scheme == "dark", scheme != "dark", scheme == "dark"):
        player.eventually(lambda dark=dark: is_dark() == dark, f"dark: {dark}")
        assert button.inner_text() == ("Light" if dark else "Dark")
        assert player.position == (3, 2, 3, "f_H"), "the toggle moved the player"
        button.click()


@pytest.mark.parametrize("name", RUNS)
def test_on_paper_marks_are_printed_and_the_page_is_light(exported, open_page, name):
    """Browsers leave grounds out unless they are told not to; a dark page would be light words on no ground."""
    _, _, file = exported(name)
    player, _ = open_page(file, color_scheme="dark")
    player.press("End")
    page = player.page
    seen = [f"({BRIGHTNESS})('.player')"] + [f"({MIDDLE})(document)"] * (name == "maze")
    page.evaluate(
        f"addEventListener('beforeprint', () => {{ window.printed = [{', '.join(seen)}]; }})"  # after the page's own
    )
    page.pdf(format="A4")
    assert min(page.evaluate("window.printed")) > 200
    assert page.evaluate(BRIGHTNESS, ".player") < 90, "the screen is dark again"
    for mark in (".key.changed i", ".column i", ".steps .current"):
        exact = player.root.locator(mark).first.evaluate("node => getComputedStyle(node).printColorAdjust")
        assert exact == "exact", mark


def test_the_page_opens_where_it_was_told_to(exported, open_page):
    task, trace, file = exported("sudoku", "--step", "2", "--cycle", "1")
    player, _ = open_page(file)
    assert player.position == (2, 1, 3, "f_H")
    assert texts(player) == [task.symbols[token] for token in trace.answers[2]]


def test_a_link_to_a_view_opens_it(exported, new_page):
    """The links that the player makes, where the page is put on a web server."""
    _, _, file = exported("sudoku")
    page = new_page()
    page.goto(f"{file.as_uri()}?at=2.1.2&mode=change&cell=0,4")
    player = Player(page)
    assert player.position == (2, 1, 2, "f_L") and player.mode == "change" and player.selected == "0,4"
    page.goto(f"{file.as_uri()}?at=2.x.2&cell=a,b")
    assert Player(page).position == (1, 1, 3, "f_H")


@pytest.mark.parametrize("name", RUNS)
def test_why_a_cell_changed_is_told_as_far_as_that_needs_no_model(exported, new_page, name):
    task, trace, file = exported(name)
    page = new_page()
    cell = int(np.flatnonzero(~task.givens(trace.inputs) & (trace.answers[0] != trace.answers[1]))[0])
    row, column = divmod(cell, task.columns)
    page.goto(f"{file.as_uri()}?at=1.2.3&cell={row},{column}&why=1")
    panel = Player(page).root.get_by_test_id("why-panel")
    before, after = (task.symbol_names[trace.answers[number, cell]] for number in (0, 1))
    assert f"step 1, cycle 2: {before} became {after}" in panel.inner_text()
    assert "Rule: " in panel.inner_text() and "Solve page" in panel.inner_text()
    assert not panel.get_by_test_id("remove-given").is_visible()
    with page.expect_download() as download:
        panel.get_by_test_id("why-csv").click()
    assert download.value.suggested_filename == f"why-r{row + 1}c{column + 1}.csv"


def test_the_map_of_states_is_shown_without_a_request(exported, open_page, tmp_path):
    _, trace, file = exported("sudoku")
    player, _ = open_page(file)
    assert not player.root.get_by_test_id("map").is_visible()  # this page has none
    points = np.linspace(0, 3, len(trace.z_answers)).repeat(2).round(2).tolist()
    embedding = {"method": "pca", "shares": [0.5, 0.25], "run": points}
    (tmp_path / "map.json").write_text(json.dumps({"run": trace_id(trace), "states": {"z": [embedding]}}))
    _, _, file = exported("sudoku", "--map", str(tmp_path / "map.json"))
    player, asked = open_page(file)
    player.root.get_by_test_id("map").click()
    dot = player.root.get_by_test_id("map-dot")
    before = dot.bounding_box()
    player.press("End")
    assert dot.bounding_box()["x"] > before["x"] + 20
    assert player.root.locator(".map-own").inner_text() == "PCA of this run"
    assert asked == []


def test_names_are_shown_as_text(exported, open_page):
    _, _, file = exported("sudoku", file=f"{PUZZLE}.safetensors", model=MODEL)
    player, asked = open_page(file)
    assert player.page.locator("h1").inner_text() == f"{shortened(MODEL)}: {PUZZLE}"
    assert player.page.title() == player.page.locator("h1").inner_text()
    assert player.page.evaluate("document.documentElement.lang") == "en"
    made = player.page.get_by_test_id("provenance").inner_text()
    assert made.startswith(f"{shortened(MODEL)} (") and "float32 on CPU" in made
    assert player.page.locator("img").count() == 0
    assert asked == []


@pytest.mark.parametrize("name", RUNS)
def test_nothing_is_wider_than_the_window(exported, open_page, name):
    _, _, file = exported(name, model=MODEL)
    player, _ = open_page(file)
    for width, height in [(1280, 800), (390, 844)]:
        player.page.set_viewport_size({"width": width, "height": height})
        player.eventually(
            lambda width=width: player.page.evaluate("document.documentElement.scrollWidth") == width,
            f"no scrolling to the side at {width}",
        )


EVERY_CALL = """(key) => {
  const root = document.querySelector('[data-testid="player"]') ?? [...document.querySelectorAll("*")].map((node) => node.shadowRoot?.querySelector('[data-testid="player"]')).find(Boolean);
  const press = (name) => document.body.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true, composed: true }));
  const seen = [];
  press("Home"); // the first answer
  for (let call = 0; call < 6; call++) press("ArrowUp");
  for (let last = null; ; press("ArrowDown")) {
    const { supervisionStep, cycle, call } = root.dataset;
    const place = [supervisionStep, cycle, call].join(".");
    if (place === last) return seen;
    last = place;
    seen.push([place, [...root.querySelectorAll("[data-cell]")].map((cell) => cell.textContent).join("")]);
  }
}"""
"""Walks all calls by the keys: place and text of each."""


def test_the_page_saved_in_the_app_shows_what_the_app_shows(open_player, open_page, tmp_path):
    """The bundled Sudoku: every call has the same text, in two views, with the network cut."""
    player = open_player("?at=1.1.7")
    player.press("Shift+ArrowRight", "2")
    player.eventually(lambda: "at=2.1.7" in player.page.url, "the view in the address")
    player.page.get_by_role("button", name="Export").click()
    # until the player has reported its call
    player.page.get_by_test_id("stCode").filter(has_text="--step 2").wait_for()
    with player.page.expect_download() as saved:
        player.page.get_by_role("button", name="Save HTML").click()
    assert saved.value.suggested_filename == "sudoku-trm-easy.html"
    saved.value.save_as(tmp_path / "page.html")
    player.page.keyboard.press("Escape")
    offline, asked = open_page(tmp_path / "page.html")
    assert offline.position == (2, 1, 7, "f_H") and offline.mode == "probabilities"
    for mode in ("1", "5"):
        for one in (player, offline):
            one.press(mode)
        here, there = player.page.evaluate(EVERY_CALL), offline.page.evaluate(EVERY_CALL)
        assert here == there and len(here) == 16 * 3 * 7 and len(here[0][1]) == 81
    offline.press("1", "Home", "ArrowRight", "ArrowRight", "Shift+ArrowRight")
    player.press("1", "Home", "ArrowRight", "ArrowRight", "Shift+ArrowRight")
    assert offline.position == player.position == (2, 3, 7, "f_H") and offline.cells == player.cells
    assert asked == []
