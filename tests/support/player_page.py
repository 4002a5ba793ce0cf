"""A page object of the player: tests use it instead of selectors."""

import time
from collections.abc import Callable

from playwright.sync_api import Locator, Page

from trm.coordinates import Depth

PATIENCE = 30  # seconds, for a busy machine
SHALLOW, SHALLOW_LINK = Depth(n=1, T=3, N_sup=4), "?n=1&steps=4"
"""A depth at which the bundled Sudoku model runs at once, and the link to it."""


def alert(page: Page, text: str) -> Locator:
    """The alert with a text. While a page reruns, the alerts of the previous run are still there."""
    return page.get_by_test_id("stAlert").filter(has_text=text)


class Player:
    """A player on a page, by number; waits for its grid."""

    def __init__(self, page: Page, number: int = 0):
        self.page = page
        self.root = page.get_by_test_id("player").nth(number)
        self.root.locator("[data-cell]").first.wait_for(timeout=1000 * PATIENCE)

    @property
    def position(self) -> tuple[int, int, int, str]:
        """Supervision step, cycle, call and kind."""
        step, cycle, call, kind = self.root.evaluate(
            "({ dataset: d }) => [d.supervisionStep, d.cycle, d.call, d.kind]"
        )
        return int(step), int(cycle), int(call), kind

    @property
    def cells(self) -> str:
        """The text of every cell, row by row; "" before a run has arrived."""
        texts = self.root.evaluate(
            "root => Object.fromEntries([...root.querySelectorAll('[data-cell]')].map((cell) => [cell.dataset.cell, cell.textContent]))"
        )
        return "".join(texts[f"{row},{column}"] for row in range(9) for column in range(9)) if texts else ""

    @property
    def halt_probability(self) -> float:
        return float(self.root.get_by_test_id("halt-probability").inner_text())

    @property
    def selected(self) -> str | None:
        chosen = self.root.locator("[data-cell][aria-selected=true]")
        return chosen.get_attribute("data-cell") if chosen.count() else None

    @property
    def probabilities(self) -> list[float]:
        """The probability of every symbol in the selected cell."""
        return self.root.locator("[data-symbol]").evaluate_all(
            "nodes => nodes.map((node) => Number(node.dataset.probability))"
        )

    @property
    def mode(self) -> str:
        return self.root.locator(".cells").get_attribute("data-mode")

    def cell(self, row: int, column: int) -> Locator:
        return self.root.locator(f'[data-cell="{row},{column}"]')

    def flagged(self, flag: str) -> set[str]:
        """Cells with a class, as "row,column"."""
        found = self.root.locator(f"[data-cell].{flag}")
        return set(found.evaluate_all("cells => cells.map((cell) => cell.dataset.cell)"))

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def wait_for_whole_run(self, steps: int = 16) -> None:
        """Wait until a growing run has all its supervision steps, and go to its end."""

        def is_at_the_end() -> bool:
            self.press("End")
            return self.position[0] == steps

        self.eventually(is_at_the_end, "the whole run")

    def reset(self) -> None:
        """Reset the player to the view that the page opened with."""
        if self.root.get_by_test_id("play").get_attribute("aria-pressed") == "true":
            self.press("Space")
        self.root.get_by_test_id("speed").select_option("5")
        self.page.evaluate("document.activeElement.blur()")
        self.press("Escape", "Escape", "-", "-", "1", "Home")

    def type_puzzle(self, text: str) -> None:
        """Type into the sidebar and press Control+Enter."""
        field = self.page.locator(".st-key-puzzle_text textarea")
        field.fill(text)
        field.press("Control+Enter")

    def eventually(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until a condition is true."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, f"not seen in {PATIENCE} s: {what}"
            self.page.wait_for_timeout(50)
