"""From walks to a scene: fit the maps, judge them, colour the points, draw the curves.

PCA is always there, and first. What takes long (UMAP, neighbours) tells its progress and ends when that raises.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Float, Float32, Float64

from probes.covariance import StatesError
from probes.latents.pca import MOST_COMPONENTS, PCA, fit_pca
from probes.latents.projection import KEPT, About, Curve, Field, Map, Scene
from probes.latents.quality import Quality, quality
from probes.latents.statistics import difference, distances_to_final, residuals, sentences
from probes.latents.trajectories import Trajectories
from probes.latents.umap import MOST_IN_POOL, UMAPSettings, fit_umap
from probes.threads import one_blas_thread
from trm.progress import Progress, no_progress
from trm.tasks.base import PADDING, Difficulty

DRAWN = 3  # axes of a PCA
FLAT = 2
NO_YES = ("no", "yes")

"""Told the share of the work done, 0 to 1, and what is being done. What it raises ends the work."""


def make_scene(
    trajectories: Trajectories,
    *,
    state: str,
    calls: str,
    command: str,
    umap: UMAPSettings | None = None,
    progress: Progress = no_progress,
) -> Scene:
    """The scene of y or z.

    `calls` and `command` are said in `Scene.about`. Raises StatesError where there are no states, or too many points.
    """
    if state not in trajectories.states:
        raise StatesError(f"There is no state {state!r} to project. Choose y or z.")
    states = trajectories.states[state]
    components, maps, pca = project(states, umap=umap, progress=progress)
    scene = Scene(
        about=about(trajectories, state=state, calls=calls, command=command),
        calls=trajectories.calls[state],
        puzzles=tuple(map(trajectories.task.format, trajectories.inputs)),
        numbers=trajectories.numbers,
        components=components[..., :KEPT].astype(np.float32),
        variance=pca.explained_variance_ratio[:KEPT],
        maps=maps,
        fields=fields_of(trajectories, state),
        curves=curves_of(trajectories),
        finding=sentences(difference(trajectories, state, components, pca.explained_variance_ratio)),
    )
    progress(1.0, "done")
    return scene


def project(
    states: Float[np.ndarray, "puzzle moment dim"],
    *,
    umap: UMAPSettings | None,
    progress: Progress = no_progress,
) -> tuple[Float64[np.ndarray, "puzzle moment component"], tuple[Map, ...], PCA]:
    """Principal components of states, their maps (PCA first), and the PCA behind these. Raises StatesError where there are too
    many points, or as `fit_pca` and `fit_umap` do.
    """
    points = states.shape[0] * states.shape[1]
    if points > MOST_IN_POOL:
        raise StatesError(
            f"{states.shape[0]} puzzles at {states.shape[1]} calls make {points:,} points, and {MOST_IN_POOL:,} is the most "
            "that can be drawn. Take fewer puzzles, or fewer calls."
        )
    progress(0.0, "computing the principal components")
    with one_blas_thread():
        pca = fit_pca(states, components=MOST_COMPONENTS)
        components = pca.transform(states)
    maps = [_map("pca", states, _axes(components, DRAWN), pca.explained_variance_ratio)]
    if umap is not None:
        placed = fit_umap(states, umap, progress=lambda share: progress(0.05 + 0.85 * share, "fitting UMAP"))
        places = placed.embedding.reshape(*states.shape[:2], -1)
        progress(0.92, "comparing neighbours")
        found = _map("umap", states, places, placed.pca.explained_variance_ratio)
        maps.append(replace(found, settings=placed.settings))
    return components, tuple(maps), pca


def about(trajectories: Trajectories, *, state: str, calls: str, command: str) -> About:
    """What a scene of these walks says of itself."""
    made = trajectories.made
    return About(
        model=made.model,
        fingerprint=made.fingerprint,
        kind=made.config.kind,
        task=made.config.task,
        cells=made.config.sequence_length,
        data=made.data,
        dtype=made.dtype,
        version=made.version,
        recorded=made.recorded,
        state=state,
        calls=calls,
        position=trajectories.position,
        command=command,
    )


def _axes(
    components: Float[np.ndarray, "puzzle moment component"], count: int
) -> Float32[np.ndarray, "puzzle moment axis"]:
    """The first few components; zeros where a small cloud has fewer."""
    missing = max(0, count - components.shape[-1])
    return np.pad(components[..., :count], ((0, 0), (0, 0), (0, missing))).astype(np.float32)


def _map(
    method: str,
    states: Float[np.ndarray, "puzzle moment dim"],
    places: Float32[np.ndarray, "puzzle moment axis"],
    shares: Float[np.ndarray, "component"],
) -> Map:
    """A map with its quality: of a PCA as it is drawn flat and in space, of a UMAP in the dimensions it was made for.

    It is judged by where the runs end, one point of each: most neighbours of a point are its own run.
    """
    drawn = range(FLAT, places.shape[-1] + 1) if method == "pca" else [places.shape[-1]]
    found: dict[int, Quality] = {}
    for axes in drawn:
        kept = shares[:axes] if method == "pca" else shares
        try:
            found[axes] = quality(states[:, -1], places[:, -1, :axes], explained_variance=float(kept.sum()))
        except StatesError:  # too few runs to speak of neighbours
            continue
    return Map(method, places, found)


def curves_of(trajectories: Trajectories) -> tuple[Curve, ...]:
    """Residuals of z and y, and how far both are from where they end, of each puzzle over the run."""
    found = []
    for state in ("z", "y"):
        calls, states = trajectories.moving(state)
        with np.errstate(invalid="ignore"):
            moved, away = residuals(states), distances_to_final(states, relative=True)
        found += [
            Curve(f"residual_{state}", f"residual of {state}", calls[1:], moved, logarithmic=True),
            Curve(f"distance_{state}", f"{state} from its end", calls, away),
        ]
    return tuple(sorted(found, key=lambda curve: curve.name, reverse=True))


# ---- what is known of every point, to colour it by: when it was read, and how the puzzle and the answer stood then


def fields_of(trajectories: Trajectories, state: str) -> tuple[Field, ...]:
    """The fields of all points of a state, those that apply: some need a solution, one cell, or a rated set."""
    makers = (
        _solved,
        _solved_now,
        _step,
        *((_cell if trajectories.cell is not None else _cells),),
        _difficulty,
    )
    return tuple(field for make in makers for field in make(trajectories, state))


def _of_puzzles(values: np.ndarray, trajectories: Trajectories, state: str) -> np.ndarray:
    """A value of each puzzle, the same at all of its moments."""
    return np.repeat(np.asarray(values)[:, None], len(trajectories.calls[state]), axis=1)


def _of_answers(values: np.ndarray, trajectories: Trajectories, state: str, missing: float) -> np.ndarray:
    """A value of each answer at the moments at which it stood; `missing` before the first."""
    known = trajectories.answer_at(state)
    found = values[:, np.maximum(known, 0)]
    return np.where(known >= 0, found, missing)


def _solved(trajectories: Trajectories, state: str) -> list[Field]:
    end = trajectories.solved[:, -1]
    return [
        Field(
            "solved",
            "solved in the end",
            "category",
            _of_puzzles(end.astype(np.int16), trajectories, state),
            NO_YES,
        )
    ]


def _solved_now(trajectories: Trajectories, state: str) -> list[Field]:
    now = _of_answers(trajectories.solved.astype(np.int16), trajectories, state, -1.0).astype(np.int16)
    return [Field("solved_now", "answer right now", "category", now, NO_YES)]


def _step(trajectories: Trajectories, state: str) -> list[Field]:
    steps = np.array([at.supervision_step for at in trajectories.calls[state]], np.float32)
    return [Field("step", "supervision step", "number", np.tile(steps, (len(trajectories), 1)))]


def _cells(trajectories: Trajectories, state: str) -> list[Field]:
    """Of the whole grid: how many cells are given, and how many of the others are right."""
    given = trajectories.task.givens(trajectories.inputs)
    found = [
        Field(
            "givens",
            "cells given",
            "number",
            _of_puzzles(given.sum(-1).astype(np.float32), trajectories, state),
        )
    ]
    counted = ~given & (trajectories.labels != PADDING)
    if counted.any():
        right = ((trajectories.answers == trajectories.labels[:, None]) & counted[:, None]).sum(-1)
        total = counted.sum(-1)[:, None]
        share = np.divide(100.0 * right, total, out=np.full(right.shape, np.nan), where=total > 0)
        now = _of_answers(share, trajectories, state, np.nan).astype(np.float32)
        found.append(Field("cells_right", "blank cells right, %", "number", now))
    return found


def _cell(trajectories: Trajectories, state: str) -> list[Field]:
    """Of one cell: whether it is given, what it shows, whether that is right."""
    task, cell = trajectories.task, trajectories.cell
    given = task.givens(trajectories.inputs)[:, cell].astype(np.int16)
    symbol = _of_answers(trajectories.answers[:, :, cell].astype(np.int16), trajectories, state, -1.0).astype(
        np.int16
    )
    found = [
        Field("symbol", "symbol now", "category", symbol, tuple(task.symbol_names)),
        Field(
            "given", "given or blank", "category", _of_puzzles(given, trajectories, state), ("blank", "given")
        ),
    ]
    label = trajectories.labels[:, cell]
    if (label != PADDING).any():
        right = np.where(label != PADDING, label == trajectories.answers[:, :, cell].T, -1).T.astype(np.int16)
        now = _of_answers(right, trajectories, state, -1.0).astype(np.int16)
        found.insert(0, Field("cell_right", "cell right now", "category", now, NO_YES))
    return found


def _difficulty(trajectories: Trajectories, state: str) -> list[Field]:
    if not any(trajectories.difficulty):
        return []
    levels = tuple(str(level) for level in Difficulty)
    number = np.array(
        [levels.index(name) if name in levels else -1 for name in trajectories.difficulty], np.int16
    )
    return [Field("difficulty", "difficulty", "category", _of_puzzles(number, trajectories, state), levels)]
