"""Two synchronised runs, each in its own player, with their differences marked. Used for pinned runs on Solve, and by
pages that compare runs:

    trm, hrm = (pair.Side.of(choice, choice_runs.shown(choice, place=name), name=name) for name, choice in ...)
    pair.show(trm, hrm, key="compare")

`show` draws what has been computed so far. `show_growing` redraws runs that are still growing; it takes a function that
makes both sides. A session follows one run per `place`, so two growing runs need two places.

Keys, clock and settings are shared in the browser (`trm/player/pair.js`). Only the settled view is reported to Python.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import streamlit as st

from app.player.component import player
from app.server import shared
from app.server.runs import Run
from app.state import links
from trm.coordinates import Depth
from trm.errors import UserError
from trm.export.payload import VERSION, pair_payload, payload
from trm.tasks.base import Task
from trm.trace import Trace

if TYPE_CHECKING:
    from app.state.choice import Choice


@dataclass(frozen=True)
class Side:
    """One run of a pair, as far as it has been computed, with its name and title."""

    name: str  # short, for sentences such as "Pinned: ended after step 8"
    title: str  # everything that distinguishes it from the other run
    task: Task
    depth: Depth  # requested
    trace: Trace | None  # None before the first step is computed

    @classmethod
    def of(cls, choice: "Choice", run: Run | Trace | None, *, name: str, title: str | None = None) -> Self:
        """A side from a choice and the result of `choice_runs.shown` for it. Raises UserError if the run failed."""
        if isinstance(run, Run) and run.error:
            raise run.error
        trace = run.trace if isinstance(run, Run) else run
        return cls(name, title or run_title(choice), choice.task, choice.depth, trace)

    @property
    def is_whole(self) -> bool:
        return self.trace is not None and self.trace.steps == self.depth.N_sup


def run_title(choice: "Choice") -> str:
    """The model, puzzle and depth of a run, on one line."""
    depth = choice.depth
    return f"{choice.source.name}: {choice.title}, n = {depth.n}, T = {depth.T}, {depth.N_sup} steps"


def show(
    left: Side,
    right: Side,
    *,
    key: str,
    start: dict[str, Any] | None = None,
    hint: str = "",
    **options: Any,
) -> dict[str, Any] | None:
    """Draw both sides. `key` is the key of the player on this page, `start` the initial view (`app.state.links`),
    `hint` a text shown while both are the same run, and `options` those of `app.player.component.player`.

    Returns the settled view, that of one player with `align` and `lead`, or None before the first report.
    """
    sides = (left, right)
    places = (f"{key} left", key)  # the right one shares the cache of a single player
    sent = [
        cached_payload(at, side.task, side.depth, side.trace) for at, side in zip(places, sides, strict=True)
    ]
    data = pair_payload(
        sent,
        names=[side.name for side in sides],
        titles=[side.title for side in sides],
        start=start,
        hint=hint,
    )
    return player(data, key=key, **options)


def show_growing(make_sides: Callable[[], tuple[Side, Side]], *, key: str, **options: Any) -> None:
    """Draw the sides that `make_sides` returns, and redraw them until both are complete. Writes the view into the address.
    `options` are those of `show`.

    `make_sides` must request the runs on each call, or they pause. If it raises UserError, the page reruns and shows
    the error.
    """
    sides = make_sides()
    grows = not all(side.is_whole for side in sides)

    def draw() -> None:
        try:
            now = make_sides() if grows else sides
        except UserError:
            st.rerun()  # the page calls `make_sides` again and shows the error
        view = show(*now, key=key, **options)
        if view:
            links.remember_view(view)
        if grows and all(side.is_whole for side in now):
            st.rerun()  # stops the timer of the fragment

    st.fragment(draw, run_every=shared.runs().look_every if grows else None)()


def cached_payload(place: str, task: Task, depth: Depth, trace: Trace | None) -> dict[str, Any]:
    """The payload of a trace, or an empty one if no step has been computed. `place` names the player that caches it."""
    if trace is None:
        return {"version": VERSION, "rows": task.rows, "columns": task.columns, "steps": 0} | vars(depth)
    cached: dict[str, tuple[Trace, dict[str, Any]]] = st.session_state.setdefault("payloads", {})
    if place not in cached or cached[place][0] is not trace:
        cached[place] = (trace, payload(trace, task))
    return cached[place][1]
