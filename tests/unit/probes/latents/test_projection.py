"""Projections of states known by hand: embeddings, fields, curves; files that read back the same."""

import json
from dataclasses import replace

import numpy as np
import pytest
from fake_trajectories import PUZZLE, SMALL, fake_trajectories

from probes.covariance import StatesError
from probes.latents.files import (
    ProjectionError,
    columns_of,
    load_projection,
    summary,
)
from probes.latents.procrustes import AlignmentScore
from probes.latents.project import fields_of, make_projection
from probes.latents.projection import Field, SecondModel, StepCurve, call_times, quartiles
from probes.latents.quality import quality
from probes.latents.umap import UMAPSettings
from trm.results import as_json, save, write_parquet

RIGHT = np.array([[False, True, True], [False, False, False], [True, False, True], [False, False, True]])


@pytest.fixture
def trajectories(tiny_config):
    """Four puzzles that move by 4 along the first axis, 1 apart from each other along the second."""
    time_point, puzzle = np.arange(3.0), np.arange(4.0)
    z = np.zeros((4, 3, 8))
    z[..., 0] = 4 * time_point + 10
    z[..., 1] = puzzle[:, None]
    return fake_trajectories(
        tiny_config(), {"z": z, "y": z + 1}, right=RIGHT, difficulty=("easy", "hard", "", "medium")
    )


@pytest.fixture
def projection(trajectories):
    return make_projection(trajectories, state="z", calls="f_H", command="python -m probes project")


# embeddings, fields, curves


def test_the_first_axis_is_the_direction_of_movement(projection):
    (pca,) = projection.embeddings
    assert pca.method == "pca" and pca.axes == 3 and pca.quality == {}  # four runs are too few for neighbours
    assert pca.coordinates[..., 0] == pytest.approx(np.tile([-4.0, 0, 4], (4, 1)), abs=1e-5)
    assert pca.coordinates[..., 1] == pytest.approx(np.tile(np.arange(4)[:, None] - 1.5, (1, 3)), abs=1e-5)
    assert pca.coordinates[..., 2] == pytest.approx(np.zeros((4, 3)), abs=1e-5)
    assert projection.variance[:2] == pytest.approx([32 / 3 / (32 / 3 + 1.25), 1.25 / (32 / 3 + 1.25)])
    assert projection.puzzles == (SMALL.format(PUZZLE),) * 4 and projection.puzzle_numbers.tolist() == [
        0,
        2,
        4,
        6,
    ]


def test_curves_are_residuals_and_distances(projection):
    curves = {curve.name: curve for curve in projection.curves}
    assert list(curves) == ["residual_z", "residual_y", "distance_z", "distance_y"]
    residual = curves["residual_z"]
    assert residual.values[0] == pytest.approx([4 / 14, 4 / 18]) and residual.logarithmic
    assert [at.supervision_step for at in residual.calls] == [1, 2]  # after the second and the third answer
    assert curves["distance_z"].values[0] == pytest.approx([8 / 18, 4 / 18, 0])


def test_fields_of_the_whole_grid(trajectories):
    fields = {field.name: field for field in fields_of(trajectories, "z")}
    assert list(fields) == ["solved", "solved_now", "step", "givens", "cells_right", "difficulty"]
    assert fields["solved"].labels()[:, 0].tolist() == ["yes", "no", "yes", "yes"]
    assert np.array_equal(fields["solved_now"].values == 1, RIGHT)
    assert fields["step"].values[0].tolist() == [1, 1, 2]
    assert fields["givens"].values[0, 0] == 12
    assert fields["cells_right"].values[0].tolist() == [75, 100, 100]  # of four blanks one is wrong at first
    assert fields["difficulty"].labels()[:, 0].tolist() == ["easy", "hard", "", "medium"]


def test_fields_of_one_cell(trajectories):
    fields = {field.name: field for field in fields_of(replace(trajectories, position="r4c4"), "z")}
    assert {"cell_right", "symbol", "given"} <= set(fields) and "cells_right" not in fields
    assert fields["cell_right"].labels()[0].tolist() == ["no", "yes", "yes"]
    assert fields["symbol"].labels()[0].tolist() == ["2", "1", "1"]
    assert set(fields["given"].labels().ravel()) == {"blank"}
    first = {field.name: field for field in fields_of(replace(trajectories, position="r1c1"), "z")}
    assert set(first["given"].labels().ravel()) == {"given"}


def test_fields_that_need_a_solution_are_left_out_without_one(trajectories):
    unlabelled = replace(trajectories, labels=np.zeros_like(trajectories.labels), difficulty=("",) * 4)
    assert [field.name for field in fields_of(unlabelled, "z")] == ["solved", "solved_now", "step", "givens"]
    one = {field.name for field in fields_of(replace(unlabelled, position="r4c4"), "z")}
    assert "cell_right" not in one and "symbol" in one


