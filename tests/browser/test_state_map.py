"""The map of states beside the grid: it follows the player, a press goes to a call, and it leaves the grid in the window."""

from dataclasses import asdict

import numpy as np
import pytest
from pair_page import Pair, pair_of
from player_page import PATIENCE, Player
from playwright.sync_api import expect
from standalone import DEPTH, made_up_trace, random_answers, sent, show

from tests.browser.test_accessibility import findings
from trm.export.state_map import MapEmbedding, Pool, StateMap
from trm.tasks import get_task
from trm.trace import Trace

SUDOKU = get_task("sudoku")
CALLS = DEPTH.N_sup * DEPTH.calls_per_step


def run(seed: int = 0) -> Trace:
    puzzle = SUDOKU.generate(np.random.default_rng(1), "easy")
    return made_up_trace(SUDOKU, puzzle, random_answers(SUDOKU, DEPTH, seed), depth=DEPTH, seed=seed)


def made_up_map(points: int = 1200) -> dict:
    """A run that moves evenly along an arc, from unsolved states on the right to solved ones on the left."""
    rng = np.random.default_rng(2)
    along = np.linspace(4, -4, CALLS)
    arc = np.stack([along, 1 - along**2 / 16], 1)
    groups = [rng.normal(size=(points // 2, 2)) * 0.4 + [side * 3, 0.5] for side in (-1, 1)]

    def flat(values: np.ndarray) -> tuple[float, ...]:
        return tuple(np.round(values, 3).ravel().tolist())

    embeddings = tuple(
        MapEmbedding(method, shares, flat(arc * size), *(flat(group * size) for group in groups))
        for method, shares, size in (("pca", (0.8, 0.05), 1), ("umap", (), 7))
    )
    return asdict(StateMap("", {"z": embeddings}, Pool("sudoku/test", 64)))


MAP = made_up_map()


@pytest.fixture
def open_map(open_run):
    """Opens a run with its map, as an offline page has it. Returns the player."""

    def make(**options) -> Player:
        player = open_run(SUDOKU, run(), **options)
        show(player.page, sent(SUDOKU, run()) | {"map": MAP})
        return player

    return make


def plot(player: Player):
    return player.root.get_by_test_id("map-plot")


def dot(player: Player) -> tuple[float, float]:
    """The middle of the dot, in pixels of the window."""
    box = player.root.get_by_test_id("map-dot").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_the_dot_moves_with_the_step_and_a_press_or_a_drag_goes_to_a_call(open_map):
    player = open_map()
    expect(plot(player)).to_be_hidden()
    player.press("o")
    expect(plot(player)).to_be_visible()
    first = dot(player)
    player.press("End")
    last = dot(player)
    assert last[0] < first[0] - 50  # the arc goes to the left
    player.press("Home")
    assert dot(player) == pytest.approx(first, abs=0.5)
    player.page.mouse.click(*last)
    assert player.position == (16, 3, 7, "f_H")
    player.page.mouse.move(*last)
    player.page.mouse.down()
    player.page.mouse.move(first[0], first[1] - 3, steps=4)
    player.page.mouse.up()
    assert player.position == (1, 1, 7, "f_H")
    label = plot(player).get_attribute("aria-label")
    assert label.startswith("Supervision step 1 of 16, cycle 1 of 3, f_H. z, mean over the cells, by PCA")
    assert "component 1 (80\u00a0% of the variance)" in label


def test_in_a_mode_that_shows_z_the_trail_has_every_call(open_map):
    player = open_map(width=1920, height=1080)
    player.press("Shift+O", "5", "Home")
    before = dot(player)
    player.press("ArrowDown")
    after = dot(player)
    assert after != pytest.approx(before, abs=0.05)
    player.page.mouse.click(*before)
    assert player.position == (1, 1, 7, "f_H")
    player.page.mouse.click(*after)
    assert player.position == (1, 2, 1, "f_L")


def test_keys_and_buttons_open_enlarge_and_close_and_umap_is_a_choice(open_map):
    player = open_map()
    button = player.root.get_by_test_id("map")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    small = plot(player).bounding_box()["height"]
    player.press("Shift+O")
    large = plot(player).bounding_box()["height"]
    assert large > 1.4 * small
    player.root.get_by_test_id("map-size").click()
    assert plot(player).bounding_box()["height"] == pytest.approx(small, abs=1)
    expect(player.root.locator(".map-axes")).to_have_text("→ 80\u00a0%, ↑ 5\u00a0%")
    player.root.get_by_test_id("map-umap").click()
    expect(player.root.locator(".map-axes")).to_have_text("no unit")
    assert "Distances on UMAP are not distances" in player.root.locator(".map-axes").get_attribute("title")
    player.press("o")
    expect(plot(player)).to_be_hidden()
    expect(button).to_have_attribute("aria-pressed", "false")


def test_the_map_is_fetched_once_it_is_open_and_a_failure_is_said(open_run):
    player = open_run(SUDOKU, run())
    requests, answers = [], [{"ended": True, "error": "Out of luck."}, {"ended": True, "result": MAP}]

    def answer(route) -> None:
        requests.append(route.request.url)
        route.fulfill(json=answers[min(len(requests), 2) - 1])

    player.page.route("**/map/*", answer)
    player.page.route("**/map/*?**", answer)
    show(player.page, sent(SUDOKU, run()) | {"map": "/map/one"})
    player.press("ArrowRight")
    player.page.wait_for_timeout(400)
    assert not requests
    player.press("o")
    expect(player.root.locator(".map-status")).to_have_text("Out of luck.")
    show(player.page, sent(SUDOKU, run()) | {"map": "/map/two"})
    expect(player.root.get_by_test_id("map-dot")).to_be_visible()
    assert len(requests) == 2


def test_without_a_map_there_is_no_button_and_its_keys_are_left_to_the_page(open_run):
    """The lecture has a meaning of its own for the key."""
    player = open_run(SUDOKU, run())
    player.page.evaluate("addEventListener('keydown', (event) => { window.taken = event.defaultPrevented; })")
    player.press("o")
    assert player.page.evaluate("window.taken") is False
    expect(player.root.get_by_test_id("map")).to_be_hidden()
    player.press("?")
    keys = player.root.locator(".help .keys dt:visible").all_inner_texts()
    assert "y" in keys and "o" not in keys
    assert "map" not in player.root.locator(".help .parts dt:visible").all_inner_texts()
    show(player.page, sent(SUDOKU, run()) | {"map": MAP})
    assert "o" in player.root.locator(".help .keys dt:visible").all_inner_texts()
    assert "map" in player.root.locator(".help .parts dt:visible").all_inner_texts()


@pytest.mark.parametrize("size", [(1280, 800), (1024, 768), (1920, 1080)], ids=str)
@pytest.mark.parametrize("keys", [["o"], ["Shift+O"]], ids=["small", "large"])
def test_grid_and_map_are_seen_together(open_map, size, keys):
    player = open_map(width=size[0], height=size[1])
    before = player.root.locator(".cells").bounding_box()
    player.press(*keys)
    for part in (plot(player), player.root.locator(".cell-panel")):
        box = part.bounding_box()
        assert box["y"] >= 0 and box["y"] + box["height"] <= size[1]
        assert box["height"] >= 90 and box["x"] + box["width"] <= size[0]
    assert player.root.locator(".cells").bounding_box() == before


def test_on_a_phone_the_map_opens_by_touch_below_the_grid(open_map):
    player = open_map(width=390, height=844, has_touch=True)
    expect(plot(player)).to_be_hidden()
    player.root.get_by_test_id("map").tap()
    box = plot(player).bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 390 and box["height"] >= 100
    assert player.page.evaluate("document.documentElement.scrollWidth") == 390
    player.root.get_by_test_id("last").tap()
    plot(player).scroll_into_view_if_needed()
    end = dot(player)
    player.root.get_by_test_id("first").tap()
    plot(player).scroll_into_view_if_needed()
    player.page.touchscreen.tap(*end)
    assert player.position == (16, 3, 7, "f_H")


def test_two_players_have_a_map_each_beside_both_grids(open_pair):
    data = pair_of(run(1), run(2), (SUDOKU, SUDOKU))
    for side in data["players"]:
        side["map"] = MAP
    pair: Pair = open_pair(data)
    pair.press("Home", "o")
    for player in pair.players:
        expect(plot(player)).to_be_visible()
        for part in (plot(player), player.root.locator(".cells")):
            box = part.bounding_box()
            assert box["y"] >= 0 and box["y"] + box["height"] <= 800
    places = [dot(player) for player in pair.players]
    pair.press("End")
    assert all(dot(player)[0] < place[0] - 30 for player, place in zip(pair.players, places, strict=True))
    plot(pair.left).click(position={"x": plot(pair.left).bounding_box()["width"] - 12, "y": 80})
    assert pair.positions[0] == pair.positions[1] and pair.positions[0][0] < 4


UNDER = """([x, y]) => Boolean(document.elementFromPoint(x, y).closest('[data-testid="state-map"]'))"""


def test_on_a_phone_each_of_two_maps_has_the_width_of_the_window(open_pair):
    data = pair_of(run(1), run(2), (SUDOKU, SUDOKU))
    for side in data["players"]:
        side["map"] = MAP
    pair: Pair = open_pair(data, width=390, height=844, has_touch=True)
    pair.press("o")
    for player in pair.players:
        plot(player).evaluate("node => node.scrollIntoView({ block: 'center' })")  # above the controls
        box = plot(player).bounding_box()
        assert box["width"] > 200
        for share in (0.1, 0.9):  # the other player does not lie over it
            point = [box["x"] + share * box["width"], box["y"] + box["height"] / 2]
            assert pair.page.evaluate(UNDER, point), (share, box)


@pytest.mark.parametrize(
    "scheme, keys",
    [
        ("light", ["o"]),
        ("dark", ["Shift+O", "?"]),
        pytest.param("dark", ["o"], marks=pytest.mark.slow),
        pytest.param("light", ["Shift+O", "?"], marks=pytest.mark.slow),
    ],
)
def test_axe_finds_nothing_serious_while_the_map_is_open(open_map, scheme, keys):
    player = open_map(color_scheme=scheme)
    player.press(*keys)
    assert findings(player.page) == []


STEPS = """([mode, count]) => {
  const press = (key) => document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, composed: true, cancelable: true }));
  press(mode);
  press("Home");
  const began = performance.now();
  for (let step = 0; step < count; step++) press("ArrowDown");
  return (performance.now() - began) / count;
}"""


@pytest.mark.alone
@pytest.mark.parametrize("mode", ["1", "5"])
def test_the_map_costs_at_most_a_millisecond_of_script_a_step(open_map, mode):
    player = open_map()

    def per_step() -> float:
        """Mean of 200 steps in ms, at the quickest of five tries: what else runs can only make it longer."""
        return min(player.page.evaluate(STEPS, [mode, 200]) for _ in range(5))

    closed = per_step()
    player.press("o")
    expect(player.root.get_by_test_id("map-dot")).to_be_visible()
    opened = per_step()
    print(f"mode {mode}: {closed:.3f} ms a step closed, {opened:.3f} ms open")
    assert player.position == (10, 3, 4, "f_L")  # 200 calls after the first answer
    assert opened - closed <= 1


def test_the_app_computes_the_map_of_the_run_and_a_link_opens_it(open_player):
    player = open_player("?model=sudoku-trm&at=2.1.7&map=1")
    expect(player.root.get_by_test_id("map-dot")).to_be_visible(timeout=3000 * PATIENCE)
    before = dot(player)
    player.press("Home")
    assert dot(player) != pytest.approx(before, abs=0.5)
    expect(player.root.locator(".map-legend")).to_be_visible()
    assert "64 runs (sudoku/test)" in player.root.locator(".map-legend").get_attribute("title")
    for part in (".cells", ".transport", ".cell-panel", ".label"):
        box = player.root.locator(part).bounding_box()
        assert box["y"] + box["height"] <= 800, part
