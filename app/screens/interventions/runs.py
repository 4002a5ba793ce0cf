"""Clean and intervened runs, computed by jobs. Clean runs are cached, and all sessions share the results."""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from app.screens.interventions.controls import CUSTOM, InterventionRequest
from app.server import choice_runs, shared
from app.server.models import ModelSource
from app.sidebar import puzzles
from app.state.choice import Choice
from app.ui.analysis import Analysis, Result
from probes.interventions.recorded import DEFAULT_EXPERIMENT, RECORDED
from trm.progress import Progress
from trm.trace import Trace, TraceError, load_trace

if TYPE_CHECKING:
    from probes.interventions.fork import CachedRun
    from trm.model import Model

MAX_CACHED_RUNS = 6  # each run needs up to 96 MiB with its states


@dataclass(frozen=True, eq=False)
class RunPair:
    """A clean run and the corresponding intervened run."""

    clean: Trace
    intervened: Trace


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
        if self.request.experiment == CUSTOM:
            run, interventions = clean, parse_all(self.request.text)
        else:
            run, interventions = prepared(clean, self.request.experiment, self.request.step)
        intervened = last_trace(run.fork(interventions), run.depth, progress, "running with the intervention")
        return RunPair(clean.trace, intervened)


def cached_run(choice: Choice, model: "Model", progress: Progress) -> "CachedRun":
    """Return the clean run with its states. Raises UserError if the depth is not valid.

    Call this only inside a job, because jobs run one at a time.
    """
    from probes.interventions.fork import cache_run

    choice_runs.check_depth(choice.config, choice.depth)
    cached = _cached_runs()
    key: Hashable = (model.fingerprint, choice.run)
    if key not in cached:
        cached[key] = cache_run(
            model,
            choice.task,
            puzzles.read(choice.task, choice.puzzle),
            depth=choice.depth,
            puzzle_id=choice.puzzle_id,
            labels=choice.label_tokens,
            progress=progress,
        )
    cached.move_to_end(key)
    while len(cached) > MAX_CACHED_RUNS:
        cached.popitem(last=False)
    return cached[key]


@st.cache_resource(show_spinner=False)
def _cached_runs() -> "OrderedDict[Hashable, CachedRun]":
    return OrderedDict()
