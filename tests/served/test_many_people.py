"""Many people on one server. What they wait for is timed, so nothing else may run."""

import asyncio
import time
from collections.abc import Iterator
from statistics import median

import pytest
from served_app import ServedApp
from visitors import Visitor, together

pytestmark = pytest.mark.alone

PATIENCE = 60.0  # seconds until a page is there
QUIET = 0.03  # of a processor: nothing is computed any more
RERUN = 0.020  # seconds of processor time
BATCHES, RERUNS = 5, 20
PEOPLE, WHOLE_WITHIN = 12, 20.0  # seconds
FIRST_STEP_WITHIN = 5.0  # seconds beside a run of half-minute steps


@pytest.fixture(scope="module")
def app() -> Iterator[ServedApp]:
    with ServedApp() as app:
        yield app


async def settled(app: ServedApp) -> None:
    """Wait until the server has nothing more to do for three seconds."""
    quiet = 0
    for _ in range(90):
        before = app.processor_seconds()
        await asyncio.sleep(1.0)
        quiet = quiet + 1 if app.processor_seconds() - before < QUIET else 0
        if quiet == 3:
            return
    raise TimeoutError("The server never came to rest.")


async def new_puzzle(visitor: Visitor) -> float:
    """Ask for another puzzle; returns the seconds until its first supervision step was there."""
    began, before = time.perf_counter(), visitor.shown.puzzle
    await visitor.press("new_puzzle")
    assert await visitor.until(lambda: visitor.shown.puzzle != before, PATIENCE)
    return time.perf_counter() - began


async def tell_view(visitor: Visitor, step: int) -> None:
    """As a player does when the person stays at a call."""
    runs = visitor.runs
    await visitor.report(
        "player", {"view": {"supervision_step": step, "cycle": 1, "call": 7, "mode": "answer"}}
    )
    assert await visitor.until(lambda: visitor.runs > runs, PATIENCE)


def test_telling_which_call_is_shown_costs_the_server_little(app):
    async def visit() -> float:
        async with Visitor(app.url) as visitor:
            assert await visitor.until(lambda: visitor.shown is not None, PATIENCE)
            await settled(app)
            spent = []
            for _ in range(BATCHES):
                began = app.processor_seconds()
                for number in range(RERUNS):
                    await tell_view(visitor, number % 16 + 1)
                spent.append((app.processor_seconds() - began) / RERUNS)
            return median(spent)

    (spent,) = together(visit())
    assert spent < RERUN


def test_twelve_who_ask_at_once_all_see_whole_runs_soon(app):
    async def visit(gate: asyncio.Barrier) -> float:
        async with Visitor(app.url) as visitor:
            assert await visitor.until(lambda: visitor.shown is not None and visitor.shown.is_whole, PATIENCE)
            await gate.wait()  # all are there
            await settled(app)
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
            await asyncio.sleep(10.0)
            waited = await new_puzzle(visitor)
            holding.cancel()
            return waited

    (waited,) = together(visit())
    assert waited < FIRST_STEP_WITHIN
