"""Delay of a scene change in a lecture with 40 followers on one server, and of a restart. `python -m bench.lecture`

The lecturer and one follower are pages in headless Chromium; the lecturer changes scenes with a key. On the follower's page, the
delay ends when the scene is drawn. The other followers are clients that use Streamlit's protocol and ask for the lecturer's room
as a browser does (`app/screens/lecture/src/room.js`), because 40 pages would need more processor time than the server.
For a client, the delay ends when it has received the scene and its runs. At the end the server is killed and started again; who
follows again has received the lecturer's scene from the new server.
"""

import asyncio
import json
import re
import threading
import time
from concurrent.futures import Future
from contextlib import suppress
from statistics import median
from urllib.parse import SplitResult, urlsplit

from playwright.sync_api import Page, TimeoutError, sync_playwright
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from app.screens.lecture.contents import bundled_lecture
from bench.figures import parse_quick, percentile_95, print_figure, progress
from tests.support.served_app import ServedApp, open_browser

TOPIC = "lecture"
FOLLOWERS, CHANGES = 40, 10
BUDGET = 2.0  # seconds
RESTART_BUDGET = 10.0  # seconds
RETRY = 0.5  # seconds until a client asks again after a lost connection
PAUSE = 3.0  # seconds between scene changes
TIMEOUT = 30.0  # seconds after which a scene change counts as lost
MAX_MESSAGE = 1 << 24  # maximum size of a message in bytes
FOLLOW_CODE = re.compile(r"follow=(\w+)")
CONTENT_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
RUNS = {scene["id"]: set(scene["runs"]) for scene in bundled_lecture().outline}


class Follower:
    """A client that follows a lecture. `scenes` maps each scene that it has received to the time of arrival."""

    def __init__(self, code: str):
        self.code = code
        self.scenes: dict[str, float] = {}
        self.bytes = 0
        self._runs: set[str] = set()
        self._scene = ""  # the lecturer's scene

    async def follow(self, address: str) -> None:
        """Follow the lecture at `address` until cancelled."""
        stream = f"{address.replace('http', 'ws')}/_stcore/stream"
        async with connect(stream, subprotocols=["streamlit"], max_size=MAX_MESSAGE) as server:
            message = BackMsg()
            message.rerun_script.query_string = f"follow={self.code}"
            message.rerun_script.page_name = "lecture"
            message.rerun_script.context_info.url = f"{address}/lecture?follow={self.code}"
            await server.send(message.SerializeToString())
            polling = asyncio.create_task(self._poll(address))
            try:
                with suppress(ConnectionClosed):  # the server was killed
                    async for content in server:
                        self.bytes += len(content)
                        self._receive(ForwardMsg.FromString(content))
                await polling
            finally:
                polling.cancel()

    def _receive(self, message: ForwardMsg) -> None:
        if message.WhichOneof("type") == "delta":
            sent = message.delta.new_element.bidi_component
            if text := sent.json or sent.mixed.json:
                self._runs |= set(json.loads(text).get("runs", ()))
                self._arrive()

    def _arrive(self) -> None:
        """Note the arrival of the lecturer's scene, if its runs are here too."""
        if self._scene and RUNS[self._scene] <= self._runs:
            self.scenes.setdefault(self._scene, time.perf_counter())

    async def _poll(self, address: str) -> None:
        """Ask for the lecturer's scene, again and again, and again after the server is gone for a while."""
        while True:
            with suppress(OSError, asyncio.IncompleteReadError):
                await self._poll_connected(urlsplit(address))
            await asyncio.sleep(RETRY)

    async def _poll_connected(self, url: SplitResult) -> None:
        """Ask for the scene until the connection or the room is lost. The server answers when the scene has changed."""
        turn = 0
        reader, writer = await asyncio.open_connection(url.hostname, url.port)
        while True:
            request = f"GET /rooms/{self.code}?turn={turn} HTTP/1.1\r\nHost: {url.netloc}\r\n\r\n"
            writer.write(request.encode())
            head = await reader.readuntil(b"\r\n\r\n")
            body = await reader.readexactly(int(CONTENT_LENGTH.search(head)[1]))
            self.bytes += len(head) + len(body)
            if b" 200 " not in head.split(b"\r\n")[0]:
                return
            room = json.loads(body)
            self._scene, turn = room["scene"], room["turn"]
            self._arrive()


class Audience:
    """A number of followers in one background thread."""

    def __init__(self, address: str, code: str, count: int):
        self.followers = [Follower(code) for _ in range(count)]
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._running: list[Future] = [
            asyncio.run_coroutine_threadsafe(follower.follow(address), self._loop)
            for follower in self.followers
        ]

    def arrivals(self, scene: str) -> list[float]:
        """Arrival times of a scene at the followers that have received it. If a follower failed, raises its error."""
        for future in self._running:
            if future.done():
                future.result()
        return [follower.scenes[scene] for follower in self.followers if scene in follower.scenes]

    def wait_for(self, scene: str) -> list[float]:
        """Wait until all followers have received a scene, or until the timeout. Returns the arrival times."""
        deadline = time.perf_counter() + TIMEOUT
        while len(self.arrivals(scene)) < len(self.followers) and time.perf_counter() < deadline:
            time.sleep(0.02)
        return self.arrivals(scene)

    def clear_scenes(self) -> None:
        for follower in self.followers:
            follower.scenes.clear()

    def disconnect(self) -> None:
        for future in self._running:
            future.cancel()