def test_fields_before_the_first_answer_do_not_apply(trajectories):
    """Time points of z before the first call of y."""
    calls = dict(trajectories.calls)
    late = replace(trajectories, calls=calls | {"y": calls["y"][1:]}, answers=trajectories.answers[:, 1:])
    fields = {field.name: field for field in fields_of(late, "z")}
    assert fields["solved_now"].labels()[0].tolist() == ["", "yes", "yes"]
    assert np.isnan(fields["cells_right"].values[:, 0]).all()


def test_a_field_is_a_number_or_has_levels():
    with pytest.raises(ValueError):
        Field("x", "x", "category", np.zeros((1, 1)))
    with pytest.raises(ValueError):
        Field("x", "x", "number", np.zeros((1, 1)), ("a",))


def test_errors_name_the_remedy(trajectories, monkeypatch):
    with pytest.raises(StatesError, match="Choose y or z"):
        make_projection(trajectories, state="x", calls="", command="")
    monkeypatch.setattr("probes.latents.project.MOST_IN_POOL", 12)
    make_projection(trajectories, state="z", calls="", command="")
    monkeypatch.setattr("probes.latents.project.MOST_IN_POOL", 11)
    with pytest.raises(StatesError, match="4 puzzles at 3 calls make 12 points"):
        make_projection(trajectories, state="z", calls="", command="")


@pytest.fixture(scope="module")
def umap_projection(tiny_config):
    """Two clusters of twelve puzzles each."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(24, 3, 8)) * 0.1
    z[12:] += 20
    right = np.zeros((24, 3), bool)
    right[12:, -1] = True
    trajectories = fake_trajectories(tiny_config(), {"z": z, "y": z}, right=right)
    reports = []
    projection = make_projection(
        trajectories,
        state="z",
        calls="f_H",
        command="",
        umap=UMAPSettings(neighbours=5, epochs=50),
        progress=lambda share, words: reports.append((share, words)),
    )
    return projection, reports


@pytest.mark.heavy
def test_umap_is_a_second_embedding_with_progress(umap_projection):
    projection, reports = umap_projection
    assert [embedding.method for embedding in projection.embeddings] == ["pca", "umap"]
    coordinates = projection.embeddings[1].coordinates
    assert coordinates.shape == (24, 3, 2)
    centres = coordinates[:12].mean((0, 1)), coordinates[12:].mean((0, 1))
    radius = np.abs(coordinates[:12] - centres[0]).max()
    assert np.abs(centres[0] - centres[1]).max() > 2 * radius
    assert set(projection.embeddings[0].quality) == {2, 3} and set(projection.embeddings[1].quality) == {2}
    assert projection.embeddings[1].quality[2].explained_variance == pytest.approx(1)  # of all components
    shares = [share for share, _ in reports]
    assert shares == sorted(shares) and shares[-1] == 1 and len(shares) > 50
    assert {words for _, words in reports} == {
        "computing the principal components",
        "fitting UMAP",
        "comparing neighbours",
        "done",
    }


def test_quality_uses_one_point_per_run(tiny_config):
    """Runs that converge at once leave copies, which are each other's nearest neighbours in any embedding."""
    random = np.random.default_rng(1)
    ends = random.normal(size=(30, 8))
    z = np.repeat(ends[:, None], 3, axis=1)
    trajectories = fake_trajectories(tiny_config(), {"z": z, "y": z}, right=np.ones((30, 3), bool))
    projection = make_projection(trajectories, state="z", calls="f_H", command="")
    (pca,), measured = projection.embeddings, projection.embeddings[0].quality[2]
    assert measured.explained_variance == pytest.approx(projection.variance[:2].sum())
    assert (measured.compared, measured.neighbours) == (30, 5)
    assert measured == quality(
        ends, pca.coordinates[:, -1, :2], explained_variance=measured.explained_variance
    )
    copies = quality(z, pca.coordinates[..., :2], explained_variance=0.0)
    assert (
        copies.trustworthiness > measured.trustworthiness
        and copies.neighbours_preserved > measured.neighbours_preserved
    )


# on disk


def same(one, other):
    assert as_json(one) == as_json(other)
    assert np.array_equal(one.components, other.components)
    for mine, theirs in zip(one.embeddings, other.embeddings, strict=True):
        assert np.array_equal(mine.coordinates, theirs.coordinates)
    for mine, theirs in zip((*one.fields, *one.curves), (*other.fields, *other.curves), strict=True):
        assert np.array_equal(mine.values, theirs.values, equal_nan=True)


