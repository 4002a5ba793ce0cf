"""States drawn in two or three dimensions: PCA, which is linear and keeps distances as well as a plane can, and UMAP.

Both are fitted on a pool of states and then applied to others, so that new puzzles appear in a picture that does not move.
PCA comes first: its axes are directions of the state, and the variance it leaves out is known. UMAP (McInnes, Healy &
Melville 2018, arXiv:1802.03426) shows who is close to whom; sizes of its clusters and distances between them mean
nothing. `probes.latents.quality` says how much of either may be believed, `probes.latents.projection_files` keeps them.

umap-learn and what comes with it are imported when the first UMAP is fitted or applied, and compile themselves then: about
ten seconds, once in a process.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import Any

import numpy as np
from jaxtyping import Float, Float32, Float64

from probes.covariance import Chunks, StatesError, blocks, covariance

Progress = Callable[
    [float], None
]  # share of the work done, 0 to 1; what it raises ends the work and comes out of it

MOST_COMPONENTS = 50  # principal components that UMAP is given
MOST_IN_POOL = 50_000  # points; that many take UMAP a minute on two cores


@dataclass(frozen=True)
class PCA:
    """Principal components of a pool of states.

    The sign of a component is free; here its loading of largest absolute value (the first, if several) is positive.
    """

    mean: Float64[np.ndarray, "dim"]
    components: Float64[np.ndarray, "component dim"]  # orthonormal rows, largest variance first
    explained_variance: Float64[np.ndarray, "component"]  # squared units, divided by count - 1
    total_variance: float  # of all directions, also those left out
    count: int  # points in the pool

    @property
    def explained_variance_ratio(self) -> Float64[np.ndarray, "component"]:
        """Share of the pool's variance along each component; zeros where all points are equal."""
        return self.explained_variance / (self.total_variance or 1.0)

    def transform(self, states: Float[np.ndarray, "*batch dim"]) -> Float64[np.ndarray, "*batch component"]:
        """Coordinates of states along the components, in the units of the state.

        Raises StatesError where states are of another width, or not finite.
        """
        if states.shape[-1] != len(self.mean):
            raise StatesError(
                f"This projection was fitted on states of {len(self.mean)} numbers, these have {states.shape[-1]}. "
                "Fit one on states of this model."
            )
        shape = (*states.shape[:-1], len(self.components))
        parts = [(block - self.mean) @ self.components.T for block in blocks(states)]
        return np.concatenate(parts).reshape(shape) if parts else np.zeros(shape)


def fit_pca(chunks: Chunks, *, components: int = MOST_COMPONENTS) -> PCA:
    """Principal component analysis of a pool that need not fit into memory: one pass, its covariance kept in float64.

    As many components as asked for, at most min(points, dim). Raises StatesError where there is no point, chunks differ
    in width, states are too wide, or a number is not finite.
    """
    cloud = covariance(chunks)
    variances, vectors = np.linalg.eigh(cloud.covariance)
    kept = slice(None, -1 - min(components, cloud.count, len(variances)), -1)
    variances, rows = np.maximum(variances[kept], 0), vectors.T[kept]
    largest = np.take_along_axis(rows, np.abs(rows).argmax(1, keepdims=True), 1)
    return PCA(
        mean=cloud.mean,
        components=rows * np.where(largest < 0, -1.0, 1.0),
        explained_variance=variances,
        total_variance=float(np.trace(cloud.covariance)),
        count=cloud.count,
    )


@dataclass(frozen=True)
class UMAPSettings:
    """What makes a UMAP, besides its pool. Two fits with equal settings give equal pictures on one machine."""

    dimensions: int = 2  # of the picture, 2 or 3
    neighbours: int = 15  # of a point, itself included: few show detail, many the whole
    min_dist: float = 0.1  # how tightly points may be packed, 0 to 1
    epochs: int = 500
    seed: int = 0

    def __post_init__(self) -> None:
        if not (
            self.dimensions in (2, 3)
            and 2 <= self.neighbours <= 200
            and 0 <= self.min_dist <= 1
            and 11 <= self.epochs <= 5000
            and 0 <= self.seed < 1 << 32
        ):
            raise StatesError(
                f"{self} is no setting for UMAP. Use 2 or 3 dimensions, 2 to 200 neighbours, a min_dist of 0 to 1, "
                "11 to 5000 epochs and a seed from 0."
            )


