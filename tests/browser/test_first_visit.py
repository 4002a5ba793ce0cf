"""What a first visitor sees: a telling picture, one sentence, the tour, the meanings of terms, and the help."""

from collections.abc import Callable

import pytest
from axe_findings import findings
from eventful_run import SUDOKU, eventful_run
from player_page import Player
from playwright.sync_api import Locator, Page, expect
from standalone import open_standalone, sent, show

from trm.tasks import get_task
from trm.trace import Trace

STOPS = ("step-calls", "cells", "track-halting", "track-cell", "transport")
"""The part of the screen that each stop of the tour is about."""
GUIDE = {"lecture": "/lecture", "papers": {"TRM": "https://arxiv.org/abs/2510.04871"}}
PHONE = {"width": 390, "height": 844, "has_touch": True, "is_mobile": True}
WINDOWS = (
    {},
    {"width": 1280, "height": 720},
    {"width": 1920, "height": 1080},
    PHONE,
)


@pytest.fixture
def open_first(new_page: Callable[..., Page]) -> Callable[..., Player]:
    """The player alone, as Solve shows it, in a browser that has not been here before unless the options say so."""

    def make(**options) -> Player:
        page = new_page(**{"first_visit": True} | options)
        open_standalone(page)
        return shown(page)

    return make


def shown(page: Page) -> Player:
    show(page, sent(SUDOKU, eventful_run()) | {"guide": GUIDE, "place": "player"})
    return Player(page)


def sentence(player: Player) -> Locator:
    return player.root.get_by_test_id("welcome")


def is_in_window(node: Locator, player: Player) -> bool:
    box, window = node.bounding_box(), player.page.viewport_size
    return (
        box["x"] >= 0
        and box["y"] >= 0
        and box["x"] + box["width"] <= window["width"] + 0.5
        and box["y"] + box["height"] <= window["height"] + 0.5
    )


# ---- the first picture


def test_the_page_opens_where_cells_have_just_become_correct_and_links_keep_their_place(open_player, traced):
    player = open_player()
    at = player.position
    assert at > (1, 1, 7, "f_H") and at[3] == "f_H"
    trace: Trace = traced(player.page.locator(".st-key-puzzle_text textarea").input_value())
    answer = 3 * (at[0] - 1) + at[1] - 1
    right = trace.answers == trace.labels
    repaired = (right[1:] & ~right[:-1]).sum(1)
    mostly_right = (~right).sum(1)[1:] <= 0.25 * (~get_task("sudoku").givens(trace.inputs)).sum()
    assert repaired[answer - 1] > 3 and repaired[answer - 1] == max(repaired[mostly_right])
    player.page.wait_for_url(f"**at={at[0]}.{at[1]}.7**")  # a copied or exported view is this one
    player.press("Home")
    player.page.wait_for_url("**at=1.1.7**")
    player.page.reload()
    assert Player(player.page).position == (1, 1, 7, "f_H")


# ---- the sentence


def test_a_first_visitor_reads_one_sentence_closes_it_by_key_and_does_not_see_it_again(open_first):
    player = open_first()
    expect(sentence(player)).to_contain_text("A tiny neural network solves this puzzle")
    links = (
        sentence(player).locator("a").evaluate_all("links => links.map(({ href }) => new URL(href).pathname)")
    )
    assert links == ["/lecture", "/abs/2510.04871"]
    top = player.root.locator(".stage").bounding_box()["y"]
    sentence(player).get_by_test_id("dismiss").focus()
    player.press("Enter")
    expect(sentence(player)).to_have_count(0)
    expect(player.root.get_by_test_id("play")).to_be_focused()
    assert player.root.locator(".stage").bounding_box()["y"] < top - 20  # the room is the player's again
    player.page.evaluate("window.renew()")
    assert sentence(shown(player.page)).count() == 0


def test_who_has_been_here_before_and_an_exported_run_have_no_sentence(open_first, open_run):
    assert sentence(open_first(first_visit=False)).count() == 0
    player = open_run()
    assert sentence(player).count() == 0
    player.press("?")
    expect(player.root.get_by_test_id("start-tour")).to_be_hidden()


# ---- the tour


def test_the_tour_has_five_stops_by_key_moves_the_player_and_gives_the_focus_back(open_first):
    player = open_first()
    start = sentence(player).get_by_test_id("tour")
    start.focus()
    player.press("Enter")
    card = player.root.get_by_test_id("tour").last
    texts = []
    for number, part in enumerate(STOPS, 1):
        expect(card).to_have_accessible_name(f"Tour, stop {number} of 5")
        expect(card.get_by_test_id("tour-forward")).to_be_focused()
        assert player.root.locator(f".{part}.toured").count() == 1
        assert is_in_window(card, player)
        texts.append(card.inner_text())
        if number < len(STOPS):
            player.press("ArrowRight")
    assert "2 calls of f_L" in texts[0] and "4 steps" in texts[0]
    assert "after step" in texts[2] and player.selected is not None
    assert card.get_by_role("link", name="Start here: the lecture").is_visible()
    player.press("ArrowLeft")
    expect(card).to_have_accessible_name("Tour, stop 4 of 5")
    player.press("Escape")
    expect(card).to_be_hidden()
    expect(start).to_be_focused()
    assert player.root.locator(".toured").count() == 0
    place = player.position
    player.press("ArrowLeft")
    assert player.position < place  # the keys are the player's again


