"""Where the Latents page's scene comes from: recorded with the app, or computed here as a person asks for it.

Computing goes in jobs, so that another map or state of the same runs needs no second run: walks, of a joint map those of the
second model too, then the scene.
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
from probes.latents.files import SceneError, load_scene
from probes.latents.procrustes import CALLS as MATCHED
from probes.latents.projection import MEAN, Scene
from probes.latents.settings import LIMIT, PAIRS, RECORDED, SETS, Projecting, joint_name, scene_of
from probes.latents.umap import MOST_IN_POOL, UMAPSettings
from trm import registry
from trm.config import ModelConfig
from trm.coordinates import Depth
from trm.errors import CheckpointError
from trm.progress import Progress
from trm.tasks import task_of

CALLS = {"every answer (f_H)": "f_H", "the last of each supervision step": "last", "every call": "all"}
MAPS = ("one map each", "one joint map")
WHERE = ("mean over all cells", "one cell")
LOOK = 0.25  # seconds between looks at a model that is being opened


@st.cache_resource(max_entries=8, show_spinner=False)
def _read(path: Path, stamp: int) -> Scene:
    return load_scene(path)


def recorded(opened: Opened, other: str = "") -> Scene | None:
    """What comes with the app of a bundled model, or of it and another on one map, in whichever order. A damaged file is as
    good as none; the command that mends it is on the page.
    """
    name = opened.source.name if opened.source.name in SETS else None
    if other:
        pairs = [pair for pair in PAIRS if set(pair) == {opened.source.name, other}]
        name = joint_name(*pairs[0]) if pairs else None
    path = RECORDED / f"{name}.safetensors"
    if name is None or not path.is_file():
        return None
    try:
        return _read(path, path.stat().st_mtime_ns)
    except SceneError:
        return None


def is_of_these_weights(scene: Scene, opened: Opened, options: Options, other: str = "") -> bool:
    """Whether a recorded scene was made by the weights that are there now."""
    sources = [opened.source, *([source_of(other, options)] if other else [])]
    here = {shared.weights_fingerprint(source.name, source.stamp) for source in sources}
    made = {scene.about.fingerprint, *([scene.partner.about.fingerprint] if scene.partner else [])}
    return here == made


# ---- what a person asks for


def second(opened: Opened, options: Options) -> str:
    """Draw, in the sidebar, the choice between a map of this model and one of two. Returns the second's name, "" of one map."""
    maps = st.segmented_control(
        "Maps",
        MAPS,
        default=MAPS[0],
        key="latents_maps",
        **IN_ADDRESS,
        required=True,
        help="On a joint map the states of a second model are turned onto this one's, by the puzzles that both ran.",
    )
    if maps != MAPS[1]:
        return ""
    second_model.control(opened, options)
    name = st.session_state[second_model.KEY]
    model_facts.warn_of_inert_states(name, registry.measured_states(name))
    return name


