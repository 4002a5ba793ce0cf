"""Followers of a lecture are counted and their answers too, by random numbers, within bounds, and seen by the lecturer alone."""

import asyncio
from pathlib import Path

import pytest
from asgi import Client, finish

from app.server.http import audience as module
from app.server.http import routes
from app.server.http.audience import PRESENT, Audiences
from app.server.http.limits import RateLimit
from app.server.http.rooms import Rooms

PATIENCE = 20.0


def follower(number: int) -> str:
    return f"follower{number}"


def test_followers_count_while_they_ask_and_no_longer():
    now = [0.0]
    audiences = Audiences(clock=lambda: now[0])
    for number in (1, 2, 2, 1):
        audiences.see("room", follower(number))
    for nonsense in (None, "", "x", "Schlüssel", "a" * 17, "<script>"):
        audiences.see("room", nonsense)
    assert audiences.read("room").followers == 2 and audiences.read("other").followers == 0
    now[0] += PRESENT - 1
    audiences.see("room", follower(2))
    now[0] += 1
    assert audiences.read("room").followers == 1


def test_answers_are_counted_by_choice_and_a_second_answer_replaces_the_first():
    audiences = Audiences()
    before = audiences.read("room").tag
    assert all(audiences.answer("room", follower(n), "halting", str(n % 2)) for n in range(5))
    assert audiences.answer("room", follower(0), "halting", "3")
    assert audiences.read("room").answers == {"halting": [2, 2, 0, 1, 0, 0]}
    assert audiences.read("room").tag != before and audiences.read("other").answers == {}


@pytest.mark.parametrize(
    ("who", "question", "choice"),
    [
        ("x", "q", "0"),
        (follower(1), "", "0"),
        (follower(1), "Q!", "0"),
        (follower(1), "q", "6"),
        (follower(1), "q", "-1"),
    ],
)
def test_what_is_not_an_answer_does_not_count(who, question, choice):
    audiences = Audiences()
    assert not audiences.answer("room", who, question, choice)
    assert audiences.read("room").answers == {}


def test_a_room_takes_only_so_many_followers_answers_and_questions(monkeypatch):
    monkeypatch.setattr(module, "MOST_FOLLOWERS", 3)
    monkeypatch.setattr(module, "MOST_QUESTIONS", 2)
    now = [100.0]
    audiences = Audiences(clock=lambda: now[0])
    for number in range(5):
        audiences.see("room", follower(number))
    assert [audiences.answer("room", follower(n), "a", "0") for n in range(5)] == [True] * 3 + [False] * 2
    assert [audiences.answer("room", follower(0), question, "0") for question in "abc"] == [True, True, False]
    assert audiences.read("room").followers == 3
    now[0] += PRESENT
    audiences.see("room", follower(9))  # those who have left make room
    assert audiences.read("room").followers == 1


def test_the_rooms_that_were_not_used_for_longest_are_forgotten_first():
    audiences = Audiences(most=4)
    for room in ("old", "new"):
        audiences.see(room, follower(1))
        audiences.answer(room, follower(1), "q", "0")
    assert all(
        audiences.read(room).answers for room in ("old", "new")
    )  # four entries, as many as there may be
    audiences.see("old", follower(1))
    audiences.see("newest", follower(1))
    assert [audiences.read(room).followers for room in ("old", "new", "newest")] == [1, 0, 1]


def test_the_room_in_use_is_never_forgotten():
    audiences = Audiences(most=1)
    for number in range(3):
        audiences.see("room", follower(number))
    assert audiences.read("room").followers == 3


# ---- the routes


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Rooms, str]:
    """The rooms that the routes serve, and a room with a lecturer."""
    rooms = Rooms(tmp_path / "rooms.key")
    monkeypatch.setattr(routes, "rooms", lambda: rooms)
    monkeypatch.setattr(routes, "AUDIENCES", Audiences())
    monkeypatch.setattr(routes, "PER_ADDRESS", RateLimit(rate=200, burst=1000))
    monkeypatch.setattr(routes, "PER_KEY", RateLimit(rate=4, burst=5))
    monkeypatch.setattr(routes, "AUDIENCE_EVERY", 0.0)
    return rooms, rooms.open("a")


def test_the_lecturer_is_told_of_followers_and_answers_and_a_follower_is_not(room):
    rooms, code = room

    async def visit() -> None:
        lead = {"bearer": rooms.token(code), "scene": "a"}
        first = (await Client().get(f"/rooms/{code}", turn=0, **lead)).content
        assert first["audience"]["followers"] == 0
        known = {"turn": first["turn"], "audience": first["audience"]["tag"]}
        waiting = asyncio.create_task(Client().get(f"/rooms/{code}", **known, **lead))
        await asyncio.sleep(2 * routes.TICK)
        assert not waiting.done()
        theirs = (await Client().get(f"/rooms/{code}", turn=0, follower=follower(1))).content
        assert "audience" not in theirs
        second = (await asyncio.wait_for(waiting, PATIENCE)).content
        assert second["audience"]["followers"] == 1
        sent = await Client().post(
            f"/rooms/{code}/answers", follower=follower(1), question="halting", choice=2
        )
        assert sent.status == 204
        third = (await Client().get(f"/rooms/{code}", turn=0, **lead)).content
        assert third["audience"]["answers"] == {"halting": [0, 0, 1, 0, 0, 0]}

    finish(visit())


def test_a_follower_gets_the_call_the_cell_and_the_mode_of_the_lecturer(room):
    rooms, code = room
    lead = {"bearer": rooms.token(code), "scene": "a", "move": 1}

    async def view_of(**query: str) -> str:
        await Client().get(f"/rooms/{code}", turn=0, **query)
        return (await Client().get(f"/rooms/{code}", turn=0, follower=follower(1))).content["view"]

    assert finish(view_of(view="3.1.7;4,5;answer", **lead)) == "3.1.7;4,5;answer"
    assert finish(view_of(view="3.2.7;;reverse", **lead)) == "3.2.7;;reverse"
    for wrong in ("<b>", "1.2", "1.2.3;4;answer", "9" * 300, "3.2.7;;answer\n"):
        assert finish(view_of(view=wrong, **lead)) == "3.2.7;;reverse", wrong
    assert finish(view_of(view="1.1.1;;z", scene="a", move="1")) == "3.2.7;;reverse"  # not the lecturer
    assert finish(view_of(**lead | {"scene": "b"})) == ""  # a scene starts with its own view


def test_answers_outside_a_room_odd_ones_and_too_many_are_refused(room):
    _, code = room

    async def status(path: str = code, **query: object) -> int:
        given = {"follower": follower(1), "question": "q", "choice": 0} | query
        return (await Client().post(f"/rooms/{path}/answers", **given)).status

    assert finish(status("nothing")) == finish(status("a" * 8)) == 404
    assert finish(status(choice=7, follower=follower(2))) == 422
    assert [finish(status()) for _ in range(6)].count(429) >= 1
