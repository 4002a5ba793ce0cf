"""The lecture without a browser: its page, the invitation and the offline file."""

import socket
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import streamlit as st

from app.screens.lecture import offline, qr_code
from app.screens.lecture.contents import bundled_lecture
from app.screens.lecture.qr_code import in_the_network, invitation, is_local
from app.server.http.rooms import Rooms, rooms
from app.server.options import SITE, read_options
from app.site.address import lecture_address
from trm.registry import own_config


def open_lecture(app, **link):
    app.test.query_params.update(link)
    app.open("lecture")


def runs_of(*scenes: str) -> set[str]:
    return {run.name for scene in scenes for run in bundled_lecture().scene_runs[scene]}


def test_the_page_sends_what_the_browser_requests(open_app):
    app = open_app()
    open_lecture(app)
    sent = app.payload
    assert (sent["scene"], sent["language"], sent["room"]) == ("states", "en", None)
    assert app.link["scene"] == "states" and set(sent["runs"]) == runs_of("states", "one-call")
    app.trigger("request", {"scene": "check-depth", "language": "ru"})
    sent = app.payload
    assert (sent["scene"], sent["language"]) == ("check-depth", "ru")
    assert set(sent["runs"]) == runs_of("two-nets") - runs_of("states")  # nothing twice
    assert set(sent["texts"]) == {"ru"}
    app.trigger("request", {"scene": "check-depth", "language": "ru", "missing_runs": True})
    assert set(app.payload["runs"]) == runs_of("check-depth", "two-nets")
    assert (app.link["scene"], app.link["lang"]) == ("check-depth", "ru")
    app.trigger("request", {"scene": "<b>", "language": "../en"})
    assert (app.payload["scene"], app.payload["language"]) == ("check-depth", "ru")


def test_a_link_opens_a_scene_in_a_language_at_a_call(open_app):
    app = open_app()
    open_lecture(app, scene="maze", lang="ru", at="3.1.2", mode="z")
    assert (app.payload["scene"], app.payload["language"]) == ("maze", "ru")
    assert app.payload["start"] == {"supervision_step": 3, "cycle": 1, "call": 2, "cell": None, "mode": "z"}


def test_an_invalid_link_opens_the_first_scene(open_app):
    app = open_app()
    open_lecture(app, scene="nothing", lang="xx", at="a.b.c")
    assert (app.payload["scene"], app.payload["language"], app.payload["start"]) == ("states", "en", None)


def test_a_follower_gets_the_room_and_the_lecturers_scene(open_app):
    lecturer = open_app()
    open_lecture(lecturer, scene="states")
    code = lecturer.test.session_state["lecture_visit"]["led_room"]
    lecturer.trigger("request", {"scene": "halting", "language": "en"})
    follower = open_app()
    open_lecture(follower, follow=code, lang="ru")
    assert (follower.payload["scene"], follower.payload["language"]) == ("halting", "ru")
    turn = rooms().read(code).turn
    assert follower.payload["room"] == {"code": code, "turn": turn, "view": "", "address": f"/rooms/{code}"}
    assert set(follower.payload["runs"]) == runs_of(*(scene.id for scene in bundled_lecture().scenes))
    lecturer.trigger("request", {"scene": "depth", "language": "en"})
    assert rooms().read(code).scene == "depth" and rooms().read(code).turn > turn
    follower.trigger("request", {"scene": "maze", "language": "ru"})
    assert rooms().read(code).scene == "depth", "a follower must not move the room"


def test_a_reloaded_page_leads_its_room_again(open_app):
    lecturer = open_app()
    open_lecture(lecturer, scene="states")
    led = lecturer.payload["lead"]
    again = open_app()
    open_lecture(again, scene="halting")
    other = again.payload["lead"]
    for wrong in (led | {"key": other["key"]}, {"code": led["code"]}, "all rooms"):
        again.trigger("request", {"scene": "halting", "language": "en", "lead": wrong})
        assert again.payload["lead"] == other
    again.trigger("request", {"scene": "halting", "language": "en", "lead": led})
    assert again.payload["lead"] == led
    assert rooms().read(led["code"]).scene == "halting"  # the followers move at once
    again.trigger("request", {"scene": "depth", "language": "en", "lead": None})
    assert rooms().read(led["code"]).scene == "depth"


def test_a_follower_cannot_lead(open_app):
    lecturer = open_app()
    open_lecture(lecturer, scene="states")
    led = lecturer.payload["lead"]
    follower = open_app()
    open_lecture(follower, follow=led["code"])
    assert "lead" not in follower.payload
    follower.trigger("request", {"scene": "maze", "language": "en", "lead": led})
    assert "lead" not in follower.payload and rooms().read(led["code"]).scene == "states"


