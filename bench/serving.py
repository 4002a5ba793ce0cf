"""Waiting times of many people on one server, and its memory. `python -m bench.serving`

A person is a client that uses Streamlit's protocol (`tests/support/visitors.py`), because 40 browsers would need more
processor time than the server. The server is a process of its own. The clients' processor time is given beside the
server's; on a machine with two cores it lengthens the waiting times.

People ask within one second, each for another new puzzle. The waiting times, from the request of each person, end when
the first supervision step and the whole run have arrived. Who has got nothing after `TIMEOUT` seconds counts as that.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from bench.figures import parse_quick, percentile_95, print_figure, progress
from tests.support.served_app import ServedApp
from tests.support.visitors import Visitor

TOPIC = "serving"
MODELS = ("sudoku-trm", "sudoku-hrm", "maze-trm", "maze-hrm", "maze30-trm")
FIRST_STEP, WHOLE_RUN = 5.0, 25.0  # budgets, in seconds
TIMEOUT = 120.0  # seconds
UMAP_TIMEOUT = 300.0  # seconds
WITHIN = 1.0  # seconds in which all people ask
QUIET = 0.05  # processor seconds per second below which the server has nothing to do
USED_BEFORE = 20  # sessions that were opened and closed before the memory is measured for the first time
DROPPED_AFTER = 130.0  # seconds after which Streamlit has dropped a closed session; it keeps each for two minutes, in case the person returns


@dataclass
class Waits:
    """Waiting times of people, in seconds."""

    first: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)

    @property
    def lost(self) -> int:
        return sum(seconds >= TIMEOUT for seconds in self.whole)


async def wait_until_quiet(app: ServedApp) -> None:
    """Wait until the server has nothing to do for two seconds."""
    quiet = 0
    while quiet < 2:
        before = app.processor_seconds()
        await asyncio.sleep(1.0)
        quiet = quiet + 1 if app.processor_seconds() - before < QUIET else 0


@asynccontextmanager
async def people(app: ServedApp, queries: Sequence[str]) -> AsyncIterator[list[Visitor]]:
    """People on the Solve page, each with a query string, whose first run is complete."""
    async with AsyncExitStack() as stack:
        visits = (stack.enter_async_context(Visitor(app.url, query=query)) for query in queries)
        visitors = await asyncio.gather(*visits)
        ready = (
            visitor.until(lambda v=visitor: v.shown and v.shown.is_whole, TIMEOUT) for visitor in visitors
        )
        if not all(await asyncio.gather(*ready)):
            raise TimeoutError("Not everybody got a first run.")
        await wait_until_quiet(app)
        yield visitors


async def ask(visitor: Visitor, waits: Waits, delay: float = 0.0) -> None:
    """Ask for a new puzzle after a delay, and add the waiting times."""
    await asyncio.sleep(delay)
    start, before = time.perf_counter(), visitor.shown.puzzle
    await visitor.press("new_puzzle")
    for times, is_there in (
        (waits.first, lambda: visitor.shown.puzzle != before and visitor.shown.steps > 0),
        (waits.whole, lambda: visitor.shown.puzzle != before and visitor.shown.is_whole),
    ):
        await visitor.until(is_there, TIMEOUT - (time.perf_counter() - start))
        times.append(min(time.perf_counter() - start, TIMEOUT) if is_there() else TIMEOUT)


async def ask_together(visitors: Sequence[Visitor]) -> Waits:
    """All people ask for a new puzzle within a second."""
    waits = Waits()
    await asyncio.gather(
        *(ask(visitor, waits, WITHIN * place / len(visitors)) for place, visitor in enumerate(visitors))
    )
    return waits


def print_waits(waits: Waits, what: str, **facts: object) -> None:
    facts |= {"lost": waits.lost}
    print_figure(
        f"{what}: first supervision step, 95th percentile",
        percentile_95(waits.first), "s", topic=TOPIC, budget=FIRST_STEP, **facts,
    )  # fmt: skip
    print_figure(
        f"{what}: whole run, 95th percentile",
        percentile_95(waits.whole), "s", topic=TOPIC, budget=WHOLE_RUN, **facts,
    )  # fmt: skip


async def measure_crowd(app: ServedApp, count: int, what: str, models: Sequence[str]) -> None:
    """Everybody asks for a new puzzle, the models in turns; also the memory and processor time per person."""
    async with people(app, [f"model={model}" for model in models]):
        pass  # loads the models
    memory = app.resident_bytes()
    queries = [f"model={models[place % len(models)]}" for place in range(count)]
    async with people(app, queries) as visitors:
        memory = (app.resident_bytes() - memory) / count
        server, client = app.processor_seconds(), time.process_time()
        waits = await ask_together(visitors)
        server, client = app.processor_seconds() - server, time.process_time() - client
    progress(f"{what}: whole runs after {sorted(waits.whole)[len(waits.whole) // 2]:.1f} s (median)")
    print_waits(waits, what, people=count, models=len(models), clients_processor_seconds=round(client, 2))
    print_figure(f"{what}: server processor time per person", server / count, "s", topic=TOPIC, people=count)
    print_figure(f"{what}: memory per open session", memory / 1e6, "MB", topic=TOPIC, people=count)


async def measure_beside_umap(app: ServedApp, count: int) -> None:
    """People ask again and again while one person computes a UMAP; before, they ask as often without it."""
    async with (
        people(app, [""] * count) as visitors,
        Visitor(app.url, "latents", "latents_umap=true") as researcher,
    ):
        if not await researcher.until(lambda: researcher.was_sent("latents_compute"), TIMEOUT):
            raise TimeoutError("The Latents page did not appear.")
        await wait_until_quiet(app)

        def is_computed() -> bool:
            return researcher.pressed("latents_method") == ["UMAP"]  # the page shows a new projection at once

        alone = await ask_together(visitors)
        start = time.perf_counter()
        await researcher.press("latents_compute")
        beside = Waits()
        while not is_computed() and time.perf_counter() - start < UMAP_TIMEOUT:
            more = await ask_together(visitors)
            beside.first += more.first
            beside.whole += more.whole
        facts = {"umap_seconds": round(time.perf_counter() - start, 1), "umap_done": is_computed()}
    facts["requests"] = len(beside.whole)
    print_waits(alone, f"{count} people, no UMAP", people=count)
    print_waits(beside, f"{count} people beside a UMAP", people=count, **facts)
    ratio = percentile_95(beside.whole) / percentile_95(alone.whole)
    print_figure("whole run beside a UMAP, times as long", ratio, "", topic=TOPIC, budget=2.0, **facts)


async def measure_memory(app: ServedApp, sessions: int, together: int) -> None:
    """Open sessions, use and close them, `together` at a time."""
    waits, sizes = Waits(), {}

    async def visit() -> None:
        async with Visitor(app.url) as visitor:
            if await visitor.until(lambda: visitor.shown is not None, TIMEOUT):
                await ask(visitor, waits)

    for done in range(together, sessions + 1, together):
        await asyncio.gather(*(visit() for _ in range(together)))
        if done in (USED_BEFORE, sessions):
            await wait_until_quiet(app)
            sizes[done] = app.resident_bytes()
            progress(f"{done} sessions closed: {sizes[done] / 1e6:.0f} MB")
    first, last = sizes[USED_BEFORE], sizes[sessions]
    await asyncio.sleep(DROPPED_AFTER)
    await visit()  # Streamlit drops old sessions when another one closes
    await wait_until_quiet(app)
    end = app.resident_bytes()
    print_figure(f"memory after {USED_BEFORE} sessions", first / 1e6, "MB", topic=TOPIC)
    print_figure(f"memory right after {sessions} sessions", last / 1e6, "MB", topic=TOPIC, lost=waits.lost)
    print_figure(f"memory two minutes after {sessions} sessions", end / 1e6, "MB", topic=TOPIC)
    print_figure("memory, times as much", end / first, "", topic=TOPIC, budget=1.15, sessions=sessions)


async def measure(quick: bool) -> None:
    count, few, sessions = (10, 5, 40) if quick else (40, 20, 200)
    with ServedApp() as app:
        await measure_crowd(app, count, f"{count} people, a new Sudoku each", MODELS[:1])
        await measure_crowd(app, count, f"{count} people on five models", MODELS)
    with ServedApp() as app:
        await measure_beside_umap(app, few)
    with ServedApp() as app:
        await measure_memory(app, sessions, 10)


def main() -> None:
    asyncio.run(measure(parse_quick(__doc__)))


if __name__ == "__main__":
    main()
