"""Two players on one clock: what both show at every moment, which cells differ, and a pinned run in the app."""

import random
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from player_page import Player
from playwright.sync_api import Page, expect
from standalone import cut, growing_path, made_up_trace, open_standalone, random_answers, sent, show

from trm.cli import main
from trm.coordinates import Depth
from trm.data import load_presets
from trm.export.pairs import pair_payload
from trm.tasks import get_task
from trm.tasks.base import Task
from trm.trace import Trace, save_trace

DEEP = Depth(n=2, T=2, N_sup=4)  # 8 answers, 24 calls
SHORT = Depth(n=1, T=3, N_sup=2)  # 6 answers, 12 calls
SUDOKU, MAZE = get_task("sudoku", 16), get_task("maze", 49)
PRESETS = load_presets("sudoku")
KEYS = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Shift+ArrowLeft", "Shift+ArrowRight", "Home", "End", *"12345wasd+-m"]  # fmt: skip


def sudoku_run(seed: int, depth: Depth = DEEP) -> Trace:
    """Answers that have some cells in common with those of another seed."""
    puzzle = SUDOKU.generate(np.random.default_rng(3), "easy")
    answers = random_answers(SUDOKU, depth, seed)
    kept = np.random.default_rng(seed + 9).random(answers.shape) < 0.6
    return made_up_trace(SUDOKU, puzzle, np.where(kept, puzzle.labels, answers), depth=depth, seed=seed)


def maze_run(seed: int, depth: Depth = DEEP) -> Trace:
    puzzle = MAZE.generate(np.random.default_rng(1), "medium")
    return made_up_trace(MAZE, puzzle, growing_path(MAZE, puzzle, depth, seed=seed), depth=depth)


def pair_of(
    left: Trace | None, right: Trace | None, tasks: tuple[Task, Task] = (SUDOKU, SUDOKU), **options
) -> dict:
    """What Python sends; None where nothing of a run has arrived."""
    waiting = {"version": 1, "rows": 4, "columns": 4, "steps": 0} | vars(DEEP)
    players = [
        waiting if run is None else sent(task, run) for task, run in zip(tasks, (left, right), strict=True)
    ]
    options = {"titles": ["a <b>ghost</b>", "the next one"]} | options
    return pair_payload(players, names=["Pinned", "Now"], **options) | {"pin": "unpin"}


class Pair:
    """Both players of a page."""

    def __init__(self, page: Page):
        self.page = page
        self.root = page.get_by_test_id("pair")
        self.left, self.right = Player(page), Player(page, 1)

    @property
    def players(self) -> tuple[Player, Player]:
        return self.left, self.right

    @property
    def said(self) -> str:
        return self.root.get_by_test_id("differences").inner_text().strip()

    @property
    def ended(self) -> list[str]:
        return self.root.locator(".ended").all_inner_texts()

    def press(self, *keys: str) -> None:
        self.left.press(*keys)

    @property
    def positions(self) -> list[tuple[int, int, int, str]]:
        return [player.position for player in self.players]


def texts(player: Player) -> list[str]:
    return player.root.locator("[data-cell]").all_text_contents()


def answer_of(trace: Trace, position: tuple[int, int, int, str]) -> np.ndarray:
    """What the cells hold at a place: y of the last f_H call, before the first one the puzzle."""
    step, cycle, _, kind = position
    answer = (step - 1) * trace.depth.T + cycle - (kind == "f_L") - 1
    return trace.inputs if answer < 0 else trace.answers[answer]


def check(pair: Pair, runs: tuple[Trace, Trace], task: Task = SUDOKU) -> None:
    """Both grids show their runs where they stand, and mark what differs; the count is said."""
    shown = [answer_of(run, position) for run, position in zip(runs, pair.positions, strict=True)]
    for player, tokens in zip(pair.players, shown, strict=True):
        assert texts(player) == [task.symbols[token] for token in tokens]
    cells = np.flatnonzero(shown[0] != shown[1]).tolist()
    places = {f"{cell // task.columns},{cell % task.columns}" for cell in cells}
    assert [player.flagged("differs") for player in pair.players] == [places, places]
    count = f"{len(places)} of {task.cells} cells differ" if places else "No cell differs"
    assert pair.said.removesuffix(".").removesuffix("s" if len(places) == 1 else "") == count


