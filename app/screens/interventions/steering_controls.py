"""The section "Steer by hand": a direction, where it is added, and a slider for how far.

The settings of a session are a `SteeringSettings`. A widget that is not on the page has no value in Streamlit, so every
widget takes its value from there when it appears.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from app.screens.interventions import cursor
from app.screens.interventions.steering import (
    ALL_CELLS,
    KINDS,
    LAST_SEED,
    MOST,
    SPANS,
    STATES,
    RecordedProbes,
    SteeringSettings,
)
from app.state.choice import Choice
from probes.interventions.presets import another_puzzle
from trm.errors import UserError

PREFIX = "steer_"  # of the keys of the widgets; the rest is the name of the setting
LONGEST = 7500  # characters of a puzzle or a vector


def controls(choice: Choice) -> tuple[str, str]:
    """Draw the controls. Returns the intervention as text, and the problem with the settings, "" if there is none."""
    state = st.session_state
    probes = RecordedProbes.of(choice.source)
    grid = (choice.task.name, choice.task.cells)
    if "steering" not in state or state.setdefault("steering_grid", grid) != grid:
        open_with(first_settings(choice, probes))
    state.steering_grid = grid
    with st.container(border=True, key="steer"):
        row = st.container(horizontal=True, vertical_alignment="bottom", key="steer_direction")
        with row:
            _segments(
                "kind",
                "Direction",
                KINDS,
                "What the state is moved towards, or away from with a negative strength.",
            )
            _direction(choice, probes)
        row = st.container(horizontal=True, vertical_alignment="bottom", key="steer_place")
        with row:
            _segments(
                "state",
                "State",
                dict(zip(STATES, STATES, strict=True)),
                "y is the current answer, embedded; z is the latent state.",
            )
            _text("cells", "Cells", "Cells such as r5c5,r1c2, or all.", width=110)
            _text(
                "call",
                "Call",
                "Supervision step.cycle.call, such as 2.1.3. The state is moved after this call.",
                width=90,
            )
            st.button(
                "Here", key="steer_use", icon=":material/my_location:", on_click=use_place, args=(choice,),
                help="Takes the call and the selected cell of the player.",
            )  # fmt: skip
            _segments(
                "span",
                "When",
                SPANS,
                "Once; at this call of this and every later step; or after every call from here on.",
            )
            st.slider(
                "Strength", -MOST, MOST, step=0.05, key=_restored("size"),
                help="Relative to the norm of the state; for a puzzle, 1 replaces the state by the puzzle's. Arrow keys move it.",
            )  # fmt: skip
    names = [name for name in vars(state.steering) if PREFIX + name in state]
    state.steering = replace(state.steering, **{name: state[PREFIX + name] for name in names})
    try:
        state.steering_text = str(state.steering.intervention())
        state.steering.check(choice, probes)
    except UserError as error:
        return state.get("steering_text", ""), str(error)
    return state.steering_text, ""


def open_with(steering: SteeringSettings) -> None:
    """Set the settings of this session, those of widgets on the page included."""
    state = st.session_state
    state.steering = steering
    for name in ("grid", "text"):
        state.pop(f"steering_{name}", None)
    for name in vars(steering):
        state.pop(PREFIX + name, None)


def first_settings(choice: Choice, probes: RecordedProbes | None) -> SteeringSettings:
    """Return the settings to begin with: the first probe, at the player's call and cell.

    Before there is a player: after the first f_H call, in the first blank cell.
    """
    task, at = choice.task, cursor.current(choice)
    blank = np.flatnonzero(~task.givens(task.parse(choice.puzzle, unfinished=True)))
    if at is None:
        at = cursor.Cursor(1, 1, choice.depth.n + 1, int(blank[0]) if blank.size else None)
    place = {
        "cells": ALL_CELLS if at.cell is None else cursor.cell_name(choice, at.cell),
        "call": f"{at.supervision_step}.{at.cycle}.{at.call}",
    }
    if probes is None:
        return SteeringSettings("noise", **place)
    target, classes = next(iter(probes.classes.items()))
    name = classes[0] if len(classes) > 2 else ""
    return SteeringSettings("probe", target, name, probes.nearest(at.supervision_step), **place)


def use_place(choice: Choice) -> None:
    """Callback: take the call and the selected cell of the player."""
    at, state = cursor.current(choice), st.session_state
    if at is not None:
        state.steer_call = f"{at.supervision_step}.{at.cycle}.{at.call}"
        state.steer_cells = ALL_CELLS if at.cell is None else cursor.cell_name(choice, at.cell)


def _direction(choice: Choice, probes: RecordedProbes | None) -> None:
    """Draw the controls of the chosen kind of direction."""
    state, kind = st.session_state, st.session_state.steer_kind
    if kind == "probe" and probes is not None:
        target = _select("target", "Probe", list(probes.classes), "The recorded probe.", width=190)
        classes = probes.classes[target]
        if classes:
            first = classes[-1] if len(classes) == 2 else classes[0]
            _select(
                "class_name", "Class", classes, "The class whose direction is used.", first=first, width=110
            )
        else:
            state.steering = replace(state.steering, class_name="")
            state.pop(f"{PREFIX}class_name", None)
        _select("fitted", "Fitted at", probes.steps, "The step after which the probe was fitted.", width=110)
    if kind == "puzzle":
        if not state.steering.puzzle:
            task = choice.task
            other = another_puzzle(task, task.parse(choice.puzzle, unfinished=True))
            state.steering = replace(state.steering, puzzle=task.format(other))
        _text(
            "puzzle",
            "Other puzzle",
            "The state of this puzzle's clean run at the same call is the direction.",
            max_chars=LONGEST,
        )
    elif kind == "noise":
        st.number_input(
            "Seed", 0, LAST_SEED, key=_restored("seed"), width=130, help="Each seed is other noise."
        )
    elif kind == "vector":
        if not state.steering.vector:
            state.steering = replace(state.steering, vector=f"head:t{choice.task.vocab_size - 1}")
        _text(
            "vector", "Vector",
            "head:7 for the output head's direction of symbol 7, embedding:7 for its input embedding, or one number for each dimension.",
            max_chars=LONGEST,
        )  # fmt: skip


# ---- widgets whose value is kept in `steering`


def _restored(name: str) -> str:
    """Return the key of a widget, after giving it its value if it has none."""
    key = PREFIX + name
    if key not in st.session_state:
        st.session_state[key] = getattr(st.session_state.steering, name)
    return key


def _segments(name: str, label: str, options: dict[str, str], help: str) -> None:
    st.segmented_control(
        label, list(options), key=_restored(name), format_func=options.get, required=True, help=help
    )


def _select(
    name: str, label: str, options: Sequence[Any], help: str, *, width: int, first: Any = None
) -> Any:
    key = _restored(name)
    if st.session_state[key] not in options:
        st.session_state[key] = options[0] if first is None else first
    return st.selectbox(label, options, key=key, format_func=_label, help=help, width=width)


def _text(name: str, label: str, help: str, **options: Any) -> None:
    st.text_input(label, key=_restored(name), help=help, **options)


def _label(option: Any) -> str:
    return str(option).replace("_", " ")
