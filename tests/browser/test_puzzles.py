"""The user's own puzzle: typed, contradictory, or invalid. All tests type into one page, one after the other."""

import pytest
from player_page import SHALLOW, Player, alert
from playwright.sync_api import expect

from trm.data import load_presets

EASY = load_presets("sudoku")[0].puzzle
CONTRADICTION = next(preset.puzzle for preset in load_presets("sudoku") if preset.key == "contradiction")
TYPED = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"


@pytest.fixture
def player(kept_shallow_player: Player) -> Player:
    kept_shallow_player.reset()
    return kept_shallow_player


def test_a_typed_puzzle_shows_its_run(player, solved):
    expected = solved(TYPED, SHALLOW)
    player.type_puzzle(TYPED)
    player.eventually(lambda: player.cells == expected["answers"][0], "the typed puzzle's first answer")
    player.cell(0, 2).click()  # moves the keys from the text field to the player
    player.wait_for_whole_run(SHALLOW.N_sup)
    assert player.cells == expected["answer"]
    player.press("Home", "Shift+ArrowRight", "ArrowRight")
    assert player.cells == expected["answers"][4]


def test_keys_typed_into_a_field_do_not_step(player):
    field = player.page.locator(".st-key-puzzle_text textarea")
    field.click()
    player.press("Home", "ArrowRight", "5", "Space", "End")
    assert player.position == (1, 1, 2, "f_H")
    assert player.mode == "answer"


def test_contradictory_givens_are_named_and_hatched_and_still_run(player, solved):
    expected = solved(CONTRADICTION, SHALLOW)
    player.type_puzzle(CONTRADICTION)
    expect(alert(player.page, "1 in row 1, column 1; 1 in row 1, column 5")).to_be_visible()
    player.eventually(lambda: player.cells == expected["answers"][0], "its run")
    player.cell(8, 0).click()
    player.press("ArrowUp")
    assert player.position == (1, 1, 1, "f_L")
    assert player.flagged("conflict") == {"0,0", "0,4", "2,1"}
    player.wait_for_whole_run(SHALLOW.N_sup)
    assert player.cells == expected["answer"]
    overwritten = player.flagged("wrong")
    assert overwritten
    expect(player.root.locator(".legend")).to_contain_text(f"overwritten input cell {len(overwritten)}")


def test_80_characters_are_refused_and_the_previous_puzzle_stays(player):
    before = player.cells
    player.type_puzzle(EASY[:80])
    expect(alert(player.page, "81 cells, but this text has 80")).to_contain_text(
        "Showing the previous puzzle"
    )
    assert player.cells == before


def test_markup_in_a_puzzle_is_only_text(player):
    player.type_puzzle("<img src=x onerror=\"document.title='owned'\">")
    expect(alert(player.page, "'<' is not part of")).to_be_visible()
    assert player.page.title() == "Recursion Lens"


def test_a_generated_puzzle_is_solved_in_the_page(player, solved):
    field = player.page.locator(".st-key-puzzle_text textarea")
    before = field.input_value()
    player.page.locator(".st-key-new_puzzle button").click()
    player.eventually(lambda: field.input_value() != before, "a new puzzle")
    new = field.input_value()
    player.eventually(lambda: player.cells == solved(new, SHALLOW)["answers"][0], "its run")
