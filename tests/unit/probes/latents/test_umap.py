"""UMAP of points of known shape: reproducible, with progress, one at a time."""

import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from probes.covariance import StatesError
from probes.latents.umap import UMAPProjection, UMAPSettings, fit_umap
from tests.unit.probes.latents.test_pca import rotated

pytestmark = pytest.mark.heavy

REPOSITORY = Path(__file__).resolve().parents[4]
SETTINGS = UMAPSettings(neighbours=10, epochs=60, seed=3)


def clusters(seed: int) -> np.ndarray:
    """Two clusters of 10 puzzles x 6 moments in 80 dimensions, far apart."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(20, 6, 80)) + np.repeat([0.0, 9.0], 10)[:, None, None]


@pytest.fixture(scope="module")
def umap() -> UMAPProjection:
    return fit_umap(clusters(0), SETTINGS)


def test_umap_separates_two_clusters(umap):
    assert umap.pca.components.shape == (50, 80)
    pool = umap.embedding.reshape(2, 60, 2)
    centres = pool.mean(1)
    apart = np.linalg.norm(centres[1] - centres[0])
    assert apart > 2 * np.linalg.norm(pool - centres[:, None], axis=-1).max()


def test_umap_is_reproducible(umap):
    again = fit_umap(clusters(0), SETTINGS)
    assert np.array_equal(again.embedding, umap.embedding)
    assert not np.array_equal(fit_umap(clusters(0), replace(SETTINGS, seed=4)).embedding, umap.embedding)


def test_umap_reports_progress(umap):
    shares = []
    watched = fit_umap(clusters(0), SETTINGS, progress=lambda share, text: shares.append(share))
    assert shares[0] == 0 and shares[-1] == 1 and shares == sorted(shares) and len(set(shares)) >= 60
    assert np.array_equal(watched.embedding, umap.embedding)


class Enough(Exception):
    pass


def test_umap_can_be_cancelled(umap):
    """An exception from the callback is raised at once; the next fit is unaffected."""
    import numba

    shares, threads = [], numba.get_num_threads()

    def stop(share: float, text: str) -> None:
        shares.append(share)
        if share >= 0.1:
            raise Enough

    with pytest.raises(Enough):
        fit_umap(clusters(0), SETTINGS, progress=stop)
    assert shares[-1] == pytest.approx(0.1) and shares.count(shares[-1]) == 1
    assert numba.get_num_threads() == threads
    assert np.array_equal(fit_umap(clusters(0), SETTINGS).embedding, umap.embedding)


def test_one_umap_at_a_time_and_waiting_can_be_cancelled(umap):
    started, go_on, done = threading.Event(), threading.Event(), []

    def hold(share: float, text: str) -> None:
        if share > 0:
            started.set()
            assert go_on.wait(60)

    first = threading.Thread(
        target=lambda: done.append(fit_umap(clusters(0), SETTINGS, progress=hold)), daemon=True
    )
    first.start()
    assert started.wait(60)
    shares = []

    def stop(share: float, text: str) -> None:
        shares.append(share)
        if len(shares) == 3:
            raise Enough

    with pytest.raises(Enough):
        fit_umap(clusters(1), SETTINGS, progress=stop)
    assert shares == [0, 0, 0] and not done  # it never got its turn
    go_on.set()
    first.join(60)
    assert np.array_equal(done[0].embedding, umap.embedding)


def test_umap_in_three_dimensions_of_a_line():
    """Fewer principal components than axes: the other axes start as noise."""
    points = rotated(np.linspace(0, 1, 40)[:, None], 2)
    placed = fit_umap(points, replace(SETTINGS, dimensions=3)).embedding
    assert placed.shape == (40, 3) and np.isfinite(placed).all()


@pytest.mark.parametrize(
    "states, message",
    [
        (np.zeros((2, 5, 3)), "needs 11 to 50000 states, not 10"),
        (np.zeros((50_001, 1), np.float16), "not 50001"),
        (np.ones((4, 5, 3)), "All states are equal"),
        (np.full((4, 5, 3), np.inf), "infinite"),
    ],
)
def test_pools_that_umap_refuses(states, message):
    with pytest.raises(StatesError, match=message):
        fit_umap(states, SETTINGS)


@pytest.mark.parametrize(
    "change", [{"dimensions": 4}, {"neighbours": 1}, {"min_dist": float("nan")}, {"epochs": 0}, {"seed": -1}]
)
def test_settings_that_are_refused(change):
    with pytest.raises(StatesError, match="not valid for UMAP"):
        replace(SETTINGS, **change)


NO_CACHE = """
import importlib.util, os, sys
from pathlib import Path
import numpy as np
from probes.latents import umap
from trm import compiled

occupied = Path(sys.argv[1])  # a file, so that nobody can create a folder in it
compiled.find_spec = lambda name: type("Spec", (), {"submodule_search_locations": [str(occupied / name)]})
if sys.argv[2] == "fit":
    umap.fit_umap(np.random.default_rng(0).normal(size=(40, 5)), umap.UMAPSettings(neighbours=5, epochs=11))
else:
    compiled.find_cache(*umap.COMPILED)
print(os.environ.get("NUMBA_CACHE_DIR"))
"""


def cache_chosen(tmp_path, what: str, **environment: str) -> str:
    (tmp_path / "occupied").touch()
    environ = {name: value for name, value in os.environ.items() if name not in ("NUMBA_CACHE_DIR", "HOME")}
    done = subprocess.run(
        [sys.executable, "-c", NO_CACHE, str(tmp_path / "occupied"), what],
        cwd=REPOSITORY, env=environ | environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_numba_has_a_writable_cache(tmp_path):
    """A temporary folder, deleted with the process, where neither the library's nor the user's is writable."""
    nowhere = {"XDG_CACHE_HOME": str(tmp_path / "occupied"), "TMPDIR": str(tmp_path)}
    chosen = Path(cache_chosen(tmp_path, "choose", **nowhere))
    assert chosen.parent == tmp_path and not chosen.exists()
    assert cache_chosen(tmp_path, "choose", XDG_CACHE_HOME=str(tmp_path / "cache")) == "None"
    assert cache_chosen(tmp_path, "choose", **nowhere, NUMBA_CACHE_DIR="/mine") == "/mine"


@pytest.mark.slow
def test_umap_without_a_writable_cache(tmp_path):
    nowhere = {"XDG_CACHE_HOME": str(tmp_path / "occupied"), "TMPDIR": str(tmp_path)}
    assert Path(cache_chosen(tmp_path, "fit", **nowhere)).parent == tmp_path
