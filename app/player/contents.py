"""What a player is sent of a run, made ready once for each supervision step that it grew, for each person."""

from typing import Any

import streamlit as st

from trm.coordinates import Depth
from trm.export.payload import VERSION, payload
from trm.tasks.base import Task
from trm.trace import Trace


def contents(place: str, task: Task, depth: Depth, trace: Trace | None) -> dict[str, Any]:
    """The payload of a trace, or word that nothing of a run of this depth is there yet. `place` names what shows it."""
    if trace is None:
        return {"version": VERSION, "rows": task.rows, "columns": task.columns, "steps": 0} | vars(depth)
    ready: dict[str, tuple[Trace, dict[str, Any]]] = st.session_state.setdefault("contents", {})
    if place not in ready or ready[place][0] is not trace:
        ready[place] = (trace, payload(trace, task))
    return ready[place][1]
