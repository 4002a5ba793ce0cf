"""A run is placed in a recorded projection where its states would lie, or in the PCA of its own states."""

from dataclasses import replace

import numpy as np
import pytest
from fake_trajectories import PUZZLE, SMALL, fake_trajectories

from probes.latents.files import load_projection
from probes.latents.placement import (
    between_nearest,
    map_of_run,
    placed_states,
    recorded_projection,
    state_map,
)
from probes.latents.project import make_projection
from probes.latents.projection import EmbeddedPoints
from probes.latents.settings import RECORDED, SETS
from trm.coordinates import Depth
from trm.export.payload import trace_id
from trm.record import record
from trm.results import save

RIGHT = np.arange(8)[:, None] < np.array([2, 4, 8])  # more and more puzzles are solved


@pytest.fixture
def trajectories(tiny_config):
    rng = np.random.default_rng(0)
    states = 5 + rng.normal(size=(8, 3, 8)) * np.geomspace(4, 0.1, 8)
    return fake_trajectories(tiny_config(), {"z": states, "y": 2 * states}, right=RIGHT)


@pytest.fixture
def projection(trajectories):
    """A projection with a made-up UMAP."""
    found = make_projection(trajectories, state="z", calls="f_H", command="")
    umap = np.random.default_rng(1).normal(size=(8, 3, 2)).astype(np.float32)
    return replace(found, embeddings=(*found.embeddings, EmbeddedPoints("umap", umap, {})))


def one(trajectories, row: int):
    """The trajectories of a single run."""
    return replace(
        trajectories,
        states={name: states[row : row + 1] for name, states in trajectories.states.items()},
        **{
            name: getattr(trajectories, name)[row : row + 1]
            for name in ("inputs", "labels", "answers", "puzzle_numbers", "difficulty")
        },
    )


@pytest.mark.parametrize("puzzle", [0, 5])
def test_a_state_of_the_pool_is_placed_at_its_recorded_coordinates(trajectories, projection, puzzle):
    placed = placed_states(trajectories.states["z"][puzzle], projection)
    for embedding in projection.embeddings:
        recorded = embedding.coordinates[puzzle, :, :2]
        assert placed[embedding.method] == pytest.approx(recorded, abs=1e-4), embedding.method


def test_a_projection_read_from_a_file_places_states_as_before(trajectories, projection, tmp_path):
    save(tmp_path / "tiny.safetensors", projection)
    read = recorded_projection(one(trajectories, 0), tmp_path)
    placed = placed_states(trajectories.states["z"][3], read)["pca"]
    assert placed == pytest.approx(projection.embeddings[0].coordinates[3, :, :2], abs=1e-4)
    other = replace(trajectories.provenance, fingerprint="1" * 16)
    assert recorded_projection(replace(trajectories, provenance=other), tmp_path) is None  # other weights
    away = replace(trajectories.provenance, model="../tiny")
    assert recorded_projection(replace(trajectories, provenance=away), tmp_path / "a") is None
    save(tmp_path / "tiny.safetensors", replace(projection, axes=None))  # recorded by an earlier version
    assert recorded_projection(trajectories, tmp_path) is None


@pytest.mark.parametrize("name", SETS)
def test_the_recorded_projections_can_place_states(name):
    projection = load_projection(RECORDED / f"{name}.safetensors")
    axes = projection.axes.directions.astype(float)
    assert axes @ axes.T == pytest.approx(np.eye(len(axes)), abs=1e-5)
    assert np.array_equal(projection.embedding("pca").coordinates, projection.components[..., :3])
    assert projection.embedding("umap").axes == 2 and projection.provenance.data == SETS[name]


def test_a_new_state_lies_between_its_nearest_ones_and_never_outside_them():
    pool = np.arange(20.0)[:, None]
    coordinates = np.stack([10 * pool[:, 0], -pool[:, 0]], 1)
    placed = between_nearest(np.array([[4.0], [4.5], [99.0]]), pool, coordinates)
    assert placed[0] == pytest.approx([40, -4])
    assert 40 < placed[1, 0] < 50 and placed[1, 1] == pytest.approx(-placed[1, 0] / 10)
    assert 150 <= placed[2, 0] <= 190


