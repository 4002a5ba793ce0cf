"""Scenes: known clouds give known maps, fields and curves; a scene on disk is the scene, small, and read without torch."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fake_trajectories import PUZZLE, SMALL, fake_trajectories
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from probes.covariance import StatesError
from probes.latents.files import (
    SceneError,
    coordinates_table,
    load_scene,
    save_scene,
    summary,
    write_parquet,
)
from probes.latents.project import fields_of, make_scene
from probes.latents.projection import Curve, Field, places_in_run, spread
from probes.latents.quality import quality
from probes.latents.umap import UMAPSettings

REPOSITORY = Path(__file__).resolve().parents[4]
RIGHT = np.array([[False, True, True], [False, False, False], [True, False, True], [False, False, True]])


@pytest.fixture
def trajectories(tiny_config):
    """Four puzzles that go along the first axis by 4, along the second by 1, from another place each."""
    time_point, puzzle = np.arange(3.0), np.arange(4.0)
    z = np.zeros((4, 3, 8))
    z[..., 0] = 4 * time_point + 10
    z[..., 1] = puzzle[:, None]
    return fake_trajectories(
        tiny_config(), {"z": z, "y": z + 1}, right=RIGHT, difficulty=("easy", "hard", "", "medium")
    )


@pytest.fixture
def scene(trajectories):
    return make_scene(trajectories, state="z", calls="f_H", command="python -m probes project")


# what is drawn


def test_the_first_axis_is_the_way_they_go(scene):
    (pca,) = scene.maps
    assert pca.method == "pca" and pca.axes == 3 and pca.quality == {}  # four runs are too few for neighbours
    assert pca.places[..., 0] == pytest.approx(np.tile([-4.0, 0, 4], (4, 1)), abs=1e-5)
    assert pca.places[..., 1] == pytest.approx(np.tile(np.arange(4)[:, None] - 1.5, (1, 3)), abs=1e-5)
    assert pca.places[..., 2] == pytest.approx(np.zeros((4, 3)), abs=1e-5)
    assert scene.variance[:2] == pytest.approx([32 / 3 / (32 / 3 + 1.25), 1.25 / (32 / 3 + 1.25)])
    assert scene.puzzles == (SMALL.format(PUZZLE),) * 4 and scene.numbers.tolist() == [0, 2, 4, 6]


def test_curves_are_residuals_and_distances(scene):
    curves = {curve.name: curve for curve in scene.curves}
    assert list(curves) == ["residual_z", "residual_y", "distance_z", "distance_y"]
    moved = curves["residual_z"]
    assert moved.values[0] == pytest.approx([4 / 14, 4 / 18]) and moved.logarithmic
    assert [at.supervision_step for at in moved.calls] == [1, 2]  # after the second and the third answer
    assert curves["distance_z"].values[0] == pytest.approx([8 / 18, 4 / 18, 0])


def test_fields_of_the_whole_grid(trajectories):
    fields = {field.name: field for field in fields_of(trajectories, "z")}
    assert list(fields) == ["solved", "solved_now", "step", "givens", "cells_right", "difficulty"]
    assert fields["solved"].words()[:, 0].tolist() == ["yes", "no", "yes", "yes"]
    assert np.array_equal(fields["solved_now"].values == 1, RIGHT)
    assert fields["step"].values[0].tolist() == [1, 1, 2]
    assert fields["givens"].values[0, 0] == 12
    assert fields["cells_right"].values[0].tolist() == [75, 100, 100]  # of four blanks one is wrong at first
    assert fields["difficulty"].words()[:, 0].tolist() == ["easy", "hard", "", "medium"]


def test_fields_of_one_cell(trajectories):
    fields = {field.name: field for field in fields_of(replace(trajectories, position="r4c4"), "z")}
    assert {"cell_right", "symbol", "given"} <= set(fields) and "cells_right" not in fields
    assert fields["cell_right"].words()[0].tolist() == ["no", "yes", "yes"]
    assert fields["symbol"].words()[0].tolist() == ["2", "1", "1"]
    assert set(fields["given"].words().ravel()) == {"blank"}
    first = {field.name: field for field in fields_of(replace(trajectories, position="r1c1"), "z")}
    assert set(first["given"].words().ravel()) == {"given"}


def test_what_needs_a_solution_is_left_out_where_there_is_none(trajectories):
    unlabelled = replace(trajectories, labels=np.zeros_like(trajectories.labels), difficulty=("",) * 4)
    assert [field.name for field in fields_of(unlabelled, "z")] == ["solved", "solved_now", "step", "givens"]
    one = {field.name for field in fields_of(replace(unlabelled, position="r4c4"), "z")}
    assert "cell_right" not in one and "symbol" in one


def test_fields_before_the_first_answer_do_not_apply(trajectories):
    """Moments of z that come before the first call of y."""
    calls = dict(trajectories.calls)
    late = replace(trajectories, calls=calls | {"y": calls["y"][1:]}, answers=trajectories.answers[:, 1:])
    fields = {field.name: field for field in fields_of(late, "z")}
    assert fields["solved_now"].words()[0].tolist() == ["", "yes", "yes"]
    assert np.isnan(fields["cells_right"].values[:, 0]).all()


def test_a_field_is_a_number_or_has_levels():
    with pytest.raises(ValueError):
        Field("x", "x", "category", np.zeros((1, 1)))
    with pytest.raises(ValueError):
        Field("x", "x", "number", np.zeros((1, 1)), ("a",))


def test_mistakes_say_what_to_do(trajectories, monkeypatch):
    with pytest.raises(StatesError, match="Choose y or z"):
        make_scene(trajectories, state="x", calls="", command="")
    monkeypatch.setattr("probes.latents.project.MOST_IN_POOL", 11)
    with pytest.raises(StatesError, match="4 puzzles at 3 calls make 12 points"):
        make_scene(trajectories, state="z", calls="", command="")


@pytest.fixture(scope="module")
def umap_scene(tiny_config):
    """Two clusters of twelve puzzles each."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(24, 3, 8)) * 0.1
    z[12:] += 20
    right = np.zeros((24, 3), bool)
    right[12:, -1] = True
    trajectories = fake_trajectories(tiny_config(), {"z": z, "y": z}, right=right)
    told = []
    scene = make_scene(
        trajectories,
        state="z",
        calls="f_H",
        command="",
        umap=UMAPSettings(neighbours=5, epochs=50),
        progress=lambda share, words: told.append((share, words)),
    )
    return scene, told


