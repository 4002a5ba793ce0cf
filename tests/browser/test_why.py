"""*Why?* in the player: by the button, a key, the list of changes and a menu; it follows stepping, and exports what it shows."""

import json
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from pair_page import pair_of
from player_page import PATIENCE, Player
from playwright.sync_api import Page, Route, expect
from standalone import growing_path, made_up_trace, sent, show

from tests.browser.test_accessibility import findings
from trm.coordinates import Depth
from trm.tasks import get_task
from trm.tasks.base import Task
from trm.trace import Trace

DEPTH = Depth(n=2, T=2, N_sup=4)  # 8 answers
SUDOKU, MAZE = get_task("sudoku"), get_task("maze", 225)
FLIPS = (2, 3, 6)  # answers at which the cell changes


def sudoku_run() -> tuple[Trace, int]:
    """A run that answers every cell rightly, except the first cell that a single decides."""
    puzzle = SUDOKU.generate(np.random.default_rng(5), "easy")
    rules = SUDOKU.deductions(puzzle.inputs)
    cell = next(index for index, rule in enumerate(rules) if rule and rule.round == 1)
    answers = np.repeat(puzzle.labels[None], 8, 0)
    wrong = 2 + (puzzle.labels[cell] - 1) % 9
    answers[:2, cell] = answers[3:6, cell] = wrong
    return made_up_trace(SUDOKU, puzzle, answers, depth=DEPTH), cell


def maze_run() -> tuple[Trace, int]:
    puzzle = MAZE.generate(np.random.default_rng(1), "hard")
    answers = growing_path(MAZE, puzzle, DEPTH)
    changes = (answers[1:] != answers[:-1]).sum(0) * (puzzle.labels == 5)
    return made_up_trace(MAZE, puzzle, answers, depth=DEPTH), int(changes.argmax())


RUNS: dict[str, tuple[Task, tuple[Trace, int]]] = {
    "sudoku": (SUDOKU, sudoku_run()),
    "maze": (MAZE, maze_run()),
}


def effects(trace: Trace, task: Task, cell: int) -> dict:
    """What the server would answer: the first givens push most, every third one away."""
    givens = task.givens(trace.inputs)
    cells = np.where(givens, np.linspace(3, 0.1, task.cells), 0) * np.where(
        np.arange(task.cells) % 3, 1, -0.5
    )
    return {"of": f"logit in {cell}", "value": 4.5, "baseline": -1.5, "completeness_error": 0.04, "points": 64,
            "cells": cells.tolist(), "command": "python -m probes attribute --model made-up"}  # fmt: skip


class Server:
    """Answers the questions of a page; `questions` are those so far."""

    def __init__(self, page: Page, trace: Trace, task: Task):
        self.trace, self.task, self.questions = trace, task, []
        page.route("**/why/*", self.answer)
        page.route("**/why/*?**", self.answer)

    def answer(self, route: Route) -> None:
        query = {name: int(value) for name, (value,) in parse_qs(urlsplit(route.request.url).query).items()}
        self.questions.append(query)
        result = effects(self.trace, self.task, query["cell"])
        route.fulfill(json={"ended": True, "result": result})


@pytest.fixture
def open_why(open_run):
    """Opens a run whose questions are answered, with its cell selected. Returns the player, the server and the cell."""

    def make(name: str = "sudoku", *, why: str | None = "/why/key", **options) -> tuple[Player, Server, int]:
        task, (trace, cell) = RUNS[name]
        player = open_run(task, trace, **options)
        server = Server(player.page, trace, task)
        start = {"supervision_step": 2, "cycle": 2, "call": 3, "cell": list(divmod(cell, task.columns))}
        show(player.page, sent(task, trace, start=start) | {"why": why, "pin": "pin"})
        return player, server, cell

    return make


# At once: between two presses of Playwright's, a busy machine rests long enough for a question.
PRESS = "keys => keys.forEach((key) => document.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true })))"


def panel(player: Player):
    return player.root.get_by_test_id("why-panel")


def marks(player: Player, kind: str) -> int:
    return player.root.locator(f".push.{kind}:visible").count()


def test_the_button_tells_both_answers_the_rule_and_the_givens_and_marks_them(open_why):
    player, server, cell = open_why()
    expect(panel(player)).to_be_hidden()
    player.root.get_by_test_id("why").click()
    trace = server.trace
    right, wrong = (SUDOKU.symbols[trace.answers[answer, cell]] for answer in (2, 3))
    expect(panel(player)).to_contain_text(f"step 2, cycle 2: {right} became {wrong}")
    then, now = trace.probabilities[[2, 3], cell, trace.answers[3, cell]] / 255
    expect(panel(player)).to_contain_text(f"P({wrong})\u00a0{then:.2f} → {now:.2f}")
    rule = SUDOKU.deductions(trace.inputs)[cell]
    expect(panel(player).locator(".why-rule")).to_contain_text("The givens decide it.")
    expect(panel(player).locator(".why-share")).to_contain_text("explain 96\u00a0%")
    expect(panel(player).locator(".why-agreement")).to_contain_text(f"of the rule's {len(rule.cells)} givens")
    assert [marks(player, kind) for kind in ("towards", "away", "needed")] == [4, 4, len(rule.cells)]
    assert server.questions == [
        {
            "cell": cell,
            "step": 2,
            "cycle": 2,
            "token": trace.answers[3, cell],
            "versus": trace.answers[2, cell],
        }
    ]
    player.root.get_by_test_id("why").click()
    expect(panel(player)).to_be_hidden()
    assert [marks(player, kind) for kind in ("towards", "away", "needed")] == [0, 0, 0]


