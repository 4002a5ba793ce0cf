"""Place the run of one puzzle among the recorded states of many runs, for the map of states in the player.

In PCA, a state is placed by the recorded components. UMAP has no formula for new states: a state is placed between its
nearest recorded states, weighted by the inverse square of their distances in the recorded principal components. (UMAP was fitted on up to
50 components. The 16 recorded ones hold 97% of the variance for `sudoku-trm` and 99% for `maze-trm`.) Without a recorded projection, the run is placed in the PCA of its own states.
"""

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, Float64, UInt8

from probes.latents.files import ProjectionError, load_projection
from probes.latents.pca import fit_pca
from probes.latents.projection import Projection
from probes.latents.settings import RECORDED
from probes.latents.trajectories import Trajectories, record_trajectories
from probes.threads import one_blas_thread
from trm.coordinates import Depth
from trm.data import PuzzleSet
from trm.export.payload import run_id
from trm.export.state_map import MapEmbedding, Pool, StateMap
from trm.progress import Progress, no_progress
from trm.tasks import task_of

if TYPE_CHECKING:
    from trm.model import Model

AXES = 2
NEIGHBOURS = 5  # recorded states between which a state is placed on a UMAP
POOL_RESOLUTION = 600  # recorded states closer than this fraction of the width of the map are drawn once
PLACES = 4  # digits of a coordinate, relative to the width of the map


def map_of_run(
    model: "Model",
    inputs: UInt8[np.ndarray, "cells"],
    *,
    depth: Depth,
    puzzle_id: int = 0,
    progress: Progress = no_progress,
) -> StateMap:
    """Run a model on a puzzle and place the states of all calls, in the recorded projection of the model if there is one.

    Raises UserError as `record_trajectories` does.
    """
    puzzles = PuzzleSet.of(
        "one puzzle",
        task_of(model.config),
        inputs[None],
        np.zeros_like(inputs)[None],
        puzzle_identifiers=np.array([puzzle_id], np.int32),
    )
    run = record_trajectories(model, puzzles, calls="all", depth=depth, progress=progress)
    return state_map(run, recorded_projection(run))


def recorded_projection(run: Trajectories, folder: Path = RECORDED) -> Projection | None:
    """Return the recorded projection of the model of a run; None if there is none for these weights."""
    path = folder / f"{run.provenance.model}.safetensors"
    if path.parent != folder or not path.is_file():
        return None
    try:
        projection = load_projection(path)
    except ProjectionError:
        return None
    is_same = (projection.provenance.fingerprint, projection.position) == (
        run.provenance.fingerprint,
        run.position,
    )
    return projection if is_same and projection.axes is not None else None


def state_map(run: Trajectories, projection: Projection | None) -> StateMap:
    """Return the map of a run: of the state that the projection shows or, without a projection, of z and of y."""
    about = run.provenance
    identity = run_id(about.fingerprint, about.dtype, run.config.depth, run.inputs[0])
    if projection is None:
        states = {name: (_own_pca(run.states[name][0]),) for name in ("z", "y")}
        return StateMap(identity, states)
    name = projection.state
    solved = projection.field("solved_now").values.ravel() == 1
    placed = placed_states(run.states[name][0], projection)
    embeddings = tuple(
        _with_pool(
            each.method, placed[each.method], each.coordinates[..., :AXES], solved, projection.variance
        )
        for each in projection.embeddings
    )
    return StateMap(
        identity, {name: embeddings}, Pool(projection.provenance.data or "", projection.puzzle_count)
    )


def placed_states(
    states: Float[np.ndarray, "time dim"], projection: Projection
) -> dict[str, Float64[np.ndarray, "time axis"]]:
    """Return the coordinates of states in each embedding of a projection that has its principal axes."""
    components = projection.axes.transform(states)
    pool = projection.components.reshape(-1, projection.components.shape[-1]).astype(np.float64)
    placed = {}
    for each in projection.embeddings:
        coordinates = each.coordinates[..., :AXES].reshape(-1, AXES).astype(np.float64)
        placed[each.method] = (
            components[:, :AXES] if each.method == "pca" else between_nearest(components, pool, coordinates)
        )
    return placed


def between_nearest(
    states: Float64[np.ndarray, "time component"],
    pool: Float64[np.ndarray, "point component"],
    coordinates: Float64[np.ndarray, "point axis"],
) -> Float64[np.ndarray, "time axis"]:
    """Return the mean coordinates of the nearest points of a pool, weighted by the inverse square of their distances."""
    placed = np.empty((len(states), coordinates.shape[1]))
    for row, state in enumerate(states):
        squares = ((pool - state) ** 2).sum(-1)
        nearest = np.argsort(squares, kind="stable")[:NEIGHBOURS]
        weights = 1 / (squares[nearest] + 1e-12)
        placed[row] = weights @ coordinates[nearest] / weights.sum()
    return placed


def _own_pca(states: Float[np.ndarray, "time dim"]) -> MapEmbedding:
    with one_blas_thread():
        pca = fit_pca([states], components=AXES)
        found = pca.transform(states)
    coordinates = np.pad(found, ((0, 0), (0, AXES - found.shape[1])))
    shares = np.pad(pca.explained_variance_ratio, (0, AXES - found.shape[1]))
    return MapEmbedding("pca", _shares(shares), _rounded(coordinates, _width(coordinates)))


def _with_pool(
    method: str,
    run: Float64[np.ndarray, "time axis"],
    pool: Float[np.ndarray, "puzzle time axis"],
    solved: Bool[np.ndarray, "point"],
    variance: Float[np.ndarray, "component"],
) -> MapEmbedding:
    points = pool.reshape(-1, AXES).astype(np.float64)
    width = _width(points)
    shares = _shares(variance[:AXES]) if method == "pca" else ()
    groups = (_rounded(_thinned(points[which], width), width) for which in (solved, ~solved))
    return MapEmbedding(method, shares, _rounded(run, width), *groups)


def _thinned(points: Float64[np.ndarray, "point axis"], width: float) -> Float64[np.ndarray, "fewer axis"]:
    """Return one of the points that would be drawn at the same place."""
    step = width / POOL_RESOLUTION
    return np.unique(np.round(points / step), axis=0) * step


def _width(points: Float64[np.ndarray, "point axis"]) -> float:
    return float(np.ptp(points, axis=0).max()) or 1.0


def _rounded(points: Float64[np.ndarray, "point axis"], width: float) -> tuple[float, ...]:
    digits = PLACES - 1 - math.floor(math.log10(width))
    return tuple((np.round(points, digits) + 0.0).ravel().tolist())


def _shares(shares: Float[np.ndarray, "axis"]) -> tuple[float, ...]:
    return tuple(round(float(share), 4) for share in shares)
