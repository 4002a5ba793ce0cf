"""The button "Steer along this", which opens Interventions with a probe's direction as a link."""

import streamlit as st

from app.screens.interventions.steering import ALL_CELLS, SteeringSettings, as_vector
from app.screens.probes import source as sources
from app.screens.probes.controls import drop_invalid_choices, target_label
from app.screens.probes.source import LoadedExperiment
from app.sidebar.model_controls import Opened
from app.state import links
from app.state.links import IN_ADDRESS
from app.ui import status
from probes.linear.directions import direction_of
from trm.errors import UserError

HELP = "Opens Interventions with this direction, these cells and this step, where a slider sets the strength."


def button(
    model: Opened,
    experiment: LoadedExperiment,
    target: str,
    state: str,
    time_point: int,
    class_name: str = "",
    *,
    cells: str = ALL_CELLS,
    puzzle: str | None = None,
    key: str,
) -> None:
    """Draw the button for one probe's direction; `class_name` as in `probes.linear.directions.direction_of`."""
    if not st.button("Steer along this", key=key, icon=":material/tune:", help=HELP):
        return
    at = experiment.summary.time_points[time_point]
    call = f"{at.supervision_step}.{at.cycle}.{at.call}"
    place = {"state": state, "cells": cells, "call": call}
    try:
        if experiment.recorded and experiment.summary.provenance.fingerprint == sources.fingerprint(model):
            steering = SteeringSettings("probe", target, class_name, at.supervision_step, **place)
        else:  # a link cannot name a probe that was fitted or opened here
            (probe,) = experiment.probes([target], state)
            steering = SteeringSettings(
                "vector", vector=as_vector(direction_of(probe, time_point, class_name)), **place
            )
        text = str(steering.intervention())
    except UserError as error:
        status.problem(str(error))
        return
    link = links.place(model=model.source.name, puzzle=puzzle, at=(at.supervision_step, at.cycle, at.call))
    links.follow(link | {"experiment": "steer", "do": text}, links.INTERVENTIONS)


def row(
    model: Opened, experiment: LoadedExperiment, target: str, state: str, time_point: int, puzzle: str
) -> None:
    """Draw the choice of a class and of cells, and the button, for the probes shown on one puzzle."""
    group = experiment.targets[target]
    members, classes = group.members, group.classes
    options = members if len(members) > 1 else classes if len(classes) > 2 else ()
    drop_invalid_choices(probes_steer_class=options)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = ""
        if options:
            chosen = st.selectbox(
                "Class",
                options,
                key="probes_steer_class",
                **IN_ADDRESS,
                format_func=target_label,
                help="The class whose direction is used.",
                width=150,
            )
        cells = st.text_input(
            "Cells", ALL_CELLS, key="probes_steer_cells", **IN_ADDRESS, width=110, help="Cells such as r5c5,r1c2, or all."
        )  # fmt: skip
        member, class_name = (chosen, "") if len(members) > 1 else (members[0], chosen)
        button(
            model, experiment, member, state, time_point, class_name,
            cells=cells, puzzle=puzzle, key="probes_steer",
        )  # fmt: skip
