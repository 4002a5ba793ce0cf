"""axe-core on the app and an exported page, screen readers, reduced motion and high contrast."""

from pathlib import Path

import numpy as np
import pytest
from axe_findings import findings
from pages import recolour
from player_page import PATIENCE, Player
from standalone import growing_path, made_up_trace, random_answers

from trm.cli.main import main
from trm.coordinates import Depth
from trm.tasks import get_task
from trm.tasks.arc import encode
from trm.tasks.base import Difficulty, Puzzle
from trm.trace import save_trace

SHALLOW = Depth(n=2, T=2, N_sup=4)
SUDOKU, MAZE, ARC = get_task("sudoku", 16), get_task("maze", 900), get_task("arc")


def sudoku_run():
    puzzle = SUDOKU.generate(np.random.default_rng(3), "easy")
    return SUDOKU, made_up_trace(SUDOKU, puzzle, random_answers(SUDOKU, SHALLOW), depth=SHALLOW)


def maze_run():
    puzzle = MAZE.generate(np.random.default_rng(1), "hard")
    return MAZE, made_up_trace(MAZE, puzzle, growing_path(MAZE, puzzle, SHALLOW), depth=SHALLOW)


def arc_run():
    puzzle = Puzzle(encode([[1, 2, 0], [3, 4, 9]]), encode([[5, 6], [7, 8]]), Difficulty.EASY)
    answers = np.stack([puzzle.inputs] * 4 + [puzzle.labels] * 4)
    return ARC, made_up_trace(ARC, puzzle, answers, depth=SHALLOW)


def test_axe_finds_nothing_serious_in_the_app(open_player):
    player = open_player()
    player.cell(4, 4).click()
    player.press("6", "m", "ArrowRight")
    for scheme in ("dark", "light"):
        recolour(player.page, scheme)
        assert findings(player.page) == [], scheme
    player.press("3", "?")
    assert findings(player.page) == []


PAGES = {
    "latents": ("", ".js-plotly-plot"),
    "probes": ("", ".js-plotly-plot"),
    "halting": ("", ".js-plotly-plot"),
    "compare": ("", "[data-testid=pair] [data-cell]"),
    "interventions": ("?model=sudoku-trm&steps=2&n=1&T=1", "[data-testid=pair] [data-cell]"),
    "lecture": ("?lang=ru", "[data-testid=lecture] [data-cell]"),
}
"""The address of a page, and an element that is present once it is drawn."""


@pytest.mark.slow  # draws every page
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_serious_on_the_other_pages(served, new_page, name):
    link, drawn = PAGES[name]
    page = new_page()
    page.goto(f"{served.url}/{name}{link}")
    page.locator(drawn).first.wait_for(timeout=2000 * PATIENCE)
    assert findings(page) == []
    if name == "lecture":
        page.keyboard.press("q")
        page.keyboard.press("?")
        assert findings(page) == []


@pytest.mark.parametrize(
    ("make", "scheme"),
    [
        pytest.param(
            sudoku_run, "dark", id="sudoku, dark", marks=pytest.mark.slow
        ),  # its cells are those of the app
        pytest.param(maze_run, "dark", id="maze, dark"),
        pytest.param(arc_run, "light", id="arc", marks=pytest.mark.slow),
    ],
)
def test_axe_finds_nothing_serious_in_an_exported_page(new_page, tmp_path: Path, make, scheme):
    _, trace = make()
    save_trace(tmp_path / "run", trace)
    main(["export", "--trace", str(tmp_path / "run"), "--html", str(tmp_path / "page.html")])
    page = new_page(color_scheme=scheme)
    page.goto((tmp_path / "page.html").as_uri())
    # The content security policy of the file forbids later scripts. The debugger may still inject axe.
    player = Player(page)
    player.cell(0, 1).click()
    for keys in (["3", "ArrowDown"], ["6", "n", "?"]):
        player.press(*keys)
        assert findings(page) == []


def test_a_screen_reader_gets_the_grid_the_cell_and_the_place(open_run):
    task, trace = sudoku_run()
    player = open_run(task, trace)
    player.cell(1, 2).click()
    grid = player.root.get_by_role("grid")
    assert grid.get_attribute("aria-label") == "sudoku grid, 4 rows, 4 columns"
    assert player.root.get_by_role("row").count() == 4 and player.root.get_by_role("gridcell").count() == 16
    active = grid.get_attribute("aria-activedescendant")
    named = player.root.locator(f"#{active}").get_attribute("aria-label")
    assert named.startswith("Row 2, column 3") and "with probability" in named
    player.press("ArrowRight", "5")
    read = player.root.locator(f"#{active}").get_attribute("aria-label")
    assert "; z decodes to " in read and read != named
    axis = player.root.get_by_role("slider", name="Recursion call")
    assert axis.get_attribute("aria-valuetext") == "Supervision step 1 of 4, cycle 2 of 2, f_H"
    live_region = player.root.locator("[aria-live=polite]").first
    player.eventually(lambda: "cycle 2 of 2, f_H: " in live_region.inner_text(), "the place in words")
    assert "no halt" in live_region.text_content()


def test_the_label_of_a_grid_counts_its_visible_cells(open_run):
    player = open_run(*arc_run())
    grid = player.root.get_by_role("grid")
    assert grid.get_attribute("aria-label") == "arc grid, 3 rows, 4 columns"
    assert player.root.get_by_role("gridcell").count() == 12
    player.press("g")
    assert grid.get_attribute("aria-label") == "arc grid, 30 rows, 30 columns"


def test_with_reduced_motion_nothing_moves_by_itself(open_run):
    """No transition and no animation; playback still works."""
    moves = (
        "root => [...root.querySelectorAll('*')].filter((node) => { const style = getComputedStyle(node);"
        " return style.transitionDuration.split(',').some((time) => parseFloat(time) > 0) || style.animationName !== 'none'; }).length"
    )
    task, trace = sudoku_run()
    calm = open_run(task, trace, reduced_motion="reduce")
    assert calm.root.evaluate(moves) == 0
    assert open_run(task, trace, reduced_motion="no-preference").root.evaluate(moves) > 0
    calm.press("Space")
    calm.eventually(lambda: calm.position > (1, 1, 3, "f_H"), "playing")


def test_the_page_is_legible_in_high_contrast(open_run):
    """Windows high contrast: selected controls, the current call, marks, bars and the cursor are still distinct."""
    player = open_run(*sudoku_run(), forced_colors="active")
    player.press("ArrowRight")
    player.cell(1, 2).click()
    ring = player.cell(1, 2).evaluate("cell => getComputedStyle(cell, '::after').borderTopStyle")
    assert ring == "solid"

    def ground(selector: str, kind: str = "backgroundColor") -> str:
        return player.root.locator(selector).first.evaluate(f"node => getComputedStyle(node).{kind}")

    paper = ground(".tracks")
    assert ground("[data-testid=mode-answer]") != ground("[data-testid=mode-z]")
    assert ground(".calls .current") != ground(".calls :not(.current)")
    for seen in (".cursor", ".steps .current", ".column i", ".cell.given"):
        assert ground(seen) not in (paper, "rgba(0, 0, 0, 0)"), seen
    for flag in ("changed", "conflict"):
        assert "gradient" in ground(f".cell.{flag}", "backgroundImage")
        assert "gradient" in ground(f".key.{flag} i", "backgroundImage")
