"""Two models measured on one set: kept for everybody, computed when somebody asks, recorded for the pair the page opens with.

Each model is measured by a job of its own, so that one that was measured is not measured again beside a third.
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

LOOK_EVERY = 0.3  # seconds between looks at a model that is being opened


@dataclass(frozen=True)
class Asked:
    """Two models at their own depth, and puzzles."""

    sources: tuple[ModelSource, ModelSource]
    task: Task
    puzzles: PuzzleSetChoice

    @classmethod
    def of(cls, one: Choice, other: Choice, puzzles: PuzzleSetChoice) -> "Asked":
        return cls((one.source, other.source), one.task, puzzles)

    @property
    def keys(self) -> list[tuple]:
        return [("measured", source, self.puzzles) for source in self.sources]


def begin(asked: Asked, costs: Sequence[Cost]) -> None:
    """Measure both, one after the other."""
    for key, source, cost in zip(asked.keys, asked.sources, costs, strict=True):
        progress.ask(key, cost.timed(partial(_measure, source, asked.task, asked.puzzles)))


def found_jobs(asked: Asked) -> list[Job]:
    """The jobs of both; none where nobody began them, or one was cancelled."""
    jobs = [shared.jobs().find(key) for key in asked.keys]
    return [job for job in jobs if job is not None] if all(jobs) else []


def result(jobs: list[Job]) -> Comparison:
    """Both held against each other, once their jobs are done. Raises ComparisonError."""
    from probes.comparison.files import compared

    results = [job.result for job in jobs]
    kept = st.session_state.get("comparison")
    if kept is None or kept[0] is not results[0] or kept[1] is not results[1]:
        kept = st.session_state.comparison = (*results, compared(*results))
    return kept[2]


def _measure(source: ModelSource, task: Task, puzzles: PuzzleSetChoice, progress: Progress):
    """What `probes compare` does with one of its models."""
    from probes.comparison.measure import measure
    from trm.data import load_puzzles
    from trm.evaluate import evenly

    opening = shared.models().ask(source)
    while not opening.wait(LOOK_EVERY):
        progress(0.0, f"opening {source.name}")
    if opening.error:
        raise opening.error
    if opening.model is None:
        raise CheckpointError(f"{source.name} is not open. Choose it as the model, then measure again.")
    whole = load_puzzles(puzzles.name, task)
    chosen = whole.take(evenly(len(whole), puzzles.count))
    with torch_threads(opening.model):
        return measure(opening.model, task, chosen, progress=progress)


# ---- recorded


@dataclass(frozen=True)
class Recorded:
    """A comparison that came with the app; `stale` names the models whose weights are others by now."""

    comparison: Comparison
    stale: tuple[str, ...]


def recorded(one: ModelSource, other: ModelSource) -> Recorded | None:
    """What was recorded of two bundled models, in either order; None where there is nothing that can be read."""
    if not (one.is_bundled and other.is_bundled) or one.forced or other.forced:
        return None
    path = recorded_path(one.name, other.name)
    if not path.is_file():
        return None
    found = _load(str(path), path.stat().st_mtime_ns)
    if found is None:
        return None
    marks = [shared.weights_fingerprint(source.name, source.stamp) for source in (one, other)]
    stale = tuple(
        measured.about.name
        for measured, mark in zip(found.models, marks, strict=True)
        if measured.about.fingerprint != mark
    )
    return Recorded(found, stale)


@st.cache_resource(max_entries=8, show_spinner=False)
def _load(path: str, changed: int) -> Comparison | None:
    from pathlib import Path

    try:
        return load_comparison(Path(path))
    except ComparisonError:
        return None
