"""UMAP of states: a nonlinear embedding that preserves neighbourhoods (McInnes et al. 2018, arXiv:1802.03426).

Sizes of clusters and distances between clusters have no meaning. The input is the first principal components of the
states. `probes.latents.quality` measures how faithful the embedding is.

The first fit in a process imports and compiles umap-learn and its dependencies, which takes about ten seconds.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Annotated, Any

import numpy as np
from cyclopts import Parameter
from jaxtyping import Float, Float32

from probes.covariance import StatesError
from probes.latents.pca import MOST_COMPONENTS, PCA, fit_pca
from trm.compiled import find_cache
from trm.progress import Progress, no_progress

FITTING = "fitting UMAP"
COMPILED = ("umap", "pynndescent")
MOST_IN_POOL = 50_000  # maximum number of points, which take a minute on two cores


@dataclass(frozen=True)
class UMAPSettings:
    """Settings of a UMAP fit. Raises StatesError if a setting is out of range.

    On one machine, equal settings and equal states give equal embeddings.
    """

    dimensions: Annotated[int, Parameter(name="--axes")] = 2
    """dimensions of the embedding, 2 or 3"""
    neighbours: int = 15
    """neighbours per point, including the point; more show more global structure"""
    min_dist: float = 0.1
    """minimum distance between embedded points, 0 to 1"""
    epochs: int = 500
    """epochs of the fit"""
    seed: int = 0
    """random seed of the fit"""

    def __post_init__(self) -> None:
        if not (
            self.dimensions in (2, 3)
            and 2 <= self.neighbours <= 200
            and 0 <= self.min_dist <= 1
            and 11 <= self.epochs <= 5000
            and 0 <= self.seed < 1 << 32
        ):
            raise StatesError(
                f"{self} is not valid for UMAP. Use 2 or 3 dimensions, 2 to 200 neighbours, a min_dist of 0 to 1, "
                "11 to 5000 epochs and a seed from 0."
            )


@dataclass(frozen=True)
class UMAPProjection:
    """A pool of states embedded by UMAP."""

    settings: UMAPSettings
    pca: PCA  # PCA of the states; its components, at most 50, are the input of UMAP
    embedding: Float32[np.ndarray, "point axis"]  # coordinates, without a unit


def fit_umap(
    states: Float[np.ndarray, "*batch dim"],
    settings: UMAPSettings | None = None,
    *,
    progress: Progress = no_progress,
) -> UMAPProjection:
    """Fit a UMAP to a pool of states, reduced to at most 50 principal components.

    The fit uses exact neighbours and starts from the first principal components, which preserves the global structure
    (Kobak & Linderman 2021). `progress` is called with 0 while another fit is running, then with the fraction of epochs
    done. Raises StatesError if the pool is too small for the number of neighbours, too large, constant or not finite.
    """
    settings = settings or UMAPSettings()
    count = int(np.prod(states.shape[:-1]))
    if not settings.neighbours < count <= MOST_IN_POOL:
        raise StatesError(
            f"UMAP with {settings.neighbours} neighbours needs {settings.neighbours + 1} to {MOST_IN_POOL} states, "
            f"not {count}. Choose other puzzles or calls."
        )
    pca = fit_pca(states, components=MOST_COMPONENTS)
    if pca.total_variance == 0:
        raise StatesError(
            "All states are equal, so there is nothing to embed. Choose other puzzles or calls."
        )
    pool = pca.transform(states).reshape(count, -1).astype(np.float32)
    start = np.random.default_rng(settings.seed).normal(scale=1e-4, size=(count, settings.dimensions))
    first = pool[:, : settings.dimensions]
    start[:, : first.shape[1]] += first * (10 / np.abs(first).max())
    with _turn(progress):
        return UMAPProjection(settings, pca, _embed(settings, pool, start))


def _embed(
    settings: UMAPSettings,
    pool: Float32[np.ndarray, "point component"],
    start: Float[np.ndarray, "point axis"],
) -> Float32[np.ndarray, "point axis"]:
    """Return the embedding that umap-learn optimises from `start`."""
    from pynndescent import NNDescent
    from sklearn.neighbors import NearestNeighbors
    from umap import UMAP

    class NoIndex(NNDescent):
        """Replaces the library's approximate index, which takes longer to compile than an exact search takes to run."""

        def __init__(self):
            """Do nothing: the index is only used to embed additional states."""

    distances, neighbours = (
        NearestNeighbors(algorithm="brute").fit(pool).kneighbors(pool, settings.neighbours)
    )
    model = UMAP(
        n_components=settings.dimensions,
        n_neighbors=settings.neighbours,
        min_dist=settings.min_dist,
        n_epochs=settings.epochs,
        init=start,
        random_state=settings.seed,
        n_jobs=1,  # with more jobs, the result is not reproducible
        precomputed_knn=(neighbours, distances, NoIndex()),
        force_approximation_algorithm=True,  # otherwise umap-learn searches the neighbours of a small pool again
    )
    return model.fit(pool).embedding_


_lock = Lock()


@contextmanager
def _turn(progress: Progress) -> Iterator[None]:
    """Run one UMAP at a time: with two concurrent callers, numba's simplest thread pool terminates the process.

    `progress` counts epochs in place of the library's progress bar. If an exception in the bar's own output cancelled
    the fit, a tqdm lock would remain locked and block the next bar forever.
    """
    progress(0.0, FITTING)
    while not _lock.acquire(timeout=0.2):
        progress(0.0, FITTING)  # so that waiting can be cancelled too
    try:
        find_cache(*COMPILED)
        import numba
        from umap import layouts

        def counted(epochs: range, **bar: Any) -> Iterator[int]:
            for epoch in epochs:
                yield epoch
                progress((epoch + 1) / len(epochs), FITTING)

        threads, library_bar = numba.get_num_threads(), layouts.tqdm
        layouts.tqdm = counted
        try:
            yield
        finally:
            layouts.tqdm = library_bar
            numba.set_num_threads(threads)  # umap-learn restores it only if the fit completes
    finally:
        _lock.release()
