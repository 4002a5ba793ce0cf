"""A class that follows a lecture: how soon a change of scene has arrived at 40 followers of one server. `python -m bench.lecture`

The lecturer is a page in headless Chromium that is turned with a key, and so is one follower: of those the clock runs until
the scene is drawn. The other followers are clients that speak Streamlit's protocol, and read the lecturer's room as often as a
browser does (`app/screens/lecture/src/room.js`; 40 pages would need more of two cores than the server does); of those the clock runs
until they know the scene and have been sent its run.
"""

import asyncio
import json
import re
import threading
import time
from concurrent.futures import Future
from contextlib import suppress
from statistics import median
from urllib.parse import urlsplit

from playwright.sync_api import Page, TimeoutError, sync_playwright
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import connect

from app.screens.lecture.contents import bundled_lecture
from bench.figures import figure, is_quick, percentile_95, say
from tests.support.served_app import ServedApp, open_browser

TOPIC = "lecture"
FOLLOWERS, CHANGES = 40, 10
BUDGET = 2.0  # seconds
SETTLED = 3.0  # seconds between changes, and after the last follower came
PATIENCE = 30.0  # seconds until a change is given up
LARGEST = 1 << 24  # bytes of a message
CODE = re.compile(r"follow=(\w+)")
CONTENT_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
RUNS = {scene["id"]: set(scene["runs"]) for scene in bundled_lecture().outline}
LOOKS_EVERY = 0.5  # seconds; as in src/room.js


class Follower:
    """One client: the scenes that it could show, with the time from which on."""

    def __init__(self, code: str):
        self.code = code
        self.scenes: dict[str, float] = {}
        self.bytes = 0
        self._runs: set[str] = set()

    async def follow(self, address: str) -> None:
        """Until it is cancelled."""
        stream = f"{address.replace('http', 'ws')}/_stcore/stream"
        async with connect(stream, subprotocols=["streamlit"], max_size=LARGEST) as server:
            message = BackMsg()
            message.rerun_script.query_string = f"follow={self.code}"
            message.rerun_script.page_name = "lecture"
            message.rerun_script.context_info.url = f"{address}/lecture?follow={self.code}"
            await server.send(message.SerializeToString())
            looking = asyncio.create_task(self._look(address))
            try:
                async for content in server:
                    self.bytes += len(content)
                    self._take(ForwardMsg.FromString(content))
            finally:
                looking.cancel()

    def _take(self, message: ForwardMsg) -> None:
        if message.WhichOneof("type") == "delta":
            sent = message.delta.new_element.bidi_component
            if text := sent.json or sent.mixed.json:
                self._runs |= set(json.loads(text)["runs"])

    async def _look(self, address: str) -> None:
        """At the room, again and again."""
        url = urlsplit(address)
        reader, writer = await asyncio.open_connection(url.hostname, url.port)
        question = f"GET /app/static/rooms/{self.code}.json HTTP/1.1\r\nHost: {url.netloc}\r\n\r\n".encode()
        while True:
            await asyncio.sleep(LOOKS_EVERY)
            writer.write(question)
            head = await reader.readuntil(b"\r\n\r\n")
            answer = await reader.readexactly(int(CONTENT_LENGTH.search(head)[1]))
            self.bytes += len(head) + len(answer)
            scene = json.loads(answer)["scene"]
            if RUNS[scene] <= self._runs:
                self.scenes.setdefault(scene, time.perf_counter())


class Class:
    """So many followers, in a thread of their own."""

    def __init__(self, address: str, code: str, count: int):
        self.followers = [Follower(code) for _ in range(count)]
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._running: list[Future] = [
            asyncio.run_coroutine_threadsafe(follower.follow(address), self._loop)
            for follower in self.followers
        ]

    def arrivals(self, scene: str) -> list[float]:
        """When the scene came to each follower that has it. Raises what ended a follower."""
        for future in self._running:
            if future.done():
                future.result()
        return [follower.scenes[scene] for follower in self.followers if scene in follower.scenes]

    def wait_for(self, scene: str) -> list[float]:
        """The same, once all have it, or none may still get it."""
        deadline = time.perf_counter() + PATIENCE
        while len(self.arrivals(scene)) < len(self.followers) and time.perf_counter() < deadline:
            time.sleep(0.02)
        return self.arrivals(scene)

    def forget(self) -> None:
        for follower in self.followers:
            follower.scenes.clear()

    def leave(self) -> None:
        for future in self._running:
            future.cancel()


