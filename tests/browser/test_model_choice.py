"""Models of a person's own folder in the browser: mazes and grids of any size, and a slow run stepped through while it grows."""

import re
from collections.abc import Callable, Iterator
from itertools import count
from urllib.parse import quote

import numpy as np
import pytest
from player_page import Player
from playwright.sync_api import Page, expect
from served_app import ServedApp

from app.options import MODEL_DIR
from trm.checkpoint import save_model
from trm.config import ModelConfig
from trm.models import new_model
from trm.tasks import get_task

pytestmark = pytest.mark.alone  # slow runs on purpose, and those that must not wait for them
TINY = {
    "vocab_size": 6,
    "hidden_size": 16,
    "layers": 1,
    "mlp_width": 24,
    "mixing": "attention",
    "mixing_width": 0,
    "heads": 2,
    "positions": "rope",
    "prefix_length": 1,
    "puzzle_ids": 0,
    "puzzle_embedding_size": 0,
    "n": 2,
    "T": 2,
    "N_sup": 4,
}
MODELS = {
    "mazes/15": TINY | {"task": "maze", "sequence_length": 225},
    "mazes/slow": TINY
    | {"task": "maze", "sequence_length": 900, "hidden_size": 64, "n": 19, "T": 4, "N_sup": 6},
    "sudoku-4": TINY | {"task": "sudoku", "sequence_length": 16},
}
"""The slow one takes about a second for a supervision step."""
END_OF_SLOW = (6, 4, 20, "f_H")
SEEDS = count()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedApp]:
    """The app on a folder of models with random weights."""
    folder = tmp_path_factory.mktemp("models")
    for name, values in MODELS.items():
        model = new_model(ModelConfig(**values))
        model.initialise(0)
        save_model(folder / name, model.config, model.state_dict())
    (folder / "broken").mkdir()
    (folder / "broken" / "model.safetensors").write_bytes(b"nothing")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(MODEL_DIR, str(folder))
        with ServedApp() as app:
            yield app


def growth(page: Page):
    """What is said of a run that grows."""
    return page.get_by_test_id("stMain").get_by_test_id("stProgress")


def choose_model(page: Page, name: str) -> None:
    page.locator(".st-key-model").get_by_role("combobox").click()
    page.get_by_role("option", name=name, exact=True).click()


@pytest.fixture
def slow(open_player: Callable[..., Player]) -> Player:
    """A slow model's page once its first supervision step is there, on a maze of its own."""
    task = get_task("maze", 900)
    maze = task.generate(np.random.default_rng(next(SEEDS)), "hard")
    player = open_player(f"?model=mazes/slow&puzzle={quote(task.format(maze.inputs))}")
    player.eventually(lambda: player.root.locator("[data-cell='29,29']").count() == 1, "the first step")
    return player


def steps_there(player: Player) -> int:
    """Supervision steps that have arrived: the last one that the keys lead to."""
    return int(player.root.get_by_test_id("timeline-steps").get_attribute("aria-valuemax"))


def test_a_slow_run_is_stepped_through_while_it_grows_and_the_place_stays(slow):
    expect(growth(slow.page)).to_contain_text(re.compile(r"Supervision step \d of 6 is being computed"))
    slow.root.evaluate("root => { root.dataset.mark = 'the same'; }")
    slow.cell(7, 20).click()
    slow.press("ArrowRight", "ArrowRight", "3")
    before = (slow.position, slow.selected, slow.mode)
    assert before == ((1, 3, 20, "f_H"), "7,20", "confidence")
    arrived = steps_there(slow)
    slow.eventually(lambda: steps_there(slow) > arrived, "another step")
    assert (slow.position, slow.selected, slow.mode) == before
    for _ in range(40):  # keys go on, however often the run grows meanwhile
        slow.press("ArrowRight")
        slow.page.wait_for_timeout(50)
    growing = slow.position
    assert growing > before[0]
    slow.eventually(lambda: growth(slow.page).count() == 0, "the whole run")
    assert slow.position >= growing and slow.selected == "7,20" and slow.mode == "confidence"
    slow.press("End")
    assert slow.position == END_OF_SLOW
    assert slow.root.get_attribute("data-mark") == "the same"


def test_a_slow_run_can_be_stopped_and_gone_on_with(slow):
    button = slow.page.locator(".st-key-stop button")
    button.click()
    bar = growth(slow.page)
    expect(bar).to_contain_text("Stopped after step", timeout=30_000)
    stopped = int(re.search(r"step (\d)", bar.inner_text())[1])
    slow.page.wait_for_timeout(4000)
    assert (
        int(re.search(r"step (\d)", bar.inner_text())[1]) <= stopped + 1 < 6
    )  # the step in hand is finished
    slow.page.locator(".st-key-go_on button").click()
    slow.eventually(lambda: growth(slow.page).count() == 0, "the whole run")
    slow.press("End")
    assert slow.position == END_OF_SLOW


