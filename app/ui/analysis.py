"""The one way in which pages run analyses.

A page describes each of its analyses as an `Analysis`, a frozen dataclass of settings that knows how to run itself.
`result_of` runs an analysis as a job and draws its progress. `Panel` is for an analysis that a button starts: it shows
the recorded result first, says if the weights have changed since, draws the estimate and the button, and then shows the
computed result.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import streamlit as st

from app.server import shared
from app.server.importing import freeze_libraries
from app.server.models import ModelSource
from app.server.work import Job
from app.state import session
from app.ui.estimates import Cost
from app.ui.progress import ENGLISH, Words, ask, given_up, watch
from app.ui.text import plain
from trm.config import ModelConfig
from trm.errors import CheckpointError, UserError
from trm.parallel import torch_threads
from trm.progress import Progress

if TYPE_CHECKING:
    from trm.model import Model

MODEL_POLL_SECONDS = 0.25  # seconds between progress reports of a job that waits for its model

Result = TypeVar("Result")


class Analysis(ABC, Generic[Result]):
    """An analysis and its settings. Subclasses are frozen dataclasses, and equal settings share one job and its result.

    `source` is the model to run, or None if the analysis works only on the results of other analyses.
    """

    source: ModelSource | None

    @property
    def key(self) -> Hashable:
        """Key of the job: the class and all fields, except fields with `compare=False`, which do not change the result."""
        return type(self), *(getattr(self, field.name) for field in fields(self) if field.compare)

    @property
    def needs(self) -> "tuple[Analysis, ...]":
        """Analyses that run before this one, as jobs of their own. `run` receives their results."""
        return ()

    @property
    def problem(self) -> str:
        """Why the analysis cannot run with these settings; "" if it can."""
        return ""

    def cost(self, config: ModelConfig) -> Cost | None:
        """The cost for a model with this config, without that of `needs`; None if it needs no estimate."""
        return None

    @abstractmethod
    def run(self, model: "Model", progress: Progress, *results: Any) -> Result:
        """Run the analysis inside a job, with the results of `needs`. Raises UserError if its input is not valid."""


@dataclass(frozen=True)
class Recorded(Generic[Result]):
    """A result that comes with the app, and the fingerprints of the weights with which it was recorded."""

    result: Result
    fingerprints: Mapping[ModelSource, str]

    @property
    def outdated(self) -> list[str]:
        """Names of the models whose weights have changed since the recording."""
        return [
            source.name
            for source, fingerprint in self.fingerprints.items()
            if fingerprint != shared.weights_fingerprint(source.name, source.stamp)
        ]


def read_recorded(path: Path, load: Callable[[Path], Result]) -> Result | None:
    """Read a recorded file with `load`, once for all sessions. Returns None if the file is missing or damaged."""
    try:
        return _read(path, path.stat().st_mtime_ns, load)
    except (OSError, UserError):
        return None


@st.cache_resource(max_entries=32, show_spinner=False)
def _read(path: Path, stamp: int, _load: Callable[[Path], Any]) -> Any:
    return _load(path)  # `_load` is not part of the cache key: a path is always read by the same function


# ---- jobs


def result_of(analysis: Analysis[Result], *, restart: bool = False, words: Words = ENGLISH) -> Result | None:
    """Return the result of an analysis. While its job waits or runs, draw the progress and return None.

    The job starts with the first request. A cancelled or failed job draws a message and a button to start again, and
    returns None; it starts again only by this button or with `restart`.
    """
    results = []
    for needed in analysis.needs:
        result = result_of(needed, restart=restart, words=words)
        if result is None:
            return None
        results.append(result)
    job = started(analysis, results, restart=restart)
    saved = "The model runs are still available." if analysis.needs else ""
    result = watch(job, saved=saved, words=words)
    if given_up(job):
        st.button(
            words.again,
            key=f"again-{hash(job.key)}",
            icon=":material/refresh:",
            on_click=started,
            args=(analysis, results),
            kwargs={"restart": True},
        )
    return result


def is_done(analysis: Analysis) -> bool:
    """Start the job of an analysis once its model is loaded, and return whether the job has ended."""
    return shared.models().ready(analysis.source) and started(analysis).done


def started(analysis: Analysis, results: Sequence[Any] = (), *, restart: bool = False) -> Job:
    """Return the job of an analysis, started if there is none. Only `restart` starts a cancelled or failed job again."""
    job = shared.jobs().find(analysis.key)
    if job is None or restart:
        return ask(analysis.key, partial(_run, analysis, results))
    shared.jobs().look(job, asker=session.watcher())
    return job


def in_background(analysis: Analysis, *, asker: str, kind: type[Job]) -> Job:
    """Return the job of an analysis without `needs`, requested by a browser and not by a page.

    `asker` waits for no other job of this kind any more. May be called from any thread.
    """
    return shared.jobs().ask(analysis.key, partial(_run, analysis, ()), asker=asker, kind=kind, instead=True)


def _run(analysis: Analysis[Result], results: Sequence[Any], progress: Progress) -> Result:
    """Job: load the model and run the analysis."""
    if analysis.source is None:
        return analysis.run(None, progress, *results)
    model = loaded(analysis.source, progress)
    cost = analysis.cost(model.config)

    def run(progress: Progress) -> Result:
        return analysis.run(model, progress, *results)

    with torch_threads(model):
        return cost.timed(run)(progress) if cost else run(progress)


def loaded(source: ModelSource, progress: Progress) -> "Model":
    """Wait inside a job until a model is loaded, and return it. Raises UserError if it cannot be loaded."""
    opening = shared.models().ask(source)
    while not opening.wait(MODEL_POLL_SECONDS):
        freeze_libraries()
        progress(0.0, f"loading {source.name}")
    if opening.error:
        raise opening.error
    if opening.model is None:  # the download waits for the user's consent
        raise CheckpointError(
            f"{source.name} must be downloaded first. Choose it as the model in the sidebar."
        )
    return opening.model


# ---- analyses that a button starts


@dataclass(frozen=True)
class Panel:
    """The part of a page that shows one analysis, started by a button.

    A session has one request per panel. It is shown while the page is about the same models and the same `about`.
    """

    name: str  # prefix of the keys in the session state
    models: tuple[ModelSource, ...]
    about: Hashable = None  # what else the request must be about, for example a puzzle
    start: str = ""  # message if nothing is recorded and nothing was requested
    update: str = ""  # how to replace a recorded result of other weights
    settings: str = ""  # key of the popover with the settings, which closes when the analysis starts

    @property
    def requested(self) -> Analysis | None:
        """The analysis that this session has started here, if it is about what the page shows."""
        subject, analysis = st.session_state.get(f"{self.name}_request", (None, None))
        return analysis if subject == (self.models, self.about) else None

    def request(self, analysis: Analysis | None) -> None:
        """Callback: start an analysis and close the settings. With None, show the recorded result again."""
        state = st.session_state
        state[f"{self.name}_request"] = (self.models, self.about), analysis
        state[f"{self.name}_pressed"] = True
        if self.settings and analysis is not None:
            state[self.settings] = False

    def button(
        self, label: str, analysis: Analysis, cost: Cost | None, *, key: str, place: Any = st, **options: Any
    ) -> None:
        """Draw the estimate and, in `place`, the button that starts an analysis; or why it cannot be started."""
        if analysis.problem:
            st.error(plain(analysis.problem), icon=":material/edit:")
        elif cost:
            st.caption(cost.estimate())
        place.button(
            label,
            key=key,
            type="primary",
            on_click=self.request,
            args=(analysis,),
            disabled=bool(analysis.problem),
            **options,
        )

    def back_button(self, recorded: Recorded[Result] | None, shown: Result) -> None:
        """Draw a button that returns from the result of a request to the recorded one, if there is one."""
        if recorded is not None and shown is not recorded.result:
            st.button("Show recorded result", key=f"{self.name}_back", on_click=self.request, args=(None,))

    def computed(self) -> Any | None:
        """Return the result of the request; None if there is none yet. Draws the progress, or why it failed."""
        pressed = st.session_state.pop(f"{self.name}_pressed", False)
        with st.container():
            return self.requested and result_of(self.requested, restart=pressed)

    def result(self, recorded: Recorded[Result] | None = None) -> Result | None:
        """Return the computed result and, until there is one, the recorded result.

        Draws the message `start` if there is neither and nothing was requested, and a warning if the recorded result is
        of other weights.
        """
        computed = self.computed()
        if computed is not None:
            return computed
        if recorded is None:
            if self.requested is None and self.start:
                st.info(self.start, icon=":material/hourglass_empty:")
            return None
        if recorded.outdated:
            names = plain(" and ".join(recorded.outdated))
            st.warning(
                f"Recorded with different weights of {names}. {self.update}", icon=":material/sync_problem:"
            )
        return recorded.result
