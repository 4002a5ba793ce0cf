"""Background self-checks, which measure a model's score on a few puzzles at the n and T that a user selects."""

from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING, Any

from app.server.jobs import Jobs
from app.server.models import ModelSource
from app.server.work import Job, Priority, Steps
from trm.coordinates import F_H, Coordinates, Depth
from trm.parallel import torch_threads
from trm.progress import Progress

if TYPE_CHECKING:
    from trm.model import Model
    from trm.recursion import State

ALL_PAGES = "self-check"  # self-checks are shared by all sessions, and nobody cancels them


@dataclass(frozen=True)
class Check:
    """The results of a self-check. A result is None until it is computed; `states` is computed after `result`."""

    result: dict[str, Any] | None = None  # from `trm.inspection.inspect.run_self_check`
    states: dict[str, Any] | None = None  # from `trm.inspection.inspect.check_states`


class Checks:
    """All self-checks of a server."""

    def __init__(self, jobs: Jobs):
        self._jobs = jobs

    def ask(self, source: ModelSource, model: "Model", depth: Depth) -> Check:
        """Return the self-check of a model at this n and T, started if there is none.

        A page must keep asking, or the check stops. If a part of the check fails, a note replaces its result.
        """
        key = ("self-check", source, depth.n, depth.T)
        work = _SelfCheck(model, replace(depth, N_sup=model.config.N_sup))
        job = self._jobs.ask(key, work, asker=ALL_PAGES, priority=Priority.BACKGROUND, kind=_CheckJob)
        check = job.result or Check()
        return Check(check.result or {"note": str(job.error)}, {}) if job.error else check


class _CheckJob(Job):
    retry_after = inf


class _SelfCheck(Steps):
    """A self-check as work in two steps: the score, then the use of the states."""

    failed = "failed; the server's log has the reason"

    def __init__(self, model: "Model", depth: Depth):
        self._model, self._depth = model, depth

    def advance(self, together: list["_SelfCheck"], progress: Progress) -> None:
        from trm.inspection.inspect import check_states, run_self_check

        def after_call(at: Coordinates, state: "State") -> "State":
            if at.kind == F_H:
                progress(0.0, "")
            return state

        options = {"depth": self._depth, "after_call": after_call}
        with torch_threads(self._model):
            if self.result is None:
                self.result = Check(run_self_check(self._model, **options))
            else:
                self.result = Check(self.result.result, check_states(self._model, **options))
                self.is_complete = True
