"""The projection that the Latents page shows: recorded with the app, or computed here on request.

The computation is split into jobs (trajectories of each model, then the projection), so that changing the state or the
method needs no new run.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from app.screens.compare import second_model
from app.server import shared
from app.server.models import ModelSource, source_of
from app.server.opening import torch_threads
from app.server.options import Options
from app.sidebar import dataset, model_facts
from app.sidebar.model_controls import Opened
from app.state.links import IN_ADDRESS
from app.ui.estimates import Cost
from app.ui.progress import result_of
from probes.latents.files import ProjectionError, load_projection
from probes.latents.procrustes import ALIGNED_CALLS
from probes.latents.projection import MEAN, Projection
from probes.latents.settings import LIMIT, PAIRS, RECORDED, SETS, ProjectionRequest, joint_name, projection_of
from probes.latents.umap import MOST_IN_POOL, UMAPSettings
from trm import registry
from trm.config import ModelConfig
from trm.coordinates import Depth
from trm.errors import CheckpointError
from trm.progress import Progress
from trm.tasks import task_of

CALLS = {"f_H calls": "f_H", "last call of each step": "last", "all calls": "all"}
MODELS = ("One model", "Two models")
POSITIONS = ("Mean over all cells", "Single cell")
POLL_SECONDS = 0.25  # while a model is being opened


@st.cache_resource(max_entries=8, show_spinner=False)
def _load(path: Path, stamp: int) -> Projection:
    return load_projection(path)


def recorded(opened: Opened, other: str = "") -> Projection | None:
    """The recorded projection of a bundled model, or the joint projection of two, in either order. None if it does not
    exist or is damaged.
    """
    name = opened.source.name if opened.source.name in SETS else None
    if other:
        pairs = [pair for pair in PAIRS if set(pair) == {opened.source.name, other}]
        name = joint_name(*pairs[0]) if pairs else None
    path = RECORDED / f"{name}.safetensors"
    if name is None or not path.is_file():
        return None
    try:
        return _load(path, path.stat().st_mtime_ns)
    except ProjectionError:
        return None


def matches_weights(projection: Projection, opened: Opened, options: Options, other: str = "") -> bool:
    """Whether a projection was recorded with the current weights."""
    sources = [opened.source, *([source_of(other, options)] if other else [])]
    current = {shared.weights_fingerprint(source.name, source.stamp) for source in sources}
    recorded_with = {
        projection.metadata.fingerprint,
        *([projection.second_model.metadata.fingerprint] if projection.second_model else []),
    }
    return current == recorded_with


# ---- the request


def choose_second_model(opened: Opened, options: Options) -> str:
    """Draw the choice between this model alone and two models. Returns the second model's name, or ""."""
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
        return ""
    second_model.control(opened, options)
    name = st.session_state[second_model.KEY]
    model_facts.warn_of_inert_states(name, registry.measured_states(name))
    return name


