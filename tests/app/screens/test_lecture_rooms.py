"""Rooms of a lecture: separate, bounded, each led by one person, and not ended by a restart."""

import asyncio
import stat
import time
from pathlib import Path

import pytest
from asgi import Client, finish

from app.server.http import rooms as module
from app.server.http import routes
from app.server.http.limits import RateLimit
from app.server.http.rooms import CODE_LENGTH, DESERTED, EXPIRY, Rooms, is_code

PATIENCE = 20.0


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    return tmp_path / "state" / "rooms.key"


def test_rooms_are_separate_and_have_codes_that_nobody_guesses(secret):
    rooms = Rooms(secret)
    one, two = rooms.open("a"), rooms.open("b")
    assert one != two and is_code(one) and len(one) == CODE_LENGTH
    first = rooms.read(one)
    rooms.move(one, "a")  # no change of scene
    assert rooms.read(one) == first and first.scene == "a"
    rooms.move(one, "c")
    assert rooms.read(one).scene == "c" and rooms.read(one).turn > first.turn
    assert rooms.read(two).scene == "b"
    for code in ("nothing", "", "../rooms", one + "x", None, 7):
        assert not is_code(code)
    assert rooms.read("a" * CODE_LENGTH) is None


def test_many_visits_do_not_end_a_room_in_use(secret):
    now = [0.0]
    rooms = Rooms(secret, most=5, clock=lambda: now[0])
    code = rooms.open("a")
    key = rooms.token(code)
    others = [rooms.open("x") for _ in range(8)]
    assert others.count(None) == 4  # no place is free
    assert rooms.read(code).scene == "a" and rooms.is_led_by(code, key)
    now[0] += DESERTED - 1
    rooms.read(code)  # the lecturer is still there
    now[0] += 1
    assert all(rooms.open("y") for _ in range(4))  # those of the others are deserted
    assert rooms.open("z") is None and rooms.read(code).scene == "a"


def test_a_room_expires_when_nobody_asks_for_it(secret):
    now = [0.0]
    rooms = Rooms(secret, clock=lambda: now[0])
    code = rooms.open("a")
    now[0] += EXPIRY
    rooms.open("b")
    assert rooms.read(code) is None


def test_only_the_token_leads_a_room(secret):
    rooms = Rooms(secret)
    one, two = rooms.open("a"), rooms.open("a")
    token = rooms.token(one)
    assert rooms.is_led_by(one, token)
    wrong = [(one, rooms.token(two)), (one, None), (one, "ключ"), ([], {}), (None, None), (one, token[:-1])]
    assert not any(rooms.is_led_by(code, key) for code, key in [*wrong, (two, token), (one, token + "x")])


def test_a_token_expires(secret, monkeypatch):
    rooms = Rooms(secret)
    code = rooms.open("a")
    token = rooms.token(code)
    monkeypatch.setattr(module, "LEADS_FOR", -1)
    assert not rooms.is_led_by(code, token)


def test_after_a_restart_the_lecturer_leads_the_same_room_again(secret):
    before = Rooms(secret)
    code = before.open("a")
    turn, token = before.read(code).turn, before.token(code)
    time.sleep(0.002)
    after = Rooms(secret)
    assert after.survives_restart and after.read(code) is None
    assert after.is_led_by(code, token) and after.move(code, "b")
    assert after.read(code).scene == "b" and after.read(code).turn > turn  # followers see that it is new
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600


def test_where_nothing_can_be_written_rooms_end_with_the_server(tmp_path):
    (tmp_path / "file").touch()
    before = Rooms(tmp_path / "file" / "rooms.key")
    code = before.open("a")
    assert not before.survives_restart and before.is_led_by(code, before.token(code))
    assert not Rooms(tmp_path / "file" / "rooms.key").is_led_by(code, before.token(code))


def test_a_damaged_secret_is_replaced(secret, monkeypatch):
    monkeypatch.setattr(module, "WRITTEN_WITHIN", 1)
    secret.parent.mkdir()
    secret.write_bytes(b"half")
    before = Rooms(secret)
    assert before.survives_restart and Rooms(secret).is_led_by("a", before.token("a"))


# ---- the route


@pytest.fixture
def served(secret: Path, monkeypatch: pytest.MonkeyPatch) -> list[Rooms]:
    """The rooms that the route serves; put others there to restart the server."""
    servers = [Rooms(secret)]
    monkeypatch.setattr(routes, "rooms", lambda: servers[-1])
    monkeypatch.setattr(routes, "PER_ADDRESS", RateLimit(rate=200, burst=1000))
    return servers


def test_a_follower_is_answered_when_the_lecturer_changes_the_scene(served):
    (rooms,) = served
    code = rooms.open("a")

    async def visit() -> None:
        first = (await Client().get(f"/rooms/{code}", turn=0)).content
        assert first == {"scene": "a", "turn": first["turn"], "view": ""}
        waiting = asyncio.create_task(Client().get(f"/rooms/{code}", turn=first["turn"]))
        await asyncio.sleep(2 * routes.TICK)
        assert not waiting.done()
        rooms.move(code, "b")
        assert (await asyncio.wait_for(waiting, PATIENCE)).content["scene"] == "b"

    finish(visit())


def test_after_a_restart_the_lecturers_browser_opens_the_room_again_and_nobody_else(served, secret):
    code = served[0].open("a")
    token, other = served[0].token(code), served[0].token(served[0].open("a"))
    served.append(Rooms(secret))

    async def asked(**query: str) -> int:
        return (await Client().get(f"/rooms/{code}", turn=0, **query)).status

    assert finish(asked()) == 404
    for wrong in (other, "", "nonsense"):
        assert finish(asked(bearer=wrong, scene="b")) == 404
    assert finish(asked(bearer=token, scene="b")) == 200
    assert served[-1].read(code).scene == "b"
    assert finish(asked(bearer=token, scene="c")) == 200
    assert (
        served[-1].read(code).scene == "b"
    )  # another page of the lecturer does not move a room that is there ...
    assert finish(asked(bearer=token, scene="c", move="1")) == 200
    assert served[-1].read(code).scene == "c"  # ... unless the lecturer changes the scene
    assert finish(asked(bearer=other, scene="d", move="1")) == 200
    assert served[-1].read(code).scene == "c"


@pytest.mark.parametrize("code", ["x", "a" * 100, "..%2f..", "A" * CODE_LENGTH])
def test_what_is_no_code_is_not_found(served, code):
    assert finish(Client().get(f"/rooms/{code}")).status == 404
