"""How long a class waits for the lecturer's next scene. `python -m bench.lecture`

Forty sessions follow one lecturer on one server, over its own protocol as browsers speak it: each fetches the page, then looks
once a second, and gets the next scene's texts and runs. What a browser then draws is not on the clock (`bench.browser`).
"""

import asyncio
import json
import time
from typing import Any

from streamlit.components.v2.bidi_component.main import _make_trigger_id
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect

from app.lecture.scenes import read_scenes
from bench.figures import figure, is_quick, percentile_95, say
from tests.browser.served_app import ServedApp

TOPIC = "lecture"
CLASS = 40
OPENED_WITHIN = 180  # seconds for all sessions to be there
SEEN_WITHIN = 60  # seconds for a scene to be everywhere
LARGEST = 1 << 24  # bytes of a message


class Session:
    """One browser, without the browser: what it was shown last, and when."""

    def __init__(self, query: str):
        self.query = query
        self.scene, self.at, self.component, self.room = "", 0.0, "", ""
        self.looking: list[asyncio.Task] = []

    async def open(self, url: str) -> None:
        address = f"{url.replace('http', 'ws')}/_stcore/stream"
        self.socket: ClientConnection = await connect(
            address, subprotocols=["streamlit"], max_size=LARGEST, ping_interval=None
        )
        self.reading = asyncio.create_task(self._read())
        self.address = f"{url}/lecture"
        await self.run()

    async def run(self, *, fragment: str = "", trigger: Any = None) -> None:
        message = BackMsg()
        message.rerun_script.query_string = self.query
        message.rerun_script.page_name = "lecture"
        message.rerun_script.context_info.url = self.address
        message.rerun_script.fragment_id = fragment
        message.rerun_script.is_auto_rerun = bool(fragment)
        if trigger is not None:
            state = message.rerun_script.widget_states.widgets.add()
            state.id = _make_trigger_id(self.component, "events")
            state.json_trigger_value = json.dumps([{"event": "ask", "value": trigger}])
        await self.socket.send(message.SerializeToString())

    async def _read(self) -> None:
        async for data in self.socket:
            message = ForwardMsg.FromString(data)
            if message.WhichOneof("type") == "auto_rerun":
                self.looking.append(asyncio.create_task(self._look(message.auto_rerun)))
            component = message.delta.new_element.bidi_component
            if component.id:
                self._take(component)

    async def _look(self, asked: Any) -> None:
        for task in self.looking[:-1]:
            task.cancel()
        while True:
            await asyncio.sleep(asked.interval)
            await self.run(fragment=asked.fragment_id)

    def _take(self, component: Any) -> None:
        text = component.json or component.mixed.json
        sent = json.loads(text)
        self.component = component.id
        self.scene, self.at = sent["scene"], time.perf_counter()
        self.room = sent["invitation"]["address"].rpartition("follow=")[2]

    async def close(self) -> None:
        for task in (*self.looking, self.reading):
            task.cancel()
        await self.socket.close()


async def until(sessions: list[Session], scene: str, seconds: float) -> None:
    """Wait until all are at a scene. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while any(session.scene != scene for session in sessions):
            await asyncio.sleep(0.02)


async def measure(url: str, people: int, scenes: list[str]) -> list[float]:
    """Seconds from the lecturer's press to the last of the class, for each scene but the first."""
    lecturer = Session("")
    await lecturer.open(url)
    await until([lecturer], scenes[0], OPENED_WITHIN)
    followers = [Session(f"follow={lecturer.room}") for _ in range(people)]
    for follower in followers:
        await follower.open(url)
    await until(followers, scenes[0], OPENED_WITHIN)
    say(f"{people} sessions follow")
    waits = []
    for scene in scenes[1:]:
        await asyncio.sleep(3.0)
        began = time.perf_counter()
        await lecturer.run(trigger={"scene": scene, "language": "en"})
        await until(followers, scene, SEEN_WITHIN)
        waits.append(max(follower.at for follower in followers) - began)
        say(f"{scene}: {waits[-1]:.2f} s")
    for session in (lecturer, *followers):
        await session.close()
    return waits


def main() -> None:
    quick = is_quick(__doc__)
    people = 4 if quick else CLASS
    scenes = [scene.id for scene in read_scenes()][: 3 if quick else None]
    with ServedApp() as app:
        waits = asyncio.run(measure(app.url, people, scenes))
    figure(
        "a scene is with the last of the class",
        percentile_95(waits),
        "s",
        topic=TOPIC,
        budget=2.0,
        people=people,
        scenes=len(waits),
        longest=float(f"{max(waits):.3g}"),
    )


if __name__ == "__main__":
    main()