def controls(opened: Opened, other: str) -> Projecting | None:
    """Draw them in the sidebar. Returns what to compute once it was asked for, None while nobody did."""
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
        help="z: latent, y: answer",
    )
    calls = MATCHED
    if not other:
        calls = CALLS[st.selectbox("After which calls", list(CALLS), key="latents_calls", **IN_ADDRESS)]
    position = MEAN
    if st.selectbox("Where", WHERE, key="latents_where", **IN_ADDRESS) == WHERE[1]:
        left, right = st.columns(2)
        row = left.number_input("Row", 1, task.rows, (task.rows + 1) // 2, key="latents_row", **IN_ADDRESS)
        column = right.number_input(
            "Column", 1, task.columns, (task.columns + 1) // 2, key="latents_column", **IN_ADDRESS
        )
        position = f"r{row}c{column}"
    umap = None
    if st.toggle(
        "Compute UMAP too",
        key="latents_umap",
        **IN_ADDRESS,
        help="PCA is always computed. What is recorded has both.",
    ):
        axes = st.segmented_control(
            "Axes", [2, 3], default=2, key="latents_umap_axes", **IN_ADDRESS, required=True
        )
        near = st.slider(
            "Neighbours",
            5,
            100,
            15,
            key="latents_neighbours",
            **IN_ADDRESS,
            help="Few: detail. Many: the whole.",
        )
        apart = st.slider("Least distance", 0.0, 1.0, 0.1, 0.05, key="latents_min_dist", **IN_ADDRESS)
        umap = UMAPSettings(axes, near, apart)
    asked = Projecting(opened.source.name, puzzles.name, puzzles.count, state, calls, position, umap, other)
    time_points = _time_points(state, calls, opened.config.depth)
    models = 2 if other else 1
    points = puzzles.count * time_points * models
    of = " of two models" if other else ""
    st.caption(f"{puzzles.count} puzzles at {time_points} calls{of}: {points:,} points")
    if points > MOST_IN_POOL:
        st.error(
            f"At most {MOST_IN_POOL:,} points can be drawn. Take fewer puzzles or calls.",
            icon=":material/error:",
        )
    st.caption(cost(opened.config, asked).said())
    if st.button(
        "Compute", key="latents_compute", type="primary", width="stretch", disabled=points > MOST_IN_POOL
    ):
        st.session_state.latents_asked = (opened.source, asked)
        st.session_state.latents_pressed = True
    source, wanted = st.session_state.get("latents_asked", (None, None))
    return wanted if source == opened.source and wanted.compare_with == other else None


def cost(config: ModelConfig, asked: Projecting) -> Cost:
    """Of both models as of the first one twice: the second may not be open yet."""
    return Cost.of_runs("latents", config, asked.limit * (2 if asked.compare_with else 1))


def _time_points(state: str, calls: str, depth: Depth) -> int:
    """After how many calls a state is read; y is kept at f_H calls only, which rewrite it."""
    each = {"last": 1, "f_H": depth.T, "all": depth.calls_per_step if state == "z" else depth.T}
    return depth.N_sup * each[calls]


def computed(opened: Opened, asked: Projecting, options: Options) -> Scene | None:
    """The scene that was asked for; None while it is made, or where it was cancelled or failed, which is said. Raises UserError
    where the second model may not be opened.
    """
    pressed = st.session_state.pop("latents_pressed", False)
    sources = [opened.source, *([source_of(asked.compare_with, options)] if asked.compare_with else [])]
    pair, work = [], cost(opened.config, replace(asked, compare_with=""))
    for source in sources:
        runs = (
            "latents-walks",
            source,
            replace(asked, model=source.name, state="", umap=None, compare_with=""),
        )
        trajectories = result_of(runs, work.timed(partial(_walk, source, asked)), restart=pressed)
        if trajectories is None:
            return None
        pair.append(trajectories)
    scene = ("latents-scene", *sources, asked)
    return result_of(
        scene, partial(_project, pair, asked), restart=pressed, saved="The runs themselves are kept."
    )


def _walk(source: ModelSource, asked: Projecting, progress: Progress) -> Any:
    """Job: the model over the puzzles."""
    from probes.latents.trajectories import record_trajectories
    from trm.data import load_puzzles

    opening = shared.models().ask(source)
    while not opening.wait(LOOK):
        progress(0.0, f"opening {source.name}")
    if opening.error:
        raise opening.error
    if opening.model is None:
        raise CheckpointError(f"{source.name} was closed to make room for others. Try again.")
    model = opening.model
    progress(0.02, "reading the puzzles")
    puzzles = load_puzzles(asked.data, task_of(model.config))
    with torch_threads(model):
        return record_trajectories(
            model,
            puzzles,
            limit=asked.limit,
            calls=asked.calls,
            position=asked.position,
            progress=lambda done, total: progress(
                0.02 + 0.98 * done / total, f"running {source.name} on {total} puzzles, {done} done"
            ),
        )


def _project(pair: list[Any], asked: Projecting, progress: Progress) -> Scene:
    """Job: the maps."""
    return scene_of(pair[0], asked, progress, second=pair[1] if asked.compare_with else None)
