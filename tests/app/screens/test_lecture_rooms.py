"""Rooms of a lecture: separate, bounded, each led by one person, and optional."""

import os
import time

from app.screens.lecture.rooms import Room, Rooms


def test_rooms_are_separate_and_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr("app.screens.lecture.rooms.MAX_ROOMS", 2)
    rooms = Rooms(tmp_path)
    one, two = rooms.open("a"), rooms.open("b")
    assert one != two and rooms.read(one) == Room("a", 0)
    for code in ("nothing", "", "../rooms", one + "x"):
        assert rooms.read(code) is None
    rooms.move(one, "a")  # no change of scene
    rooms.move(one, "c")
    assert (rooms.read(one), rooms.read(two)) == (Room("c", 1), Room("b", 0))
    for path, age in ((f"{one}.json", 10), (f"{two}.json", 20)):
        os.utime(tmp_path / path, (time.time() - age,) * 2)
    third = rooms.open("d")
    assert rooms.read(two) is None and rooms.read(one) == Room("c", 1)  # the oldest is dropped
    assert rooms.read(third) == Room("d", 0) and len(list(tmp_path.iterdir())) == 2
    rooms.move(two, "a-much-longer-name")
    assert rooms.read(two) == Room("a-much-longer-name", 1)
    assert {path.stat().st_size for path in tmp_path.iterdir()} == {128}  # whatever the content
    (tmp_path / f"{one}.json").write_text("{half")
    assert rooms.read(one) is None


def test_only_the_key_leads_a_room(tmp_path, monkeypatch):
    monkeypatch.setattr("app.screens.lecture.rooms.MAX_ROOMS", 2)
    rooms = Rooms(tmp_path)
    one, two = rooms.open("a"), rooms.open("a")
    assert rooms.is_led_by(one, rooms.key(one)) and rooms.key(one) not in (None, rooms.key(two))
    for code, key in (
        (one, rooms.key(two)),
        (one, None),
        (one, "ключ"),
        ("nothing", None),
        ([], {}),
        (None, None),
    ):
        assert not rooms.is_led_by(code, key)
    rooms.open("a")
    assert rooms.key(one) is None and rooms.key(two)  # no more keys than rooms
    assert Rooms(tmp_path).key(two) is None


def test_without_a_writable_folder_no_room_opens(tmp_path):
    (tmp_path / "file").touch()
    rooms = Rooms(tmp_path / "file" / "rooms")
    assert rooms.open("a") is None
    rooms.move("abcdef", "b")
    assert rooms.read("abcdef") is None
