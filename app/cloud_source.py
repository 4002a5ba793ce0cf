"""Where the Latents page's scene comes from: recorded with the app, or computed here as a person asks for it.

Computing goes in two jobs, so that another map or state of the same runs needs no second run: walks, then the scene.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from app import session, sets
from app.jobs import Job, Tell, Work
from app.model_controls import Opened
from app.models import Source
from app.opening import torch_threads
from app.waiting import watch
from probes.commands_project import LIMIT, RECORDED, SETS, Projecting
from probes.projection import MOST_IN_POOL, UMAPSettings
from probes.scene import MEAN, Scene
from probes.scene_files import SceneError, load_scene
from trm.coordinates import Depth
from trm.tasks import task_of

CALLS = {"every answer (f_H)": "f_H", "the last of each supervision step": "last", "every call": "all"}
WHERE = ("mean over all cells", "one cell")
KEPT = {"persist_state": "session"}  # on other pages
LOOK = 0.25  # seconds between looks at a model that is being opened


@st.cache_resource(max_entries=8, show_spinner=False)
def _read(path: Path, stamp: int) -> Scene:
    return load_scene(path)


def recorded(opened: Opened) -> Scene | None:
    """What comes with the app of a bundled model. A damaged file is as good as none; the command that mends it is on the page."""
    path = RECORDED / f"{opened.source.name}.safetensors"
    if opened.source.name not in SETS or not path.is_file():
        return None
    try:
        return _read(path, path.stat().st_mtime_ns)
    except SceneError:
        return None


def is_of_these_weights(scene: Scene, source: Source) -> bool:
    """Whether a recorded scene was made by the weights that are there now."""
    return scene.about.fingerprint == session.weights_fingerprint(source.name, source.stamp)


# ---- what a person asks for


def controls(opened: Opened) -> Projecting | None:
    """Draw them in the sidebar. Returns what to compute once it was asked for, None while nobody did."""
    task = task_of(opened.config)
    puzzles = sets.choose(task, "latents", count=LIMIT)
    if puzzles is None:
        return None
    state = st.segmented_control(
        "State",
        ["z", "y"],
        default="z",
        key="latents_state",
        **KEPT,
        required=True,
        help="z: latent, y: answer",
    )
    calls = CALLS[st.selectbox("After which calls", list(CALLS), key="latents_calls", **KEPT)]
    position = MEAN
    if st.selectbox("Where", WHERE, key="latents_where", **KEPT) == WHERE[1]:
        left, right = st.columns(2)
        row = left.number_input("Row", 1, task.rows, (task.rows + 1) // 2, key="latents_row", **KEPT)
        column = right.number_input(
            "Column", 1, task.columns, (task.columns + 1) // 2, key="latents_column", **KEPT
        )
        position = f"r{row}c{column}"
    umap = None
    if st.toggle(
        "Also UMAP", key="latents_umap", **KEPT, help="Slower: some seconds to a minute. PCA is always there."
    ):
        axes = st.segmented_control("Axes", [2, 3], default=2, key="latents_umap_axes", **KEPT, required=True)
        near = st.slider(
            "Neighbours", 5, 100, 15, key="latents_neighbours", **KEPT, help="Few: detail. Many: the whole."
        )
        apart = st.slider("Least distance", 0.0, 1.0, 0.1, 0.05, key="latents_min_dist", **KEPT)
        umap = UMAPSettings(axes, near, apart)
    asked = Projecting(opened.source.name, puzzles.name, puzzles.count, state, calls, position, umap)
    moments = _moments(state, calls, opened.config.depth)
    points = puzzles.count * moments
    st.caption(f"{puzzles.count} puzzles at {moments} calls: {points:,} points")
    if points > MOST_IN_POOL:
        st.error(
            f"At most {MOST_IN_POOL:,} points can be drawn. Take fewer puzzles or calls.",
            icon=":material/error:",
        )
    if st.button(
        "Compute", key="latents_compute", type="primary", width="stretch", disabled=points > MOST_IN_POOL
    ):
        st.session_state.latents_asked = (opened.source, asked)
        st.session_state.latents_pressed = True
    source, wanted = st.session_state.get("latents_asked", (None, None))
    return wanted if source == opened.source else None


def _moments(state: str, calls: str, depth: Depth) -> int:
    """After how many calls a state is read; y is kept at f_H calls only, which rewrite it."""
    each = {"last": 1, "f_H": depth.T, "all": depth.calls_per_step if state == "z" else depth.T}
    return depth.N_sup * each[calls]


def computed(opened: Opened, asked: Projecting) -> Scene | None:
    """The scene that was asked for; None while it is made, or where it was cancelled or failed, which is said."""
    pressed = st.session_state.pop("latents_pressed", False)
    runs = ("latents-walks", opened.source, replace(asked, state="", umap=None))
    walks = watch(_job(runs, partial(_walk, opened.source, asked), pressed))
    if walks is None:
        return None
    return watch(_job(("latents-scene", opened.source, asked), partial(_project, walks, asked), pressed))


def _job(key: Any, work: Work, pressed: bool) -> Job:
    """The job of this key. One that was cancelled or failed begins anew only when somebody presses the button again."""
    job = session.jobs().find(key)
    if job is None or (pressed and (job.cancelled or job.error)):
        job = session.jobs().ask(key, work)
    return job


def _walk(source: Source, asked: Projecting, tell: Tell) -> Any:
    """Job: the model over the puzzles."""
    from probes.walks import record_walks
    from trm.data import load_puzzles

    opening = session.models().ask(source)
    while not opening.wait(LOOK):
        tell(0.0, "opening the model")
    if opening.error:
        raise opening.error
    model = opening.model
    tell(0.02, "reading the puzzles")
    puzzles = load_puzzles(asked.data, task_of(model.config))
    with torch_threads(model):
        return record_walks(
            model,
            puzzles,
            limit=asked.limit,
            calls=asked.calls,
            position=asked.position,
            progress=lambda done, total: tell(0.02 + 0.98 * done / total, f"running {total} puzzles"),
        )


def _project(walks: Any, asked: Projecting, tell: Tell) -> Scene:
    """Job: the maps."""
    from probes.scene_making import make_scene

    scene, _ = make_scene(
        walks, state=asked.state, calls=asked.calls, command=asked.command, umap=asked.umap, tell=tell
    )
    return scene
