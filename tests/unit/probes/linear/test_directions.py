"""Probe directions, the plane that holds most of them, and saved probes as an experiment without scores."""

from dataclasses import replace

import numpy as np
import pytest
from experiment_summaries import ABOUT, experiment_summary, result_summary, target_summary
from planted_states import FEW, planted, whole

from probes.linear.apply import summary_of_probes
from probes.linear.directions import direction_of, directions_at, plane_of
from probes.linear.experiment.summary import FittedProbe
from probes.linear.experiment.views import balance_at, code_of
from probes.linear.files import ProbeFileError, SavedProbe
from probes.linear.fit import fit_probe
from probes.linear.probe import ProbeError
from probes.linear.splits import split_puzzles
from trm.coordinates import Coordinates
from trm.tasks.sudoku import Sudoku

TASK = Sudoku(2, 2)
TIME_POINTS = (Coordinates(1, 2, 3, "f_H"), Coordinates(2, 2, 3, "f_H"))


def probe(
    classes: tuple[str, ...] = ("1", "2", "3", "4"), name: str = "solution", state: str = "z"
) -> SavedProbe:
    states, values = planted(time_points=2, classes=max(2, len(classes)))
    if not classes:
        values = whole(values.values.astype(np.float32))
    split = split_puzzles(len(states), seed=0)
    result = fit_probe(states, values, split, classes=classes, name=name, settings=FEW)
    return SavedProbe(ABOUT, state, TIME_POINTS, result)


def test_directions_in_a_plane_by_hand():
    """Four directions on two axes, and a fifth orthogonal to their plane, whose projection is 0."""
    directions = np.zeros((5, 6), np.float32)
    directions[[0, 1, 2, 3, 4], [1, 1, 3, 3, 4]] = [1, -1, 1, 1, 1]
    plane = plane_of("abcde", directions)
    assert plane.names == ("a", "b", "c", "d", "e") and plane.share == pytest.approx(0.8)
    assert np.linalg.norm(plane.points, axis=1) == pytest.approx([1, 1, 1, 1, 0], abs=1e-6)
    assert plane.points[0] == pytest.approx(-plane.points[1]) and plane.points[2] == pytest.approx(
        plane.points[3]
    )
    assert plane.points[0] @ plane.points[2] == pytest.approx(0, abs=1e-6)
    assert plane.cosines[0].tolist() == [1, -1, 0, 0, 0]
    alone = plane_of("a", directions[:1])
    assert alone.points.tolist() == [[1, 0]] and alone.share == 1
    with pytest.raises(ProbeError, match="no direction"):
        plane_of([], directions[:0])


def test_a_direction_by_hand():
    """Of a class against the mean of the others; each weight is divided by the scale of its feature."""
    one = probe()
    weights, scale = np.zeros((2, 4, 16), np.float32), np.ones((2, 16), np.float32)
    weights[:, :, 0], weights[:, :, 1], scale[:, 1] = [2, 8, 2, 2], [3, 1, 1, 1], 4
    one = replace(one, result=replace(one.result, weights=weights, scale=scale))
    assert direction_of(one, 0, "1")[:3] == pytest.approx(np.array([-2, 0.5, 0]) / 4.25**0.5, abs=1e-6)
    assert direction_of(one, 0, "2")[:3] == pytest.approx(
        np.array([6, -1 / 6, 0]) / (36 + 1 / 36) ** 0.5, abs=1e-6
    )


def test_the_directions_that_are_shown_together():
    """Several classes: one per class. Two classes or numbers: one per time point. Several probes: one per probe."""
    many = probe()
    names, vectors = directions_at([many], 1, ["1", "2"])
    assert names == ["1", "2", "3", "4"] and vectors.shape == (4, 16)
    assert np.array_equal(vectors[2], direction_of(many, 1, "3"))
    for classes in (("no", "yes"), ()):
        one = probe(classes)
        names, vectors = directions_at([one], 1, ["1", "2"])
        assert names == ["1", "2"] and np.array_equal(vectors[0], direction_of(one, 0))
    yes = [probe(("no", "yes"), name) for name in ("candidate_1", "candidate_2")]
    names, vectors = directions_at(yes, 1, ["1", "2"])
    assert names == ["1", "2"] and np.array_equal(vectors[1], direction_of(yes[1], 1))
    dead = replace(one, result=replace(one.result, weights=np.zeros_like(one.result.weights)))
    assert directions_at([dead], 1, ["1", "2"])[0] == []


def test_saved_probes_are_an_experiment_without_scores():
    files = [probe(state=state) for state in ("y", "z")]
    left = probe((), "candidates_left")
    experiment = summary_of_probes([*files, left], TASK)  # candidates_left has no probe of y
    assert [target.name for target in experiment.targets] == ["solution"] and experiment.results == ()
    assert experiment.settings.states == ("z", "y") and experiment.provenance.model == "tiny"
    assert [at.supervision_step for at in experiment.time_points] == [1, 2]
    some = [probe(("no", "yes"), f"candidate_{digit}") for digit in (1, 3)]
    assert summary_of_probes(some, TASK).targets[0].members == ("candidate_1", "candidate_3")
    other = replace(files[0], provenance=replace(ABOUT, fingerprint="cd" * 8))
    later = replace(files[0], time_points=(TIME_POINTS[0], Coordinates(3, 2, 3, "f_H")))
    maze = replace(files[0], provenance=replace(ABOUT, task="maze"))
    for given, words in (
        ([], "No probe"),
        ([files[0], files[0]], "was given twice"),
        ([files[1], other], "different weights"),
        ([files[1], later], "different weights or time points"),
        ([maze], "this model solves sudoku"),
        ([files[0], probe((), "candidates_left")], "No target has a probe for every state"),
    ):
        with pytest.raises(ProbeFileError, match=words):
            summary_of_probes(given, TASK)


def test_code_and_class_balance_of_a_group_are_over_all_its_members():
    """Two members with two classes: 100 and 300 labels, coded in 50 bits each at the first time point."""
    codes = [
        {"bits": [50.0, 10.0], "uniform_bits": [labels, labels], "entropy_bits": [labels / 2, labels / 4]}
        for labels in (100.0, 300.0)
    ]
    shares = [[[0.5, 0.5], [0.9, 0.1]], [[0.7, 0.3], [0.5, 0.5]]]
    probes = [
        FittedProbe(name, [1.0, 1.0], class_balance=share, code=code)
        for name, share, code in zip("ab", shares, codes, strict=True)
    ]
    result = result_summary("t", "z", {}, time_points=2, probes=probes)
    experiment = experiment_summary([target_summary("t", "auroc")], [result], steps=(1, 4))
    code = code_of(experiment, "t", "z")
    assert code.bits == pytest.approx([0.25, 0.05]) and code.compression == pytest.approx([2, 5])
    assert code.entropy == pytest.approx([0.5, 0.25]) and code_of(experiment, "t", "y") is None
    assert balance_at(experiment, "t", 0) == pytest.approx([0.6, 0.4])
    assert balance_at(experiment, "t", 1) == pytest.approx([0.7, 0.3])
    some = (replace(probes[0], code=None), replace(probes[1], class_balance=None))
    experiment = replace(experiment, results=(replace(result, probes=some),))
    assert code_of(experiment, "t", "z") is None and balance_at(experiment, "t", 0) is None
