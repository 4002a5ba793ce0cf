"""Two runs on one clock, each in a whole player, with their differences marked. Solve draws the pinned run so; for pages
that hold runs against each other:

    trm, hrm = (pair.Side.of(choice, choice_runs.shown(choice, place=name), name=name) for name, choice in ...)
    pair.show(trm, hrm, key="compare")

`show` draws what has arrived. Runs that may still grow are asked for again and again by `show_growing`, which takes a function
that makes both sides. A session watches one run in each `place`, so two that grow at once need two.

Keys, clock and choices are shared in the browser (`trm/player/pair.js`); nothing of that comes here but the view on which
the person settled.
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
    """One of the two: a run as far as it has come, and what it is called."""

    name: str  # short: it stands in sentences such as "Pinned: ended after step 8"
    title: str  # all that tells it from the other
    task: Task
    depth: Depth  # that was asked for
    trace: Trace | None  # None: nothing has arrived

    @classmethod
    def of(cls, choice: "Choice", run: Run | Trace | None, *, name: str, title: str | None = None) -> Self:
        """A side from what a person chose and what `choice_runs.shown` gives for it. Raises UserError where the run failed."""
        if isinstance(run, Run) and run.error:
            raise run.error
        trace = run.trace if isinstance(run, Run) else run
        return cls(name, title or run_title(choice), choice.task, choice.depth, trace)

    @property
    def is_whole(self) -> bool:
        return self.trace is not None and self.trace.steps == self.depth.N_sup


def run_title(choice: "Choice") -> str:
    """Model, puzzle and depth of a run, in one line."""
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
    """Draw both. `key` is the player's on this page; `start` the view to open with (`app.state.links`); `hint` is said while
    both are the same run; `options` as `app.player.component.player` takes them.

    Returns the view that the person settled on: that of one player, with `align` and `lead`; None before any.
    """
    sides = (left, right)
    places = (f"{key} left", key)  # the right one is in the place of a player alone
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
    """Draw the sides that `make_sides` makes, and go on looking until both are whole; the view is written into the address.
    `options` are those of `show`.

    `make_sides` asks for the runs anew each time, or they pause; what it raises ends the looking and is the page's to tell.
    """
    sides = make_sides()
    grows = not all(side.is_whole for side in sides)

    def draw() -> None:
        try:
            now = make_sides() if grows else sides
        except UserError:
            st.rerun()  # the page asks again, and tells it
        view = show(*now, key=key, **options)
        if view:
            links.remember_view(view)
        if grows and all(side.is_whole for side in now):
            st.rerun()  # from now on there is nothing left to wait for

    st.fragment(draw, run_every=shared.runs().look_every if grows else None)()


def cached_payload(place: str, task: Task, depth: Depth, trace: Trace | None) -> dict[str, Any]:
    """The payload of a trace, or word that nothing of a run of this depth is there yet. `place` names what shows it."""
    if trace is None:
        return {"version": VERSION, "rows": task.rows, "columns": task.columns, "steps": 0} | vars(depth)
    cached: dict[str, tuple[Trace, dict[str, Any]]] = st.session_state.setdefault("payloads", {})
    if place not in cached or cached[place][0] is not trace:
        cached[place] = (trace, payload(trace, task))
    return cached[place][1]
