"""Lecture: the recursion taught in scenes, with the live player, the diagram and the code. For a projector and its class."""

from typing import Any

import streamlit as st

from app import links, notes
from app.lecture import component, language
from app.lecture.lecture import Lecture, code, lecture
from app.lecture.share import invitation
from trm.errors import UserError

KEY = "lecture"


def page() -> None:
    try:
        told = lecture()
        place = settle(told)
        component.show(contents(told, place), key=KEY, on_ask=take_ask)
    except UserError as error:
        notes.problem(str(error))
        return
    links.write({"scene": place["scene"], "lang": place["language"]})


def settle(told: Lecture) -> dict[str, Any]:
    """Where this person is: scene and language of the link at first, then what the browser asked for."""
    state = st.session_state
    if "lecture_place" not in state:
        link = st.query_params
        spoken = link.get("lang", language.FIRST)
        scene = link.get("scene", "")
        state.lecture_place = {
            "turn": 0,
            "scene": scene if told.has(scene) else told.scenes[0].id,
            "language": spoken if spoken in language.languages() else language.FIRST,
            "start": links.view_of(link.to_dict()),
            "present": link.get("present") == "true",
        }
    return state.lecture_place


def take_ask() -> None:
    """The browser went on; the page follows with the runs that are needed there."""
    asked = st.session_state[KEY].get("ask") or {}
    place = st.session_state.lecture_place
    scene, spoken = asked.get("scene"), asked.get("language")
    if lecture().has(scene):
        place["scene"] = scene
    if spoken in language.languages():
        place["language"] = spoken


def contents(told: Lecture, place: dict[str, Any]) -> dict[str, Any]:
    """What the browser is sent: texts in the language asked for, the outline, the runs of this scene and of the next."""
    scene, spoken = place["scene"], place["language"]
    order = [each.id for each in told.scenes]
    near = order[order.index(scene) : order.index(scene) + 2]
    address = st.context.url
    return {
        **place,
        "languages": {code: language.read_language(code).name for code in language.languages()},
        "texts": {spoken: told.texts(spoken)},
        "outline": told.outline(),
        "code": code(),
        "runs": told.runs(near),
        "invitation": invitation(address, scene, spoken) if address else None,
        "embed": st.context.is_embedded,
    }


page()
