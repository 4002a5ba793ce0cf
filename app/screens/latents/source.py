"""The projection that the Latents page shows: recorded with the app, or computed on request.

The computation is split into jobs: the trajectories of each model, then the projection. Changing the state or the
method therefore needs no new run of the model.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import streamlit as st

from app.screens.compare import second_model
from app.server.models import ModelSource, source_of
from app.server.options import Options
from app.sidebar import dataset, model_facts
from app.sidebar.dataset import PuzzleSetChoice
from app.sidebar.model_controls import Opened
from app.state.links import IN_ADDRESS
from app.ui.analysis import Analysis, Panel, Recorded, read_recorded
from app.ui.estimates import Cost
from probes.latents.files import load_projection
from probes.latents.procrustes import ALIGNED_CALLS
from probes.latents.projection import MEAN, Projection
from probes.latents.settings import LIMIT, PAIRS, RECORDED, SETS, ProjectionRequest, joint_name, projection_of
from probes.latents.umap import MOST_IN_POOL, UMAPSettings
from trm import registry
from trm.config import ModelConfig
from trm.coordinates import Depth
from trm.progress import Progress, part_of
from trm.store import open_store
from trm.tasks import task_of

if TYPE_CHECKING:
    from probes.latents.trajectories import Trajectories
    from trm.model import Model

CALLS = {"f_H calls": "f_H", "last call of each step": "last", "all calls": "all"}
MODELS = ("One model", "Two models")
POSITIONS = ("Mean over all cells", "Single cell")


def recorded(*sources: ModelSource) -> Recorded[Projection] | None:
    """Return the recorded projection of a bundled model, or the joint projection of two models, in either order.

    Returns None if the projection does not exist or is damaged.
    """
    names = {source.name for source in sources}
    if len(sources) == 1:
        name = next(iter(names & SETS.keys()), None)
    else:
        name = next((joint_name(*pair) for pair in PAIRS if set(pair) == names), None)
    projection = name and read_recorded(RECORDED / f"{name}.safetensors", load_projection)
    if projection is None:
        return None
    second = [projection.second_model.provenance] if projection.second_model else []
    fingerprints = {each.model: each.fingerprint for each in (projection.provenance, *second)}
    return Recorded(projection, {source: fingerprints.get(source.name, "") for source in sources})


# ---- analyses


@dataclass(frozen=True)
class TrajectoryRecording(Analysis["Trajectories"]):
    """The trajectories of a model's states on a puzzle set."""

    source: ModelSource
    puzzles: PuzzleSetChoice
    calls: str
    position: str

    def cost(self, config: ModelConfig) -> Cost:
        return Cost.of_runs("latents", config, 0 if self.puzzles.store else self.puzzles.count)

    def run(self, model: "Model", progress: Progress) -> "Trajectories":
        from probes.latents.trajectories import read_trajectories, record_trajectories
        from trm.data import load_puzzles

        progress(0.02, "reading the puzzles")
        if self.puzzles.store:
            store = self.puzzles.open_store(model).store
            return read_trajectories(store, position=self.position, limit=self.puzzles.count)
        return record_trajectories(
            model,
            load_puzzles(self.puzzles.name, task_of(model.config)),
            limit=self.puzzles.count,
            calls=self.calls,
            position=self.position,
            progress=part_of(progress, 0.02, 1.0),
        )


@dataclass(frozen=True)
class ProjectionOfStates(Analysis[Projection]):
    """The projection of one state of recorded trajectories, joint for those of two models."""

    recordings: tuple[TrajectoryRecording, ...]
    settings: ProjectionRequest
    points: int = field(compare=False)
    source: None = None

    @property
    def needs(self) -> tuple[TrajectoryRecording, ...]:
        return self.recordings

    @property
    def problem(self) -> str:
        if self.points > MOST_IN_POOL:
            return f"At most {MOST_IN_POOL:,} points can be drawn. Choose fewer puzzles or calls."
        return ""

    def cost(self, config: ModelConfig) -> Cost:
        """The cost of the recordings. A second model, which may not be open yet, is assumed to cost as much as the first."""
        first, *rest = (recording.cost(config) for recording in self.recordings)
        return sum(rest, first)

    def run(
        self,
        model: None,
        progress: Progress,
        trajectories: "Trajectories",
        second: "Trajectories | None" = None,
    ) -> Projection:
        return projection_of(trajectories, self.settings, progress, second=second)


# ---- controls


