"""Lecture: the recursion taught in scenes, with the live player, the diagram and the code. For a projector and its class."""

from typing import Any

import streamlit as st

from app.player.component import component
from app.screens.lecture import SCRIPT, STYLE, language, own_model
from app.screens.lecture.contents import Lecture, code, lecture
from app.screens.lecture.qr_code import invitation
from app.screens.lecture.rooms import Rooms
from app.server.options import server_options
from app.state import links
from app.ui import status
from app.ui.text import plain
from trm.errors import UserError

KEY = "lecture"


@st.cache_resource(show_spinner=False)
def rooms() -> Rooms:
    return Rooms()


def page() -> None:
    try:
        place = settle(lecture())
        told = chosen_lecture(place)
    except UserError as error:
        status.problem(str(error))
        return
    place["whole"] = True
    st.fragment(show)(told, place)
    if not st.context.is_embedded:
        below(told, place)


def show(told: Lecture, place: dict[str, Any]) -> None:
    """The lecture. A fragment, so that another scene reruns nothing else."""
    is_opened = place["whole"] and not place["model"] and not st.query_params
    try:
        component("lecture", SCRIPT, STYLE)(data=contents(told, place), key=KEY, on_ask_change=take_ask)
    except UserError as error:
        status.problem(str(error))
        return
    if not is_opened:  # then the browser shows that in the address, without one more step of its way back
        links.write({"scene": place["scene"], "lang": place["language"], "model": place["model"]})
    if place["below"] != place["language"]:
        st.rerun()  # what stands below is in this language too


def settle(told: Lecture) -> dict[str, Any]:
    """Where this person is: scene and language of the link at first, then what the browser asked for."""
    state = st.session_state
    if "lecture_place" not in state:
        link = st.query_params
        spoken, scene, room = link.get("lang", language.FIRST), link.get("scene", ""), link.get("follow", "")
        followed = rooms().look(room)
        scene = followed.scene if followed else scene if told.has(scene) else told.scenes[0].id
        state.lecture_place = {
            "scene": scene,
            "language": spoken if spoken in language.languages() else language.FIRST,
            "start": links.view_of(link.to_dict()),
            "present": link.get("present") == "true",
            "model": link.get("model"),
            "room": {"code": room, "turn": followed.turn} if followed else None,  # which this person follows
            "own_room": None if followed else rooms().open(scene),  # of those who follow this person
            "sent": set(),  # names of the runs that the browser has: each is 200 kB, and a class shares one network
        }
    place = state.lecture_place
    if (
        state.setdefault("lecture_model", place["model"]) != place["model"]
    ):  # gone after a look at another page
        place["model"], place["start"] = state.lecture_model, None
    return place


def chosen_lecture(place: dict[str, Any]) -> Lecture:
    """The lecture as recorded; with another model in it where one was asked for and its runs are there."""
    if not place["model"]:
        return lecture()
    spoken = language.read_language(place["language"])
    try:
        return own_model.told_with(place["model"], server_options(), spoken) or lecture()
    except UserError as error:
        status.problem(spoken.words["own_model_failed"].replace("{reason}", str(error)))
        return lecture()


def take_ask() -> None:
    """The browser went on; the page follows with the runs that are needed there."""
    asked = st.session_state[KEY].get("ask") or {}
    place = st.session_state.lecture_place
    scene, spoken = asked.get("scene"), asked.get("language")
    if lecture().has(scene):
        place.update(scene=scene, start=place["start"] if scene == place["scene"] else None)
        if place["own_room"]:
            rooms().move(place["own_room"], scene)
    if spoken in language.languages():
        place["language"] = spoken
    if place["own_room"]:
        lead_again(place, asked.get("lead"))
    if asked.get("lacks"):  # the page was left and opened again, and has forgotten them
        place.update(sent=set(), whole=True)


def lead_again(place: dict[str, Any], lead: Any) -> None:
    """The lecturer's page was loaded anew, and their browser remembers the room that a class follows: {"code", "key"}."""
    if isinstance(lead, dict) and rooms().is_led_by(lead.get("code"), lead.get("key")):
        place["own_room"] = lead["code"]
        rooms().move(lead["code"], place["scene"])


def contents(told: Lecture, place: dict[str, Any]) -> dict[str, Any]:
    """What the browser is sent: of the runs of this scene and of the next those that it does not have yet (who follows gets
    all, and asks no more), and texts in a language that was not shown before; where the whole page is drawn, or it has
    forgotten all, also the outline and the code.
    """
    scene, spoken = place["scene"], place["language"]
    order = [each.id for each in told.scenes]
    runs = told.runs(order if place["room"] else order[order.index(scene) : order.index(scene) + 2])
    new = {name: run for name, run in runs.items() if name not in place["sent"]}
    place["sent"] |= set(new)
    address, room = st.context.url, place["room"]["code"] if place["room"] else place["own_room"]
    sent = {
        **{name: place[name] for name in ("scene", "language", "start", "present", "room")},
        "runs": new,
        "invitation": invitation(address, scene, spoken, room) if address else None,
        "embed": st.context.is_embedded,
    }
    if place["own_room"] and (key := rooms().key(place["own_room"])):
        sent["lead"] = {"code": place["own_room"], "key": key}
    if place["whole"] or place["below"] != spoken:
        sent["texts"] = {spoken: told.texts(spoken)}
    if place["whole"]:
        sent |= {"languages": told.languages, "outline": told.outline, "code": code()}
        place.update(whole=False, below=spoken)
    return sent


def below(told: Lecture, place: dict[str, Any]) -> None:
    """Under the lecture: its keys, whose runs it shows, and the file to take away."""
    words = language.read_language(place["language"]).words
    st.caption(plain(words["keys"]))
    model, file = st.columns([3, 2], vertical_alignment="bottom")
    with model:
        own_model.choose(server_options(), place["model"], words)

    def saved() -> bytes:
        from app.screens.lecture.offline import offline

        return offline(told, place["language"]).encode()

    file.download_button(
        words["file"],
        saved,
        file_name="lecture.html",
        mime="text/html",
        key="lecture_file",
        icon=":material/download:",
        on_click="ignore",
        width="stretch",
    )


page()