def test_another_puzzle_takes_its_place(slow):
    slow.press("ArrowRight")
    assert slow.position == (1, 2, 20, "f_H")
    address = slow.page.url
    slow.page.locator(".st-key-new_puzzle button").click()
    slow.page.wait_for_url(lambda url: url != address and "puzzle=" in url)
    # The wait for its first step is too short to be seen on a fast machine: the player begins anew.
    slow.eventually(
        lambda: slow.root.locator("[data-cell]").count() == 900 and slow.position == (1, 1, 20, "f_H"),
        "the first step of the new run",
    )


def test_nobody_waits_for_somebody_elses_slow_run(slow, open_player):
    theirs = open_player("?model=sudoku-trm")
    theirs.page.get_by_text("computed now").wait_for()
    expect(growth(theirs.page)).to_have_count(0)
    assert theirs.root.locator("[data-cell]").count() == 81


def test_fast_runs_do_not_flicker(open_player):
    player = open_player("?model=mazes/15")
    player.page.evaluate(
        """() => {
            window.flickers = 0;
            const look = () => { window.flickers += document.querySelectorAll("[data-testid=player] .message").length; };
            new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
        }"""
    )
    field = player.page.locator(".st-key-puzzle_text textarea")
    for _ in range(3):
        before = field.input_value()
        player.page.locator(".st-key-new_puzzle button").click()
        player.eventually(lambda before=before: field.input_value() != before, "a new maze")
        player.page.wait_for_timeout(500)
    assert player.page.evaluate("window.flickers") == 0
    expect(growth(player.page)).to_have_count(0)


@pytest.mark.parametrize(("name", "side"), [("mazes/15", 15), ("sudoku-4", 4)])
def test_grids_of_other_sizes_are_drawn(open_player, name, side):
    player = open_player(f"?model={name}")
    assert player.root.locator("[data-cell]").count() == side * side
    player.cell(side - 1, side - 1).click()
    player.press("End")
    assert player.position == (4, 2, 3, "f_H")


def test_a_typed_path_opens_and_a_mistyped_one_is_named(open_player):
    player = open_player()
    choose_model(player.page, "Another: path or hub name")
    field = player.page.locator(".st-key-model_path input")
    field.fill("mazes/15/model.safetensors")
    field.press("Enter")
    player.eventually(lambda: player.root.locator("[data-cell]").count() == 225, "the maze")
    for typed, says in (("../secret", "nothing outside is opened"), ("broken", "damaged")):
        field.fill(typed)
        field.press("Enter")
        expect(player.page.get_by_test_id("stAlert")).to_contain_text(says, timeout=30_000)
        assert player.root.locator("[data-cell]").count() == 225


def test_a_link_is_text_and_never_markup(new_page, served):
    page = new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{served.url}/?model=![x](//e.invalid/y) *a* $b$")
    player = Player(page)
    alert = page.get_by_test_id("stAlert")
    expect(alert).to_contain_text("![x](//e.invalid/y) *a* $b$")
    expect(alert).to_contain_text("streamlit run app/main.py -- --model-dir")
    assert not [url for url in asked if "//e.invalid" in url.partition("?")[0]]
    assert player.root.locator("[data-cell]").count() == 81


def test_values_are_forced_in_the_page(open_player):
    player = open_player("?model=sudoku-4")
    player.page.get_by_text("TRM, sudoku 4x4").click()
    field = player.page.locator(".st-key-force_n input")
    field.fill("5")
    field.press("Enter")
    expect(player.page.get_by_test_id("stSidebar")).to_contain_text("n = 5 (trained with 2)")
    player.eventually(lambda: player.position == (1, 1, 6, "f_H"), "the deeper run")
    expect(player.page.get_by_test_id("stSidebar")).to_contain_text("of blank cells", timeout=30_000)


def test_a_maze_is_typed_as_a_picture(open_player):
    player = open_player("?model=mazes/15")
    rows = ["S" + " " * 14, *[" " * 15] * 13, " " * 14 + "G"]
    player.type_puzzle("\n".join(rows))
    player.page.wait_for_url(re.compile(r"puzzle=S\.{223}G"))
    widths = player.page.evaluate(
        """() => {
            const style = getComputedStyle(document.querySelector('.st-key-puzzle_text textarea'));
            const pen = document.createElement('canvas').getContext('2d');
            pen.font = `${style.fontSize} ${style.fontFamily}`;
            return ['#', ' ', 'S', 'o'].map((character) => pen.measureText(character).width);
        }"""
    )
    assert len(set(widths)) == 1


def test_paths_are_refused_in_a_link_without_telling_what_is_there(open_player):
    texts = []
    for path in ("/etc/passwd", "/etc/nothing"):
        player = open_player(f"?model={path}")
        texts.append(player.page.get_by_test_id("stAlert").inner_text().replace(path, "PATH"))
    assert texts[0] == texts[1]
