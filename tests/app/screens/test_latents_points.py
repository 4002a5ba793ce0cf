"""Points, axes and groups of the plots of the Latents page, from recorded projections."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from app.screens.latents import page, plot, points
from app.screens.latents.points import Points, PointStyle
from probes.latents.files import load_projection
from probes.latents.settings import RECORDED


@pytest.fixture(scope="module")
def recorded():
    return load_projection(RECORDED / "sudoku-trm.safetensors")


def style(colour: str, *, by_step: bool = False) -> PointStyle:
    return PointStyle("pca", axes=2, colour=colour, by_step=by_step)


@pytest.mark.parametrize(
    "method, axis, title",
    [
        ("umap", 0, "UMAP 1 (arbitrary units)"),
        ("pca", 0, "component 1 (75% of the variance)"),
        ("pca", 1, "component 2 (0% of the variance)"),
    ],
)
def test_the_title_of_an_axis_has_its_share_of_the_variance(method, axis, title):
    projection = SimpleNamespace(variance=[0.75])  # all states lie on a line
    assert plot.axis_title(projection, SimpleNamespace(method=method), axis) == title


def test_the_groups_of_a_joint_projection_are_its_models():
    joint = load_projection(RECORDED / "sudoku-trm--sudoku-hrm.safetensors")
    (first, _, trm), (second, _, hrm) = page.groups(joint)
    assert (first, second) == ("sudoku-trm", "sudoku-hrm")
    assert trm[: joint.puzzle_count].all() and not trm[joint.puzzle_count :].any() and (hrm == ~trm).all()


def test_points_to_which_a_category_does_not_apply_are_drawn_too(recorded):
    solved = recorded.field("solved")
    values = solved.values.copy()
    values[0] = -1
    fields = tuple(replace(field, values=values) if field is solved else field for field in recorded.fields)
    coordinates = np.zeros((len(recorded), len(recorded.calls), 2))
    traces = Points(replace(recorded, fields=fields), style("solved"), coordinates).of([0])
    assert [sum(point[0] == 0 for point in trace.customdata) for trace in traces] == [0, 0, 1]
    assert sum(len(trace.customdata) for trace in traces) == len(recorded)


@pytest.mark.parametrize("most, by_step, gpu", [(6, False, False), (5, False, True), (5, True, False)])
def test_many_points_at_once_are_drawn_by_the_gpu(recorded, monkeypatch, most, by_step, gpu):
    monkeypatch.setattr(points, "GPU_FROM", most)
    assert Points(recorded, style("solved", by_step=by_step), np.zeros((2, 3, 2))).gpu == gpu