def test_the_panel_follows_stepping_and_asks_only_where_the_player_rests(open_why):
    player, server, _ = open_why()
    player.press("y")
    expect(panel(player).locator(".why-share")).to_contain_text("explain")
    player.page.evaluate(PRESS, ["ArrowRight", "ArrowRight", "ArrowRight", "ArrowLeft"])
    expect(panel(player).locator(".why-change")).to_contain_text("step 3, cycle 2: still")
    expect(panel(player).locator(".why-share")).to_contain_text("explain")
    assert [question["step"] for question in server.questions] == [2, 3]
    player.page.evaluate(PRESS, ["ArrowLeft", "ArrowLeft"])
    expect(panel(player).locator(".why-share")).to_contain_text("explain")  # it is still known
    player.page.wait_for_timeout(400)
    assert len(server.questions) == 2
    player.press("Home", "ArrowUp")
    expect(panel(player)).to_contain_text("No answer yet")
    player.press("Escape")
    expect(panel(player)).to_be_hidden()
    assert player.selected is not None  # the next Escape deselects
    player.press("Escape")
    assert player.selected is None


def test_every_flip_is_listed_and_a_press_goes_there(open_why):
    player, _, _ = open_why()
    player.root.locator("[data-event=changes]").click()
    assert player.position[:2] == (4, 1)  # the last change
    flips = panel(player).locator(".why-flips button")
    assert flips.count() == len(FLIPS)
    flips.nth(0).click()
    assert player.position == (2, 1, 3, "f_H")
    assert [each.get_attribute("aria-current") for each in flips.all()] == ["true", "false", "false"]


def test_a_right_click_opens_a_menu_that_the_keyboard_can_use(open_why):
    player, server, _ = open_why()
    other = next(cell for cell in range(81) if server.trace.inputs[cell] == 1 and cell > 40)
    player.cell(*divmod(other, 9)).click(button="right")
    item = player.root.get_by_role("menuitem", name="Why this answer?")
    expect(item).to_be_focused()
    assert player.selected == "{},{}".format(*divmod(other, 9))
    player.press("ArrowDown")
    expect(player.root.get_by_role("menuitem", name="Copy link")).to_be_focused()
    player.press("ArrowUp", "Enter")
    expect(player.root.get_by_role("menu")).to_be_hidden()
    expect(panel(player)).to_be_visible()
    player.root.locator(".cells").dispatch_event(
        "contextmenu", {"clientX": 100, "clientY": 200}
    )  # the menu key
    expect(item).to_be_focused()
    assert player.selected == "{},{}".format(*divmod(other, 9))
    player.press("Escape")
    expect(player.root.get_by_role("menu")).to_be_hidden()
    expect(panel(player)).to_be_visible()  # the menu took the key


def test_a_finger_opens_the_panel_under_the_grid_and_goes_to_a_flip(open_why):
    player, _, _ = open_why(width=390, height=844, has_touch=True)
    player.root.get_by_test_id("why").tap()
    expect(panel(player).locator(".why-share")).to_contain_text("explain")
    below = [
        each.bounding_box()["y"]
        for each in (player.root.locator(".cells"), panel(player), player.root.locator(".timeline"))
    ]
    assert below == sorted(below)
    panel(player).locator(".why-flips button").nth(1).tap()
    assert player.position == (2, 2, 3, "f_H")
    assert player.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_one_press_asks_python_to_pin_the_run_and_to_remove_the_strongest_given(open_why):
    player, server, _ = open_why()
    player.press("y")
    button = player.root.get_by_test_id("remove-given")
    cells = effects(server.trace, SUDOKU, 0)["cells"]
    strongest = int(np.argmax(cells))
    expect(button).to_have_text(
        "Remove r{}c{} and run".format(*(place + 1 for place in divmod(strongest, 9)))
    )
    button.click()
    (event, message), *_ = player.page.evaluate("window.asked")
    assert (event, message["pin"], message["without"]) == ("pin", True, strongest)


