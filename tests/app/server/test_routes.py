"""HTTP routes: a browser gets a growing run and the progress of a computation when there is something new."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from asgi import Client, finish
from fake_runs import PATIENCE, trace

from app.server.http import feeds, routes
from app.server.http.feeds import Answers, CellQuestion, Feeds, Growth, Progress
from app.server.http.limits import RateLimit
from trm.errors import UserError
from trm.trace import Trace


@pytest.fixture(autouse=True)
def fresh_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test uses up the requests of another."""
    monkeypatch.setattr(routes, "PER_KEY", RateLimit(rate=4, burst=40))
    monkeypatch.setattr(routes, "PER_ADDRESS", RateLimit(rate=200, burst=1000))


STEPS = 3


@dataclass(eq=False)
class FakeRun:
    """What a feed reads of a run."""

    trace: Trace | None = None
    done: bool = False

    def grow(self, steps: int) -> None:
        self.trace = trace(steps, cells=81)
        self.done = steps == STEPS


def published(read: Callable[[], FakeRun | None], *, pause: float = 0.0) -> str:
    """Publish a run and return the path of its feed."""

    def growth() -> Growth | None:
        run = read()
        return run and Growth(run, pause)

    return f"/runs/{feeds.RUNS.publish(('test', object()), growth)}"


def test_a_browser_gets_each_step_once_it_is_computed_and_the_end():
    async def visit() -> None:
        run, client = FakeRun(), Client()
        path = published(lambda: run)
        for step in range(STEPS):
            request = asyncio.create_task(client.get(path, steps=step))
            await asyncio.sleep(2 * routes.TICK)
            assert not request.done()  # the request waits for the step
            run.grow(step + 1)
            content = (await asyncio.wait_for(request, PATIENCE)).content
            assert content["payload"]["steps"] == step + 1
            assert content["ended"] == (step + 1 == STEPS)

    finish(visit())


def test_a_browser_that_has_all_steps_and_one_whose_run_failed_get_only_the_end():
    whole, failed = FakeRun(), FakeRun(done=True)
    whole.grow(STEPS)
    for run, steps in ((whole, STEPS), (failed, 0)):
        answer = finish(Client().get(published(lambda run=run: run), steps=steps))
        assert answer.content == {"ended": True, "payload": None}


def test_further_steps_come_after_the_pause_of_a_busy_server():
    run = FakeRun()
    path = published(lambda: run, pause=0.5)
    run.grow(2)
    began = time.monotonic()
    finish(Client().get(path, steps=0))
    first = time.monotonic() - began
    finish(Client().get(path, steps=1))
    assert first < 0.4 and time.monotonic() - began >= 0.5


def test_a_run_is_read_while_a_request_waits_and_not_once_the_browser_is_gone():
    reads = []
    run = FakeRun()
    path = published(lambda: reads.append(1) or run)

    async def visit() -> None:
        client = Client()
        waiting = asyncio.create_task(client.get(path, steps=0))
        await asyncio.sleep(4 * routes.TICK)
        assert len(reads) > 1
        client.leave()
        await asyncio.wait_for(waiting, PATIENCE)
        before = len(reads)
        await asyncio.sleep(3 * routes.TICK)
        assert len(reads) == before

    finish(visit())


def test_a_request_ends_when_nothing_is_computed_any_more():
    runs = [FakeRun()]
    path = published(lambda: runs[0])

    async def visit() -> None:
        waiting = asyncio.create_task(Client().get(path, steps=0))
        await asyncio.sleep(2 * routes.TICK)
        runs[0] = None
        assert (await asyncio.wait_for(waiting, PATIENCE)).content is None

    finish(visit())


@pytest.mark.parametrize("path", ["/runs/{}", "/progress/{}", "/why/{}", "/map/{}"])
@pytest.mark.parametrize("key", ["0" * 32, "x", "%2e%2e", "..%2f..%2fetc%2fpasswd", "a" * 10_000, "é"])
def test_an_unknown_key_is_not_found(path, key):
    answer = finish(Client().get(path.format(key)))
    assert answer.status == 404 and answer.body.count(b"\n") == 0


def test_odd_numbers_of_steps_count_as_none():
    run = FakeRun()
    run.grow(1)
    path = published(lambda: run)
    for steps in ("-1", "x", "9" * 5000, "²", ""):
        assert finish(Client().get(path, steps=steps)).content["payload"]["steps"] >= 1


