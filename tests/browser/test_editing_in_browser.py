"""The puzzle editor: typing, undo, pasting, drawing, using the puzzle, and the player afterwards."""

import re
from collections.abc import Callable

import pytest
from player_page import PATIENCE, SHALLOW, SHALLOW_LINK, Player
from playwright.sync_api import Locator, Page, expect
from standalone import open_standalone, show

from app.editor import SCRIPT, STYLE
from app.editor.description import describe_task, grid_of
from tests.browser.test_accessibility import findings
from trm.checkpoint import load_model
from trm.coordinates import Depth
from trm.data import load_presets
from trm.engine.choice import choose
from trm.evaluate import solve
from trm.player.bundle import bundle
from trm.tasks import get_task

EASY = load_presets("sudoku")[0].puzzle
TYPED = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"
REST = 200  # ms that a finger rests before it is lifted
WAIT = 1000 * PATIENCE


def open_editor(player: Player) -> Locator:
    """Open the editor with the page's shortcut, which is there once its button is drawn: that may be after the player."""
    expect(player.page.get_by_role("button", name="Edit Shortcut E")).to_be_visible(timeout=WAIT)
    player.page.keyboard.press("e")
    editor = player.page.get_by_test_id("editor")
    expect(editor.get_by_role("grid")).to_be_focused(timeout=WAIT)
    return editor


def draft(editor: Locator) -> str:
    """The text of every cell."""
    return "".join(
        editor.locator("[data-cell]").evaluate_all("cells => cells.map((cell) => cell.textContent || '.')")
    )


def verdict(editor: Locator, solutions: str) -> None:
    found = editor.get_by_test_id("verdict")
    expect(found).to_have_attribute("data-solutions", solutions, timeout=WAIT)
    expect(found).to_have_attribute("aria-busy", "false", timeout=WAIT)


def paste(editor: Locator, text: str) -> None:
    """Paste as the browser does on ctrl v."""
    editor.get_by_role("grid").evaluate(
        """(grid, text) => {
            const data = new DataTransfer();
            data.setData("text/plain", text);
            grid.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, composed: true, cancelable: true }));
        }""",
        text,
    )


def test_a_sudoku_is_typed_undone_pasted_and_used(open_player, solved):
    player = open_player(SHALLOW_LINK)
    editor = open_editor(player)
    assert draft(editor) == EASY
    verdict(editor, "one")
    first = EASY.index(".")
    row, column = divmod(first, 9)
    player.press(*["ArrowDown"] * row, *["ArrowRight"] * column)
    chosen = editor.locator("[aria-selected=true]")
    expect(chosen).to_have_attribute("data-cell", f"{row},{column}")
    clash = next(digit for digit in EASY[row * 9 : row * 9 + 9] if digit != ".")
    player.press(clash)
    assert draft(editor) == EASY[:first] + clash + EASY[first + 1 :]
    verdict(editor, "none")
    assert editor.locator(".conflict").count() >= 2
    expect(chosen).to_have_attribute(
        "aria-label", re.compile(f"row {row + 1}, column {column + 1}: {clash}, contradicts")
    )
    assert findings(player.page) == []
    player.press("Control+z")
    verdict(editor, "one")
    assert draft(editor) == EASY and not editor.locator(".conflict").count()
    player.press("Control+y", "Backspace", "Space", "Space", "Control+z")
    given = next(at for at in range(81) if EASY[at] != ".")
    editor.locator(f'[data-cell="{given // 9},{given % 9}"]').click()
    before = draft(editor)
    player.press("Space")  # clears a given
    assert draft(editor) == before[:given] + "." + before[given + 1 :]
    player.press("Space")  # and restores it
    assert draft(editor) == before
    editor.locator('[data-tool="9"]').click()
    assert draft(editor)[given] == "9"
    paste(editor, "53..7")
    expect(editor.get_by_test_id("note")).to_contain_text("81 cells, but this text has 5", timeout=WAIT)
    paste(editor, get_task("sudoku").pretty(get_task("sudoku").parse(TYPED)))
    player.eventually(lambda: draft(editor) == TYPED, "the pasted puzzle")
    verdict(editor, "one")
    player.press("Escape")  # does not discard changes
    expect(editor.get_by_test_id("note")).to_contain_text("Click Cancel to discard them")
    player.press("Control+Enter")
    shown = Player(player.page)
    expected = solved(TYPED, SHALLOW)
    shown.eventually(lambda: shown.cells == expected["answers"][0], "the run of the pasted puzzle")
    shown.wait_for_whole_run(SHALLOW.N_sup)
    assert shown.cells == expected["answer"]


