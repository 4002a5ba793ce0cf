"""A puzzle edited in its grid: typed, undone, pasted, drawn, used, and then what the player shows."""

import re

from player_page import PATIENCE, Player
from playwright.sync_api import Locator, expect
from test_accessibility import findings

from trm.checkpoint import load_model
from trm.data import load_presets
from trm.solve import solve
from trm.tasks import get_task

EASY = load_presets("sudoku")[0].puzzle
TYPED = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"
WAIT = 1000 * PATIENCE


def open_editor(player: Player) -> Locator:
    """With the page's own key, from anywhere on it."""
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
    """What the browser does on ctrl v."""
    editor.get_by_role("grid").evaluate(
        """(grid, text) => {
            const data = new DataTransfer();
            data.setData("text/plain", text);
            grid.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, composed: true, cancelable: true }));
        }""",
        text,
    )


def test_a_sudoku_is_typed_undone_pasted_and_used(player, solved):
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
    player.press("Space")  # a given off
    assert draft(editor) == before[:given] + "." + before[given + 1 :]
    player.press("Space")  # and on again
    assert draft(editor) == before
    editor.locator('[data-tool="9"]').click()
    assert draft(editor)[given] == "9"
    paste(editor, "53..7")
    expect(editor.get_by_test_id("note")).to_contain_text("81 cells, this text has 5", timeout=WAIT)
    paste(editor, get_task("sudoku").pretty(get_task("sudoku").parse(TYPED)))
    player.eventually(lambda: draft(editor) == TYPED, "the pasted puzzle")
    verdict(editor, "one")
    player.press("Escape")  # drops no work
    expect(editor.get_by_test_id("note")).to_contain_text("Press Cancel to drop that")
    player.press("Control+Enter")
    shown = Player(player.page)
    shown.eventually(lambda: shown.cells == solved(TYPED)["answers"][0], "the run of the pasted puzzle")
    shown.page.keyboard.press("End")
    assert shown.cells == solved(TYPED)["answer"]


def test_a_maze_is_drawn_by_dragging_and_used_and_a_second_one_dropped(open_player):
    player = open_player("?model=maze-trm")
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
    drag((4, 4), (0, 0))  # dragged over a wall, which stays
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
    model = load_model("maze-trm")
    expected = solve(model, get_task("maze"), drawn)["answers"][0]

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
