"""A slow network between page and server."""

import re

from playwright.sync_api import Page, WebSocketRoute


class Line:
    """What the server says to a page, which can be held back: a slow network."""

    def __init__(self, page: Page):
        self.held: list[str | bytes] | None = None
        page.route_web_socket(re.compile("/_stcore/stream"), self._connect)

    def _connect(self, browser: WebSocketRoute) -> None:
        self.browser = browser
        browser.connect_to_server().on_message(self._pass_on)

    def _pass_on(self, message: str | bytes) -> None:
        if self.held is None:
            self.browser.send(message)
        else:
            self.held.append(message)

    def hold(self) -> None:
        self.held = []

    def let_go(self) -> None:
        held, self.held = self.held, None
        for message in held:
            self.browser.send(message)