@pytest.fixture
def open_pair(new_page: Callable[..., Page]) -> Callable[..., Pair]:
    def make(data: dict, **options) -> Pair:
        page = new_page(**options)
        open_standalone(page)
        show(page, data)
        return Pair(page)

    return make


# ---- one clock


def test_keys_go_to_both_and_differences_are_marked_in_both(open_pair):
    runs = (sudoku_run(1), sudoku_run(2))
    pair = open_pair(pair_of(*runs))
    for key in [
        "Home",
        "ArrowRight",
        "ArrowDown",
        "Shift+ArrowRight",
        "ArrowUp",
        "ArrowUp",
        "End",
        "ArrowLeft",
    ]:
        pair.press(key)
        assert pair.left.position == pair.right.position
        check(pair, runs)
    assert pair.left.position == (4, 1, 3, "f_H")
    pair.press("Home", "ArrowUp", "ArrowUp")
    assert pair.left.position == (1, 1, 1, "f_L")
    assert pair.said == "No cell differs."  # there is only the puzzle


STATE = "root => [root.querySelector('.cells').dataset.mode, root.querySelector('.timeline').dataset.zoom, root.querySelector('[aria-selected=true]')?.dataset.cell]"


@pytest.mark.parametrize("depth", [DEEP, SHORT], ids=["as deep", "shorter"])
def test_after_200_random_keys_both_agree(open_pair, depth):
    runs = (sudoku_run(1), sudoku_run(2, depth))
    pair = open_pair(pair_of(*runs))
    choose = random.Random(5)
    pressed = []
    for _ in range(10):
        keys = choose.choices(KEYS, k=20)
        pressed += keys
        pair.press(*keys)
        (left, right), states = pair.positions, [player.root.evaluate(STATE) for player in pair.players]
        assert states[0] == states[1], pressed
        if depth == DEEP:
            assert left == right, pressed
        elif left[0] <= SHORT.N_sup:
            assert (left[0], left[3]) == (right[0], right[3]), pressed
        else:
            assert right == (2, 3, 2, "f_H") and pair.ended == ["", "ended after step 2"], pressed
    pair.press("1")
    check(pair, runs)


def test_a_shorter_run_stays_at_its_end_and_says_so(open_pair):
    runs = (sudoku_run(1), sudoku_run(2, SHORT))
    pair = open_pair(pair_of(*runs))
    places = []
    pair.press("Home", "Shift+ArrowRight")
    for key in [
        "ArrowRight",
        "ArrowRight",
        "ArrowRight",
        "ArrowRight",
        "ArrowLeft",
        "Shift+ArrowLeft",
        "End",
        "Home",
    ]:
        pair.press(key)
        check(pair, runs)
        places.append(
            [f"{step}.{cycle}" for step, cycle, _, kind in pair.positions if kind == "f_H"] + pair.ended
        )
    end = "ended after step 2"
    assert places == [
        ["2.2", "2.2", "", ""], ["2.2", "2.3", "", ""], ["3.1", "2.3", "", end], ["3.2", "2.3", "", end],
        ["3.1", "2.3", "", end], ["2.1", "2.2", "", ""], ["4.2", "2.3", "", end], ["1.1", "1.1", "", ""],
    ]  # fmt: skip


def test_aligned_by_f_H_call_instead(open_pair):
    runs = (sudoku_run(1), sudoku_run(2, SHORT))
    pair = open_pair(pair_of(*runs))
    pair.press("Home", "Shift+ArrowRight", "ArrowRight")  # the fifth answer of the right one: step 2, cycle 2
    assert [place[:2] for place in pair.positions] == [(2, 2), (2, 2)]
    button = pair.root.get_by_test_id("align-call")
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    assert [place[:2] for place in pair.positions] == [(3, 1), (2, 2)]
    check(pair, runs)
    pair.press("ArrowLeft")
    assert [place[:2] for place in pair.positions] == [(2, 2), (2, 1)]
    pair.press("End")
    assert [place[:2] for place in pair.positions] == [(4, 2), (2, 3)]
    assert pair.ended[1]
    pair.root.get_by_test_id("align-step").click()
    pair.press("ArrowLeft")
    assert [place[:2] for place in pair.positions] == [(4, 1), (2, 3)]