def test_a_projection_reads_back_the_same(projection, tmp_path):
    save(tmp_path / "projection.safetensors", projection)
    same(projection, load_projection(tmp_path / "projection.safetensors"))


@pytest.mark.heavy
def test_a_projection_with_umap_reads_back_the_same(umap_projection, tmp_path):
    projection, _ = umap_projection
    save(tmp_path / "projection.safetensors", projection)
    same(projection, load_projection(tmp_path / "projection.safetensors"))


def test_a_projection_whose_arrays_have_other_points_is_refused(projection):
    """So is a file, whose values `trm.results` checks one by one."""
    curve, field = projection.curves[0], projection.fields[0]
    for changes in (
        {"puzzles": ("one",)},
        {"calls": projection.calls[:2]},
        {"components": projection.components[:2]},
        {"fields": (replace(field, values=field.values[:2]),)},
        {"curves": (replace(curve, calls=curve.calls[:1]),)},
    ):
        with pytest.raises((ValueError, TypeError), match=r"do not have the points|Type-check"):
            replace(projection, **changes)
    with pytest.raises(ValueError, match="is not a valid field"):
        replace(field, kind="another")


def test_the_rows_of_a_second_model_follow_those_of_the_first(projection):
    score = AlignmentScore(0.1, 0.2, 0.2, 0.2, 3, (1.0, 1.0), 1.0, 1, 1)
    about = replace(projection.provenance, model="other")
    calls = tuple(replace(at, call=9) for at in projection.calls)
    joint = replace(projection, second_model=SecondModel(about, calls, score))
    assert [joint.provenance_of(row).model for row in range(4)] == ["tiny", "tiny", "other", "other"]
    assert [joint.call_of(row, 0).call == 9 for row in range(4)] == [False, False, True, True]
    assert joint.model_index.tolist() == [0, 0, 1, 1] and joint.puzzle_count == 2


def test_other_files_are_refused(projection, tmp_path):
    with pytest.raises(ProjectionError, match="cannot be read"):
        load_projection(tmp_path / "none")
    (tmp_path / "text").write_text("no projection")
    with pytest.raises(ProjectionError, match="is not a projection"):
        load_projection(tmp_path / "text")
    save(tmp_path / "nan", replace(projection, variance=projection.variance * np.nan))
    with pytest.raises(ProjectionError, match="is not a projection of this version, or is damaged"):
        load_projection(tmp_path / "nan")


@pytest.mark.heavy
def test_the_table_has_a_row_for_every_point(umap_projection, tmp_path):
    import pyarrow.parquet as pq

    projection, _ = umap_projection
    write_parquet(tmp_path / "points.parquet", columns_of(projection), summary(projection))
    table = pq.read_table(tmp_path / "points.parquet")
    assert table.num_rows == 72 and {"pca_1", "pca_3", "umap_1", "umap_2", "solved", "step"} <= set(
        table.column_names
    )
    assert table["puzzle"].to_pylist()[:4] == [0, 0, 0, 2]
    assert [table[name].to_pylist()[2] for name in ("supervision_step", "cycle", "call", "kind")] == [
        2, 1, 3, "f_H",
    ]  # fmt: skip
    assert table["umap_2"].to_numpy()[5] == projection.embeddings[1].coordinates[1, 2, 1]
    described = json.loads(table.schema.metadata[b"recursion-lens"])
    assert described == json.loads(json.dumps(summary(projection)))
    assert described["embeddings"][1]["settings"]["neighbours"] == 5 and described["points"] == 72


# for a page


def test_call_times_are_in_supervision_steps(trajectories, tiny_config):
    assert call_times(trajectories.calls["z"]).tolist() == [
        0.5,
        1,
        2,
    ]  # two calls of the first step, one of the second
    depth = tiny_config().depth  # n = T = 2, three steps
    every = tuple(at for step in (1, 2, 3) for at in depth.calls(step))
    times = call_times(every)
    assert times[5::6].tolist() == [1, 2, 3] and times[0] == pytest.approx(1 / 6)


def test_quartiles_of_a_curve(trajectories):
    values = np.array([[0.0, 1], [1, 1], [2, 1], [3, 1], [4, np.inf]])
    curve = StepCurve("c", "c", trajectories.calls["z"][:2], values)
    bands = quartiles(curve, np.ones(5, bool))
    assert (bands.median[0], bands.low[0], bands.high[0]) == (2, 1, 3)
    assert bands.median[1] == bands.high[1] == 1  # values that are not finite are left out
    assert quartiles(curve, np.array([True] + [False] * 4)).high.tolist() == [0, 1]
    assert quartiles(curve, np.zeros(5, bool)) is None