def test_what_the_panel_shows_is_saved(open_why, tmp_path):
    player, server, _ = open_why()
    player.press("y")
    expect(panel(player).locator(".why-share")).to_contain_text("explain")
    saved = {}
    for kind in ("json", "csv"):
        with player.page.expect_download() as download:
            player.root.get_by_test_id(f"why-{kind}").click()
        assert download.value.suggested_filename.endswith(f".{kind}")
        download.value.save_as(tmp_path / kind)
        saved[kind] = (tmp_path / kind).read_text("utf-8")
    content = json.loads(saved["json"])
    assert content["attribution"]["share_explained"] == pytest.approx(0.96)
    assert content["attribution"]["command"] == "python -m probes attribute --model made-up"
    lines = saved["csv"].splitlines()
    assert len(lines) == 1 + int(SUDOKU.givens(server.trace.inputs).sum())
    assert sum(line.endswith(",1") for line in lines) == len(content["rule"]["givens"])
    panel(player).locator("summary").click()
    expect(panel(player).locator("code")).to_have_text("python -m probes attribute --model made-up")


def test_a_maze_has_walls_that_push_and_the_rule_of_its_path(open_why):
    player, _, _ = open_why("maze")
    player.press("y")
    expect(panel(player).locator(".why-rule")).to_contain_text("on the only shortest path")
    expect(panel(player).locator(".why-towards")).to_contain_text("wall in r1c")
    assert marks(player, "towards") == 4
    expect(player.root.get_by_test_id("remove-given")).to_contain_text("Remove r")


def test_without_a_model_the_rule_and_the_probabilities_are_told_and_a_failure_is_said(open_why):
    player, server, _ = open_why(why=None)
    player.press("y")
    expect(panel(player).locator(".why-rule")).to_contain_text("Rule:")
    expect(panel(player).locator(".why-share")).to_contain_text("Solve page")
    expect(player.root.get_by_test_id("remove-given")).to_be_hidden()
    assert not server.questions
    player, _, _ = open_why()
    player.page.unroute_all()
    player.page.route(
        "**/why/*?**", lambda route: route.fulfill(json={"ended": True, "error": "Out of luck."})
    )
    player.press("y")
    expect(panel(player).locator(".why-share")).to_have_text("Out of luck.")


def test_two_players_each_explain_their_own_run(open_pair):
    task, (trace, cell) = RUNS["sudoku"]
    other = replace(trace, answers=trace.answers[::-1].copy())
    data = pair_of(trace, other, (task, task))
    data["fold"] = True
    for side in data["players"]:
        side["why"] = "/why/key"
    data["start"] = {"supervision_step": 2, "cycle": 2, "call": 3, "cell": list(divmod(cell, 9))}
    pair = open_pair(data)
    Server(pair.page, trace, task)
    pair.press("y")
    for player in pair.players:
        expect(panel(player).locator(".why-share")).to_contain_text("explain")
    expect(
        pair.left.root.get_by_test_id("remove-given")
    ).to_be_hidden()  # the page's puzzle is that of the other
    expect(pair.right.root.get_by_test_id("remove-given")).to_be_visible()


@pytest.mark.parametrize(
    "name, scheme",
    [
        ("sudoku", "light"),
        ("maze", "dark"),
        pytest.param("sudoku", "dark", marks=pytest.mark.slow),
        pytest.param("maze", "light", marks=pytest.mark.slow),
    ],
)
def test_axe_finds_nothing_serious_while_the_panel_and_the_menu_are_open(open_why, name, scheme):
    player, _, _ = open_why(name, color_scheme=scheme)
    player.press("y")
    expect(panel(player).locator(".why-share")).to_contain_text("explain")
    assert findings(player.page) == []
    player.cell(1, 1).click(button="right")
    assert findings(player.page) == []


def test_grid_and_panel_are_seen_together(open_why):
    player, _, _ = open_why()
    player.press("y")
    expect(panel(player).locator(".why-share")).to_contain_text("explain")
    for width, height in ((1280, 800), (1024, 768), (1920, 1080)):
        player.page.set_viewport_size({"width": width, "height": height})

        def is_seen(part, width=width, height=height) -> bool:
            box = part.bounding_box()
            return box["y"] >= 0 and box["y"] + box["height"] <= height and box["x"] + box["width"] <= width

        for part in (player.root.locator(".cells"), panel(player)):
            player.eventually(lambda part=part, seen=is_seen: seen(part), f"all of it at {width} x {height}")


def test_the_app_answers_and_a_link_opens_the_panel_again(open_player):
    player = open_player("?n=1&T=1&steps=2&at=2.1.2&cell=4,4&why=1")
    expect(panel(player).locator(".why-share")).to_contain_text("explain", timeout=3000 * PATIENCE)
    player.page.wait_for_function("location.search.includes('why=1')")
    player.root.get_by_test_id("remove-given").click()
    player.page.get_by_test_id("pair").wait_for(timeout=2000 * PATIENCE)
    for number in (0, 1):
        share = panel(Player(player.page, number)).locator(".why-share")
        expect(share).to_contain_text("explain", timeout=3000 * PATIENCE)