def test_playing_plays_both_to_the_end(open_pair):
    pair = open_pair(pair_of(sudoku_run(1), sudoku_run(2, SHORT)))
    pair.root.get_by_test_id("speed").select_option("30")
    pair.press("Home", "Space")
    pair.left.eventually(lambda: pair.left.position == (4, 2, 3, "f_H"), "the end of the longer run")
    assert pair.right.position == (2, 3, 2, "f_H")
    button = pair.root.get_by_test_id("play")
    expect(button).to_have_attribute("aria-pressed", "false")


def test_the_mouse_in_one_moves_both(open_pair):
    runs = (sudoku_run(1), sudoku_run(2))
    pair = open_pair(pair_of(*runs))
    strip = pair.left.root.locator(".track-halting")
    strip.click(position={"x": strip.bounding_box()["width"] * 5.5 / 8, "y": 5})
    assert pair.positions == [(3, 2, 3, "f_H")] * 2
    pair.right.root.locator("[data-place='1']").click()
    assert pair.positions == [(3, 1, 2, "f_L")] * 2
    for player in reversed(pair.players):
        player.cell(2, 1).click()
        assert [each.selected for each in pair.players] == ["2,1", "2,1"]
        pair.press("d")
        assert [each.selected for each in pair.players] == ["2,2", "2,2"]
        shown = [texts(each)[10] for each in pair.players]
        line = pair.root.get_by_test_id("cell-difference").inner_text()
        assert line == f"Row 3, column 3: Pinned {shown[0]}, Now {shown[1]}"
    pair.press("Escape")
    assert [each.selected for each in pair.players] == [None, None]


def test_controls_are_there_once_and_serve_both(open_pair):
    pair = open_pair(pair_of(sudoku_run(1), sudoku_run(2)))
    for name in ("play", "mode-z", "marks", "pin", "full", "help"):
        assert pair.page.get_by_test_id(name).count() == 1
    pair.page.get_by_test_id("mode-z").click()
    assert [player.mode for player in pair.players] == ["z", "z"]
    assert "in what z reads" in pair.said
    pair.press("?")
    expect(pair.root.get_by_role("dialog", name="Keys")).to_be_visible()
    pair.press("Escape", "f")
    pair.left.eventually(lambda: pair.root.bounding_box()["height"] == 800, "full screen")
    pair.press("f")
    pair.page.get_by_test_id("pin").click()
    (asked,) = pair.page.evaluate("window.asked")
    assert asked[0] == "pin" and asked[1]["pin"] is False


# ---- what differs, for every eye and ear


def test_what_differs_is_told_by_shape_and_word(open_pair):
    pair = open_pair(pair_of(sudoku_run(1), sudoku_run(2)))
    pair.press("ArrowRight")
    place = sorted(pair.left.flagged("differs"))[0]
    for player in pair.players:
        cell = player.root.locator(f'[data-cell="{place}"]')
        assert "differs from the other run" in cell.get_attribute("aria-description")
        assert "radial-gradient" in cell.evaluate("node => getComputedStyle(node).backgroundImage")
        count = player.root.locator(".key.differs b").inner_text()
        assert pair.said.startswith(f"{count} of 16 cells differ")
    spoken = pair.root.locator("> .spoken")
    expect(spoken).to_have_text(f"Supervision step 1 of 4, cycle 2 of 2, f_H. {pair.said}")
    assert (
        pair.root.locator("[aria-live]").evaluate_all(
            "nodes => nodes.filter((node) => node.textContent).length"
        )
        == 1
    )


