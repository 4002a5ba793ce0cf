"""Answers *Why?* in the player: which givens pushed a cell of a run to its answer at a call.

The browser asks `/why/KEY` (`app/server/http/routes.py`), and the scheduler attributes the answer in the background, so
that stepping is never blocked.
"""

from typing import Any

from app.screens.interventions.attribution import Attribution
from app.server import shared
from app.server.http import feeds
from app.server.http.feeds import Answers, CellQuestion
from app.server.work import Job
from app.state import session
from app.state.choice import Choice
from app.ui.analysis import in_background
from probes.interventions.attribution.results import CellEffects

METHOD, SPAN = "gradients", "cycle"
SENT = ("of", "value", "baseline", "completeness_error", "points", "cells")


class Explanation(Job):
    """The attribution of one change. It is dropped when its session asks about another change."""

    most = 16 << 20  # bytes


def address(choice: Choice, *, place: str = "") -> str | None:
    """Publish the answers about the clean run of a choice and return their address; None if it has no givens to blank.

    `place` tells two players on one page apart.
    """
    if choice.task.blank is None:
        return None
    jobs, asker = shared.jobs(), session.watcher(f"{place} why")

    def attribution(question: CellQuestion) -> Attribution:
        return Attribution(choice, method=METHOD, span=SPAN, **vars(question))

    def ask(question: CellQuestion) -> Job:
        return in_background(attribution(question), asker=asker, kind=Explanation)

    def look(job: Job) -> None:
        jobs.look(job, asker=asker)

    def show(question: CellQuestion, effects: CellEffects) -> dict[str, Any]:
        return {name: getattr(effects, name) for name in SENT} | {"command": attribution(question).command}

    answers = Answers(ask, look, show)
    return feeds.address("why", feeds.WHY.publish((choice.run, asker), lambda: answers))