def lecture_of(page: Page, scene: str = ""):
    """The lecture on a page, at a scene if one is named, with its grid drawn."""
    at = f'[data-scene="{scene}"]' if scene else ""
    return page.locator(f'[data-testid="lecture"]{at}:has([data-cell])').first


def code_of(lecturer: Page) -> str:
    """What a class is given by the QR code."""
    lecturer.keyboard.press("i")
    code = CODE.search(lecturer.get_by_test_id("invitation").inner_text())[1]
    lecturer.keyboard.press("i")
    return code


def processor_share(app: ServedApp, followers: int, seconds: float) -> float:
    """Milliseconds of processor time a second that the server spends on each of so many who wait for the next scene."""
    began, used = time.perf_counter(), app.processor_seconds()
    time.sleep(seconds)
    return 1000 * (app.processor_seconds() - used) / (time.perf_counter() - began) / followers


def turn(lecturer: Page, follower: Page, audience: Class) -> tuple[list[float], float]:
    """One change of scene: the seconds until it arrived at each client, and until it was drawn on the page."""
    audience.forget()
    before = lecture_of(lecturer).get_attribute("data-scene")
    began = time.perf_counter()
    lecturer.keyboard.press("PageDown")
    scene = lecture_of(lecturer).get_attribute("data-scene")
    if scene == before:
        raise RuntimeError(f"The lecturer turned the page and is still at {scene}.")
    with suppress(TimeoutError):
        lecture_of(follower, scene).wait_for(timeout=1000 * PATIENCE)
    drawn = time.perf_counter() - began
    arrived = [at - began for at in audience.wait_for(scene)]
    say(
        f"{scene}: at {len(arrived)} of {len(audience.followers)} within {max(arrived, default=0):.2f} s, drawn after {drawn:.2f} s"
    )
    return arrived, drawn


def main() -> None:
    quick = is_quick(__doc__)
    count, changes = (4, 2) if quick else (FOLLOWERS - 1, CHANGES)
    with sync_playwright() as playwright, ServedApp() as app:
        browser = open_browser(playwright)
        lecturer, follower = (browser.new_page(viewport={"width": 1280, "height": 800}) for _ in range(2))
        lecturer.goto(f"{app.url}/lecture")
        lecture_of(lecturer).wait_for(timeout=1000 * PATIENCE)
        code = code_of(lecturer)
        follower.goto(f"{app.url}/lecture?follow={code}")
        lecture_of(follower).wait_for(timeout=1000 * PATIENCE)
        began = time.perf_counter()
        audience = Class(app.url, code, count)
        first = lecture_of(lecturer).get_attribute("data-scene")
        came = len(audience.wait_for(first))
        say(f"{came} of {count} clients came within {time.perf_counter() - began:.1f} s")
        waiting = processor_share(app, count + 1, 3 if quick else 20)
        arrived, drawn, spent = [], [], []
        for _ in range(changes):
            time.sleep(SETTLED)
            used = app.processor_seconds()
            found, shown = turn(lecturer, follower, audience)
            spent.append(1000 * (app.processor_seconds() - used) / (count + 1))
            arrived += [
                *found,
                *[PATIENCE] * (count - len(found)),
            ]  # one that never came counts as the longest wait
            drawn.append(shown)
        sent = sum(each.bytes for each in audience.followers) / count / 1e6
        audience.leave()
        browser.close()
    facts = {"followers": count + 1, "changes": changes}
    ordered = sorted(arrived)
    figure("scene at a follower, median", median(ordered), "s", topic=TOPIC, **facts)
    figure("scene at a follower, 95th percentile", percentile_95(ordered), "s", topic=TOPIC, **facts)
    figure("scene at a follower, last of all", ordered[-1], "s", topic=TOPIC, budget=BUDGET, **facts)
    figure("scene drawn on a follower's page, slowest", max(drawn), "s", topic=TOPIC, budget=BUDGET, **facts)
    figure("server while one waits, processor time", waiting, "ms/s", topic=TOPIC, **facts)
    figure("server for a change, processor time a follower", median(spent), "ms", topic=TOPIC, **facts)
    figure("sent to a follower in all", sent, "MB", topic=TOPIC, **facts)


if __name__ == "__main__":
    main()
