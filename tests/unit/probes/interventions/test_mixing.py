"""Mixing weights: a planted matrix is recovered, and planted structure is distinguished from none."""

import numpy as np
import pytest
from small_runs import MLP, SMALL

from probes.interventions.attribution.mixing import (
    OTHERS,
    PEERS,
    RATIO,
    by_relation,
    layer_names,
    mixing,
    peers_of,
    relations,
)
from probes.interventions.sites import InterventionError
from probes.stats import Resampling
from trm.tasks import get_task
from trm.tasks.sudoku import Sudoku


def planted(part, *ways: tuple[int, int, float]) -> None:
    """Makes down @ up zero but for these ways: from a position, into a position, how strongly. A hidden unit each."""
    part.gate_up_proj.weight.zero_()
    part.down_proj.weight.zero_()
    width = part.gate_up_proj.weight.shape[0] // 2
    for unit, (source, target, weight) in enumerate(ways):
        part.gate_up_proj.weight[width + unit, source] = 2.0
        part.gate_up_proj.weight[unit, source] = 7.0  # the gate is not part of it
        part.down_proj.weight[target, unit] = weight / 2


def test_a_planted_matrix_is_recovered(tiny_model):
    model = tiny_model(**MLP)
    planted(model.L_level.layers[1].mlp_t, (3, 6, 1.0), (1, 16, -0.5), (0, 5, 9.0))
    found = mixing(model, SMALL, "2")
    expected = np.zeros((16, 16), np.float32)
    expected[5, 2], expected[15, 0] = 1, -0.5  # positions without the prefix, whose entry is left out
    assert np.array_equal(found.strength, expected) and found.layer == "2"
    assert mixing(model, SMALL).layer == "1" and layer_names(model.config) == ("1", "2")


def test_each_net_has_its_layers(tiny_model):
    model = tiny_model(**MLP, kind="hrm", H_layers=1)
    assert layer_names(model.config) == ("L1", "L2", "H1")
    planted(model.H_level.layers[0].mlp_t, (4, 2, 3.0))
    assert mixing(model, SMALL, "H1").strength[1, 3] == 3 and mixing(model, SMALL, "L1").strength[1, 3] != 3


def test_relations_of_cells():
    sudoku, maze = relations(Sudoku()), relations(get_task("maze", 49))
    assert [pairs.sum(1).min() for pairs in sudoku.values()] == [8, 8, 8, 60]
    assert np.flatnonzero(maze["neighbours"][0]).tolist() == [1, 7]
    assert maze[OTHERS][24].sum() == 49 - 1 - 4 and not maze[OTHERS][24, 24]
    assert relations(get_task("arc")) == {}
    with pytest.raises(InterventionError, match="have no peers"):
        peers_of(get_task("arc"))


def test_planted_structure_is_found_with_its_size():
    random, task = np.random.default_rng(0), Sudoku()
    matrix = random.normal(0, 1, (81, 81)) * 0.1
    matrix[relations(task)["row"]] += 2.0
    found = by_relation(task, matrix)
    assert list(found) == [PEERS, "row", "column", "box", OTHERS, RATIO]
    assert found["row"].mean == pytest.approx(np.abs(matrix)[relations(task)["row"]].mean())
    assert found[PEERS].mean == pytest.approx(np.abs(matrix)[peers_of(task)].mean())
    assert found["row"].mean > 1.9 and found["column"].mean < 0.1 and found[OTHERS].mean < 0.1
    assert found[RATIO].mean == pytest.approx(found[PEERS].mean / found[OTHERS].mean)
    assert found[RATIO].low > 5 and all(each.low <= each.mean <= each.high for each in found.values())


def test_without_structure_the_band_contains_one():
    random = np.random.default_rng(1)
    found = by_relation(Sudoku(), random.normal(0, 1, (81, 81)))
    assert found[RATIO].low < 1 < found[RATIO].high and found[RATIO].high - found[RATIO].low < 0.3
    mazes = by_relation(get_task("maze", 49), random.normal(0, 1, (49, 49)))
    assert list(mazes) == ["neighbours", OTHERS, RATIO] and mazes[RATIO].low < 1 < mazes[RATIO].high
    assert by_relation(get_task("arc"), np.ones((900, 900))) == {}


def test_a_band_of_one_resample_has_no_width(monkeypatch):
    monkeypatch.setattr("probes.interventions.attribution.mixing.BY_PUZZLE", Resampling(resamples=1))
    found = by_relation(SMALL, np.random.default_rng(0).normal(size=(16, 16)))
    assert all(each.low == each.high for each in found.values())
    assert found["row"].low != found["row"].mean


def test_invalid_mixing(tiny_model):
    with pytest.raises(InterventionError, match=r"no layer 3\. Choose one of: 1, 2"):
        mixing(tiny_model(**MLP), SMALL, "3")
    with pytest.raises(InterventionError, match="attention"):
        mixing(tiny_model(), SMALL)