def test_pictures_are_marked_too(open_pair):
    runs = (maze_run(1), maze_run(2))
    pair = open_pair(pair_of(*runs, tasks=(MAZE, MAZE)))
    picture = "root => root.querySelector('canvas.picture').toDataURL()"
    for key in ["Home", "ArrowRight", "ArrowRight"]:
        pair.press(key)
        check(pair, runs, MAZE)
        step_by_step = [player.root.evaluate(picture) for player in pair.players]
        pair.press("2", "1")
        assert [player.root.evaluate(picture) for player in pair.players] == step_by_step
    same = open_pair(pair_of(runs[0], runs[0], tasks=(MAZE, MAZE)))
    same.press("Home", "ArrowRight", "ArrowRight")
    assert same.left.position == pair.left.position
    assert same.left.root.evaluate(picture) != step_by_step[0]


def test_grids_of_another_size_or_task_are_not_compared_and_that_is_said(open_pair):
    runs = (sudoku_run(1), maze_run(1))
    pair = open_pair(pair_of(*runs, tasks=(SUDOKU, MAZE)))
    pair.press("ArrowRight", "ArrowRight")
    assert pair.said == "No differences are marked: Pinned is 4x4 sudoku, Now is 7x7 maze."
    assert not pair.left.flagged("differs") and not pair.right.flagged("differs")
    assert pair.root.locator(".key.differs:visible").count() == 0
    assert pair.left.position == pair.right.position
    pair.right.cell(6, 6).click()
    assert pair.right.selected == "6,6" != pair.left.selected


# ---- runs that come and go


def test_a_run_that_grows_says_how_far_it_is_and_catches_up(open_pair):
    runs = (sudoku_run(1), sudoku_run(2))
    pair = open_pair(pair_of(runs[0], cut(runs[1], 1)))
    pair.press("End")
    assert [place[0] for place in pair.positions] == [4, 1]
    assert pair.ended == ["", "step 1 of 4 has arrived so far"]
    show(pair.page, pair_of(runs[0], cut(runs[1], 3)))
    assert [place[0] for place in pair.positions] == [4, 3]
    show(pair.page, pair_of(*runs))
    assert pair.positions == [(4, 2, 3, "f_H")] * 2 and pair.ended == ["", ""]
    check(pair, runs)


def test_another_run_comes_to_where_the_ghost_is(open_pair):
    ghost, then = sudoku_run(1), sudoku_run(4, SHORT)
    pair = open_pair(pair_of(ghost, sudoku_run(2)))
    pair.press("Home", "Shift+ArrowRight", "3")
    pair.left.cell(3, 0).click()
    show(pair.page, pair_of(ghost, None))
    assert pair.page.locator(".message").inner_text() == "Waiting for the first supervision step."
    assert pair.said == ""
    pair.press("ArrowRight")  # the ghost can be walked while the other is on its way
    assert pair.left.position == (2, 2, 3, "f_H")
    show(pair.page, pair_of(ghost, then))
    assert pair.positions == [(2, 2, 3, "f_H"), (2, 3, 2, "f_H")]
    assert [player.mode for player in pair.players] == ["confidence"] * 2
    assert [player.selected for player in pair.players] == ["3,0"] * 2
    pair.press("1", "ArrowLeft")
    check(pair, (ghost, then))