def test_a_number_in_a_request_has_up_to_four_digits(monkeypatch):
    monkeypatch.setattr(routes, "HOLD", 0.0)
    run = FakeRun()
    run.grow(1)
    assert finish(Client().get(published(lambda: run), steps="9999")).content["payload"] is None
    assert finish(Client().get(published(lambda: run), steps="10000")).content["payload"]["steps"] == 1
    path = answers_of(FakeJob(result=0, done=True), [])
    assert finish(Client().get(path, **QUESTION | {"cell": 9999})).content["result"]["cell"] == 9999


def progress_of(read: Callable[[], Progress | None]) -> str:
    return f"/progress/{feeds.PROGRESS.publish(('test', id(read)), read)}"


def test_progress_is_answered_when_it_differs_and_at_once_when_the_stage_changes():
    state = [Progress("running", 0.25, "a quarter")]
    path = progress_of(lambda: state[0])

    async def visit() -> None:
        client = Client()
        known = feeds.tag(state[0])
        request = asyncio.create_task(client.get(path, stage="running", known=known))
        await asyncio.sleep(routes.PROGRESS_EVERY + 2 * routes.TICK)
        assert not request.done()
        state[0] = Progress("running", 0.5, "half")
        content = (await asyncio.wait_for(request, PATIENCE)).content
        assert content == {"stage": "running", "share": 0.5, "text": "half", "tag": feeds.tag(state[0])}
        state[0] = Progress("ended")
        began = time.monotonic()
        assert (await client.get(path, stage="running", known=content["tag"])).content["stage"] == "ended"
        assert time.monotonic() - began < routes.PROGRESS_EVERY

    finish(visit())


def test_a_request_does_not_wait_for_ever(monkeypatch):
    monkeypatch.setattr(routes, "HOLD", 0.2)
    progress = Progress("running")
    path = progress_of(lambda: progress)
    answer = finish(Client().get(path, stage="running", known=feeds.tag(progress)))
    assert answer.content["stage"] == "running"


def test_routes_are_below_the_base_path():
    path = progress_of(lambda: Progress("ended"))
    for base in ("lens", "/lens/", "a/b"):
        root = f"/{base.strip('/')}"
        assert finish(Client(base=base).get(root + path)).status == 200
        assert finish(Client(base=base).get(path)).status == 404


def test_who_asks_too_often_is_refused_and_others_are_not():
    mine, yours = progress_of(lambda: Progress("ended")), progress_of(lambda: Progress("gone"))

    async def visit() -> list[int]:
        client = Client()
        answers = [await client.get(mine) for _ in range(60)]
        refused = [answer for answer in answers if answer.status == 429]
        assert refused and all(answer.headers["retry-after"] for answer in refused)
        return [answer.status for answer in answers[:30]] + [(await client.get(yours)).status]

    assert set(finish(visit())) == {200}


def test_one_address_cannot_try_many_keys(monkeypatch):
    monkeypatch.setattr(routes, "PER_ADDRESS", RateLimit(rate=0, burst=5))

    async def visit() -> list[int]:
        mine, yours = Client("10.0.0.1"), Client("10.0.0.2")
        return [(await mine.get(f"/runs/{key}")).status for key in range(6)] + [
            (await yours.get("/runs/0")).status
        ]

    assert finish(visit()) == [404] * 5 + [429, 404]


def test_only_so_many_requests_of_one_address_wait_and_what_is_new_is_still_answered(monkeypatch):
    monkeypatch.setattr(routes, "MOST_HELD", 3)
    ended, running = progress_of(lambda: Progress("ended")), Progress("running")
    known, now = {"stage": "running", "known": feeds.tag(running)}, [running]
    path = progress_of(lambda: now[0])

    async def visit() -> None:
        mine, yours = Client("10.0.0.1"), Client("10.0.0.2")
        held = [asyncio.create_task(mine.get(path, **known)) for _ in range(3)]
        await asyncio.sleep(2 * routes.TICK)
        refused = await asyncio.wait_for(mine.get(path, **known), PATIENCE)
        assert refused.status == 429 and refused.headers["retry-after"]
        assert (await mine.get(ended)).status == 200
        others = asyncio.create_task(yours.get(path, **known))
        await asyncio.sleep(2 * routes.TICK)
        assert not any(each.done() for each in (*held, others))
        now[0] = None
        assert {(await each).status for each in (*held, others)} == {200}
        assert not routes.HELD

    finish(visit())


def test_tokens_come_back_with_time_and_people_are_forgotten():
    now = [0.0]
    limit = RateLimit(rate=2, burst=3, most=2, clock=lambda: now[0])
    assert [limit.allows("a") for _ in range(4)] == [True, True, True, False]
    now[0] = 0.5
    assert [limit.allows("a") for _ in range(2)] == [True, False]
    assert limit.allows("b") and limit.allows("c")  # a is forgotten
    assert limit.allows("a")


