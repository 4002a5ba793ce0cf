"""Select boxes of a page in the browser."""

import time

from player_page import PATIENCE
from playwright.sync_api import Locator, TimeoutError

GLANCE = 1000  # ms


def choose_option(box: Locator, option: Locator) -> None:
    """Choose an option. A rerun of the page closes an open list, which is then opened again."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            if box.get_attribute("aria-expanded") != "true":
                box.click(timeout=GLANCE)
            option.click(timeout=GLANCE)
            return
        except TimeoutError:
            assert time.monotonic() < deadline, f"not chosen in {PATIENCE} s: {option}"