def test_the_lecture_and_its_invitation_work_without_a_room(open_app, monkeypatch):
    monkeypatch.setattr(Rooms, "open", lambda self, scene: None)
    app = open_app()
    open_lecture(app, scene="maze")
    assert app.payload["scene"] == "maze" and app.payload["room"] is None
    assert invitation("http://192.168.0.7/lecture", "maze", "en", None)["address"].endswith(
        "?scene=maze&lang=en"
    )
    app.trigger("request", {"scene": "depth", "language": "en"})
    assert app.payload["scene"] == "depth"


def test_another_model_replaces_the_recorded_one(open_app, model_dir):
    app = open_app()
    open_lecture(app, scene="depth")
    before = app.payload["texts"]["en"]["scenes"]
    app.set("lecture_model", "runs/hrm")
    config = own_config(model_dir / "runs/hrm")
    app.until(lambda: app.payload["texts"]["en"]["scenes"] != before, "the runs of the other model")
    after = app.payload["texts"]["en"]["scenes"]
    assert app.payload["scene"] == "depth" and app.link["model"] == "runs/hrm"
    assert "= **672 layers**" in " ".join(before["depth"]["text"])
    assert f"= **{config.effective_depth} layers**" in " ".join(after["depth"]["text"])
    assert f"{config.n} times in a row" in " ".join(after["n-calls"]["text"])
    assert "last 2 calls" in " ".join(after["deep-recursion"]["text"])
    assert after["states"]["run_captions"][0].startswith("runs/hrm on the “")
    assert after["maze"] == before["maze"]  # the maze scene has another task
    app.set("lecture_model", "arc")
    app.until(lambda: app.errors, "the error")
    assert "which no scene shows" in app.errors[0] and app.payload["texts"]["en"]["scenes"] == before


# ---- invitation and offline file


def test_the_invitation_is_a_qr_code_of_the_scenes_address():
    made = invitation("http://192.168.0.7:8501/lecture?at=1.1.1", "depth", "ru", "abc")
    assert (
        made["address"] == "http://192.168.0.7:8501/lecture?scene=depth&lang=ru&follow=abc"
        and not made["is_local"]
    )
    assert made["size"] >= 21 and made["path"].startswith(
        "M0 0.5h1"
    )  # the finder pattern starts in the corner
    assert [is_local(host) for host in ("localhost", "127.0.0.1", "::1", "lens.local", "10.0.0.1")] == [
        *(True, True, True, False, False),
    ]


def test_with_a_site_a_second_code_opens_the_same_scene_and_language_there(open_app, monkeypatch):
    assert invitation("http://192.168.0.7/lecture", "depth", "ru", "abc")["site"] is None
    monkeypatch.setenv(SITE, "https://lens.example/")
    app = open_app()
    monkeypatch.setattr(st, "context", SimpleNamespace(url="http://192.168.0.7/lecture", is_embedded=False))
    open_lecture(app, scene="depth", lang="ru")
    made = app.payload["invitation"]
    assert "follow=" in made["address"]
    assert made["site"]["address"] == lecture_address("https://lens.example/", "depth", "ru")
    assert made["site"]["path"] not in ("", made["path"])


def test_with_lan_the_code_has_this_machines_address_in_the_network(monkeypatch):
    made = urlsplit(in_the_network("http://localhost:8501/lecture"))
    if made.hostname != "localhost":  # this machine is in a network
        assert not is_local(made.hostname) and (made.port, made.path) == (8501, "/lecture")
    for page in ("http://192.168.0.7:8501/lecture", "https://lens.example/lecture"):
        assert in_the_network(page) == page

    class NoNetwork(socket.socket):
        def connect(self, address):
            raise OSError("Network is unreachable")

    monkeypatch.setattr(qr_code.socket, "socket", NoNetwork)
    assert in_the_network("http://localhost:8501/lecture") == "http://localhost:8501/lecture"
    assert read_options(["--lan"], {}, "0.0.0.0").lan and not read_options([], {}, "0.0.0.0").lan


def test_the_offline_file_holds_everything_and_needs_no_network(tmp_path, capsys):
    path: Path = tmp_path / "lecture.html"
    assert offline.main(["--out", str(path), "--lang", "ru"]) == 0
    page = path.read_text("utf-8")
    assert path.stat().st_size < 8e6 and '<html lang="ru">' in page
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "") and "https://" not in page
    assert "Three tensors" in page and "Три тензора" in page and "MB" in capsys.readouterr().err


def test_an_unknown_language_is_one_line_on_stderr(tmp_path, capsys):
    assert offline.main(["--out", str(tmp_path / "a.html"), "--lang", "xx"]) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1 and "en, ru" in message and not list(tmp_path.iterdir())


def test_without_a_browser_the_error_tells_how_to_print(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(offline, "BROWSERS", ("no-such-browser",))
    assert offline.main(["--out", str(tmp_path / "a.html"), "--pdf", str(tmp_path / "a.pdf")]) == 2
    assert "Open the HTML file in any browser and print it" in capsys.readouterr().err
