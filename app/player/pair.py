"""Draws two synchronised runs, each in its own player, and marks their differences.

Solve uses this module for pinned runs. Other pages use it to compare runs:

    trm, hrm = (pair.Side.of(choice, choice_runs.shown(choice, place=name), name=name, place=name) for ...)
    pair.show(trm, hrm, key="compare")

The browser fetches the further steps of incomplete runs. A session watches one run for each `place`, so two incomplete
runs need two places.

The two players share keyboard input, clock and settings in the browser (`trm/player/pair.js`).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import streamlit as st

from app.player import state_map
from app.player.component import player
from app.server import shared
from app.server.http import feeds
from app.server.http.feeds import Growth
from app.server.runs import Run
from app.state import session
from trm.coordinates import Depth
from trm.export.payload import VERSION, pair_payload, payload
from trm.tasks.base import Task
from trm.trace import Trace

if TYPE_CHECKING:
    from app.state.choice import Choice


@dataclass(frozen=True)
class Side:
    """One of the two runs of a pair, as far as it has been computed, with its name and title."""

    name: str  # short name, for sentences such as "Pinned: ended after step 8"
    title: str  # complete description that distinguishes the run from the other run
    task: Task
    depth: Depth  # requested depth
    trace: Trace | None  # None before the first supervision step is computed
    feed: str | None = None  # address of further steps, if the run is being computed
    why: str | None = None  # address that answers why a cell changed, if this run can be attributed
    map: str | None = None  # address of the map of its states, if the run can be computed again

    @classmethod
    def of(cls, choice: "Choice", run: Run | Trace | None, *, name: str, place: str = "") -> Self:
        """Create a side from a choice and its result of `choice_runs.shown`. Raises UserError if the run failed.

        `place` is that of `choice_runs.shown`.
        """
        if isinstance(run, Run) and run.error:
            raise run.error
        trace = run.trace if isinstance(run, Run) else run
        return cls(
            name,
            run_title(choice).removeprefix(f"{name}: "),
            choice.task,
            choice.depth,
            trace,
            feed_of(choice, run, place=place),
            map=state_map.address(choice, place=place),
        )

    @property
    def is_whole(self) -> bool:
        return self.trace is not None and self.trace.steps == self.depth.N_sup


def run_title(choice: "Choice") -> str:
    """Describe the model, puzzle and depth of a run on one line."""
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
) -> None:
    """Draw both sides in synchronised players.

    `key` is the key of the component on this page, and `start` the initial view (see `app.state.links`). `hint` is
    shown while both sides are the same run. `options` are further arguments of `app.player.component.player`.
    """
    sides = (left, right)
    places = (f"{key} left", key)  # the right player shares the cache of a single player
    sent = [
        cached_payload(at, side.task, side.depth, side.trace)
        | {"feed": side.feed, "why": side.why, "map": side.map}
        for at, side in zip(places, sides, strict=True)
    ]
    data = pair_payload(
        sent,
        names=[side.name for side in sides],
        titles=[side.title for side in sides],
        start=start,
        hint=hint,
    )
    player(data, key=key, **options)


def feed_of(choice: "Choice", run: Run | Trace | None, *, place: str = "") -> str | None:
    """Return the address of the further steps of a run that is being computed; None for all others."""
    if not isinstance(run, Run) or run.done or session.is_stopped(choice):
        return None
    runs, key, watcher = shared.runs(), run.key, session.watcher(place)

    def read() -> Growth | None:
        run = runs.poll(key, watcher=watcher)
        return run and Growth(run, runs.look_every)

    return feeds.address("runs", feeds.RUNS.publish((key, watcher), read))


def cached_payload(place: str, task: Task, depth: Depth, trace: Trace | None) -> dict[str, Any]:
    """Return the payload of a trace, or an empty payload if no step has been computed.

    The last payload of each `place` is cached in the session.
    """
    if trace is None:
        return {"version": VERSION, "rows": task.rows, "columns": task.columns, "steps": 0} | vars(depth)
    cached: dict[str, tuple[Trace, dict[str, Any]]] = st.session_state.setdefault("payloads", {})
    if place not in cached or cached[place][0] is not trace:
        cached[place] = (trace, payload(trace, task))
    return cached[place][1]
