"""Compute a projection from trajectories: embeddings with their quality, fields for colouring points, and curves.

PCA is always computed and is the first embedding. UMAP and the comparison of neighbours are slow and report their
progress. An exception raised by the progress callback stops the computation.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Float, Float32, Float64

from probes.covariance import StatesError
from probes.latents.pca import MOST_COMPONENTS, PCA, fit_pca
from probes.latents.projection import (
    STORED_COMPONENTS,
    EmbeddedPoints,
    Field,
    PrincipalAxes,
    Projection,
    StepCurve,
)
from probes.latents.quality import Quality, quality
from probes.latents.statistics import difference, distances_to_final, residuals, sentences
from probes.latents.trajectories import Trajectories
from probes.latents.umap import MOST_IN_POOL, UMAPSettings, fit_umap
from probes.threads import one_blas_thread
from trm.progress import Progress, no_progress, part_of
from trm.tasks.base import PADDING, Difficulty

PCA_AXES = 3  # components in the PCA embedding
NO_YES = ("no", "yes")


def make_projection(
    trajectories: Trajectories,
    *,
    state: str,
    calls: str,
    command: str,
    umap: UMAPSettings | None = None,
    progress: Progress = no_progress,
) -> Projection:
    """Compute the projection of a state, "y" or "z", from trajectories. UMAP is included if `umap` is given.

    `calls` and `command` are only stored in the projection. Raises StatesError if the state does not exist,
    there are too many points, or the embedding fails.
    """
    if state not in trajectories.states:
        raise StatesError(f"There is no state {state!r} to project. Choose y or z.")
    states = trajectories.states[state]
    components, embeddings, pca = project(states, umap=umap, progress=progress)
    projection = Projection(
        provenance=replace(trajectories.provenance, command=command),
        state=state,
        position=trajectories.position,
        calls_option=calls,
        calls=trajectories.calls[state],
        puzzles=tuple(map(trajectories.task.format, trajectories.inputs)),
        puzzle_numbers=trajectories.puzzle_numbers,
        components=components[..., :STORED_COMPONENTS].astype(np.float32),
        variance=pca.explained_variance_ratio[:STORED_COMPONENTS].astype(np.float32),
        embeddings=embeddings,
        fields=fields_of(trajectories, state),
        curves=curves_of(trajectories),
        sentences=sentences(difference(trajectories, state, components, pca.explained_variance_ratio)),
        axes=PrincipalAxes(
            pca.mean.astype(np.float32), pca.components[:STORED_COMPONENTS].astype(np.float32)
        ),
    )
    progress(1.0, "done")
    return projection


def project(
    states: Float[np.ndarray, "puzzle time dim"],
    *,
    umap: UMAPSettings | None,
    progress: Progress = no_progress,
) -> tuple[Float64[np.ndarray, "puzzle time component"], tuple[EmbeddedPoints, ...], PCA]:
    """Return the principal components of states, their embeddings (PCA first), and the fitted PCA.

    Raises StatesError if there are too many points, or as `fit_pca` and `fit_umap` do.
    """
    points = states.shape[0] * states.shape[1]
    if points > MOST_IN_POOL:
        raise StatesError(
            f"{states.shape[0]} puzzles at {states.shape[1]} calls make {points:,} points; at most {MOST_IN_POOL:,} can be "
            "drawn. Use fewer puzzles or fewer calls."
        )
    progress(0.0, "computing the principal components")
    with one_blas_thread():
        pca = fit_pca(states, components=MOST_COMPONENTS)
        components = pca.transform(states)
    embeddings = [_embedding("pca", states, _first_axes(components, PCA_AXES), pca.explained_variance_ratio)]
    if umap is not None:
        fitted = fit_umap(states, umap, progress=part_of(progress, 0.05, 0.9))
        coordinates = fitted.embedding.reshape(*states.shape[:2], -1)
        progress(0.92, "comparing neighbours")
        embedding = _embedding("umap", states, coordinates, fitted.pca.explained_variance_ratio)
        embeddings.append(replace(embedding, settings=fitted.settings))
    return components, tuple(embeddings), pca


def _first_axes(
    components: Float[np.ndarray, "puzzle time component"], count: int
) -> Float32[np.ndarray, "puzzle time axis"]:
    """Return the first `count` components, padded with zeros if a small pool has fewer components."""
    missing = max(0, count - components.shape[-1])
    return np.pad(components[..., :count], ((0, 0), (0, 0), (0, missing))).astype(np.float32)


def _embedding(
    method: str,
    states: Float[np.ndarray, "puzzle time dim"],
    coordinates: Float32[np.ndarray, "puzzle time axis"],
    shares: Float[np.ndarray, "component"],
) -> EmbeddedPoints:
    """Return an embedding with its quality, for PCA in two and three dimensions, for UMAP in its own dimensions.

    Quality is measured only on the last point of each run, because most neighbours of any other point belong to the
    same run.
    """
    axis_counts = range(2, coordinates.shape[-1] + 1) if method == "pca" else [coordinates.shape[-1]]
    by_axes: dict[int, Quality] = {}
    for axes in axis_counts:
        explained = shares[:axes] if method == "pca" else shares
        try:
            by_axes[axes] = quality(
                states[:, -1], coordinates[:, -1, :axes], explained_variance=float(explained.sum())
            )
        except StatesError:  # too few runs to compare neighbours
            continue
    return EmbeddedPoints(method, coordinates, by_axes)


def curves_of(trajectories: Trajectories) -> tuple[StepCurve, ...]:
    """Return the residuals of z and y and their relative distances to the final state, as curves over the run."""
    curves = []
    for state in ("z", "y"):
        calls, states = trajectories.state_updates(state)
        with np.errstate(invalid="ignore"):
            residual, distance = residuals(states), distances_to_final(states, relative=True)
        curves += [
            StepCurve(
                f"residual_{state}", f"residual ‖Δ{state}‖ / ‖{state}‖", calls[1:], residual, logarithmic=True
            ),
            StepCurve(f"distance_{state}", f"relative distance to final {state}", calls, distance),
        ]
    return tuple(sorted(curves, key=lambda curve: curve.name, reverse=True))


# ---- values for colouring the points: the step of a state, and the correctness of the current and the final answer


def fields_of(trajectories: Trajectories, state: str) -> tuple[Field, ...]:
    """Return the fields for the points of a state. Some fields need a solution, a single cell or a rated puzzle set."""
    makers = (
        _solved,
        _solved_now,
        _step,
        *((_cell if trajectories.cell is not None else _cells),),
        _difficulty,
    )
    return tuple(field for make in makers for field in make(trajectories, state))


def _per_puzzle(values: np.ndarray, trajectories: Trajectories, state: str) -> np.ndarray:
    """Repeat the value of each puzzle at all of its time points."""
    return np.repeat(np.asarray(values)[:, None], len(trajectories.calls[state]), axis=1)


def _per_answer(values: np.ndarray, trajectories: Trajectories, state: str, missing: float) -> np.ndarray:
    """Map the value of each answer to the time points at which it is current; `missing` before the first answer."""
    indices = trajectories.answer_indices(state)
    return np.where(indices >= 0, values[:, np.maximum(indices, 0)], missing)


def _solved(trajectories: Trajectories, state: str) -> list[Field]:
    end = trajectories.solved[:, -1]
    return [
        Field(
            "solved",
            "solved at the end",
            "category",
            _per_puzzle(end.astype(np.int16), trajectories, state),
            NO_YES,
        )
    ]


def _solved_now(trajectories: Trajectories, state: str) -> list[Field]:
    now = _per_answer(trajectories.solved.astype(np.int16), trajectories, state, -1.0).astype(np.int16)
    return [Field("solved_now", "answer correct now", "category", now, NO_YES)]


def _step(trajectories: Trajectories, state: str) -> list[Field]:
    steps = np.array([at.supervision_step for at in trajectories.calls[state]], np.float32)
    return [Field("step", "supervision step", "number", np.tile(steps, (len(trajectories), 1)))]


def _cells(trajectories: Trajectories, state: str) -> list[Field]:
    """Return the fields of the whole grid: the number of givens, and the percentage of correct blank cells."""
    given = trajectories.task.givens(trajectories.inputs)
    fields = [
        Field(
            "givens",
            "number of givens",
            "number",
            _per_puzzle(given.sum(-1).astype(np.float32), trajectories, state),
        )
    ]
    counted = ~given & (trajectories.labels != PADDING)
    if counted.any():
        right = ((trajectories.answers == trajectories.labels[:, None]) & counted[:, None]).sum(-1)
        total = counted.sum(-1)[:, None]
        share = np.divide(100.0 * right, total, out=np.full(right.shape, np.nan), where=total > 0)
        now = _per_answer(share, trajectories, state, np.nan).astype(np.float32)
        fields.append(Field("cells_right", "correct blank cells (%)", "number", now))
    return fields


def _cell(trajectories: Trajectories, state: str) -> list[Field]:
    """Return the fields of one cell: its current symbol, whether it is given, and whether the symbol is correct."""
    task, cell = trajectories.task, trajectories.cell
    given = task.givens(trajectories.inputs)[:, cell].astype(np.int16)
    symbol = _per_answer(trajectories.answers[:, :, cell].astype(np.int16), trajectories, state, -1.0).astype(
        np.int16
    )
    fields = [
        Field("symbol", "current symbol", "category", symbol, tuple(task.symbol_names)),
        Field(
            "given", "given or blank", "category", _per_puzzle(given, trajectories, state), ("blank", "given")
        ),
    ]
    label = trajectories.labels[:, cell]
    if (label != PADDING).any():
        right = np.where(label != PADDING, label == trajectories.answers[:, :, cell].T, -1).T.astype(np.int16)
        now = _per_answer(right, trajectories, state, -1.0).astype(np.int16)
        fields.insert(0, Field("cell_right", "cell correct now", "category", now, NO_YES))
    return fields


def _difficulty(trajectories: Trajectories, state: str) -> list[Field]:
    if not any(trajectories.difficulty):
        return []
    levels = tuple(str(level) for level in Difficulty)
    number = np.array(
        [levels.index(name) if name in levels else -1 for name in trajectories.difficulty], np.int16
    )
    return [Field("difficulty", "difficulty", "category", _per_puzzle(number, trajectories, state), levels)]
