"""People on a server without a browser: sessions that speak Streamlit's protocol, so that many fit on one machine.

A session reruns the parts of its page that have a clock, as a browser does, and knows what it was sent: exceptions, its buttons,
and how far the run in its player has come.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.Selectbox_pb2 import Selectbox
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import connect

LARGEST = 1 << 26  # bytes of a message


# Of a widget that stands as it was sent: what a browser says of it in every rerun.
STANDS = {
    "selectbox": lambda sent: {"string_value": chosen} if (chosen := _chosen(sent)) else {},
    "slider": lambda sent: {"double_array_value": sent.value if sent.set_value else sent.default},
    "number_input": lambda sent: {"double_value": sent.value if sent.set_value else sent.default},
    "text_area": lambda sent: {"string_value": sent.value if sent.set_value else sent.default},
    "text_input": lambda sent: {"string_value": sent.value if sent.set_value else sent.default},
    "checkbox": lambda sent: {"bool_value": sent.value if sent.set_value else sent.default},
}


def _chosen(sent: Selectbox) -> str:
    if sent.set_value:
        return sent.raw_value
    return sent.options[sent.default] if sent.HasField("default") else ""


@dataclass(frozen=True)
class Shown:
    """What the player shows: its puzzle, and how many supervision steps of how many have come."""

    puzzle: tuple[int, ...]
    steps: int
    of: int

    @property
    def is_whole(self) -> bool:
        return self.steps == self.of


class Visitor:
    """One session. Use it as a context: `async with Visitor(url, "latents") as visitor`."""

    def __init__(self, url: str, page: str = "", query: str = ""):
        self.url, self.page, self.query = url, page, query
        self.exceptions: list[str] = []
        self.shown: Shown | None = None
        self.runs = 0  # of the script, whole or of a part, that have ended
        self._page_hash = ""
        self._widgets: dict[str, str] = {}  # id by key
        self._fragments: dict[str, str] = {}  # of the element of that id
        self._states: dict[str, WidgetState] = {}
        self._clocks: dict[str, asyncio.Task] = {}
        self._news = asyncio.Event()

    async def __aenter__(self) -> "Visitor":
        self._socket = await connect(
            f"{self.url.replace('http', 'ws')}/_stcore/stream",
            subprotocols=["streamlit"],
            max_size=LARGEST,
            open_timeout=60,
            ping_interval=None,
        )
        self._reader = asyncio.create_task(self._read())
        await self._send()
        return self

    async def __aexit__(self, *error: object) -> None:
        self._stop_clocks()
        self._reader.cancel()
        with suppress(Exception):
            await asyncio.wait_for(self._socket.close(), 5)

    async def until(self, seen: Callable[[], bool], seconds: float) -> bool:
        """Wait for something to be seen; returns whether it was in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not seen():
                    if self._reader.done():
                        self._reader.result()  # raises what ended it
                        break
                    self._news.clear()
                    await self._news.wait()
        return seen()

    async def press(self, key: str) -> None:
        await self._send(WidgetState(id=self._widgets[key], trigger_value=True))

    async def report(self, key: str, value: dict) -> None:
        """What a component says that its state is; only its part of the page is run for that."""
        identity = self._widgets[key]
        self._states[identity] = WidgetState(id=identity, json_value=json.dumps(value))
        await self._send(fragment=self._fragments[identity])

    async def _send(self, *changed: WidgetState, fragment: str = "") -> None:
        message = self._message(fragment)
        message.rerun_script.widget_states.widgets.extend([*self._states.values(), *changed])
        await self._socket.send(message.SerializeToString())

    def _message(self, fragment: str = "") -> BackMsg:
        message = BackMsg()
        asked = message.rerun_script
        asked.query_string, asked.fragment_id = self.query, fragment
        asked.context_info.url = f"{self.url}/{self.page}"
        if self._page_hash:
            asked.page_script_hash = self._page_hash
        else:
            asked.page_name = self.page
        return message

    async def _tick(self, fragment: str, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            message = self._message(fragment)
            message.rerun_script.is_auto_rerun = True
            await self._socket.send(message.SerializeToString())

    def _stop_clocks(self) -> None:
        for clock in self._clocks.values():
            clock.cancel()
        self._clocks.clear()

    async def _read(self) -> None:
        try:
            async for content in self._socket:
                self._take(ForwardMsg.FromString(content))
                self._news.set()
        finally:
            self._news.set()

    def _take(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self._page_hash = message.new_session.page_script_hash or self._page_hash
            if not message.metadata.run.fragment_ids:
                self._stop_clocks()
        elif kind == "auto_rerun":
            asked = message.auto_rerun
            if before := self._clocks.pop(asked.fragment_id, None):
                before.cancel()
            self._clocks[asked.fragment_id] = asyncio.create_task(
                self._tick(asked.fragment_id, asked.interval)
            )
        elif kind == "script_finished":
            self.runs += 1
        elif kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            self._take_element(message.delta.new_element, message.delta.fragment_id)

    def _take_element(self, element: Element, fragment: str) -> None:
        kind = element.WhichOneof("type")
        sent = getattr(element, kind)
        if kind == "exception":
            self.exceptions.append(f"{sent.type}: {sent.message}")
        elif kind == "bidi_component" and sent.component_name == "recursion_lens_player":
            data = json.loads(sent.json or sent.mixed.json)
            if "inputs" in data:  # else two players side by side
                self.shown = Shown(tuple(data["inputs"]), data["steps"], data["N_sup"])
        if identity := getattr(sent, "id", ""):
            self._widgets[identity.rsplit("-", 1)[-1]] = identity
            self._fragments[identity] = fragment
            if kind in STANDS:
                self._states[identity] = state = WidgetState(id=identity)
                for field, value in STANDS[kind](sent).items():
                    if field == "double_array_value":
                        state.double_array_value.data.extend(value)
                    else:
                        setattr(state, field, value)


def together(*visits: Awaitable) -> list:
    """Make visits at the same time; returns what each made of it."""

    async def all_of_them() -> list:
        return await asyncio.gather(*visits)

    with ThreadPoolExecutor(1) as thread:  # Playwright has a loop of its own in this one
        return thread.submit(asyncio.run, all_of_them()).result()
