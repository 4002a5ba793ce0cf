"""The runs that the Halting page shows: recorded runs appear immediately, others are computed by a job."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import streamlit as st

from app.server.models import ModelSource
from app.sidebar import dataset
from app.sidebar.dataset import PuzzleSetChoice
from app.sidebar.model_controls import MOST_STEPS, Opened
from app.state.links import IN_ADDRESS
from app.ui.analysis import Analysis, Panel, Recorded, read_recorded
from app.ui.estimates import Cost
from probes.halting.report import HaltingAnalysis, analyse
from probes.halting.runs import DEEP, RECORDED, HaltingRuns, load_runs
from trm.config import ModelConfig
from trm.coordinates import Depth
from trm.progress import Progress, part_of
from trm.tasks import task_of

if TYPE_CHECKING:
    from trm.model import Model

OPEN = "halting_open"  # session key: whether the settings are open
COUNT = 100  # default number of puzzles to compute


@dataclass(frozen=True, eq=False)
class HaltingResult:
    """An analysis to show and, in `deep`, an analysis of runs beyond the training depth if there is one."""

    analysis: HaltingAnalysis
    deep: HaltingAnalysis | None
    recorded: bool

    @property
    def runs(self) -> HaltingRuns:
        """The runs that are analysed, with the steps of training."""
        return self.analysis.runs


# ---- recorded


def recorded(opened: Opened) -> Recorded[HaltingResult] | None:
    """Return the recorded result of a model, or None if nothing is recorded."""
    source = opened.source
    main = recording(source.name) if source.is_bundled else None
    if main is None:
        return None
    fingerprint = main.runs.provenance.fingerprint
    deep = recording(f"{source.name}{DEEP}")
    if deep is not None and deep.runs.provenance.fingerprint != fingerprint:
        deep = None
    return Recorded(HaltingResult(main, deep, recorded=True), {source: fingerprint})


def recording(name: str) -> HaltingAnalysis | None:
    """Return the analysis of the runs recorded under a name, or None if nothing is recorded."""
    return read_recorded(RECORDED / f"{name}.safetensors", lambda path: analyse(load_runs(path)))


# ---- computing


@dataclass(frozen=True)
class HaltingMeasurement(Analysis[HaltingResult]):
    """Halting results of a model on a puzzle set, at a chosen depth."""

    source: ModelSource
    puzzles: PuzzleSetChoice
    depth: Depth

    def cost(self, config: ModelConfig) -> Cost:
        count = 0 if self.puzzles.store else self.puzzles.count
        return Cost.of_runs("halting", replace(config, N_sup=self.depth.N_sup), count)

    def run(self, model: "Model", progress: Progress) -> HaltingResult:
        from probes.halting.runs import read_runs, run_puzzles
        from trm.data import load_puzzles

        task = task_of(model.config)
        if self.puzzles.store:
            runs = read_runs(self.puzzles.open_store(model))
            runs = runs.truncated(min(self.depth.N_sup, runs.steps))
        else:
            runs = run_puzzles(
                model,
                task,
                load_puzzles(self.puzzles.name, task),
                depth=self.depth,
                limit=self.puzzles.count,
                model_name=self.source.name,
                data_name=self.puzzles.name,
                progress=part_of(progress, 0.0, 0.98),
            )
        progress(0.98, "computing the curves")
        result = analyse(runs)
        is_deep = len(result.beyond.auc) > result.runs.steps
        return HaltingResult(result, result if is_deep else None, recorded=False)


def controls(opened: Opened, panel: Panel) -> None:
    """Draw the controls for puzzles and depth, and the button that starts the measurement."""
    config, state = opened.config, st.session_state
    trained_steps = min(config.N_sup, MOST_STEPS)
    if state.get("halting_model") != opened.source.name:
        state.halting_model, state.halting_steps = opened.source.name, trained_steps
    left, right = st.columns(2)
    with left:
        puzzles = dataset.choose(task_of(config), "halting", count=COUNT, stores=True)
    if puzzles is None:
        return
    right.slider(
        "Supervision steps",
        1,
        MOST_STEPS,
        key="halting_steps",
        **IN_ADDRESS,
        help=f"The model was trained with {config.N_sup} steps. More steps go beyond the trained depth.",
    )
    depth = replace(config.depth, N_sup=state.halting_steps)
    measurement = HaltingMeasurement(opened.source, puzzles, depth)
    panel.button("Compute", measurement, measurement.cost(config), key="halting_compute")
