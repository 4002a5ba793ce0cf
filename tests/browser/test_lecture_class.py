"""A class in the lecture: it follows call and cell, predicts, and the lecturer sees how many did what."""

from collections.abc import Iterator

import pytest
from axe_findings import findings
from player_page import PATIENCE, Player
from playwright.sync_api import Page, expect

PHONE = {"width": 390, "height": 844, "has_touch": True, "is_mobile": True}


def scene_of(page: Page, scene: str) -> Player:
    page.locator(f'[data-testid="lecture"][data-scene="{scene}"] [data-cell]').first.wait_for(
        timeout=2000 * PATIENCE
    )
    return Player(page)


@pytest.fixture(scope="module")
def class_pages(served, pages) -> Iterator[tuple[Page, Page, Page]]:
    """A lecturer, and two phones on which the address of the lecturer's QR code was opened."""
    with pages.lent() as lent:
        lecturer, *phones = lent(1280, 800), lent(**PHONE), lent(**PHONE)
        lecturer.goto(f"{served.url}/lecture?scene=check-calls")
        scene_of(lecturer, "check-calls")
        lecturer.keyboard.press("i")
        address = lecturer.get_by_test_id("invitation").locator(".address").inner_text()
        lecturer.keyboard.press("i")
        for page in phones:
            page.goto(address)
            scene_of(page, "check-calls")
        yield lecturer, *phones


def test_a_class_follows_call_and_cell_until_somebody_goes_on_their_own(class_pages):
    lecturer, page, _ = class_pages
    badge = page.get_by_test_id("following")
    expect(badge).to_have_text("Following")
    expect(lecturer.get_by_test_id("phones")).to_have_text("Joined: 2", timeout=1000 * PATIENCE)
    theirs, ours = Player(page), Player(lecturer)
    lecturer.keyboard.press("Shift+ArrowRight")
    lecturer.keyboard.press("ArrowDown")
    ours.cell(3, 4).click()
    theirs.eventually(lambda: theirs.position == ours.position, "the call of the lecturer")
    theirs.eventually(lambda: theirs.selected == "3,4", "the cell of the lecturer")
    lecturer.keyboard.press("4")
    theirs.eventually(lambda: theirs.mode == "change", "the view of the lecturer")
    expect(badge).to_have_text("Following")
    theirs.cell(0, 0).tap()  # on their own from now on
    expect(badge).to_have_text("Free: follow")
    lecturer.keyboard.press("End")
    page.wait_for_timeout(1500)
    assert theirs.position != ours.position and theirs.selected == "0,0"
    badge.tap()
    theirs.eventually(lambda: theirs.position == ours.position, "the lecturer again")
    expect(badge).to_have_text("Following")


def test_answers_are_counted_and_shown_as_a_histogram_on_the_projector(class_pages):
    lecturer, *pages = class_pages
    for page, choice in zip(pages, (1, 0), strict=True):
        page.get_by_test_id("choices").locator("button").nth(choice).tap()
    right, wrong = (page.get_by_test_id("choices").locator("button") for page in pages)
    expect(right.nth(1)).to_have_attribute("data-verdict", "right")
    expect(wrong.nth(0)).to_have_attribute("data-verdict", "wrong")
    expect(wrong.nth(1)).to_have_attribute("data-verdict", "right")
    expect(pages[0].get_by_test_id("scene-answer")).to_contain_text("Only f_H writes y")
    expect(right.nth(0)).to_be_disabled()  # one answer each
    tally = lecturer.get_by_test_id("tally")
    expect(tally).to_have_text("Answers: 2", timeout=1000 * PATIENCE)
    bars = lecturer.get_by_test_id("choices").locator("button")
    assert [bars.nth(n).get_attribute("data-count") for n in range(3)] == [""] * 3  # not before the answer
    lecturer.keyboard.press("q")
    expect(bars.nth(0)).to_have_attribute("data-count", "1")
    assert [bars.nth(n).get_attribute("data-count") for n in range(3)] == ["1", "1", "0"]
    assert bars.nth(0).evaluate("node => node.style.getPropertyValue('--share')") == "0.5"
    for page in (lecturer, pages[0]):
        assert findings(page) == []
    assert pages[0].evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.slow
def test_a_prediction_is_checked_in_the_run_by_key_alone(served, new_page):
    page = new_page(1280, 720)
    page.goto(f"{served.url}/lecture?scene=predict-halt")
    player = scene_of(page, "predict-halt")
    assert player.position == (1, 3, 7, "f_H")
    expect(page.get_by_test_id("halt-probability")).to_be_hidden()  # it would give the answer away
    choices = page.get_by_test_id("choices").locator("button")
    choices.first.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".choices [data-verdict=right]")).to_have_count(1)
    step = int(page.locator(".choices [data-verdict=right]").inner_text().split()[-1])
    player.eventually(lambda: player.position == (step, 3, 7, "f_H"), "the call that decides")
    expect(page.get_by_test_id("scene-answer")).to_contain_text(f"After step {step}")
    expect(choices.first).to_have_attribute("aria-pressed", "true")
    choices.first.evaluate("node => node.blur()")
    for scene in ("halting", "depth", "check-depth", "two-nets", "hard", "predict-cell"):
        page.keyboard.press("PageDown")
        player = scene_of(page, scene)
    page.keyboard.press("q")  # the lecturer shows the answer
    player.eventually(lambda: player.position > (1, 3, 7, "f_H"), "the call that settles the cell")
    row, column = (int(number) for number in player.selected.split(","))
    expect(page.locator(".choices [data-verdict=right]")).to_have_text(f"row {row + 1}, column {column + 1}")
