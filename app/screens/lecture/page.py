"""The Lecture page, which teaches the recursion to a class in scenes with a live player, a diagram and the code."""

from typing import Any

import streamlit as st

from app.player.component import component
from app.screens.lecture import SCRIPT, STYLE, own_model
from app.screens.lecture.contents import Lecture, bundled_lecture, code
from app.screens.lecture.language import DEFAULT, languages, read_language
from app.screens.lecture.qr_code import in_the_network, invitation
from app.server.http import feeds
from app.server.http.rooms import is_code, rooms
from app.server.options import server_options
from app.state import links, session
from app.ui import status
from app.ui.text import plain
from trm.errors import UserError

KEY = "lecture"


def page() -> None:
    """Draw the page."""
    try:
        visit = current_visit(bundled_lecture())
        lecture = selected_lecture(visit)
    except UserError as error:
        status.problem(str(error))
        return
    visit["send_all"] = True
    st.fragment(show)(lecture, visit)
    if not st.context.is_embedded:
        footer(lecture, visit)


def show(lecture: Lecture, visit: dict[str, Any]) -> None:
    """Draw the lecture. This is a fragment, so that a change of scene reruns nothing else."""
    is_first_visit = visit["send_all"] and not visit["model"] and not st.query_params
    try:
        component("lecture", SCRIPT, STYLE)(
            data=contents(lecture, visit), key=KEY, on_request_change=take_request
        )
    except UserError as error:
        status.problem(str(error))
        return
    if not is_first_visit:  # otherwise the browser writes the address itself, without another history entry
        links.write({"scene": visit["scene"], "lang": visit["language"], "model": visit["model"]})
    if visit["footer_language"] != visit["language"]:
        session.rerun()  # the footer changes language too


def current_visit(lecture: Lecture) -> dict[str, Any]:
    """Return the state of this user's visit, which comes from the link and is updated by the browser's requests."""
    state = st.session_state
    if "lecture_visit" not in state:
        link = st.query_params
        language, scene, room = link.get("lang", DEFAULT), link.get("scene", ""), link.get("follow", "")
        followed = rooms().read(room) if is_code(room) else None
        scene = followed.scene if followed else scene if lecture.has(scene) else lecture.scenes[0].id
        turn = followed.turn if followed else 0  # after a restart, the room comes back with its lecturer
        view = (
            dict(zip(("at", "cell", "mode"), followed.view.split(";"), strict=False))
            if followed
            else link.to_dict()
        )
        state.lecture_visit = {
            "scene": scene,
            "language": language if language in languages() else DEFAULT,
            "start": links.view_of(view),
            "present": link.get("present") == "true",
            "model": link.get("model"),
            "room": {"code": room, "turn": turn, "view": followed.view if followed else ""}
            if is_code(room)
            else None,  # followed by this user
            "led_room": None,  # led by this user
            # Names of the runs that the browser has: each is 200 kB, and a class shares one network.
            "sent_runs": set(),
        }
        if not is_code(room):
            lead_room(state.lecture_visit, rooms().open(scene))
    visit = state.lecture_visit
    # The menu's key is missing after a visit to another page; then the model is restored.
    if state.setdefault("lecture_model", visit["model"]) != visit["model"]:
        visit["model"], visit["start"] = state.lecture_model, None
    return visit


def selected_lecture(visit: dict[str, Any]) -> Lecture:
    """Return the lecture with the chosen model once its runs are ready, otherwise the recorded lecture."""
    if not visit["model"]:
        return bundled_lecture()
    language = read_language(visit["language"])
    try:
        return own_model.lecture_with(visit["model"], server_options(), language) or bundled_lecture()
    except UserError as error:
        status.problem(language.words["own_model_failed"].replace("{reason}", str(error)))
        return bundled_lecture()


def take_request() -> None:
    """Apply the scene and language that the browser requests. `contents` then sends the runs that they need."""
    request = st.session_state[KEY].get("request") or {}
    visit = st.session_state.lecture_visit
    scene, language = request.get("scene"), request.get("language")
    if bundled_lecture().has(scene):
        visit.update(scene=scene, start=visit["start"] if scene == visit["scene"] else None)
        if visit["led_room"]:
            rooms().move(visit["led_room"], scene)
    if language in languages():
        visit["language"] = language
    if visit["led_room"]:
        reclaim_room(visit, request.get("lead"))
    if request.get("missing_runs"):  # the user left the page and came back
        visit.update(sent_runs=set(), send_all=True)


def lead_room(visit: dict[str, Any], code: str | None, key: str | None = None) -> None:
    """Make this user lead a room, or none. `key` is the user's token for it, by default a new one."""
    visit["led_room"] = code
    visit["key"] = key or (code and rooms().token(code))


def reclaim_room(visit: dict[str, Any], lead: Any) -> None:
    """Resume leading the previous room after a reload or a restart, with the {"code", "key"} that the browser has stored."""
    if isinstance(lead, dict) and rooms().is_led_by(lead.get("code"), lead.get("key")):
        lead_room(visit, lead["code"], lead["key"])
        rooms().move(lead["code"], visit["scene"])


def contents(lecture: Lecture, visit: dict[str, Any]) -> dict[str, Any]:
    """Return the component's data.

    The data contains the texts of a new language and the runs of this scene and the next scene that the browser lacks.
    Followers get all runs at once, so that a class does not request each run. When the whole page is drawn, the data
    also contains the outline and the code.
    """
    scene, language = visit["scene"], visit["language"]
    order = [each.id for each in lecture.scenes]
    runs = lecture.payloads(order if visit["room"] else order[order.index(scene) : order.index(scene) + 2])
    new = {name: run for name, run in runs.items() if name not in visit["sent_runs"]}
    visit["sent_runs"] |= set(new)
    address, room = st.context.url, visit["room"]["code"] if visit["room"] else visit["led_room"]
    options = server_options()
    if address and options.lan:
        address = in_the_network(address)
    payload = {
        **{name: visit[name] for name in ("scene", "language", "start", "present")},
        "room": visit["room"] and visit["room"] | {"address": feeds.address("rooms", room)},
        "runs": new,
        "invitation": invitation(address, scene, language, room, options.site) if address else None,
        "embed": st.context.is_embedded,
    }
    if visit["led_room"]:
        payload["lead"] = {
            "code": room,
            "key": visit["key"],
            "address": feeds.address("rooms", room),
            "survives": rooms().survives_restart,
        }
    if visit["send_all"] or visit["footer_language"] != language:
        payload["texts"] = {language: lecture.texts(language)}
    if visit["send_all"]:
        payload |= {"languages": lecture.languages, "outline": lecture.outline, "code": code()}
        visit.update(send_all=False, footer_language=language)
    return payload


def footer(lecture: Lecture, visit: dict[str, Any]) -> None:
    """Draw the keys, the model menu and the download below the lecture."""
    words = read_language(visit["language"]).words
    st.caption(plain(words["keys"]))
    model, file = st.columns([3, 2], vertical_alignment="bottom")
    with model:
        own_model.model_select(server_options(), visit["model"], words)

    def offline_file() -> bytes:
        from app.screens.lecture.offline import offline_page

        return offline_page(lecture, visit["language"]).encode()

    file.download_button(
        words["file"],
        offline_file,
        file_name="lecture.html",
        mime="text/html",
        key="lecture_file",
        icon=":material/download:",
        on_click="ignore",
        width="stretch",
    )


page()
