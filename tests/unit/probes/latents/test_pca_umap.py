"""Projections of clouds whose shape is known, against scikit-learn, and kept in files without code."""

import json
import subprocess
import sys
import threading
import time
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from probes.covariance import StatesError
from probes.latents.pca_umap import PCA, UMAPProjection, UMAPSettings, fit_pca, fit_umap
from probes.latents.projection_files import ProjectionError, load_projection, save_projection

REPOSITORY = Path(__file__).resolve().parents[4]


def turned(points: np.ndarray, dim: int, seed: int = 0) -> np.ndarray:
    """The same points in a space of more dimensions, turned and moved at random; distances stay."""
    rng = np.random.default_rng(seed)
    axes, _ = np.linalg.qr(rng.normal(size=(dim, dim)))
    return points @ axes[: points.shape[-1]] + rng.normal(size=dim)


def walks(puzzles: int = 64, moments: int = 48, dim: int = 128) -> np.ndarray:
    """Random walks, in float16 as a store keeps them."""
    return np.random.default_rng(0).normal(size=(puzzles, moments, dim)).cumsum(1).astype(np.float16)


def same_pca(one: PCA, other: PCA) -> bool:
    return all(np.array_equal(getattr(one, field.name), getattr(other, field.name)) for field in fields(PCA))


# PCA


def test_pca_by_hand():
    """Points (+-2, 0) and (0, +-1) around (5, 5): variances 8 / 3 and 2 / 3 along the axes."""
    points = np.array([[2.0, 0], [-2, 0], [0, 1], [0, -1]]) + 5
    pca = fit_pca(points)
    assert pca.mean.tolist() == [5, 5] and pca.count == 4
    assert pca.components == pytest.approx(np.eye(2))
    assert pca.explained_variance == pytest.approx([8 / 3, 2 / 3])
    assert pca.explained_variance_ratio == pytest.approx([0.8, 0.2])
    assert pca.transform(np.array([[[7.0, 4.0]]])) == pytest.approx(np.array([[[2, -1]]]))


def test_pca_in_chunks_equals_scikit_learn():
    from sklearn import decomposition

    rng = np.random.default_rng(3)
    points = (rng.normal(size=(5000, 40)) * np.linspace(3, 0.1, 40) + 50) @ rng.normal(size=(40, 40))
    points = points.astype(np.float32)
    chunks = (points[start : start + 700].reshape(-1, 20, 40) for start in range(0, 5000, 700))
    pca = fit_pca(chunks, components=10)
    reference = decomposition.PCA(10, svd_solver="full").fit(points.astype(np.float64))
    signs = np.sign((pca.components * reference.components_).sum(1))
    assert np.abs(pca.components - signs[:, None] * reference.components_).max() < 1e-5
    assert pca.explained_variance == pytest.approx(reference.explained_variance_, rel=1e-5)
    assert pca.explained_variance_ratio == pytest.approx(reference.explained_variance_ratio_, rel=1e-5)
    assert pca.transform(points[:50]) == pytest.approx(
        signs * reference.transform(points[:50].astype(np.float64)), abs=1e-5
    )
    loadings = np.take_along_axis(pca.components, np.abs(pca.components).argmax(1)[:, None], 1)
    assert (loadings > 0).all()


def test_a_line_has_one_component_and_a_circle_two_alike():
    line = fit_pca(turned(np.arange(9.0)[:, None], 30))
    assert line.explained_variance_ratio[:2] == pytest.approx([1, 0], abs=1e-12)
    angle = 2 * np.pi * np.arange(60) / 60
    circle = turned(3 * np.stack([np.cos(angle), np.sin(angle)], -1), 30)
    pca = fit_pca(circle)
    assert pca.explained_variance_ratio[:3] == pytest.approx([0.5, 0.5, 0], abs=1e-12)
    assert np.linalg.norm(pca.transform(circle)[:, :2], axis=1) == pytest.approx(np.full(60, 3.0))


def test_two_clusters_are_parted_by_the_first_component():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(200, 64)) + np.repeat([[0.0], [3.0]], 100, axis=0)  # 24 apart
    first = fit_pca(points).transform(points)[:, 0]
    assert first[:100].max() < first[100:].min()
    assert first[100:].mean() - first[:100].mean() == pytest.approx(24, rel=0.02)


def test_fewer_points_than_dimensions_and_none_of_spread():
    pca = fit_pca(np.random.default_rng(0).normal(size=(4, 9)))
    assert pca.components.shape == (4, 9) and pca.explained_variance[3] == pytest.approx(0, abs=1e-12)
    assert pca.components @ pca.components.T == pytest.approx(np.eye(4), abs=1e-12)
    equal = fit_pca(np.full((5, 3), 0.1))
    assert equal.explained_variance_ratio.tolist() == [0, 0, 0]
    assert equal.transform(np.full((2, 3), 0.1)).tolist() == [[0, 0, 0]] * 2


