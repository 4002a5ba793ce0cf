"""Mounting and removing the player, in the order in which Streamlit does it."""

import json
from collections.abc import Callable, Iterator

import pytest
from eventful_run import SUDOKU
from player_page import Player
from standalone import open_standalone, sent

from trm.trace import Trace

MOUNT = """async (text) => {
  const { default: mount } = await import("./player.js");
  window.bringUpToDate = () => mount({ data: JSON.parse(text), parentElement: document.getElementById("place") });
  window.leave = window.bringUpToDate();
}"""


@pytest.fixture
def player(new_page: Callable, run: Trace) -> Iterator[Player]:
    """A player whose removal is the page's `leave()`."""
    page = new_page()
    open_standalone(page)
    page.evaluate(MOUNT, json.dumps(sent(SUDOKU, run)))
    yield Player(page)
    page.close()  # no other test gets a page with a player that it did not mount


def test_a_late_cleanup_of_an_older_state_leaves_the_player(player):
    """Streamlit imports the script for each change. One that was overtaken is cleaned up when its import has come, which may be
    before the import of the one that overtook it.
    """
    player.press("ArrowRight", "2")
    before = player.position
    player.page.evaluate("() => { window.bringUpToDate()(); window.bringUpToDate(); }")
    assert (player.position, player.mode) == (before, "probabilities")
    assert before != (1, 1, 3, "f_H")


def test_a_player_whose_element_left_the_page_no_longer_listens(player):
    place = player.page.evaluate_handle("() => document.getElementById('place')")
    player.page.evaluate("(place) => { place.remove(); window.leave(); }", place)
    assert place.evaluate("(place) => place.childElementCount") == 0
    assert player.page.evaluate(
        "() => document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true, cancelable: true }))"
    ), "a key was taken by a player that has left"