def test_a_maze_is_drawn_by_dragging_and_used_and_a_second_one_discarded(open_player):
    player = open_player("?model=maze-trm&n=1&T=1&steps=2")
    editor = open_editor(player)
    page, side = player.page, 15

    def tool(name: str) -> None:
        editor.locator(f'[data-tool="{name}"]').click()

    def drag(*cells: tuple[int, int]) -> None:
        for number, (row, column) in enumerate(cells):
            box = editor.locator(f'[data-cell="{row},{column}"]').bounding_box()
            page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
            if number == 0:
                page.mouse.down()
        page.mouse.up()

    def looks() -> str:
        return "".join(
            editor.locator("[data-cell]").evaluate_all(
                "cells => cells.map((cell) => cell.textContent || (cell.classList.contains('wall') ? '#' : '.'))"
            )
        )

    editor.get_by_test_id("clear").click()
    assert looks() == "." * 225
    verdict(editor, "none")
    tool("wall")
    drag((1, 0), (1, 13))  # two points: the line between them is drawn
    drag((3, 14), (3, 1))
    tool("start")
    drag((4, 4), (0, 0))  # dragged over a wall, which is restored
    tool("goal")
    drag((14, 14))
    rows = ["S" + "." * 14, "#" * 14 + ".", "." * 15, "." + "#" * 14, *["." * 15] * 10, "." * 14 + "G"]
    assert looks() == "".join(rows)
    verdict(editor, "several")
    page.keyboard.press("Control+z")
    verdict(editor, "none")
    page.keyboard.press("Control+Shift+z")
    tool("wall")
    drag((4, 1), (13, 14))
    drawn = looks()
    assert drawn.count("#") > 28 and drawn[4 * side + 1] == drawn[13 * side + 14] == "#"
    page.mouse.move(0, 0)
    editor.get_by_test_id("use").click()
    shown = Player(page)
    model = choose(load_model("maze-trm"))  # as the page does
    expected = solve(model, get_task("maze"), drawn, depth=Depth(n=1, T=1, N_sup=2))["answers"][0]

    def answer() -> str:
        texts = shown.root.locator("[data-cell]").evaluate_all(
            "cells => cells.map((cell) => cell.textContent)"
        )
        return "".join(texts)

    symbols = {" ": "."}
    shown.eventually(
        lambda: "".join(symbols.get(mark, mark) for mark in answer()) == expected, "the run of the drawn maze"
    )
    again = open_editor(shown)
    again.get_by_test_id("clear").click()
    again.get_by_test_id("cancel").click()
    back = Player(page)
    back.eventually(
        lambda: "".join(symbols.get(mark, mark) for mark in answer()) == expected, "the run as it was"
    )


# ---- the editor alone, without a server or a model


@pytest.fixture
def open_draft(new_page: Callable[..., Page]) -> Callable[..., Locator]:
    """The editor's script on an empty page, also for tasks without a bundled model."""

    def make(task_name: str, puzzle: str, cells: int | None = None, **options) -> Locator:
        task, page = get_task(task_name, cells), new_page(**options)
        open_standalone(page, script=bundle(SCRIPT), style=STYLE.read_text("utf-8"))
        grid = grid_of(task, task.parse(puzzle, unfinished=True))
        validity = {"text": puzzle, "solutions": "unknown", "sentence": "", "conflicts": []}
        show(
            page,
            {
                "task": describe_task(task),
                "puzzle": {"text": puzzle, "grid": grid},
                "validity": validity,
                "pasted": None,
            },
        )
        return page.get_by_test_id("editor")

    return make


def test_in_high_contrast_walls_and_ends_are_visible_in_grid_and_buttons(open_draft):
    editor = open_draft("maze", "S.##....G", 9, forced_colors="active")
    look = "node => { const style = getComputedStyle(node); return [style.backgroundColor, style.backgroundImage].join(); }"
    for kind in (".cell", ".swatch"):
        looks = [editor.locator(f"{kind}.{name}").first.evaluate(look) for name in ("wall", "start", "goal")]
        looks.append(editor.locator(f"{kind}:not(.wall, .start, .goal)").first.evaluate(look))
        assert len(set(looks)) == 4, (kind, looks)


def told(editor: Locator, text: str) -> None:
    """The draft last reported to Python, once it settles."""
    editor.page.wait_for_function("text => window.reported.at(-1)?.text === text", arg=text, timeout=WAIT)


