"""The HTTP routes of the app beside its pages. They serve what changes while a page is on screen.

    /runs/KEY?steps=N         the steps of a run, once it has more than N or has ended
    /progress/KEY?known=TAG   the progress of a computation, once it differs from the progress with this tag
    /why/KEY?cell=..&step=..  which givens pushed a cell of a run to its answer, once that is computed
    /map/KEY                  where the states of a run lie, once that is computed
    /rooms/CODE?turn=N        the lecturer's scene and view, once they are not those of turn N; `rooms.py` says what
                              lecturers send, and `audience.py` what they are sent
    /rooms/CODE/answers       takes the answer of a follower to a question of the lecture

A request waits on the server until there is something new, at most `HOLD` seconds, so browsers need no timers. Keys come
from `feeds.py`, and no part of a request is ever used as a path. The answer is 404 for an unknown key, null for a
computation that nobody waits for any more, and 429 for too many requests.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import lru_cache
from typing import TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from app.server.http import feeds
from app.server.http.audience import AUDIENCES
from app.server.http.feeds import Answers, CellQuestion, Growth, Progress, tag
from app.server.http.limits import RateLimit
from app.server.http.rooms import Room, is_code, rooms
from app.server.runs import Run
from app.server.work import Job, JobFailed
from trm.export.payload import payload
from trm.tasks import get_task

HOLD = 25.0  # maximum seconds that a request waits; proxies often end requests after 30 or 60
TICK = 0.1  # seconds between two looks at what a request waits for
AUDIENCE_EVERY = 1.0  # minimum seconds between two answers about the audience of a room
PROGRESS_EVERY = 0.5  # minimum seconds between two answers about the same progress
LONGEST_SCENE = 100  # characters
REQUIRED = ("cell", "step", "cycle", "token")  # parameters of a question about a cell
MOST_BODIES = 32  # encoded runs in memory, about 200 kB each, for people who watch the same run
NO_STORE = {"Cache-Control": "no-store"}
TRY_LATER = NO_STORE | {"Retry-After": "2"}
TOO_MANY = "Too many requests. Wait a few seconds."
PER_KEY = RateLimit(rate=4, burst=40)  # a key belongs to one session; its player asks twice a second at most
PER_ADDRESS = RateLimit(rate=200, burst=1000)  # a class may share one address
MOST_HELD = 500  # requests of one address that wait; a person has two or three
HELD: Counter[str] = Counter()  # requests that wait, by address

Content = TypeVar("Content")


def routes(base: str) -> list[BaseRoute]:
    """Return all routes of a server whose pages are below the path `base` (`server.baseUrlPath`)."""
    root = f"/{base.strip('/')}".rstrip("/")
    return [
        Route(f"{root}/runs/{{key}}", serve_run, methods=["GET"]),
        Route(f"{root}/progress/{{key}}", serve_progress, methods=["GET"]),
        Route(f"{root}/why/{{key}}", serve_why, methods=["GET"]),
        Route(f"{root}/map/{{key}}", serve_map, methods=["GET"]),
        Route(f"{root}/rooms/{{code}}", serve_room, methods=["GET"]),
        Route(f"{root}/rooms/{{code}}/answers", take_answer, methods=["POST"]),
    ]


async def serve_run(request: Request) -> Response:
    """Serve a growing run: `payload`, if it has more steps than the browser, and whether it has `ended`."""
    key = request.path_params["key"]
    if (refusal := _refusal(request, key)) is not None:
        return refusal
    had = request.query_params.get("steps", "")
    known = int(had) if had.isdecimal() and len(had) <= 4 else 0

    def is_new(growth: Growth, waited: float) -> bool:
        """Whether to answer. The first step is shown as soon as it is computed, all others after a pause."""
        run = growth.run
        return run.done or (steps_of(run) > known and (not known or waited >= growth.pause))

    if (read := feeds.RUNS.find(key)) is None:
        return _not_found("run")
    growth = await _wait(request, read, is_new)
    if growth is None:
        return JSONResponse(None, headers=NO_STORE)
    run, ended = growth.run, growth.run.done
    steps = steps_of(run)
    body = await run_in_threadpool(_body, run, steps, ended) if steps > known else _ending(ended)
    return Response(body, media_type="application/json", headers=NO_STORE)


async def serve_progress(request: Request) -> Response:
    """Serve the progress of a computation, with a tag that the browser sends with its next request."""
    key = request.path_params["key"]
    if (refusal := _refusal(request, key)) is not None:
        return refusal
    known, stage = (request.query_params.get(name) for name in ("known", "stage"))
    if (read := feeds.PROGRESS.find(key)) is None:
        return _not_found("computation")

    def is_new(progress: Progress, waited: float) -> bool:
        return progress.stage != stage or (waited >= PROGRESS_EVERY and tag(progress) != known)

    progress = await _wait(request, read, is_new)
    if progress is None:
        return JSONResponse(None, headers=NO_STORE)
    return JSONResponse(asdict(progress) | {"tag": tag(progress)}, headers=NO_STORE)


async def serve_why(request: Request) -> Response:
    """Serve the answer to a question about a cell: whether the job has `ended`, its `result`, or its `error`."""
    key, query = request.path_params["key"], request.query_params
    if (refusal := _refusal(request, key)) is not None:
        return refusal
    numbers = {name: query[name] for name in ("cell", "step", "cycle", "token", "versus") if name in query}
    is_question = all(text.isdecimal() and len(text) <= 4 for text in numbers.values())
    if (read := feeds.WHY.find(key)) is None or not is_question or not {*numbers} >= {*REQUIRED}:
        return _not_found("run")
    question = CellQuestion(**{name: int(text) for name, text in numbers.items()})
    return await _answer(request, read(), question)


async def serve_map(request: Request) -> Response:
    """Serve the map of the states of a run: whether the job has `ended`, its `result`, or its `error`."""
    key = request.path_params["key"]
    if (refusal := _refusal(request, key)) is not None:
        return refusal
    if (read := feeds.MAPS.find(key)) is None:
        return _not_found("run")
    return await _answer(request, read(), None)


async def _answer(request: Request, answers: Answers, question: CellQuestion | None) -> Response:
    """Start the job of a question, wait for it, and serve its result."""
    job = answers.ask(question)

    def look() -> Job:
        answers.look(job)
        return job

    await _wait(request, look, lambda job, waited: job.done)
    content = {"ended": job.done}
    if job.done:
        failed = job.error or (JobFailed("Cancelled.") if job.result is None else None)
        content |= {"error": str(failed)} if failed else {"result": answers.show(question, job.result)}
    return JSONResponse(content, headers=NO_STORE)


async def serve_room(request: Request) -> Response:
    """Serve the scene and the view of a room and, to its lecturer, the audience.

    A lecturer sends a scene with its view, to `move` the room or to open it again, and the token in the header
    `Authorization`, which no log of a proxy contains.
    """
    code, query = request.path_params["code"], request.query_params
    if (refusal := _refusal(request)) is not None:
        return refusal
    if not is_code(code):
        return _not_found("room")
    scene = query.get("scene", "")[:LONGEST_SCENE]
    moves = query.get("move") or rooms().read(code) is None
    leads = rooms().is_led_by(code, request.headers.get("authorization", "").removeprefix("Bearer "))
    if scene and moves and leads:
        rooms().move(code, scene, query.get("view"))
    if not leads and rooms().read(code) is not None:
        AUDIENCES.see(code, query.get("follower"))

    def is_new(room: Room, waited: float) -> bool:
        changed = leads and waited >= AUDIENCE_EVERY and AUDIENCES.read(code).tag != query.get("audience")
        return changed or str(room.turn) != query.get("turn")

    room = await _wait(request, lambda: rooms().read(code), is_new)
    if room is None:
        return _not_found("room")
    audience = {"audience": asdict(AUDIENCES.read(code))} if leads else {}
    return JSONResponse(asdict(room) | audience, headers=NO_STORE)


async def take_answer(request: Request) -> Response:
    """Count the answer of a follower: `follower`, `question` and `choice`, the number of a choice from 0."""
    code, query = request.path_params["code"], request.query_params
    follower, question, choice = (query.get(name, "") for name in ("follower", "question", "choice"))
    if (refusal := _refusal(request, f"{code} {follower[:LONGEST_SCENE]}")) is not None:
        return refusal
    if not is_code(code) or rooms().read(code) is None:
        return _not_found("room")
    if not AUDIENCES.answer(code, follower, question, choice):
        return PlainTextResponse("This is not an answer to a question of the lecture.", 422, NO_STORE)
    return Response(status_code=204, headers=NO_STORE)


def steps_of(run: Run) -> int:
    """Return the number of supervision steps computed so far."""
    return 0 if run.trace is None else run.trace.steps


async def _wait(
    request: Request, read: Callable[[], Content | None], is_new: Callable[[Content, float], bool]
) -> Content | None:
    """Wait until the content is new, the browser is gone, or `HOLD` seconds have passed, and return the content.

    `is_new` receives the content and the seconds waited so far. Returns None as soon as there is no content. Raises
    HTTPException if the request would have to wait, and too many of its address wait already.
    """
    began, waited = time.monotonic(), 0.0
    content = read()
    if content is None or is_new(content, waited):
        return content
    with _held(request):
        while not (waited > HOLD or await request.is_disconnected()):
            await asyncio.sleep(TICK)
            content, waited = read(), time.monotonic() - began
            if content is None or is_new(content, waited):
                break
    return content


@contextmanager
def _held(request: Request) -> Iterator[None]:
    """Count the request as one that waits."""
    address = _address(request)
    if HELD[address] >= MOST_HELD:
        raise HTTPException(429, TOO_MANY, TRY_LATER)
    HELD[address] += 1
    try:
        yield
    finally:
        HELD[address] -= 1
        if not HELD[address]:
            del HELD[address]


@lru_cache(maxsize=MOST_BODIES)
def _body(run: Run, steps: int, ended: bool) -> bytes:
    """Encode a run. `steps` and `ended` are only part of the cache key."""
    trace = run.trace
    task = get_task(trace.provenance.task, len(trace.inputs))
    return json.dumps({"ended": ended, "payload": payload(trace, task)}).encode()


def _ending(ended: bool) -> bytes:
    return json.dumps({"ended": ended, "payload": None}).encode()


def _not_found(what: str) -> Response:
    return PlainTextResponse(f"There is no such {what} here any more. Reload the page.", 404, NO_STORE)


def _refusal(request: Request, key: str | None = None) -> Response | None:
    """Count a request, and return the answer to a person who asks too often."""
    if PER_ADDRESS.allows(_address(request)) and (key is None or PER_KEY.allows(key)):
        return None
    return PlainTextResponse(TOO_MANY, 429, TRY_LATER)


def _address(request: Request) -> str:
    return request.client.host if request.client else ""