def test_pca_refuses_states_of_another_model():
    pca = fit_pca(walks(3, 4, 8))
    with pytest.raises(StatesError, match="of 8 numbers, these have 9"):
        pca.transform(np.zeros((2, 9)))
    with pytest.raises(StatesError, match="infinite"):
        pca.transform(np.full((2, 8), np.nan))
    assert pca.transform(np.zeros((0, 4, 8))).shape == (0, 4, 8)


def test_pca_of_a_pool_takes_less_than_a_second():
    """64 puzzles x 48 moments, D = 128, fitted and applied."""
    states = walks()
    start = time.perf_counter()
    placed = fit_pca(states).transform(states)
    assert time.perf_counter() - start < 1
    assert placed.shape == (64, 48, 50)


# UMAP

SETTINGS = UMAPSettings(neighbours=10, epochs=60, seed=3)


def clusters(seed: int) -> np.ndarray:
    """Two clusters of 10 puzzles x 6 moments in 80 dimensions, far apart."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(20, 6, 80)) + np.repeat([0.0, 9.0], 10)[:, None, None]


@pytest.fixture(scope="module")
def umap() -> UMAPProjection:
    return fit_umap(clusters(0), SETTINGS)


def test_importing_the_modules_imports_nothing_heavy():
    code = (
        "import sys, probes.latents.pca_umap, probes.latents.projection_files, probes.latents.quality, probes.latents.alignment\n"
        "import probes.latents.dynamics, probes.comparison.dimensionality\n"
        "print(*sorted({'umap', 'numba', 'sklearn', 'scipy', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""


def test_umap_parts_two_clusters_and_places_new_puzzles_among_their_own(umap):
    assert umap.pca.components.shape == (50, 80) and umap.library.startswith("umap-learn 0.")
    pool = umap.transform(clusters(0)).reshape(2, 60, 2)
    assert np.array_equal(pool.reshape(-1, 2), umap.embedding)  # the pool gets its own places
    centres = pool.mean(1)
    apart = np.linalg.norm(centres[1] - centres[0])
    assert apart > 2 * np.linalg.norm(pool - centres[:, None], axis=-1).max()
    new = umap.transform(clusters(1).astype(np.float16)).reshape(2, 60, 2)
    own = np.linalg.norm(new - centres[:, None], axis=-1)
    other = np.linalg.norm(new - centres[::-1, None], axis=-1)
    assert (own < other).all()


def test_umap_is_reproducible(umap):
    again = fit_umap(clusters(0), SETTINGS)
    assert np.array_equal(again.embedding, umap.embedding)
    assert np.array_equal(again.transform(clusters(1)), umap.transform(clusters(1)))
    assert not np.array_equal(fit_umap(clusters(0), replace(SETTINGS, seed=4)).embedding, umap.embedding)


def test_umap_tells_its_progress(umap):
    shares = []
    watched = fit_umap(clusters(0), SETTINGS, progress=shares.append)
    assert shares[0] == 0 and shares[-1] == 1 and shares == sorted(shares) and len(set(shares)) >= 60
    assert np.array_equal(watched.embedding, umap.embedding)
    shares.clear()
    watched.transform(clusters(1), progress=shares.append)
    assert shares[0] == 0 and shares[-1] == 1
    told = len(shares)
    watched.transform(clusters(2))
    assert len(shares) == told


class Enough(Exception):
    pass


def test_umap_can_be_cancelled(umap):
    """What the callback raises comes out, once told; the next fit is as if nothing had been."""
    import numba

    told, threads = [], numba.get_num_threads()

    def stop(share: float) -> None:
        told.append(share)
        if share >= 0.1:
            raise Enough

    with pytest.raises(Enough):
        fit_umap(clusters(0), SETTINGS, progress=stop)
    assert told[-1] == pytest.approx(0.1) and told.count(told[-1]) == 1
    assert numba.get_num_threads() == threads
    assert np.array_equal(fit_umap(clusters(0), SETTINGS).embedding, umap.embedding)


def test_one_umap_at_a_time_and_waiting_can_be_cancelled(umap):
    started, go_on, done = threading.Event(), threading.Event(), []

    def hold(share: float) -> None:
        if share > 0:
            started.set()
            assert go_on.wait(60)

    first = threading.Thread(
        target=lambda: done.append(fit_umap(clusters(0), SETTINGS, progress=hold)), daemon=True
    )
    first.start()
    assert started.wait(60)
    told = []

    def stop(share: float) -> None:
        told.append(share)
        if len(told) == 3:
            raise Enough

    with pytest.raises(Enough):
        fit_umap(clusters(1), SETTINGS, progress=stop)
    assert told == [0, 0, 0] and not done  # it never got its turn
    go_on.set()
    first.join(60)
    assert np.array_equal(done[0].embedding, umap.embedding)


def test_umap_in_three_dimensions_of_a_line():
    """Fewer principal components than axes: the others begin as noise."""
    points = turned(np.linspace(0, 1, 40)[:, None], 2)
    placed = fit_umap(points, replace(SETTINGS, dimensions=3)).embedding
    assert placed.shape == (40, 3) and np.isfinite(placed).all()


@pytest.mark.parametrize(
    "states, message",
    [
        (np.zeros((2, 5, 3)), "takes 11 to 50000 states, not 10"),
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
    with pytest.raises(StatesError, match="no setting for UMAP"):
        replace(SETTINGS, **change)


def test_umap_refuses_states_of_another_model(umap):
    with pytest.raises(StatesError, match="of 80 numbers, these have 8"):
        umap.transform(np.zeros((1, 8)))
    assert umap.transform(np.zeros((0, 6, 80))).shape == (0, 6, 2)


# files


def test_pca_on_disk(tmp_path):
    pca = fit_pca(walks(5, 6, 7))
    save_projection(tmp_path / "pca.safetensors", pca, about={"model": "tiny", "state": "z"})
    again, about = load_projection(tmp_path / "pca.safetensors")
    assert isinstance(again, PCA) and same_pca(again, pca)
    assert about == {"model": "tiny", "state": "z"}


def test_umap_on_disk_places_new_puzzles_where_it_did_before(tmp_path, umap):
    path = tmp_path / "umap.safetensors"
    save_projection(path, umap)
    again, about = load_projection(path)
    assert isinstance(again, UMAPProjection) and about == {}
    assert (again.settings, again.library) == (umap.settings, umap.library) and same_pca(again.pca, umap.pca)
    assert np.array_equal(again.embedding, umap.embedding)
    assert np.array_equal(again.transform(clusters(1)), umap.transform(clusters(1)))
    assert np.array_equal(again.transform(clusters(0)).reshape(-1, 2), umap.embedding)


@pytest.mark.parametrize("spoil", [b"", b"no projection", None], ids=["empty", "text", "short"])
def test_damaged_files(tmp_path, spoil):
    path = tmp_path / "pca.safetensors"
    save_projection(path, fit_pca(walks(5, 6, 7)))
    path.write_bytes(path.read_bytes()[:-9] if spoil is None else spoil)
    with pytest.raises(ProjectionError, match="no projection of this version") as error:
        load_projection(path)
    assert "\n" not in str(error.value)


def test_files_that_are_not_there_or_too_large(tmp_path):
    with pytest.raises(ProjectionError, match="cannot be read"):
        load_projection(tmp_path / "nowhere")
    with (tmp_path / "huge").open("wb") as file:
        file.truncate((256 << 20) + 1)
    with pytest.raises(ProjectionError, match="larger than 256 MiB"):
        load_projection(tmp_path / "huge")


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays, facts: arrays.pop("mean"),
        lambda arrays, facts: arrays.update(more=np.zeros(3)),
        lambda arrays, facts: arrays.update(mean=np.zeros(3)),
        lambda arrays, facts: arrays.update(mean=arrays["mean"].astype(np.float32)),
        lambda arrays, facts: arrays.update(mean=np.full(80, np.nan)),
        lambda arrays, facts: arrays.update(pool=arrays["pool"][:, :3].copy()),
        lambda arrays, facts: arrays.update(pool=arrays["pool"][:5].copy(), embedding=arrays["embedding"][:5].copy()),
        lambda arrays, facts: arrays.update(embedding=np.zeros((120, 3), np.float32)),
        lambda arrays, facts: facts.pop("kind"),
        lambda arrays, facts: facts.pop("settings"),
        lambda arrays, facts: facts.update(kind="trace"),
        lambda arrays, facts: facts.update(settings={"neighbours": 10}),
        lambda arrays, facts: facts["settings"].update(neighbours=10.5),
        lambda arrays, facts: facts["settings"].update(neighbours=10_000),
        lambda arrays, facts: facts["settings"].update(min_dist="0.1"),
        lambda arrays, facts: facts["settings"].update(run="rm"),
        lambda arrays, facts: facts.update(total_variance=-1.0),
        lambda arrays, facts: facts.update(count=3),
        lambda arrays, facts: facts.update(about=[1]),
        lambda arrays, facts: facts.update(about={"model": 1}),
        lambda arrays, facts: facts.update(library=5),
    ],
)  # fmt: skip
def test_files_with_other_content(tmp_path, umap, change):
    path = tmp_path / "umap.safetensors"
    save_projection(path, umap)
    with safe_open(path, "numpy") as file:
        facts = json.loads(file.metadata()["projection"])
    arrays = load_file(path)
    if change(arrays, facts) is None and facts.get("settings") == {"neighbours": 10}:
        arrays["embedding"] = arrays["embedding"][
            :, :1
        ].copy()  # defaults fill in: the arrays must not fit them
    save_file(arrays, path, metadata={"projection": json.dumps(facts)})
    with pytest.raises(ProjectionError, match="no projection of this version"):
        load_projection(path)