def test_the_map_has_the_states_of_the_pool_as_solved_or_unsolved(trajectories, projection):
    found = state_map(one(trajectories, 2), projection)
    assert set(found.states) == {"z"} and found.pool.puzzles == 8
    pca, umap = found.states["z"]
    assert (pca.method, umap.method, umap.shares) == ("pca", "umap", ())
    assert pca.shares == pytest.approx(projection.variance[:2], abs=1e-4)
    assert (len(pca.solved), len(pca.unsolved)) == (2 * RIGHT.sum(), 2 * (~RIGHT).sum())
    width = float(np.ptp(projection.embeddings[0].coordinates[..., :2], axis=(0, 1)).max())
    recorded = projection.embeddings[0].coordinates[..., :2]
    for points, which in ((pca.solved, RIGHT), (pca.unsolved, ~RIGHT)):
        apart = np.abs(np.reshape(points, (-1, 1, 2)) - recorded[which]).max(-1)
        assert apart.min(0).max() < width / 600 and apart.min(1).max() < width / 600
    assert 10 < width < 100 and list(pca.run) == [round(value, 2) for value in pca.run]  # four digits
    assert np.reshape(pca.run, (-1, 2)) == pytest.approx(
        projection.embeddings[0].coordinates[2, :, :2], abs=width / 1000
    )


def test_states_at_one_place_are_sent_once(trajectories, projection):
    still = replace(
        projection.embeddings[0], coordinates=projection.embeddings[0].coordinates[:1].repeat(8, 0)
    )
    found = state_map(one(trajectories, 0), replace(projection, embeddings=(still,)))
    (pca,) = found.states["z"]
    assert (len(pca.solved), len(pca.unsolved)) == (6, 4)  # 3 places; at the last one every run is solved


def test_without_a_projection_the_axes_are_those_of_the_run(trajectories):
    found = state_map(one(trajectories, 1), None)
    assert set(found.states) == {"z", "y"} and found.pool is None
    ((z,), (y,)) = found.states["z"], found.states["y"]
    centred = trajectories.states["z"][1] - trajectories.states["z"][1].mean(0)
    distances = np.linalg.norm(np.reshape(z.run, (-1, 2)), axis=1)
    assert distances == pytest.approx(np.linalg.norm(centred, axis=1), rel=1e-2)  # 3 points lie in a plane
    assert np.reshape(y.run, (-1, 2)) == pytest.approx(2 * np.reshape(z.run, (-1, 2)), abs=0.05)
    assert sum(z.shares) == pytest.approx(1, abs=1e-3) and not z.solved + z.unsolved


def test_a_run_whose_state_never_moves_is_one_point(trajectories):
    still = {name: np.ones_like(states) for name, states in trajectories.states.items()}
    found = state_map(one(replace(trajectories, states=still), 0), None)
    assert set(map(str, found.states["z"][0].run)) == {"0.0"} and found.states["z"][0].shares == (0.0, 0.0)


def test_a_coordinate_that_is_rounded_to_0_has_no_sign(trajectories):
    z = np.zeros((8, 3, 8), np.float32)
    z[:, :, 0], z[:, :, 1] = [-1, 1, 0], [-1e-4, -1e-4, 2e-4]
    found = state_map(one(replace(trajectories, states={"z": z, "y": z}), 0), None)
    assert list(map(str, found.states["z"][0].run[1::2])) == ["0.0"] * 3


def test_the_map_of_a_run_has_a_point_for_each_call_and_belongs_to_its_trace(tiny_model):
    model, depth = tiny_model(n=2, T=2, N_sup=2), Depth(n=1, T=2, N_sup=3)
    found = map_of_run(model, PUZZLE, depth=depth)
    assert len(found.states["z"][0].run) == 2 * 3 * 2 * 2 and len(found.states["y"][0].run) == 2 * 3 * 2
    assert found.run == trace_id(record(model, SMALL, PUZZLE, depth=depth))