@dataclass(frozen=True)
class UMAPProjection:
    """A pool of states placed by UMAP, and all that is needed to place others among them."""

    settings: UMAPSettings
    library: str  # the version of umap-learn that placed the pool
    pca: PCA  # at most 50 components; UMAP sees these coordinates only
    pool: Float32[np.ndarray, "point component"]
    embedding: Float32[np.ndarray, "point axis"]  # no unit

    def transform(
        self, states: Float[np.ndarray, "*batch dim"], *, progress: Progress | None = None
    ) -> Float32[np.ndarray, "*batch axis"]:
        """Place states among those of the pool, which stay where they are. The pool itself gets its own places.

        The same states at once get the same places every time; a state placed together with other ones may land slightly
        elsewhere, as umap-learn scales its forces by the batch. Raises StatesError where states are of another width
        or not finite.
        """
        points = self.pca.transform(states).astype(np.float32).reshape(-1, self.pool.shape[1])
        axes = self.embedding.shape[1]
        if not len(points):
            return np.zeros((*states.shape[:-1], axes), np.float32)
        with _turn(progress):
            placed = self._model.transform(points)
        return np.array(placed, np.float32).reshape(*states.shape[:-1], axes)

    @cached_property
    def _model(self) -> Any:
        """The library's `UMAP` with its pool in place: no epoch is run, as the places are known."""
        model = _library_model(self.settings, self.pool, self.embedding, epochs=0)
        model.embedding_, model.n_epochs = self.embedding, self.settings.epochs
        return model


def fit_umap(
    states: Float[np.ndarray, "*batch dim"],
    settings: UMAPSettings | None = None,
    *,
    progress: Progress | None = None,
) -> UMAPProjection:
    """UMAP of a pool of states, by way of at most 50 principal components.

    It begins from the first principal components, which keeps the large structure where PCA shows it (Kobak & Linderman
    2021), and uses exact neighbours. `progress` is told 0 while it waits for another UMAP to end, then, once the
    neighbours are found, the share of epochs done. Raises StatesError where the pool is too small for the neighbours, too
    large, all equal, or not finite.
    """
    settings = settings or UMAPSettings()
    count = int(np.prod(states.shape[:-1]))
    if not settings.neighbours < count <= MOST_IN_POOL:
        raise StatesError(
            f"UMAP with {settings.neighbours} neighbours takes {settings.neighbours + 1} to {MOST_IN_POOL} states, "
            f"not {count}. Choose other puzzles or moments."
        )
    pca = fit_pca(states, components=MOST_COMPONENTS)
    if pca.total_variance == 0:
        raise StatesError(
            "All states are equal, so there is nothing to place. Choose other puzzles or moments."
        )
    pool = pca.transform(states).reshape(count, -1).astype(np.float32)
    start = np.random.default_rng(settings.seed).normal(scale=1e-4, size=(count, settings.dimensions))
    first = pool[:, : settings.dimensions]
    start[:, : first.shape[1]] += first * (10 / np.abs(first).max())
    with _turn(progress):
        model = _library_model(settings, pool, start, epochs=settings.epochs)
    import umap

    return UMAPProjection(settings, f"umap-learn {umap.__version__}", pca, pool, model.embedding_)


def _library_model(
    settings: UMAPSettings,
    pool: Float32[np.ndarray, "point component"],
    start: Float[np.ndarray, "point axis"],
    *,
    epochs: int,
) -> Any:
    """The library's `UMAP` of a pool, moved from its start for some epochs."""
    from pynndescent import NNDescent
    from sklearn.neighbors import NearestNeighbors
    from umap import UMAP

    class ExactNeighbours(NNDescent):
        """In the place of the library's approximate index, which takes longer to compile than this to search."""

        _angular_trees = False  # read by umap-learn

        def __init__(self, points: np.ndarray):
            self.search = NearestNeighbors(algorithm="brute").fit(points)

        def query(self, points: np.ndarray, k: int, epsilon: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
            distances, neighbours = self.search.kneighbors(points, k)
            return neighbours, distances

    index = ExactNeighbours(pool)
    model = UMAP(
        n_components=settings.dimensions,
        n_neighbors=settings.neighbours,
        min_dist=settings.min_dist,
        n_epochs=epochs,
        init=start,
        random_state=settings.seed,
        transform_seed=settings.seed,
        n_jobs=1,  # more would make the result depend on chance
        precomputed_knn=(*index.query(pool, settings.neighbours), index),
        force_approximation_algorithm=True,  # or a small pool's neighbours are searched again
    )
    return model.fit(pool)


_lock = Lock()


@contextmanager
def _turn(progress: Progress | None) -> Iterator[None]:
    """One UMAP at a time, watched: with two threads inside, the simplest of numba's thread pools ends the process.

    Epochs are counted in the place of the library's progress bar. The bar itself can be given a file to write to, but
    what is raised there, to stop the work, leaves a lock of tqdm's held and so the next bar waiting for ever.
    """
    tell = progress or (lambda share: None)
    tell(0.0)
    while not _lock.acquire(timeout=0.2):
        tell(0.0)  # so that waiting can be given up too
    try:
        import numba
        from umap import layouts

        def watched(epochs: range, **bar: Any) -> Iterator[int]:
            for epoch in epochs:
                yield epoch
                tell((epoch + 1) / len(epochs))

        threads, library_bar = numba.get_num_threads(), layouts.tqdm
        layouts.tqdm = watched
        try:
            yield
        finally:
            layouts.tqdm = library_bar
            numba.set_num_threads(threads)  # umap-learn does so only if it is not stopped
    finally:
        _lock.release()
