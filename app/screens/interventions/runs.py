"""Clean and intervened runs, computed by jobs. Clean runs are cached, and all sessions share the results.

A steered run is a run like those of Solve: it resumes the cached clean run at the first call that is steered, and
grows from there on. A session waits only for the run of its latest settings.
"""

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import streamlit as st

from app.screens.interventions.controls import InterventionRequest
from app.screens.interventions.cursor import PLAYER
from app.server import choice_runs, shared
from app.server.models import ModelSource
from app.server.runs import Run
from app.server.work import Steps
from app.sidebar import puzzles
from app.state import session
from app.state.choice import Choice
from app.ui import status
from app.ui.analysis import Analysis, Result, result_of
from probes.interventions.recorded import DEFAULT_EXPERIMENT, RECORDED
from trm.parallel import torch_threads
from trm.progress import Progress
from trm.trace import Trace, TraceError, load_trace

if TYPE_CHECKING:
    from probes.interventions.fork import CachedRun
    from trm.model import Model

MAX_CACHED_RUNS = 6  # each run needs up to 96 MiB with its states
_GUARD = Lock()  # of the cached runs


@dataclass(frozen=True, eq=False)
class RunPair:
    """A clean run and the corresponding intervened run, as far as it has been computed."""

    clean: Trace
    intervened: Trace | None
    run: Run | None = None  # the run that computes `intervened`, if it grows


def recorded(choice: Choice, request: InterventionRequest) -> RunPair | None:
    """Return the bundled pair of runs if it matches the request, otherwise None. Does not import torch."""
    if not (
        choice.source.is_bundled
        and choice.is_as_trained
        and request == InterventionRequest(DEFAULT_EXPERIMENT, request.step)
    ):
        return None
    fingerprint = shared.weights_fingerprint(choice.source.name, choice.source.stamp)
    clean = choice_runs.recorded(choice)
    intervened = _recorded_fork(
        RECORDED / choice.source.name / f"{DEFAULT_EXPERIMENT}-{request.step}.safetensors",
        fingerprint,
        choice.puzzle,
    )
    return None if clean is None or intervened is None else RunPair(clean, intervened)


@st.cache_data(max_entries=8, show_spinner=False)
def _recorded_fork(path: Path, fingerprint: str, puzzle: str) -> Trace | None:
    try:
        trace = load_trace(path)
    except TraceError:
        return None
    from trm.registry import model_config
    from trm.tasks import task_of

    same = task_of(model_config(path.parent.name)).format(trace.inputs) == puzzle
    return trace if same and trace.provenance.fingerprint == fingerprint else None


@dataclass(frozen=True)
class RunAnalysis(Analysis[Result]):
    """An analysis of the clean run of a choice."""

    choice: Choice

    @property
    def source(self) -> ModelSource:
        return self.choice.source


@dataclass(frozen=True)
class InterventionExperiment(RunAnalysis[RunPair]):
    """Both runs of an experiment on the chosen puzzle."""

    request: InterventionRequest

    def run(self, model: "Model", progress: Progress) -> RunPair:
        from probes.interventions.fork import last_trace
        from probes.interventions.preset_runs import prepared
        from probes.interventions.spec import parse_all

        clean = cached_run(self.choice, model, progress)
        if self.request.is_text:
            run, interventions = clean, parse_all(self.request.text)
        else:
            run, interventions = prepared(clean, self.request.experiment, self.request.step)
        intervened = last_trace(run.fork(interventions), run.depth, progress, "running with the intervention")
        return RunPair(clean.trace, intervened)


@dataclass(frozen=True)
class CleanRun(RunAnalysis[Trace]):
    """The clean run that steered runs resume."""

    def run(self, model: "Model", progress: Progress) -> Trace:
        return cached_run(self.choice, model, progress).trace


class SteeredRun(Steps):
    """A run with interventions given as text, whose result is the trace so far."""

    too_large = "This run needs more memory than the server has. Take fewer steps or cycles."
    failed = "This run failed on the server; its log has the reason. Choose other settings."

    def __init__(self, choice: Choice, model: "Model", text: str):
        self._choice, self._model, self._text = choice, model, text
        self._traces: Iterator[Trace] | None = None

    def advance(self, together: list["SteeredRun"], progress: Progress) -> None:
        from probes.interventions.spec import parse_all

        with torch_threads(self._model):
            if self._traces is None:
                clean = cached_run(self._choice, self._model, progress)
                self._traces = clean.fork(parse_all(self._text))
            progress(0.0, "running with the intervention")
            self.result = next(self._traces)
        self.is_complete = self.result.steps >= self.result.depth.N_sup


def steered(choice: Choice, text: str) -> RunPair | None:
    """Return the clean run and the steered run, as far as it has been computed.

    None, with a message on the page, while the clean run is computed, or if the run fails.
    """
    clean = result_of(CleanRun(choice))
    if clean is None:
        return None
    model = shared.models().ask(choice.source).model
    if model is None:  # dropped in the meantime to make room for other models
        status.switch_to_model(choice.source)
        return None
    key = ("steered", model.fingerprint, choice.run, text)
    run = shared.runs().ask(key, SteeredRun(choice, model, text), watcher=session.watcher(PLAYER))
    shared.runs().wait(run, choice_runs.AT_ONCE)
    if run.error:
        status.problem(str(run.error))
        return None
    return RunPair(clean, run.trace, run)


def cached_run(choice: Choice, model: "Model", progress: Progress) -> "CachedRun":
    """Return the clean run with its states. Raises UserError if the depth is not valid.

    Call this only inside a job. Two jobs of different priorities may compute the same run at once; the first is cached.
    """
    from probes.interventions.fork import cache_run

    choice_runs.check_depth(choice.config, choice.depth)
    cached = _cached_runs()
    key: Hashable = (model.fingerprint, choice.run)
    run = cached.get(key) or cache_run(
        model,
        choice.task,
        puzzles.read(choice.task, choice.puzzle),
        depth=choice.depth,
        puzzle_id=choice.puzzle_id,
        labels=choice.label_tokens,
        progress=progress,
    )
    with _GUARD:
        run = cached.setdefault(key, run)
        cached.move_to_end(key)
        while len(cached) > MAX_CACHED_RUNS:
            cached.popitem(last=False)
    return run


@st.cache_resource(show_spinner=False)
def _cached_runs() -> "OrderedDict[Hashable, CachedRun]":
    return OrderedDict()
