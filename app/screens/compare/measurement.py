"""Two models measured on one puzzle set: recorded for the default pair, otherwise computed on request and shared by all sessions.

Each model is measured by its own job, so it is not measured again when it is compared with a third model.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import streamlit as st

from app.server import shared
from app.server.jobs import Job
from app.server.models import ModelSource
from app.server.opening import torch_threads
from app.sidebar.dataset import PuzzleSetChoice
from app.state.choice import Choice
from app.ui import progress
from app.ui.estimates import Cost
from probes.comparison.files import Comparison, ComparisonError, load_comparison, recorded_path
from trm.errors import CheckpointError
from trm.progress import Progress
from trm.tasks.base import Task

POLL_SECONDS = 0.3  # while a model is being opened


@dataclass(frozen=True)
class ComparisonRequest:
    """Two models, each at its own depth, and the puzzles."""

    sources: tuple[ModelSource, ModelSource]
    task: Task
    puzzles: PuzzleSetChoice

    @classmethod
    def of(cls, one: Choice, other: Choice, puzzles: PuzzleSetChoice) -> "ComparisonRequest":
        return cls((one.source, other.source), one.task, puzzles)

    @property
    def keys(self) -> list[tuple]:
        return [("measured", source, self.puzzles) for source in self.sources]


def start(request: ComparisonRequest, costs: Sequence[Cost]) -> None:
    """Start measuring both models, one after the other."""
    for key, source, cost in zip(request.keys, request.sources, costs, strict=True):
        progress.ask(key, cost.timed(partial(_measure, source, request.task, request.puzzles)))


def started_jobs(request: ComparisonRequest) -> list[Job]:
    """The jobs of both models; empty unless both were started."""
    jobs = [shared.jobs().find(key) for key in request.keys]
    return [job for job in jobs if job is not None] if all(jobs) else []


def result(jobs: list[Job]) -> Comparison:
    """The comparison, once both jobs are done. Raises ComparisonError."""
    from probes.comparison.files import make_comparison

    results = [job.result for job in jobs]
    cached = st.session_state.get("comparison")
    if cached is None or cached[0] is not results[0] or cached[1] is not results[1]:
        cached = st.session_state.comparison = (*results, make_comparison(*results))
    return cached[2]


def _measure(source: ModelSource, task: Task, puzzles: PuzzleSetChoice, progress: Progress):
    """Job: measure one model, as `probes compare` does."""
    from probes.comparison.measure import measure
    from trm.data import load_puzzles
    from trm.evaluate import evenly

    opening = shared.models().ask(source)
    while not opening.wait(POLL_SECONDS):
        progress(0.0, f"opening {source.name}")
    if opening.error:
        raise opening.error
    if opening.model is None:
        raise CheckpointError(
            f"{source.name} could not be opened. Select it as the model, then measure again."
        )
    whole = load_puzzles(puzzles.name, task)
    chosen = whole.take(evenly(len(whole), puzzles.count))
    with torch_threads(opening.model):
        return measure(opening.model, task, chosen, progress=progress)


# ---- recorded


@dataclass(frozen=True)
class RecordedComparison:
    """A comparison that comes with the app. `stale` names the models whose weights have changed since."""

    comparison: Comparison
    stale: tuple[str, ...]


def recorded(one: ModelSource, other: ModelSource) -> RecordedComparison | None:
    """The recorded comparison of two bundled models; None if it does not exist or cannot be read."""
    if not (one.is_bundled and other.is_bundled) or one.forced or other.forced:
        return None
    path = recorded_path(one.name, other.name)
    if not path.is_file():
        return None
    comparison = _load(str(path), path.stat().st_mtime_ns)
    if comparison is None:
        return None
    fingerprints = [shared.weights_fingerprint(source.name, source.stamp) for source in (one, other)]
    stale = tuple(
        measured.about.name
        for measured, fingerprint in zip(comparison.models, fingerprints, strict=True)
        if measured.about.fingerprint != fingerprint
    )
    return RecordedComparison(comparison, stale)


@st.cache_resource(max_entries=8, show_spinner=False)
def _load(path: str, changed: int) -> Comparison | None:
    from pathlib import Path

    try:
        return load_comparison(Path(path))
    except ComparisonError:
        return None
