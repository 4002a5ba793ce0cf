"""Many people on one server. What they wait for is timed, so nothing else may run."""

import asyncio
import time
from collections.abc import Callable, Iterator

import pytest
from served_app import ServedApp
from visitors import Visitor, together

pytestmark = pytest.mark.alone

PATIENCE = 60.0  # seconds until a page is there
QUIET = 0.03  # of a processor: nothing is computed any more
BUSY = 0.3  # of a processor: a run is computed all the time
PEOPLE, WHOLE_WITHIN = 12, 20.0  # seconds
FIRST_STEP_WITHIN = 5.0  # seconds beside a run of half-minute steps


@pytest.fixture(scope="module")
def app() -> Iterator[ServedApp]:
    with ServedApp() as app:
        yield app


async def three_seconds(app: ServedApp, of: Callable[[float], bool], what: str) -> None:
    """Wait until the server's use of a processor, 1 for a whole one, has been such for three seconds."""
    such = 0
    for _ in range(90):
        before = app.processor_seconds()
        await asyncio.sleep(1.0)
        such = such + 1 if of(app.processor_seconds() - before) else 0
        if such == 3:
            return
    raise TimeoutError(f"The server was never {what}.")


async def new_puzzle(visitor: Visitor) -> float:
    """Ask for another puzzle; returns the seconds until its first supervision step was there."""
    began, before = time.perf_counter(), visitor.shown.puzzle
    await visitor.press("new_puzzle")
    assert await visitor.until(lambda: visitor.shown.puzzle != before, PATIENCE)
    return time.perf_counter() - began


@pytest.mark.slow
def test_twelve_who_ask_at_once_all_see_whole_runs_soon(app):
    async def visit(gate: asyncio.Barrier) -> float:
        async with Visitor(app.url) as visitor:
            assert await visitor.until(lambda: visitor.shown is not None and visitor.shown.is_whole, PATIENCE)
            await gate.wait()  # all are there
            await three_seconds(app, lambda use: use < QUIET, "at rest")
            await gate.wait()
            began = time.perf_counter()
            await new_puzzle(visitor)
            assert await visitor.until(lambda: visitor.shown.is_whole, PATIENCE)
            return time.perf_counter() - began

    gate = asyncio.Barrier(PEOPLE)
    waited = together(*(visit(gate) for _ in range(PEOPLE)))
    assert max(waited) < WHOLE_WITHIN


def test_a_run_of_half_minute_steps_does_not_hold_the_others(app):
    async def hog() -> None:
        async with Visitor(app.url, query="model=maze30-trm&n=26&T=26&steps=4"):
            await asyncio.sleep(PATIENCE)

    async def visit() -> float:
        async with Visitor(app.url) as visitor:
            assert await visitor.until(lambda: visitor.shown is not None, PATIENCE)
            holding = asyncio.create_task(hog())
            await three_seconds(app, lambda use: use > BUSY, "busy with that run")
            waited = await new_puzzle(visitor)
            holding.cancel()
            return waited

    (waited,) = together(visit())
    assert waited < FIRST_STEP_WITHIN