def choose_second_model(opened: Opened, options: Options) -> ModelSource | None:
    """Draw the choice between this model alone and two models. Returns the second model, if any.

    Raises UserError if the server may not open it.
    """
    models = st.segmented_control(
        "Projection of",
        MODELS,
        default=MODELS[0],
        key="latents_models",
        **IN_ADDRESS,
        required=True,
        help="Two models: the states of a second model on the same puzzles are aligned to this model's (Procrustes) and projected together.",
    )
    if models != MODELS[1]:
        return None
    second_model.control(opened, options)
    name = st.session_state[second_model.KEY]
    model_facts.warn_of_inert_states(name, registry.measured_states(name))
    return source_of(name, options)


def controls(opened: Opened, other: ModelSource | None, panel: Panel) -> None:
    """Draw the settings in the sidebar, and the button that starts the projection."""
    task = task_of(opened.config)
    puzzles = dataset.choose(task, "latents", count=LIMIT, stores=other is None)
    if puzzles is None:
        return
    state = st.segmented_control(
        "State",
        ["z", "y"],
        default="z",
        key="latents_state",
        **IN_ADDRESS,
        required=True,
        help="z is the latent state; y is the current answer.",
    )
    calls = ALIGNED_CALLS
    if puzzles.store:
        store = open_store(puzzles.store)
        calls = store.layout.settings.calls
    elif not other:
        calls = CALLS[
            st.selectbox(
                "Recorded at",
                list(CALLS),
                key="latents_calls",
                **IN_ADDRESS,
                help="The calls after which the state is recorded. Every f_H call gives a new answer.",
            )
        ]
    position = MEAN
    chosen = st.selectbox(
        "Position",
        POSITIONS,
        key="latents_position",
        **IN_ADDRESS,
        help="The state that is projected: the mean over all cells, or the state of one cell.",
    )
    if chosen == POSITIONS[1]:
        left, right = st.columns(2)
        row = left.number_input("Row", 1, task.rows, (task.rows + 1) // 2, key="latents_row", **IN_ADDRESS)
        column = right.number_input(
            "Column", 1, task.columns, (task.columns + 1) // 2, key="latents_column", **IN_ADDRESS
        )
        position = f"r{row}c{column}"
    umap = None
    if st.toggle(
        "Compute UMAP",
        key="latents_umap",
        **IN_ADDRESS,
        help="Computes UMAP in addition to PCA. Recorded projections have both.",
    ):
        axes = st.segmented_control(
            "UMAP dimensions", [2, 3], default=2, key="latents_umap_axes", **IN_ADDRESS, required=True
        )
        neighbours = st.slider(
            "Neighbours",
            5,
            100,
            15,
            key="latents_neighbours",
            **IN_ADDRESS,
            help="UMAP's n_neighbors. Few neighbours show local detail; many show the global structure.",
        )
        min_dist = st.slider(
            "Minimum distance",
            0.0,
            1.0,
            0.1,
            0.05,
            key="latents_min_dist",
            **IN_ADDRESS,
            help="UMAP's min_dist: how close together points may be.",
        )
        umap = UMAPSettings(axes, neighbours, min_dist)
    settings = ProjectionRequest(
        model="" if puzzles.store else opened.source.name,
        **puzzles.options,
        state=state,
        calls=calls,
        position=position,
        umap=umap,
        compare_with=other.name if other else "",
    )
    calls_per_run, count = _calls_per_run(state, calls, opened.config.depth), puzzles.count
    if puzzles.store:
        calls_per_run, count = len(store.coordinates(state)), min(count, store.count)
    recordings = tuple(TrajectoryRecording(source, puzzles, calls, position) for source in panel.models)
    points = count * calls_per_run * len(recordings)
    projection = ProjectionOfStates(recordings, settings, points)
    suffix = " in each of two models" if other else ""
    st.caption(f"{count} puzzles at {calls_per_run} calls{suffix}: {points:,} points")
    panel.button(
        "Compute",
        projection,
        projection.cost(opened.config),
        key="latents_compute",
        width="stretch",
        help="Run the puzzles and project their states.",
    )


def _calls_per_run(state: str, calls: str, depth: Depth) -> int:
    """Return the number of calls at which a state is recorded. y is recorded only at f_H calls, which update it."""
    per_step = {"last": 1, "f_H": depth.T, "all": depth.calls_per_step if state == "z" else depth.T}
    return depth.N_sup * per_step[calls]
