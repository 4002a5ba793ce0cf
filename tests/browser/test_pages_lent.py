"""A page that a test had is as new for the next."""

import pytest
from eventful_run import SUDOKU
from pages import Pages
from player_page import Player
from standalone import open_standalone, sent, show

IS_DARK = "() => matchMedia('(prefers-color-scheme: dark)').matches"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_of_the_test_before_are_forgotten(pages: Pages, scheme: str):
    other = "dark" if scheme == "light" else "light"
    with pages.lent() as lent:
        before = lent(color_scheme=scheme)
        before.emulate_media(color_scheme=other)
    with pages.lent() as lent:
        page = lent(color_scheme=scheme)
        assert page is before
        assert page.evaluate(IS_DARK) == (scheme == "dark")


def test_a_player_of_the_test_before_is_gone(pages: Pages, run):
    """The page is the same, and shows a run from its beginning, to the keys of one player."""
    with pages.lent() as lent:
        before = lent()
        open_standalone(before)
        show(before, sent(SUDOKU, run))
        player = Player(before)
        player.press("ArrowRight", "3", "+", "p")
        before.evaluate(
            "localStorage.setItem('mark', 'x'); Object.defineProperty(navigator, 'clipboard', { value: 1, configurable: true })"
        )
    with pages.lent() as lent:
        page = lent()
        open_standalone(page)
        assert page is before and page.get_by_test_id("player").count() == 0
        assert page.evaluate(
            "[reported.length, asked.length, localStorage.length, navigator.clipboard ?? null]"
        ) == [0, 0, 0, None]
        show(page, sent(SUDOKU, run))
        again = Player(page)
        assert again.position == (1, 1, 3, "f_H") and again.mode == "answer"
        again.press("ArrowRight")
        assert again.position == (1, 2, 3, "f_H")