def test_the_tour_starts_again_from_the_help_and_ends_by_escape_from_anywhere(open_first):
    player = open_first(first_visit=False)
    player.press("?")
    player.root.get_by_test_id("start-tour").click()
    card = player.root.get_by_test_id("tour").last
    expect(card).to_be_visible()
    player.cell(3, 0).click()
    player.page.evaluate("document.activeElement.blur()")
    player.press("Escape")
    expect(card).to_be_hidden()
    assert player.selected == "3,0"
    player.press("Escape")
    assert player.selected is None


@pytest.mark.parametrize("options", WINDOWS, ids=str)
def test_every_stop_is_in_the_window(open_first, options):
    player = open_first(**options)
    button = sentence(player).get_by_test_id("tour")
    button.tap() if options is PHONE else button.click()
    card = player.root.get_by_test_id("tour").last
    for number in range(1, 6):
        assert is_in_window(card, player), number
        marked = player.root.locator(".toured").bounding_box()
        assert marked["y"] < player.page.viewport_size["height"] and marked["y"] + marked["height"] > 0, (
            number
        )
        forward = card.get_by_test_id("tour-forward")
        forward.tap() if options is PHONE else forward.click()
    expect(card).to_be_hidden()
    width = player.page.evaluate("document.documentElement.scrollWidth")
    assert width <= player.page.viewport_size["width"]


@pytest.mark.parametrize("options", [{}, {"color_scheme": "dark"}, PHONE], ids=["light", "dark", "phone"])
def test_axe_finds_nothing_in_the_sentence_and_at_a_stop(open_first, options):
    player = open_first(**options)
    assert findings(player.page) == []
    sentence(player).get_by_test_id("tour").focus()
    player.press("Enter", "ArrowRight", "ArrowRight")
    expect(player.root.get_by_test_id("tour").last).to_have_accessible_name("Tour, stop 3 of 5")
    assert findings(player.page) == []


# ---- the glossary


def test_a_term_says_what_it_means_on_hover_and_with_the_focus_and_escape_closes_it(open_run):
    player = open_run()
    meaning = player.root.get_by_role("tooltip")
    player.root.locator(".place [data-term=f_H]").hover()
    expect(meaning).to_have_text("f_H: the call that updates y from y and z")
    player.page.mouse.move(0, 0)
    expect(meaning).to_be_hidden()
    player.press("Tab", "Shift+Tab")  # from now on the focus is that of the keyboard
    name = player.root.locator(".gutter [data-term=entropy]")
    name.focus()
    expect(meaning).to_contain_text("entropy: how undecided the answer is")
    expect(name).to_have_accessible_description(meaning.inner_text())
    assert is_in_window(meaning, player)
    player.press("ArrowRight")
    assert player.position == (1, 2, 3, "f_H")  # keys still step
    cell = player.selected
    player.press("Escape")
    expect(meaning).to_be_hidden()
    assert player.selected == cell


def test_a_term_in_a_sentence_keeps_the_focus_while_the_run_is_stepped_through(open_run):
    player = open_run()
    term = player.root.locator(".place [data-term=cycle]")
    term.focus()
    player.press("ArrowRight", "Shift+ArrowRight")
    expect(term).to_be_focused()
    assert "cycle 2 of 2" in player.root.locator(".place").inner_text()


def test_a_long_press_on_a_term_says_what_it_means_and_a_tap_does_not(open_run):
    player = open_run(**PHONE)
    term = player.root.locator(".gutter [data-term=halting]")
    meaning = player.root.get_by_role("tooltip")
    term.scroll_into_view_if_needed()
    term.tap()
    press = {"pointerType": "touch", "bubbles": True, "composed": True, "isPrimary": True}
    term.dispatch_event("pointerdown", press)
    expect(meaning).to_contain_text("halting probability: the model's estimate")
    term.dispatch_event("pointerup", press)
    assert is_in_window(meaning, player)
    player.cell(0, 0).dispatch_event("pointerdown", press)
    expect(meaning).to_be_hidden()


def test_every_strip_of_a_state_and_every_place_has_its_term(open_run):
    player = open_run()
    terms = player.root.locator("[data-term][tabindex='0']").evaluate_all(
        "all => all.map((each) => each.dataset.term)"
    )
    assert {"supervision_step", "cycle", "f_H", "halting", "entropy", "residual"} <= set(terms)
    player.press("+")
    assert player.root.locator(".gutter [data-term=cycle]").count() == 1  # the axis shows cycles now


# ---- the help


def test_the_help_explains_the_parts_of_the_screen_the_keys_and_the_terms(open_run):
    player = open_run()
    player.press("?")
    dialog = player.root.get_by_role("dialog", name="Help")
    for title in ("What you see", "Keyboard shortcuts", "Terms"):
        expect(dialog.get_by_text(title, exact=True)).to_be_visible()
    expect(dialog.get_by_text("Gestures", exact=True)).to_be_hidden()
    expect(dialog.locator(".parts")).to_contain_text("the calls of the current supervision step")
    expect(dialog.locator(".terms")).to_contain_text("the maximum number of supervision steps in a run")


def test_on_a_phone_the_help_has_gestures_instead_of_keys(open_run):
    player = open_run(**PHONE)
    player.root.get_by_test_id("help").tap()
    dialog = player.root.get_by_role("dialog", name="Help")
    expect(dialog.get_by_text("Gestures", exact=True)).to_be_visible()
    expect(dialog.get_by_text("Keyboard shortcuts", exact=True)).to_be_hidden()
    assert is_in_window(dialog.locator("> div"), player)
    assert findings(player.page) == []
    player.root.get_by_test_id("close-help").tap()
    expect(dialog).to_be_hidden()
