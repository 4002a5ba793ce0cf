"""People on a server without a browser: sessions that speak Streamlit's protocol, so that many fit on one machine.

A session fetches what its components fetch by HTTP, as a browser does, and knows what it was sent: exceptions, its buttons, and
how far the run in its player has come.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ButtonGroup_pb2 import ButtonGroup
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.NewSession_pb2 import CustomThemeConfig
from streamlit.proto.Selectbox_pb2 import Selectbox
from streamlit.proto.Slider_pb2 import Slider
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import connect

LARGEST = 1 << 26  # bytes of a message


# Of a widget that stands as it was sent: what a browser says of it in every rerun.
STANDS = {
    "selectbox": lambda sent: {"string_value": chosen} if (chosen := _chosen(sent)) else {},
    "slider": lambda sent: (
        {"string_array_value": sent.raw_value or [sent.options[int(place)] for place in sent.default]}
        if sent.type == Slider.SELECT_SLIDER
        else {"double_array_value": sent.value if sent.set_value else sent.default}
    ),
    "number_input": lambda sent: {"double_value": sent.value if sent.set_value else sent.default},
    "text_area": lambda sent: {"string_value": sent.value if sent.set_value else sent.default},
    "text_input": lambda sent: {"string_value": sent.value if sent.set_value else sent.default},
    "checkbox": lambda sent: {"bool_value": sent.value if sent.set_value else sent.default},
    "button_group": lambda sent: {"string_array_value": _pressed(sent)},
}


def _chosen(sent: Selectbox) -> str:
    if sent.set_value:
        return sent.raw_value
    return sent.options[sent.default] if sent.HasField("default") else ""


def _pressed(sent: ButtonGroup) -> list[str]:
    return (
        list(sent.raw_values) if sent.set_value else [sent.options[place].content for place in sent.default]
    )


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
        self.theme = CustomThemeConfig()
        self.runs = 0  # of the script, whole or of a part, that have ended
        self._drawn: set[str] = set()  # components that the page has drawn in this run
        self._page_hash = ""
        self._widgets: dict[str, str] = {}  # id by key
        self._fragments: dict[str, str] = {}  # of the element of that id
        self._states: dict[str, WidgetState] = {}
        self._feeds: dict[str, tuple[str, asyncio.Task]] = {}  # address and task by the id of the component
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
        self._stop_feeds(self._feeds)
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

    def was_sent(self, key: str) -> bool:
        """Whether the page has, or had, a widget with this key."""
        return key in self._widgets

    def pressed(self, key: str) -> list[str]:
        """The labels that are pressed in a segmented control."""
        return list(self._states[self._widgets[key]].string_array_value.data)

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

    async def _follow(self, identity: str, data: dict[str, Any]) -> None:
        """Fetch what the component of that id fetches, until it makes the page run."""
        is_run, steps, tag = "stage" not in data, data.get("steps", 0), data.get("tag")
        while True:
            query = {"steps": steps} if is_run else {"stage": data["stage"], "known": tag}
            news = await fetched(self.url, f"{data['feed']}?{urlencode(query)}")
            if is_run and news and news["payload"]:
                self._take_run(news["payload"])
                steps = news["payload"]["steps"]
                self._news.set()
            if news is None or (news["ended"] if is_run else news["stage"] != data["stage"]):
                break
            tag = news.get("tag")
        if is_run or data["reruns"]:
            await self._send(
                WidgetState(
                    id=f"$$STREAMLIT_INTERNAL_KEY_{identity}__events",
                    json_trigger_value=json.dumps([{"event": "news", "value": {"edits": data["edits"]}}]),
                ),
                fragment=self._fragments[identity],
            )

    def _stop_feeds(self, identities: Iterable[str]) -> None:
        for identity in list(identities):
            self._feeds.pop(identity)[1].cancel()

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
            self.theme = message.new_session.custom_theme
            if not message.metadata.run.fragment_ids:
                self._drawn = set()
        elif kind == "navigation":
            # In its first run, a session may not know which page it shows.
            self._page_hash = message.navigation.page_script_hash
        elif kind == "script_finished":
            self.runs += 1
            if message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                self._stop_feeds(self._feeds.keys() - self._drawn)
        elif kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            self._take_element(message.delta.new_element, message.delta.fragment_id)

    def _take_element(self, element: Element, fragment: str) -> None:
        kind = element.WhichOneof("type")
        sent = getattr(element, kind)
        if kind == "exception":
            self.exceptions.append(f"{sent.type}: {sent.message}")
        elif kind == "bidi_component":
            self._fragments[sent.id] = fragment
            self._take_component(sent.id, json.loads(sent.json or sent.mixed.json or "{}"))
        if identity := getattr(sent, "id", ""):
            self._widgets[identity.rsplit("-", 1)[-1]] = identity
            self._fragments[identity] = fragment
            if kind in STANDS and (sent.set_value or identity not in self._states):
                self._states[identity] = state = WidgetState(id=identity)
                for field, value in STANDS[kind](sent).items():
                    if field in ("double_array_value", "string_array_value"):
                        getattr(state, field).data.extend(value)
                    else:
                        setattr(state, field, value)

    def _take_component(self, identity: str, data: dict[str, Any]) -> None:
        if "inputs" in data:  # one player
            self._take_run(data)
        self._drawn.add(identity)
        before, task = self._feeds.get(identity, (None, None))
        if before == (feed := data.get("feed")):
            return
        if task is not None:
            self._stop_feeds([identity])
        if feed:
            self._feeds[identity] = feed, asyncio.create_task(self._follow(identity, data))

    def _take_run(self, data: dict[str, Any]) -> None:
        self.shown = Shown(tuple(data["inputs"]), data["steps"], data["N_sup"])


async def fetched(url: str, address: str) -> Any | None:
    """What a server answers to a request for an address; None if it does not know it."""
    server = urlsplit(url)
    reader, writer = await asyncio.open_connection(server.hostname, server.port, limit=LARGEST)
    try:
        writer.write(f"GET {address} HTTP/1.1\r\nHost: {server.netloc}\r\nConnection: close\r\n\r\n".encode())
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    finally:
        writer.close()
    return json.loads(body) if b" 200 " in head.split(b"\r\n")[0] else None


def together(*visits: Awaitable) -> list:
    """Make visits at the same time; returns what each made of it."""

    async def all_of_them() -> list:
        return await asyncio.gather(*visits)

    with ThreadPoolExecutor(1) as thread:  # Playwright has a loop of its own in this one
        return thread.submit(asyncio.run, all_of_them()).result()