def test_pinning_keeps_place_view_and_focus_and_so_does_unpinning(new_page):
    page, runs = new_page(), (sudoku_run(1), sudoku_run(2))
    open_standalone(page)
    alone = sent(SUDOKU, runs[0]) | {"pin": "pin"}
    show(page, alone)
    player = Player(page)
    player.cell(1, 2).click()
    player.press("Shift+ArrowRight", "ArrowDown", "4", "+")
    page.get_by_test_id("pin").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("window.asked") == [["pin", {"pin": True, "trace_id": alone["trace_id"]}]]
    show(page, pair_of(runs[0], runs[0], hint="Choose another."))
    pair = Pair(page)
    assert (pair.said, pair.root.get_by_test_id("cell-difference").inner_text()) == (
        "The same run twice.",
        "Choose another.",
    )
    for each in pair.players:
        assert (each.position, each.mode, each.selected) == ((2, 2, 1, "f_L"), "change", "1,2")
        assert each.root.evaluate(STATE)[1] == "step"
    expect(page.get_by_test_id("pin")).to_be_focused()
    pair.press("ArrowRight")
    show(page, sent(SUDOKU, runs[0]) | {"pin": "pin"})
    alone_again = Player(page)
    assert (alone_again.position, alone_again.mode, alone_again.selected) == (
        (2, 2, 3, "f_H"),
        "change",
        "1,2",
    )
    assert page.get_by_test_id("pair").count() == 0
    alone_again.press("ArrowRight")
    assert alone_again.position == (3, 1, 3, "f_H")


def test_without_somebody_to_pin_for_there_is_no_pin(new_page):
    page = new_page()
    open_standalone(page)
    show(page, sent(SUDOKU, sudoku_run(1)))
    player = Player(page)
    player.press("p", "?")
    assert page.evaluate("window.asked") == []
    assert page.get_by_test_id("pin").is_hidden()
    assert "p" not in player.root.locator("dt:visible").all_inner_texts()


# ---- the view is told, and can be asked for


def test_the_view_says_whose_place_it_is_and_how_they_stand(open_pair):
    pair = open_pair(pair_of(sudoku_run(1), sudoku_run(2, SHORT)))
    pair.root.get_by_test_id("align-call").click()
    pair.press("Home", "ArrowRight")
    pair.left.root.locator("[data-place='0']").click()
    wanted = {"supervision_step": 1, "cycle": 1, "call": 1, "kind": "f_L", "align": "call", "lead": "left"}
    pair.left.eventually(lambda: pair.page.evaluate("window.reported.length") > 0, "a report")
    view = pair.page.evaluate("window.reported.at(-1)")
    assert {name: view[name] for name in wanted} == wanted
    before = pair.positions
    again = open_pair(pair_of(sudoku_run(1), sudoku_run(2, SHORT), start=view))
    assert again.positions == before == [(1, 1, 1, "f_L"), (1, 1, 1, "f_L")]
    assert again.root.get_by_test_id("align-call").get_attribute("aria-pressed") == "true"


def test_a_place_asked_for_in_the_run_that_arrives_last_is_found_then(new_page):
    page, runs = new_page(), (sudoku_run(1), sudoku_run(2, SHORT))
    start = {"supervision_step": 4, "cycle": 1, "call": 2, "mode": "z", "cell": [1, 3], "lead": "left"}
    open_standalone(page)
    show(page, pair_of(None, runs[1], start=start))
    right = Player(page, 1)
    assert right.position == (2, 1, 2, "f_H") and right.mode == "z"
    show(page, pair_of(*runs, start=start))
    pair = Pair(page)
    assert pair.positions == [(4, 1, 2, "f_L"), (2, 3, 2, "f_H")]
    assert [(player.mode, player.selected) for player in pair.players] == [("z", "1,3")] * 2
    pair.press("Home")
    show(page, pair_of(cut(runs[0], 3), runs[1], start=start))
    assert pair.positions[0] == (1, 1, 3, "f_H")  # asked for once


# ---- how it lies on the page


@pytest.mark.parametrize(
    ("size", "beside"),
    [((1280, 800), True), ((1100, 800), True), ((1024, 768), False), ((390, 844), False)],
    ids=str,
)
def test_side_by_side_where_the_window_is_wide_and_never_wider_than_it(open_pair, size, beside):
    titles = ["<script>alert(1)</script> " + "x" * 300, "שלום 🙂 " + "y" * 300]
    pair = open_pair(pair_of(sudoku_run(1), sudoku_run(2), titles=titles), width=size[0], height=size[1])
    left, right = (player.root.locator(".cells").bounding_box() for player in pair.players)
    assert (left["y"] == right["y"]) == beside and (left["x"] == right["x"]) != beside
    assert left["width"] == right["width"] > size[0] / 5
    assert pair.page.evaluate("document.documentElement.scrollWidth") == size[0]
    assert pair.root.locator(".half-title").all_text_contents() == titles
    if beside:
        assert left["y"] + left["height"] < size[1]
    pair.page.evaluate("scrollTo(0, document.body.scrollHeight)")
    play = pair.root.get_by_test_id("play").bounding_box()
    assert 0 <= play["y"] <= size[1] - play["height"]  # controls stay in sight