def controls(opened: Opened, other: str) -> ProjectionRequest | None:
    """Draw the settings in the sidebar. Returns the request once Compute has been pressed, else None."""
    task = task_of(opened.config)
    puzzles = dataset.choose(task, "latents", count=LIMIT)
    if puzzles is None:
        return None
    state = st.segmented_control(
        "State",
        ["z", "y"],
        default="z",
        key="latents_state",
        **IN_ADDRESS,
        required=True,
        help="z: latent state; y: current answer",
    )
    calls = ALIGNED_CALLS
    if not other:
        calls = CALLS[
            st.selectbox(
                "Recorded at",
                list(CALLS),
                key="latents_calls",
                **IN_ADDRESS,
                help="The calls after which the state is recorded. f_H calls: every new answer.",
            )
        ]
    position = MEAN
    chosen = st.selectbox(
        "Position",
        POSITIONS,
        key="latents_position",
        **IN_ADDRESS,
        help="Project the mean state over all cells, or the state of one cell.",
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
        help="In addition to PCA. Recorded projections have both.",
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
            help="UMAP's n_neighbors. Few: local detail. Many: global structure.",
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
    request = ProjectionRequest(
        opened.source.name, puzzles.name, puzzles.count, state, calls, position, umap, other
    )
    calls_per_run = _calls_per_run(state, calls, opened.config.depth)
    points = puzzles.count * calls_per_run * (2 if other else 1)
    suffix = " in each of two models" if other else ""
    st.caption(f"{puzzles.count} puzzles at {calls_per_run} calls{suffix}: {points:,} points")
    if points > MOST_IN_POOL:
        st.error(
            f"At most {MOST_IN_POOL:,} points can be drawn. Choose fewer puzzles or calls.",
            icon=":material/error:",
        )
    st.caption(cost(opened.config, request).estimate())
    if st.button(
        "Compute",
        key="latents_compute",
        type="primary",
        width="stretch",
        disabled=points > MOST_IN_POOL,
        help="Run the puzzles and project their states.",
    ):
        st.session_state.latents_request = (opened.source, request)
        st.session_state.latents_pressed = True
    source, last = st.session_state.get("latents_request", (None, None))
    return last if source == opened.source and last.compare_with == other else None


def cost(config: ModelConfig, request: ProjectionRequest) -> Cost:
    """Estimated cost. A second model is assumed to cost as much as the first, since it may not be open yet."""
    return Cost.of_runs("latents", config, request.limit * (2 if request.compare_with else 1))


def _calls_per_run(state: str, calls: str, depth: Depth) -> int:
    """Number of calls at which a state is recorded; y only at f_H calls, which update it."""
    per_step = {"last": 1, "f_H": depth.T, "all": depth.calls_per_step if state == "z" else depth.T}
    return depth.N_sup * per_step[calls]


def computed(opened: Opened, request: ProjectionRequest, options: Options) -> Projection | None:
    """The requested projection; None, with a message on the page, while it is computed or if the job was cancelled or
    failed.

    Raises UserError if the second model may not be opened.
    """
    pressed = st.session_state.pop("latents_pressed", False)
    sources = [opened.source, *([source_of(request.compare_with, options)] if request.compare_with else [])]
    pair, work = [], cost(opened.config, replace(request, compare_with=""))
    for source in sources:
        key = (
            "latents-trajectories",
            source,
            replace(request, model=source.name, state="", umap=None, compare_with=""),
        )
        trajectories = result_of(key, work.timed(partial(_record_job, source, request)), restart=pressed)
        if trajectories is None:
            return None
        pair.append(trajectories)
    key = ("latents-projection", *sources, request)
    return result_of(
        key,
        partial(_project_job, pair, request),
        restart=pressed,
        saved="The model runs are still available.",
    )


def _record_job(source: ModelSource, request: ProjectionRequest, progress: Progress) -> Any:
    """Job: run a model on the puzzles and record its trajectories."""
    from probes.latents.trajectories import record_trajectories
    from trm.data import load_puzzles

    opening = shared.models().ask(source)
    while not opening.wait(POLL_SECONDS):
        progress(0.0, f"opening {source.name}")
    if opening.error:
        raise opening.error
    if opening.model is None:
        raise CheckpointError(f"{source.name} was unloaded to make room for other models. Try again.")
    model = opening.model
    progress(0.02, "reading the puzzles")
    puzzles = load_puzzles(request.data, task_of(model.config))
    with torch_threads(model):
        return record_trajectories(
            model,
            puzzles,
            limit=request.limit,
            calls=request.calls,
            position=request.position,
            progress=lambda done, total: progress(
                0.02 + 0.98 * done / total, f"running {source.name} on {total} puzzles, {done} done"
            ),
        )


def _project_job(pair: list[Any], request: ProjectionRequest, progress: Progress) -> Projection:
    """Job: compute the projection."""
    return projection_of(pair[0], request, progress, second=pair[1] if request.compare_with else None)