def lecture_on(page: Page, scene: str = ""):
    """Locator of the lecture on a page after its grid has been drawn, at `scene` if given."""
    at = f'[data-scene="{scene}"]' if scene else ""
    return page.locator(f'[data-testid="lecture"]{at}:has([data-cell])').first


def room_code(lecturer: Page) -> str:
    """Read the code of the lecturer's room from the invitation with the QR code."""
    lecturer.keyboard.press("i")
    code = FOLLOW_CODE.search(lecturer.get_by_test_id("invitation").inner_text())[1]
    lecturer.keyboard.press("i")
    return code


def processor_time_per_follower(app: ServedApp, followers: int, seconds: float) -> float:
    """Measure the server's processor time for each waiting follower, in milliseconds per second."""
    start, used = time.perf_counter(), app.processor_seconds()
    time.sleep(seconds)
    return 1000 * (app.processor_seconds() - used) / (time.perf_counter() - start) / followers


def change_scene(lecturer: Page, follower: Page, audience: Audience) -> tuple[list[float], float]:
    """Change the scene. Returns the seconds until it arrived at each client, and until the follower's page drew it."""
    audience.clear_scenes()
    before = lecture_on(lecturer).get_attribute("data-scene")
    start = time.perf_counter()
    lecturer.keyboard.press("PageDown")
    scene = lecture_on(lecturer).get_attribute("data-scene")
    if scene == before:
        raise RuntimeError(f"The lecturer pressed page down, but the lecture is still at {scene}.")
    with suppress(TimeoutError):
        lecture_on(follower, scene).wait_for(timeout=1000 * TIMEOUT)
    drawn = time.perf_counter() - start
    arrived = [at - start for at in audience.wait_for(scene)]
    progress(
        f"{scene}: at {len(arrived)} of {len(audience.followers)} within {max(arrived, default=0):.2f} s, drawn after {drawn:.2f} s"
    )
    return arrived, drawn


def restart(app: ServedApp, lecturer: Page, audience: Audience) -> float:
    """Kill and restart the server. Returns the seconds until all clients follow again, or TIMEOUT."""
    scene = lecture_on(lecturer).get_attribute("data-scene")
    audience.clear_scenes()
    start = time.perf_counter()
    app.restart()
    progress(f"the server is up again after {time.perf_counter() - start:.1f} s")
    arrived = audience.wait_for(scene)
    progress(f"{len(arrived)} of {len(audience.followers)} follow again")
    return max(arrived) - start if len(arrived) == len(audience.followers) else TIMEOUT


def main() -> None:
    quick = parse_quick(__doc__)
    count, changes = (4, 2) if quick else (FOLLOWERS - 1, CHANGES)
    with sync_playwright() as playwright, ServedApp() as app:
        browser = open_browser(playwright)
        lecturer, follower = (browser.new_page(viewport={"width": 1280, "height": 800}) for _ in range(2))
        lecturer.goto(f"{app.url}/lecture")
        lecture_on(lecturer).wait_for(timeout=1000 * TIMEOUT)
        code = room_code(lecturer)
        follower.goto(f"{app.url}/lecture?follow={code}")
        lecture_on(follower).wait_for(timeout=1000 * TIMEOUT)
        start = time.perf_counter()
        audience = Audience(app.url, code, count)
        first = lecture_on(lecturer).get_attribute("data-scene")
        connected = len(audience.wait_for(first))
        progress(
            f"{connected} of {count} clients had the first scene within {time.perf_counter() - start:.1f} s"
        )
        waiting = processor_time_per_follower(app, count + 1, 3 if quick else 20)
        arrived, drawn, spent = [], [], []
        for _ in range(changes):
            time.sleep(PAUSE)
            used = app.processor_seconds()
            arrivals, drawn_after = change_scene(lecturer, follower, audience)
            spent.append(1000 * (app.processor_seconds() - used) / (count + 1))
            arrived += [
                *arrivals,
                *[TIMEOUT] * (count - len(arrivals)),
            ]  # the delay of a client that never received the scene is the timeout
            drawn.append(drawn_after)
        restarted = restart(app, lecturer, audience)
        sent = sum(each.bytes for each in audience.followers) / count / 1e6
        audience.disconnect()
        browser.close()
    facts = {"followers": count + 1, "changes": changes}
    ordered = sorted(arrived)
    print_figure("delay of a scene change, median", median(ordered), "s", topic=TOPIC, **facts)
    print_figure(
        "delay of a scene change, 95th percentile", percentile_95(ordered), "s", topic=TOPIC, **facts
    )
    print_figure(
        "delay of a scene change, slowest follower", ordered[-1], "s", topic=TOPIC, budget=BUDGET, **facts
    )
    print_figure(
        "delay until a follower's page is drawn, slowest change",
        max(drawn),
        "s",
        topic=TOPIC,
        budget=BUDGET,
        **facts,
    )
    print_figure(
        "all follow again after a restart", restarted, "s", topic=TOPIC, budget=RESTART_BUDGET, **facts
    )
    print_figure("server processor time per waiting follower", waiting, "ms/s", topic=TOPIC, **facts)
    print_figure(
        "server processor time per scene change and follower", median(spent), "ms", topic=TOPIC, **facts
    )
    print_figure("data sent to a follower, total", sent, "MB", topic=TOPIC, **facts)


if __name__ == "__main__":
    main()
