"""Pages for one test after the other. A page is used again: a fresh one needs half as much processor time again for the app,
and many times as much for a player alone, whose scripts stay in their page. Nothing of the test before is left in a page but
those scripts and the browser's own cache.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Request, WebSocket
from standalone import ADDRESS, open_standalone

MEDIA = {"color_scheme": "light", "reduced_motion": "no-preference", "forced_colors": "none"}
"""What a page can be told at any time, and what holds unless it is."""
OURS = ("", "localhost", "127.0.0.1")
"""Hosts of the tests, besides those below .test. Addresses of files and of data have none."""
FORGET = "() => { localStorage.clear(); sessionStorage.clear(); }"
VISITED = (
    "try { localStorage.setItem('recursion-lens-visited', '1'); } catch {}"  # an empty page has no storage
)


def recolour(page: Page, scheme: str) -> None:
    """Choose the light or the dark scheme of the app, and wait until the app has it."""
    page.emulate_media(color_scheme=scheme)
    page.wait_for_function(
        "isDark => matchMedia('(prefers-color-scheme: dark)').matches === isDark"
        " && getComputedStyle(document.querySelector('.stApp')).colorScheme === (isDark ? 'dark' : 'light')",
        arg=scheme == "dark",
    )


class Pages:
    """Empty pages of a browser, lent and taken back."""

    def __init__(self, browser: Browser):
        self.browser = browser
        self.free: dict[tuple, list[Page]] = {}

    @contextmanager
    def lent(self) -> Iterator["Lent"]:
        """Pages that are taken back at the end, which fails if one of them met an error or asked another host."""
        lent = Lent(self)
        yield lent
        lent.give_back()
        assert not lent.errors, lent.errors

    def take(self, options: tuple) -> Page:
        free = self.free.setdefault(options, [])
        if free:
            return free.pop()
        wanted = dict(options)
        is_first_visit = wanted.pop("first_visit", False)
        context = self.browser.new_context(**wanted)
        if not is_first_visit:
            context.add_init_script(VISITED)
        return context.new_page()


class Lent:
    """Makes empty pages, as large as asked; options are those of Playwright's contexts, and `first_visit`: whether the
    browser has not been here before."""

    def __init__(self, pages: Pages):
        self.pages = pages
        self.errors: list[str] = []
        self.taken: list[tuple[tuple, Page]] = []

    def __call__(self, width: int = 1280, height: int = 800, **options: Any) -> Page:
        media = {name: options.pop(name, usual) for name, usual in MEDIA.items()}
        key = tuple(sorted(options.items()))
        page = self.pages.take(key)
        page.emulate_media(**media)
        page.set_viewport_size({"width": width, "height": height})
        page.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
        page.on("console", self._keep_ours)
        page.on("pageerror", self._keep)
        page.on("request", self._keep_elsewhere)
        page.on("websocket", self._keep_elsewhere)
        self.taken.append((key, page))
        return page

    def give_back(self) -> None:
        for options, page in self.taken:
            if page.is_closed() or len(page.context.pages) > 1:
                page.context.close()
            else:
                self._empty(page)
                self.pages.free[options].append(page)

    def _empty(self, page: Page) -> None:
        page.remove_listener("console", self._keep_ours)
        page.remove_listener("pageerror", self._keep)
        page.remove_listener("request", self._keep_elsewhere)
        page.remove_listener("websocket", self._keep_elsewhere)
        page.unroute_all()
        with suppress(Error):  # a page that never went anywhere, and a file, have nothing to forget
            page.evaluate(FORGET)
        page.mouse.move(0, 0)
        if page.url == ADDRESS:
            open_standalone(page)
        else:
            page.goto("about:blank")
        page.context.clear_cookies()
        page.context.set_offline(False)

    def _keep(self, error: Error) -> None:
        self.errors.append(str(error))

    def _keep_elsewhere(self, asked: Request | WebSocket) -> None:
        host = urlsplit(asked.url).hostname or ""
        if host not in OURS and not host.endswith(".test"):
            self.errors.append(f"asks {asked.url}")

    def _keep_ours(self, message: ConsoleMessage) -> None:
        """Streamlit first looks for itself below the page's own address, which is not our error."""
        if message.type == "error" and "/_stcore/" not in message.location["url"]:
            self.errors.append(message.text)
