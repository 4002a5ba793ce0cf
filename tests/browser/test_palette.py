"""Nothing is shown by colour alone, and colours of marks and curves are distinct for colour-blind people."""

from itertools import combinations

import numpy as np
import pytest
from colour_vision import DEFICIENCIES, Colour, contrast, distance
from fake_runs import eventually
from pages import recolour
from player_page import PATIENCE, Player
from standalone import made_up_trace, random_answers

from trm.coordinates import Depth
from trm.tasks import get_task
from trm.trace import Trace

SUDOKU = get_task("sudoku", 16)
SHALLOW = Depth(n=2, T=2, N_sup=4)
MARKS = ("accent", "wrong", "goal")  # what moves, what is wrong, what stays correct
CURVES = tuple(f"series-{rank}" for rank in range(5))
APART = {"marks": 20.0, "curves": 15.0}  # curves also differ by their dashes

RESOLVE = """(root, names) => names.map((name) => {
  const probe = root.appendChild(document.createElement("i"));
  probe.style.color = `var(--${name})`;
  const pen = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d");
  pen.fillStyle = getComputedStyle(probe).color;
  pen.fillRect(0, 0, 1, 1);
  probe.remove();
  return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
})"""


@pytest.fixture(scope="module")
def run() -> Trace:
    puzzle = SUDOKU.generate(np.random.default_rng(3), "easy")
    return made_up_trace(SUDOKU, puzzle, random_answers(SUDOKU, SHALLOW), depth=SHALLOW)


def colours(player: Player, *names: str) -> dict[str, Colour]:
    return dict(zip(names, map(tuple, player.root.evaluate(RESOLVE, names)), strict=True))


def test_the_simulation_on_reference_cases():
    """Red and green are far apart, and closer with red-green colour blindness; greys stay grey."""
    red, green, grey = (255, 0, 0), (0, 160, 0), (128, 128, 128)
    assert distance(red, green, "none") > 130
    assert distance((200, 60, 0), (110, 110, 0), "deuteranopia") < 0.5 * distance(
        (200, 60, 0), (110, 110, 0), "none"
    )
    for deficiency in DEFICIENCIES:
        assert distance(grey, grey, deficiency) == 0
        assert distance((0, 0, 0), (255, 255, 255), deficiency) == pytest.approx(100, abs=0.5)
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_marks_and_curves_are_distinct_and_visible(open_run, scheme):
    player = open_run(color_scheme=scheme)
    paper = colours(player, "paper")["paper"]
    for kind, names in (("marks", MARKS), ("curves", CURVES)):
        found = colours(player, *names)
        for name, colour in found.items():
            assert contrast(colour, paper) >= 3, (name, contrast(colour, paper))
        for one, other in combinations(names, 2):
            for deficiency in DEFICIENCIES:
                apart = distance(found[one], found[other], deficiency)
                assert apart >= APART[kind], (one, other, deficiency, round(apart, 1))


def test_curves_differ_by_their_dashes_and_so_do_their_columns(open_run):
    player = open_run()
    player.cell(1, 1).click()
    curves = player.root.locator(".track-cell path[class*=series]").evaluate_all(
        "paths => paths.map((path) => [path.getAttribute('class'), getComputedStyle(path).strokeDasharray])"
    )
    columns = player.root.locator(".column[class*=series] b").evaluate_all(
        "names => names.map((name) => [name.parentElement.className, getComputedStyle(name).backgroundImage])"
    )
    assert len(curves) == len(columns) >= 3
    for lines in (curves, columns):
        assert len({pattern for _, pattern in lines}) == len(lines), lines


def test_marks_of_cells_differ_without_their_colours(open_run):
    """Changed: a corner. Conflict: hatched. Wrong: underlined. Stable: a square. Given: bold."""
    player = open_run(forced_colors="none")
    player.press("ArrowRight", "m")
    seen = {}
    for flag in ("changed", "conflict", "wrong", "given"):
        cell = player.root.locator(f".cell.{flag}").first
        seen[flag] = cell.evaluate(
            "cell => { const style = getComputedStyle(cell);"
            " return [style.backgroundImage, style.textDecorationLine, style.fontWeight]; }"
        )
    assert "linear-gradient" in seen["changed"][0]
    assert "repeating-linear-gradient" in seen["conflict"][0]
    assert seen["wrong"][1] == "underline"
    assert seen["given"][2] == "700"


ON_ACCENT = '[data-testid^="stBaseButton-primary"] p, [data-tag] span, [data-tag] button'
COLOURS = """node => {
  const painted = (each) => getComputedStyle(each).backgroundColor;
  let ground = node;
  while (painted(ground) === "rgba(0, 0, 0, 0)") ground = ground.parentElement;
  return [getComputedStyle(node).color, painted(ground)].map((colour) => colour.match(/[0-9]+/g).slice(0, 3).map(Number));
}"""


def test_text_on_the_accent_colour_is_legible(served, new_page):
    page = new_page()
    page.goto(f"{served.url}/latents")
    for part in ("[data-tag]", '[data-testid^="stBaseButton-primary"] p'):
        page.locator(part).first.wait_for(timeout=2000 * PATIENCE)
    written = page.locator(ON_ACCENT)
    assert written.count() >= 9  # the button, and the name and cross of each of four puzzles
    for scheme in ("light", "dark"):
        recolour(page, scheme)
        for node in written.all():
            # Streamlit may draw a button before the app's style sheet.
            eventually(
                lambda node=node: contrast(*map(tuple, node.evaluate(COLOURS))) >= 4.5, node.text_content()
            )