def middle(editor: Locator, row: int, column: int) -> tuple[float, float]:
    box = editor.locator(f'[data-cell="{row},{column}"]').bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_an_arc_grid_is_painted_resized_and_used(open_draft):
    editor = open_draft("arc", "012/345/678")
    page, tools = editor.page, editor.locator("[data-tool]")
    assert tools.evaluate_all("tools => tools.map((tool) => tool.dataset.tool)")[:4] == [
        "black",
        "blue",
        "red",
        "green",
    ]
    assert tools.count() == 10 and editor.locator("[data-cell]").count() == 9
    pressed = editor.locator("[data-tool][aria-pressed=true]")
    expect(pressed).to_have_attribute("data-tool", "blue")
    tools.nth(2).click()
    expect(pressed).to_have_attribute("data-tool", "red")
    page.mouse.click(*middle(editor, 0, 0))
    told(editor, "212/345/678")
    painted = editor.locator('[data-cell="0,0"]')
    assert painted.evaluate("cell => getComputedStyle(cell).backgroundColor") == "rgb(255, 65, 54)"
    expect(painted).to_have_attribute("aria-label", "row 1, column 1: red")
    page.mouse.click(*middle(editor, 1, 1), button="right")  # black
    told(editor, "212/305/678")
    page.keyboard.press("5")  # into the selected cell
    told(editor, "212/355/678")
    editor.locator('[data-tool="green"]').click()
    page.mouse.move(*middle(editor, 2, 0))
    page.mouse.down()
    page.mouse.move(*middle(editor, 2, 2))
    page.mouse.up()
    told(editor, "212/355/333")
    assert findings(page) == []
    editor.get_by_test_id("add-column").click()
    told(editor, "2120/3550/3330")
    editor.get_by_test_id("remove-row").click()
    told(editor, "2120/3550")
    assert [editor.get_by_test_id(name).inner_text() for name in ("rows", "columns")] == ["2", "4"]
    assert editor.get_by_role("grid").get_attribute("aria-label") == "ARC puzzle, 2 rows, 4 columns"
    editor.get_by_test_id("undo").click()
    told(editor, "2120/3550/3330")
    editor.get_by_test_id("redo").click()
    for _ in range(3):  # a grid has at least one row
        editor.get_by_test_id("remove-row").click()
    told(editor, "2120")
    editor.get_by_test_id("use").click()
    assert page.evaluate("window.asked.at(-1)") == ["use", "2120"]
    arc = get_task("arc")
    assert arc.format(arc.parse("2120")) == "2120"


@pytest.mark.parametrize("end", ["use", "cancel"])
def test_after_the_end_of_editing_no_draft_is_reported(open_draft, end):
    """The page is outdated until the server has answered: a report would bring the former puzzle back."""
    page = open_draft("maze", "S.##....G", 9).page
    click = "name => document.querySelector(`[data-testid=${name}]`).click()"
    page.evaluate(f"['clear', '{end}'].forEach({click})")
    assert page.evaluate("window.asked.at(-1)[0]") == end
    page.wait_for_timeout(REST)
    assert page.evaluate("window.reported") == []


def test_drawing_a_maze_with_a_finger_does_not_scroll_the_page(open_draft):
    puzzle = "S" + "." * 47 + "G"
    editor = open_draft("maze", puzzle, 49, has_touch=True, is_mobile=True, width=390, height=844)
    page = editor.page
    finger = page.context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        finger.send(
            "Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]}
        )

    def drag(*cells: tuple[int, int]) -> None:
        touch("touchStart", middle(editor, *cells[0]))
        for cell in cells[1:]:
            touch("touchMove", middle(editor, *cell))
        page.wait_for_timeout(REST)  # lifting while moving would be a fling, which swallows the next tap
        touch("touchMove", middle(editor, *cells[-1]))
        touch("touchEnd")

    expect(editor.locator("[data-tool][aria-pressed=true]")).to_have_attribute("data-tool", "wall")
    scrolled = page.evaluate("scrollY")
    drag((1, 0), (1, 5))  # along a row
    drag((3, 6), (6, 6))  # and down, where the page would scroll
    rows = ["S......", "######.", ".......", "......#", "......#", "......#", "......#"]
    told(editor, "".join(rows))
    assert page.evaluate("scrollY") == scrolled
    editor.locator('[data-tool="goal"]').tap()
    page.touchscreen.tap(*middle(editor, 6, 0))
    rows[6] = "G.....#"
    told(editor, "".join(rows))
    editor.locator('[data-tool="open"]').tap()
    drag((1, 2), (1, 3))
    rows[1] = "##..##."
    told(editor, "".join(rows))
    editor.get_by_test_id("use").tap()
    assert page.evaluate("window.asked.at(-1)") == ["use", "".join(rows)]