def test_a_feed_is_dropped_when_there_are_too_many_and_its_key_depends_on_what_it_is_about():
    few = Feeds(most=2)
    keys = [few.publish(about, lambda about=about: about) for about in ("a", "b")]
    assert few.publish("a", lambda: "again") == keys[0] and few.find(keys[0])() == "again"
    few.publish("c", lambda: "c")
    assert few.find(keys[1]) is None and few.find(keys[0])() == "again"


@pytest.mark.parametrize(
    ("url", "page", "address"),
    [
        (None, "", "/runs/a"),
        ("http://localhost:8501/", "", "/runs/a"),
        ("http://localhost:8501/compare", "compare", "/runs/a"),
        ("https://host/lens", "", "/lens/runs/a"),
        ("https://host/lens/", "", "/lens/runs/a"),
        ("https://host/some/lens/compare", "compare", "/some/lens/runs/a"),
    ],
)
def test_a_route_is_found_beside_the_pages_whatever_a_proxy_puts_before_them(monkeypatch, url, page, address):
    streamlit = SimpleNamespace(context=SimpleNamespace(url=url), session_state={"page": page})
    monkeypatch.setattr(feeds, "st", streamlit)
    assert feeds.address("runs", "a") == address


# ---- why


@dataclass(eq=False)
class FakeJob:
    """What the route reads of a job."""

    result: object = None
    error: Exception | None = None
    done: bool = False


def answers_of(job: FakeJob, requests: list) -> str:
    """Publish answers that come from one job, and return their path. `requests` records what the route does."""
    answers = Answers(
        lambda question: requests.append(question) or job,
        lambda job: requests.append("look"),
        lambda question, result: {"cell": question.cell, "sum": result},
    )
    return f"/why/{feeds.WHY.publish(('test', id(job)), lambda: answers)}"


QUESTION = {"cell": 3, "step": 2, "cycle": 1, "token": 4}


def test_a_question_is_put_once_and_answered_when_its_job_has_ended():
    job, requests = FakeJob(), []
    path = answers_of(job, requests)

    async def visit() -> None:
        waiting = asyncio.create_task(Client().get(path, **QUESTION, versus=5))
        await asyncio.sleep(2 * routes.TICK)
        assert not waiting.done()
        job.result, job.done = 7, True
        answer = await asyncio.wait_for(waiting, PATIENCE)
        assert answer.content == {"ended": True, "result": {"cell": 3, "sum": 7}}
        assert answer.headers["cache-control"] == "no-store"

    finish(visit())
    assert requests[0] == CellQuestion(3, 2, 1, 4, 5)
    assert set(requests[1:]) == {"look"} and len(requests) > 2


def test_a_long_job_is_asked_about_again_and_a_failed_or_cancelled_one_says_so(monkeypatch):
    monkeypatch.setattr(routes, "HOLD", 0.0)
    for job, content in (
        (FakeJob(), {"ended": False}),
        (
            FakeJob(error=UserError("There is no step 9."), done=True),
            {"ended": True, "error": "There is no step 9."},
        ),
        (FakeJob(done=True), {"ended": True, "error": "Cancelled."}),
    ):
        assert finish(Client().get(answers_of(job, []), **QUESTION)).content == content


def test_the_map_of_a_run_is_served_when_its_job_has_ended():
    job, requests = FakeJob(), []
    answers = Answers(
        lambda question: requests.append(question) or job,
        lambda job: requests.append("look"),
        lambda question, result: {"states": result},
    )
    path = f"/map/{feeds.MAPS.publish(('test', id(job)), lambda: answers)}"

    async def visit() -> None:
        waiting = asyncio.create_task(Client().get(path))
        await asyncio.sleep(2 * routes.TICK)
        job.result, job.done = {}, True
        answer = await asyncio.wait_for(waiting, PATIENCE)
        assert answer.content == {"ended": True, "result": {"states": {}}}

    finish(visit())
    assert requests[0] is None and set(requests[1:]) == {"look"}


@pytest.mark.parametrize(
    "changes", [{"cell": "-1"}, {"step": "x"}, {"token": "9" * 5}, {"cycle": ""}, {"versus": "²"}]
)
def test_what_is_no_question_is_not_found(changes):
    requests = []
    assert finish(Client().get(answers_of(FakeJob(), requests), **QUESTION | changes)).status == 404
    incomplete = {name: value for name, value in QUESTION.items() if name not in changes}
    if "versus" not in changes:
        assert finish(Client().get(answers_of(FakeJob(), requests), **incomplete)).status == 404
    assert not requests