def test_umap_is_a_second_map_with_its_progress(umap_scene):
    scene, told = umap_scene
    assert [found.method for found in scene.maps] == ["pca", "umap"]
    places = scene.maps[1].places
    assert places.shape == (24, 3, 2)
    centres = places[:12].mean((0, 1)), places[12:].mean((0, 1))
    spread = np.abs(places[:12] - centres[0]).max()
    assert np.abs(centres[0] - centres[1]).max() > 2 * spread
    assert set(scene.maps[0].quality) == {2, 3} and set(scene.maps[1].quality) == {2}
    shares = [share for share, _ in told]
    assert shares == sorted(shares) and shares[-1] == 1 and len(shares) > 50
    assert {words for _, words in told} == {
        "computing the principal components",
        "fitting UMAP",
        "comparing neighbours",
        "done",
    }


def test_a_map_is_judged_by_one_point_a_run(tiny_config):
    """Runs that rest at once leave copies, whose nearest are each other: here no map keeps any other neighbour."""
    random = np.random.default_rng(1)
    ends = random.normal(size=(30, 8))
    z = np.repeat(ends[:, None], 3, axis=1)
    trajectories = fake_trajectories(tiny_config(), {"z": z, "y": z}, right=np.ones((30, 3), bool))
    (pca,) = make_scene(trajectories, state="z", calls="f_H", command="").maps
    judged = pca.quality[2]
    assert (judged.compared, judged.neighbours) == (30, 5)
    assert judged == quality(ends, pca.places[:, -1, :2], explained_variance=judged.explained_variance)
    copies = quality(z, pca.places[..., :2], explained_variance=0.0)
    assert copies.trustworthiness > judged.trustworthiness and copies.neighbours_kept > judged.neighbours_kept


# on disk


def same(one, other):
    assert (one.about, one.calls, one.puzzles, one.finding) == (
        other.about,
        other.calls,
        other.puzzles,
        other.finding,
    )
    assert other.components == pytest.approx(one.components, rel=1e-3, abs=1e-4)
    assert np.array_equal(one.numbers, other.numbers)
    for mine, theirs in zip(one.maps, other.maps, strict=True):
        assert (mine.method, mine.quality, mine.settings) == (theirs.method, theirs.quality, theirs.settings)
        assert theirs.places == pytest.approx(mine.places, rel=1e-3, abs=1e-4)
    for mine, theirs in zip(one.fields, other.fields, strict=True):
        assert (mine.name, mine.title, mine.levels) == (theirs.name, theirs.title, theirs.levels)
        assert theirs.values == pytest.approx(mine.values, rel=1e-3, nan_ok=True)
    for mine, theirs in zip(one.curves, other.curves, strict=True):
        assert (mine.name, mine.calls, mine.logarithmic) == (theirs.name, theirs.calls, theirs.logarithmic)
        assert theirs.values == pytest.approx(mine.values, rel=1e-3, abs=1e-6)


def test_a_scene_read_is_the_scene_written(scene, umap_scene, tmp_path):
    for number, made in enumerate((scene, umap_scene[0])):
        path = tmp_path / f"{number}.safetensors"
        save_scene(path, made)
        same(made, load_scene(path))


