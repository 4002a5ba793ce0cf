"""UMAP of states (McInnes, Healy & Melville 2018, arXiv:1802.03426): shows who is close to whom.

Sizes of its clusters and distances between them mean nothing. It is given principal components of the states.
`probes.latents.quality` says how much of a picture may be believed.

umap-learn and what comes with it are imported when the first UMAP is fitted, and compile themselves then: about ten
seconds, once in a process.
"""

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from jaxtyping import Float, Float32

from probes.covariance import StatesError
from probes.latents.pca import MOST_COMPONENTS, PCA, fit_pca
from trm.progress import ShareProgress

CACHE = "NUMBA_CACHE_DIR"  # where numba keeps what it compiled, if this is set
COMPILED = ("umap", "pynndescent")
MOST_IN_POOL = 50_000  # points; that many take UMAP a minute on two cores


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
    """A pool of states placed by UMAP."""

    settings: UMAPSettings
    pca: PCA  # at most 50 components; UMAP sees these coordinates only
    embedding: Float32[np.ndarray, "point axis"]  # no unit


def fit_umap(
    states: Float[np.ndarray, "*batch dim"],
    settings: UMAPSettings | None = None,
    *,
    progress: ShareProgress | None = None,
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
        return UMAPProjection(settings, pca, _placed(settings, pool, start))


def _placed(
    settings: UMAPSettings,
    pool: Float32[np.ndarray, "point component"],
    start: Float[np.ndarray, "point axis"],
) -> Float32[np.ndarray, "point axis"]:
    """The pool, moved from its start by the library's `UMAP`."""
    from pynndescent import NNDescent
    from sklearn.neighbors import NearestNeighbors
    from umap import UMAP

    class NoIndex(NNDescent):
        """In the place of the library's approximate index, which takes longer to compile than an exact search takes."""

        def __init__(self):
            """It is never asked: only to place other states would take it."""

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
        n_jobs=1,  # more would make the result depend on chance
        precomputed_knn=(neighbours, distances, NoIndex()),
        force_approximation_algorithm=True,  # or a small pool's neighbours are searched again
    )
    return model.fit(pool).embedding_


def find_cache() -> None:
    """Choose where numba keeps what it compiles, before it is imported, where it would find no place and so import nothing:
    it looks beside a library's source, then in the user's cache folder."""
    if os.environ.get(CACHE):
        return
    sources = [find_spec(name).submodule_search_locations[0] for name in COMPILED]
    user = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))  # noqa: PTH111 (Path's own may fail)
    if all(_may_write(Path(source, "__pycache__")) for source in sources) or _may_write(user / "numba"):
        return
    try:
        os.environ[CACHE] = tempfile.mkdtemp(prefix="numba-")  # of a name that nobody can have filled
    except OSError:
        raise StatesError(f"UMAP finds no folder to compile into. Set {CACHE} to one.") from None
    atexit.register(shutil.rmtree, os.environ[CACHE], ignore_errors=True)


def _may_write(folder: Path) -> bool:
    """Whether files can be made in a folder, which is made for that. Never where "~" has no meaning: nobody is at home."""
    if not folder.is_absolute():
        return False
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


_lock = Lock()


@contextmanager
def _turn(progress: ShareProgress | None) -> Iterator[None]:
    """One UMAP at a time, watched: with two threads inside, the simplest of numba's thread pools ends the process.

    Epochs are counted in the place of the library's progress bar. The bar itself can be given a file to write to, but
    what is raised there, to stop the work, leaves a lock of tqdm's held and so the next bar waiting for ever.
    """
    progress = progress or (lambda share: None)
    progress(0.0)
    while not _lock.acquire(timeout=0.2):
        progress(0.0)  # so that waiting can be given up too
    try:
        find_cache()
        import numba
        from umap import layouts

        def watched(epochs: range, **bar: Any) -> Iterator[int]:
            for epoch in epochs:
                yield epoch
                progress((epoch + 1) / len(epochs))

        threads, library_bar = numba.get_num_threads(), layouts.tqdm
        layouts.tqdm = watched
        try:
            yield
        finally:
            layouts.tqdm = library_bar
            numba.set_num_threads(threads)  # umap-learn does so only if it is not stopped
    finally:
        _lock.release()
