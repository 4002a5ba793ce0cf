"""A slow network between page and server."""

import re

from playwright.sync_api import Page, Route, WebSocketRoute

ROUTES = re.compile("/(runs|progress|rooms)/")


class Line:
    """What the server says to a page, which can be held back: a slow network. `routes`: also what it says by HTTP."""

    def __init__(self, page: Page, *, routes: bool = True):
        self.held: list[str | bytes] | None = None
        self.held_routes: list[Route] = []
        page.route_web_socket(re.compile("/_stcore/stream"), self._connect)
        if routes:
            page.route(ROUTES, self._fetch)

    def _connect(self, browser: WebSocketRoute) -> None:
        self.browser = browser
        browser.connect_to_server().on_message(self._pass_on)

    def _pass_on(self, message: str | bytes) -> None:
        if self.held is None:
            self.browser.send(message)
        else:
            self.held.append(message)

    def _fetch(self, route: Route) -> None:
        if self.held is None:
            route.continue_()
        else:
            self.held_routes.append(route)

    def hold(self) -> None:
        self.held = []

    def let_go(self) -> None:
        held, self.held = self.held, None
        for message in held:
            self.browser.send(message)
        routes, self.held_routes = self.held_routes, []
        for route in routes:
            route.continue_()
