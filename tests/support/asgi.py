"""Requests to HTTP routes without a server."""

import asyncio
import json
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.applications import Starlette
from visitors import together

from app.server.http.routes import routes


def finish(work: Awaitable) -> Any:
    """What a coroutine returns. Where a test of a browser ran before, Playwright's loop runs in this thread."""
    return together(work)[0]


@dataclass(frozen=True)
class Answer:
    """What a route answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def content(self) -> Any:
        return json.loads(self.body)


class Client:
    """A browser at one address. `leave()` closes its connections."""

    def __init__(self, host: str = "127.0.0.1", base: str = ""):
        self._app, self._host, self._gone = Starlette(routes=routes(base)), host, asyncio.Event()

    def leave(self) -> None:
        self._gone.set()

    async def get(self, path: str, *, bearer: str = "", **query: Any) -> Answer:
        """Request a path, as a lecturer with `bearer`, the token of a room, and return the answer."""
        return await self.send("GET", path, query, bearer)

    async def post(self, path: str, **query: Any) -> Answer:
        """Send to a path and return the answer."""
        return await self.send("POST", path, query)

    async def send(self, method: str, path: str, query: dict[str, Any], bearer: str = "") -> Answer:
        sent: list[dict[str, Any]] = []
        body = iter([{"type": "http.request", "body": b"", "more_body": False}])

        async def receive() -> dict[str, Any]:
            for message in body:
                return message
            await self._gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": urlencode(query).encode(),
            "headers": [(b"authorization", f"Bearer {bearer}".encode())] if bearer else [],
            "client": (self._host, 1),
            "root_path": "",
        }
        await self._app(scope, receive, send)
        headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return Answer(sent[0]["status"], headers, b"".join(each.get("body", b"") for each in sent[1:]))