# ---- in the app


def choose_preset(page: Page, title: str) -> None:
    page.get_by_role("combobox", name="Puzzle", exact=True).click()
    page.get_by_role("option", name=title, exact=True).click()


def test_a_run_is_pinned_compared_sent_to_somebody_and_let_go(player, new_page, served, traced):
    page = player.page
    player.press("Shift+ArrowRight", "ArrowRight", "p")
    page.get_by_test_id("pair").wait_for()
    pair = Pair(page)
    assert pair.positions == [(2, 2, 7, "f_H")] * 2
    choose_preset(page, PRESETS[2].title)
    pair.left.eventually(lambda: "cells differ" in pair.said, "another run beside the pinned one")
    runs = tuple(traced(PRESETS[number].puzzle) for number in (0, 2))
    check(pair, runs, get_task("sudoku"))
    pair.left.root.get_by_test_id("timeline-steps").focus()  # the arrows were those of the list of puzzles
    pair.press("ArrowRight", "ArrowRight")
    check(pair, runs, get_task("sudoku"))
    pair.left.eventually(lambda: "at=3.1.7" in page.url and "pin=" in page.url, "a link to both")
    assert parse_qs(urlsplit(page.url).query)["pin"] == [f"sudoku-trm~6.3.16~{PRESETS[0].puzzle}"]
    theirs = new_page()
    theirs.goto(page.url)
    theirs.get_by_test_id("pair").wait_for()
    shown = Pair(theirs)
    place = [(3, 1, 7, "f_H")] * 2
    shown.left.eventually(lambda: shown.positions == pair.positions == place, "the place of the link")
    assert [player.cells for player in shown.players] == [player.cells for player in pair.players]
    assert shown.said == pair.said and shown.left.selected == pair.left.selected
    pair.press("p")
    pair.root.wait_for(state="detached")
    alone = Player(page)
    assert alone.position == (3, 1, 7, "f_H") and alone.cells == shown.right.cells
    alone.eventually(lambda: "pin=" not in page.url, "a link to one")


# ---- the offline page


def test_the_offline_page_of_two_runs(new_page, tmp_path):
    runs = (sudoku_run(1), sudoku_run(2, SHORT))
    for name, run in zip(("left", "right"), runs, strict=True):
        save_trace(tmp_path / name, replace(run, provenance=replace(run.provenance, model=f"<b>{name}</b>")))
    out = tmp_path / "page.html"
    main(
        [
            "export",
            "--trace",
            str(tmp_path / "right"),
            "--against",
            str(tmp_path / "left"),
            "--html",
            str(out),
        ]
    )
    page = new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.context.set_offline(True)
    page.goto(f"{out.as_uri()}?at=3.1.2&lead=left&mode=confidence")
    pair = Pair(page)
    assert pair.positions == [(3, 1, 2, "f_L"), (2, 3, 2, "f_H")]
    assert pair.root.locator(".half-title").all_text_contents() == [
        "<b>left</b>: left, n = 2, T = 2, 4 steps",
        "<b>right</b>: right, n = 1, T = 3, 2 steps",
    ]
    assert [player.mode for player in pair.players] == ["confidence"] * 2
    pair.press("1", "Home")
    for _ in range(8):
        for run, player in zip(runs, pair.players, strict=True):
            assert texts(player) == [SUDOKU.symbols[token] for token in answer_of(run, player.position)]
        pair.press("ArrowRight")
    assert asked == [out.as_uri() + "?at=3.1.2&lead=left&mode=confidence"]
    assert page.get_by_test_id("pin").is_hidden()
