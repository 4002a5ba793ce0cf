"""The map of states in the player: where the states of a run lie among those of many recorded runs.

The browser asks `/map/KEY` (`app/server/http/routes.py`) once the map is open. The scheduler runs the model in the
background and places its states, so that stepping is never blocked.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.server import choice_runs, shared
from app.server.http import feeds
from app.server.http.feeds import Answers
from app.server.models import ModelSource
from app.server.work import Job
from app.sidebar import puzzles
from app.state import session
from app.state.choice import Choice
from app.ui.analysis import Analysis, in_background
from trm.export.state_map import StateMap
from trm.progress import Progress
from trm.results import as_json

if TYPE_CHECKING:
    from trm.model import Model


@dataclass(frozen=True)
class Placement(Analysis[StateMap]):
    """The states of the run of a choice, placed in the recorded projection of its model."""

    choice: Choice

    @property
    def source(self) -> ModelSource:
        return self.choice.source

    def run(self, model: "Model", progress: Progress) -> StateMap:
        from probes.latents.placement import map_of_run

        choice = self.choice
        choice_runs.check_depth(choice.config, choice.depth)
        inputs = puzzles.read(choice.task, choice.puzzle)
        return map_of_run(model, inputs, depth=choice.depth, puzzle_id=choice.puzzle_id, progress=progress)


class PlacementJob(Job):
    """The map of one run. A session that asks for the map of another run gives it up."""

    most = 64  # in memory, about 100 kB each


def address(choice: Choice, *, place: str = "") -> str:
    """Publish the map of the run of a choice and return its address. `place` tells two players on one page apart."""
    jobs, asker = shared.jobs(), session.watcher(f"{place} map")

    def ask(question: None) -> Job:
        return in_background(Placement(choice), asker=asker, kind=PlacementJob)

    def look(job: Job) -> None:
        jobs.look(job, asker=asker)

    def show(question: None, state_map: StateMap) -> dict[str, Any]:
        return as_json(state_map)

    answers = Answers(ask, look, show)
    return feeds.address("map", feeds.MAPS.publish((choice.run, asker), lambda: answers))


def known(choice: Choice) -> StateMap | None:
    """Return the map of the run of a choice if it has been computed."""
    job = shared.jobs().find(Placement(choice).key)
    return job.result if job and job.done else None