def test_reading_a_scene_takes_no_heavy_package(scene, tmp_path):
    save_scene(tmp_path / "scene.safetensors", scene)
    code = (
        "import sys; from pathlib import Path; from probes.latents.files import load_scene;"
        f"load_scene(Path({str(tmp_path / 'scene.safetensors')!r}));"
        "print([name for name in ('torch', 'sklearn', 'umap', 'numba', 'zarr', 'scipy') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True)
    assert found.stdout.strip() == "[]", found.stderr


def damaged(path: Path, **changes) -> None:
    """Rewrite facts of a scene file, None: remove."""
    with safe_open(path, "numpy") as file:
        facts = json.loads(file.metadata()["scene"])
    for name, value in changes.items():
        facts.pop(name) if value is None else facts.update({name: value})
    save_file(load_file(path), path, metadata={"scene": json.dumps(facts)})


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "another"},
        {"puzzles": ["one"]},
        {"calls": [[1, 1, 1]]},
        {"calls": [[1, 1, 3, "f_H"], [2, [1], 3, "f_H"], [3, 1, 3, "f_H"]]},
        {"calls": [[1, 1, 3, "f_H"], [2, 1, 3, 7], [3, 1, 3, "f_H"]]},
        {"about": None},
        {"maps": [{"method": "umap", "quality": {}, "settings": None}]},
        {"fields": [{"name": "none", "title": "", "kind": "number", "levels": []}]},
        {"curves": [{"name": "residual_z", "title": "", "calls": [[1, 1, 1, "f_H"]], "logarithmic": True}]},
        {"maps": None},
        {"finding": 7},
        {"maps": [{"method": "pca", "quality": {"2": {"trust": float("inf")}}, "settings": None}]},
    ],
    ids=str,
)
def test_a_damaged_scene_is_refused_in_one_line(scene, tmp_path, changes):
    path = tmp_path / "scene.safetensors"
    save_scene(path, scene)
    damaged(path, **changes)
    with pytest.raises(SceneError, match="is no scene of this version, or is damaged"):
        load_scene(path)


@pytest.mark.parametrize("name", ["components", "variance"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_scene_with_points_that_are_nowhere(scene, tmp_path, name, value):
    path = tmp_path / "scene.safetensors"
    save_scene(path, scene)
    arrays = load_file(path)
    arrays[name].flat[0] = value
    with safe_open(path, "numpy") as file:
        save_file(arrays, path, metadata=file.metadata())
    with pytest.raises(SceneError, match="is no scene of this version, or is damaged"):
        load_scene(path)


def test_what_is_no_scene_file_is_refused(tmp_path):
    with pytest.raises(SceneError, match="cannot be read"):
        load_scene(tmp_path / "none")
    (tmp_path / "text").write_text("no scene")
    with pytest.raises(SceneError, match="is no scene"):
        load_scene(tmp_path / "text")


def test_the_table_has_a_row_for_every_point(umap_scene, tmp_path):
    import pyarrow.parquet as pq

    scene, _ = umap_scene
    write_parquet(tmp_path / "points.parquet", scene)
    table = pq.read_table(tmp_path / "points.parquet")
    assert table.num_rows == 72 and {"pca_1", "pca_3", "umap_1", "umap_2", "solved", "step"} <= set(
        table.column_names
    )
    assert table["puzzle"].to_pylist()[:4] == [0, 0, 0, 2]
    assert [table[name].to_pylist()[2] for name in ("supervision_step", "cycle", "call", "kind")] == [
        2, 1, 3, "f_H",
    ]  # fmt: skip
    assert table["umap_2"].to_numpy()[5] == scene.maps[1].places[1, 2, 1]
    said = json.loads(table.schema.metadata[b"recursion-lens"])
    assert said == json.loads(json.dumps(summary(scene)))
    assert said["maps"][1]["settings"]["neighbours"] == 5 and said["points"] == 72
    assert coordinates_table(scene).num_columns == table.num_columns


# for a page


def test_calls_stand_in_a_run_by_their_supervision_steps(trajectories, tiny_config):
    assert places_in_run(trajectories.calls["z"]).tolist() == [
        0.5,
        1,
        2,
    ]  # two calls of the first step, one of the second
    depth = tiny_config().depth  # n = T = 2, three steps
    every = tuple(at for step in (1, 2, 3) for at in depth.calls(step))
    places = places_in_run(every)
    assert places[5::6].tolist() == [1, 2, 3] and places[0] == pytest.approx(1 / 6)


def test_a_spread_is_the_median_and_the_middle_half(trajectories):
    values = np.array([[0.0, 1], [1, 1], [2, 1], [3, 1], [4, np.inf]])
    curve = Curve("c", "c", trajectories.calls["z"][:2], values)
    found = spread(curve, np.ones(5, bool))
    assert (found.median[0], found.low[0], found.high[0]) == (2, 1, 3)
    assert found.median[1] == found.high[1] == 1  # what is not finite is left out
    assert spread(curve, np.array([True] + [False] * 4)).high.tolist() == [0, 1]
    assert spread(curve, np.zeros(5, bool)) is None
