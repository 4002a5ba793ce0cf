"""The runs that the Halting page shows: recorded ones immediately, others computed by a job."""

from collections.abc import Hashable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from app.server import shared
from app.server.jobs import Job
from app.server.models import ModelSource
from app.sidebar import dataset
from app.sidebar.dataset import PuzzleSetChoice
from app.sidebar.model_controls import MOST_STEPS, Opened
from app.state.links import IN_ADDRESS
from app.ui.estimates import Cost
from app.ui.progress import ask, watch
from probes.halting.report import HaltingAnalysis, analyse
from probes.halting.runs import DEEP, RECORDED, HaltingRuns, load_runs
from trm.coordinates import Depth
from trm.errors import DataError
from trm.progress import Progress
from trm.tasks import task_of

if TYPE_CHECKING:
    from trm.model import Model

OPEN = "halting_open"  # session key: whether the settings are open
COUNT = 100  # default number of puzzles to compute


@dataclass(frozen=True, eq=False)
class HaltingResult:
    """An analysis to show, and an analysis of runs beyond the training depth (`deep`), if available."""

    analysis: HaltingAnalysis
    deep: HaltingAnalysis | None
    recorded: bool
    is_of_these_weights: bool = True  # False for a recording made with other weights

    @property
    def runs(self) -> HaltingRuns:
        return self.analysis.runs


@st.cache_resource(max_entries=16, show_spinner=False)
def recorded(path: Path, stamp: int) -> HaltingAnalysis | None:
    """The analysis of a recorded file with this time stamp; None if the file cannot be read."""
    try:
        return analyse(load_runs(path))
    except DataError:
        return None


def recording(name: str, *, folder: Path | None = None) -> HaltingAnalysis | None:
    """The analysis recorded under a name, or None."""
    path = (folder or RECORDED) / f"{name}.parquet"
    try:
        return recorded(path, path.stat().st_mtime_ns)
    except OSError:
        return None


def recorded_result(opened: Opened) -> HaltingResult | None:
    """The recorded result of a model, or None."""
    source = opened.source
    main = recording(source.name) if source.is_bundled else None
    if main is None:
        return None
    fingerprint = shared.weights_fingerprint(source.name, source.stamp)
    deep = recording(f"{source.name}{DEEP}")
    if deep is not None and deep.runs.metadata.fingerprint != main.runs.metadata.fingerprint:
        deep = None
    return HaltingResult(
        main, deep, recorded=True, is_of_these_weights=main.runs.metadata.fingerprint == fingerprint
    )


# ---- computing


@dataclass(frozen=True)
class HaltingRequest:
    """A request to compute: the model, the puzzles and the depth."""

    source: ModelSource
    puzzles: PuzzleSetChoice
    depth: Depth

    @property
    def key(self) -> Hashable:
        return "halting", self


def controls(opened: Opened) -> None:
    """Draw the controls for puzzles and depth, and the button that starts the job."""
    config, state = opened.config, st.session_state
    trained_steps = min(config.N_sup, MOST_STEPS)
    if state.get("halting_model") != opened.source.name:
        state.halting_model, state.halting_steps = opened.source.name, trained_steps
    left, right = st.columns(2)
    with left:
        puzzles = dataset.choose(task_of(config), "halting", count=COUNT)
    if puzzles is None:
        return
    right.slider(
        "Supervision steps",
        1,
        MOST_STEPS,
        key="halting_steps",
        **IN_ADDRESS,
        help=f"The model was trained with {config.N_sup}. More steps go beyond the trained depth.",
    )
    depth = replace(config.depth, N_sup=state.halting_steps)
    request = HaltingRequest(opened.source, puzzles, depth)
    work = Cost.of_runs("halting", replace(config, N_sup=depth.N_sup), puzzles.count)
    st.caption(work.estimate())
    st.button("Compute", key="halting_compute", type="primary", on_click=start, args=(request, work))


def start(request: HaltingRequest, work: Cost) -> None:
    """Callback: start a job and close the settings."""
    st.session_state.halting_request = request
    st.session_state[OPEN] = False
    ask(request.key, work.timed(partial(compute, request)))


def show_recorded() -> None:
    """Callback: go back to the recorded result."""
    st.session_state.halting_request = None


def computed(opened: Opened) -> HaltingResult | None:
    """The result that this session requested for this model; None, with progress on the page, until it is ready."""
    request = st.session_state.get("halting_request")
    if request is None or request.source != opened.source:
        return None
    job: Job | None = shared.jobs().find(request.key)
    result = None if job is None else watch(job)
    if result is None:
        return None
    deep = result if len(result.beyond.auc) > result.runs.steps else None
    return HaltingResult(result, deep, recorded=False)


def compute(request: HaltingRequest, progress: Progress) -> HaltingAnalysis:
    """The job. Raises UserError if the model or the puzzles cannot be read or do not match."""
    model = _loaded(request.source, progress)
    from app.server.opening import torch_threads
    from probes.halting.runs import run_puzzles
    from trm.data import load_puzzles

    task = task_of(model.config)
    puzzles = load_puzzles(request.puzzles.name, task)
    count = min(request.puzzles.count, len(puzzles))
    with torch_threads(model):
        runs = run_puzzles(
            model,
            task,
            puzzles,
            depth=request.depth,
            limit=request.puzzles.count,
            model_name=request.source.name,
            data_name=request.puzzles.name,
            progress=lambda done, total: progress(
                0.98 * done / total, f"running {count} puzzles, {done} done"
            ),
        )
    progress(0.98, "computing the curves")
    return analyse(runs)


def _loaded(source: ModelSource, progress: Progress) -> "Model":
    """Wait until the model is loaded. Raises UserError if it cannot be loaded."""
    opening = shared.models().ask(source)
    while not opening.wait(0.2):
        progress(0.0, f"loading {source.name}")
    if opening.error:
        raise opening.error
    if opening.model is None:
        raise DataError(f"{source.name} is not downloaded. Choose it again in the sidebar.")
    return opening.model
