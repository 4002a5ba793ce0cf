"""From walks to a scene: fit the maps, judge them, colour the points, draw the curves.

PCA is always there, and first. What takes long (UMAP, neighbours) tells its progress and ends when that raises.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Float32, Float64

from probes.covariance import StatesError
from probes.latents.dynamics import distances_to_final, residuals
from probes.latents.fields import fields_of
from probes.latents.pca_umap import (
    MOST_COMPONENTS,
    MOST_IN_POOL,
    PCA,
    UMAPProjection,
    UMAPSettings,
    fit_pca,
    fit_umap,
)
from probes.latents.projection import KEPT, About, Curve, Map, Scene
from probes.latents.quality import Quality, quality
from probes.latents.statistics import difference, sentences
from probes.latents.trajectories import Walks
from probes.threads import one_blas_thread

DRAWN = 3  # axes of a PCA
FLAT = 2

Tell = Callable[[float, str], None]
"""Told the share of the work done, 0 to 1, and what is being done. What it raises ends the work."""


def silent(share: float, doing: str) -> None:
    """Progress that nobody looks at."""


@dataclass(frozen=True)
class Fitted:
    """The projections behind the maps of a scene, to keep and to apply to other puzzles."""

    pca: PCA
    umap: UMAPProjection | None


def make_scene(
    walks: Walks,
    *,
    state: str,
    calls: str,
    command: str,
    umap: UMAPSettings | None = None,
    fitted: Fitted | None = None,
    tell: Tell = silent,
) -> tuple[Scene, Fitted]:
    """The scene of y or z, and the projections behind it; those of `fitted` are applied instead of fitting any.

    `calls` and `command` are said in `Scene.about`. Raises StatesError where there are no states, too many points, or the
    projections are of states of another width.
    """
    if state not in walks.states:
        raise StatesError(f"There is no state {state!r} to project. Choose y or z.")
    states = walks.states[state]
    components, maps, fitted = project(states, umap=umap, fitted=fitted, tell=tell)
    scene = Scene(
        about=about(walks, state=state, calls=calls, command=command),
        calls=walks.calls[state],
        puzzles=tuple(map(walks.task.format, walks.inputs)),
        numbers=walks.numbers,
        components=components[..., :KEPT].astype(np.float32),
        variance=fitted.pca.explained_variance_ratio[:KEPT],
        maps=maps,
        fields=fields_of(walks, state),
        curves=curves_of(walks),
        finding=sentences(difference(walks, state, components, fitted.pca.explained_variance_ratio)),
    )
    tell(1.0, "done")
    return scene, fitted


def project(
    states: Float[np.ndarray, "puzzle moment dim"],
    *,
    umap: UMAPSettings | None,
    fitted: Fitted | None = None,
    tell: Tell = silent,
) -> tuple[Float64[np.ndarray, "puzzle moment component"], tuple[Map, ...], Fitted]:
    """Principal components of states, their maps (PCA first), and the projections behind these; those of `fitted` are
    applied instead of fitting any. Raises StatesError where there are too many points, or as `fit_umap` and `PCA.transform` do.
    """
    points = states.shape[0] * states.shape[1]
    if points > MOST_IN_POOL:
        raise StatesError(
            f"{states.shape[0]} puzzles at {states.shape[1]} calls make {points:,} points, and {MOST_IN_POOL:,} is the most "
            "that can be drawn. Take fewer puzzles, or fewer calls."
        )
    tell(0.0, "principal components")
    with one_blas_thread():
        pca = fitted.pca if fitted else fit_pca(states, components=MOST_COMPONENTS)
        components = pca.transform(states)
    maps = [_map("pca", states, _axes(components, DRAWN), pca.explained_variance_ratio)]
    placer = fitted.umap if fitted else None
    if umap is not None or placer is not None:
        if placer is None:
            placer = fit_umap(states, umap, progress=lambda share: tell(0.05 + 0.85 * share, "UMAP"))
            places = placer.embedding.reshape(*states.shape[:2], -1)
        else:
            places = placer.transform(states, progress=lambda share: tell(0.05 + 0.85 * share, "UMAP"))
        tell(0.92, "neighbours")
        found = _map("umap", states, places, placer.pca.explained_variance_ratio)
        maps.append(replace(found, settings=placer.settings))
    return components, tuple(maps), Fitted(pca, placer)


def about(walks: Walks, *, state: str, calls: str, command: str) -> About:
    """What a scene of these walks says of itself."""
    made = walks.made
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
        position=walks.position,
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
    """A map with its quality: of a PCA as it is drawn flat and in space, of a UMAP in the dimensions it was made for."""
    drawn = range(FLAT, places.shape[-1] + 1) if method == "pca" else [places.shape[-1]]
    found: dict[int, Quality] = {}
    for axes in drawn:
        kept = shares[:axes] if method == "pca" else shares
        try:
            found[axes] = quality(states, places[..., :axes], explained_variance=float(kept.sum()))
        except StatesError:  # too few points to speak of neighbours
            continue
    return Map(method, places, found)


def curves_of(walks: Walks) -> tuple[Curve, ...]:
    """Residuals of z and y, and how far both are from where they end, of each puzzle over the run."""
    found = []
    for state in ("z", "y"):
        calls, states = walks.moving(state)
        with np.errstate(invalid="ignore"):
            moved, away = residuals(states), distances_to_final(states, relative=True)
        found += [
            Curve(f"residual_{state}", f"residual of {state}", calls[1:], moved, logarithmic=True),
            Curve(f"distance_{state}", f"{state} from its end", calls, away),
        ]
    return tuple(sorted(found, key=lambda curve: curve.name, reverse=True))
