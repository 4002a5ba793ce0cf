"""Linear probes on made-up states: planted signals, noise, leaks, and the same answers as scikit-learn."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

import probes.fitting
from probes.baselines import input_features
from probes.codelength import blocks_of
from probes.covariance import StatesError
from probes.linear import ProbeError, ProbeResult, ProbeSettings, apply, fit_probe
from probes.linear_files import ProbeFileError, load_probe, save_probe
from probes.scores import Errors, Hits, banded, draws_of
from probes.selectivity import control_types, control_values
from probes.splits import PARTS, Split, SplitError, split_puzzles
from probes.targets import Values
from trm.tasks.maze import Maze
from trm.tasks.sudoku import Sudoku

REPOSITORY = Path(__file__).resolve().parents[2]
FEW = ProbeSettings(C=(1e-2, 1.0), alpha=(1e2, 1.0), resamples=200)
DIGITS = ("1", "2", "3", "4")


def whole(values, defined=None) -> Values:
    """Values that are defined everywhere, unless a mask is given."""
    values = np.asarray(values)
    dtype = np.float32 if values.dtype.kind == "f" else np.int16
    return Values(values.astype(dtype), np.ones(values.shape, bool) if defined is None else defined)


def planted(puzzles=120, moments=3, cells=6, dim=16, classes=4, seed=0, strength=4.0):
    """Random labels and states that hold them along random directions, the more the later the moment: (states, values)."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(classes, size=(puzzles, 1, cells))
    directions = rng.normal(size=(classes, dim))
    grows = np.linspace(0, strength, moments)[:, None, None]
    states = rng.normal(size=(puzzles, moments, cells, dim)) + grows * directions[labels]
    return (states * 3 + 5).astype(np.float16), whole(labels)


def symbols(puzzles=120, cells=6, seed=5):
    return np.random.default_rng(seed).integers(1, 4, size=(puzzles, cells)).astype(np.uint8)


# splits


def test_a_split_has_every_puzzle_once_and_depends_on_the_seed():
    split = split_puzzles(101, seed=3)
    parts = [getattr(split, part) for part in PARTS]
    assert sorted(np.concatenate(parts).tolist()) == list(range(101))
    assert [len(part) for part in parts] == pytest.approx([60.6, 15.15, 25.25], abs=1)
    assert (split_puzzles(101, seed=3).test == split.test).all()
    assert not np.array_equal(split_puzzles(101, seed=4).test, split.test)


def test_a_stratified_split_keeps_the_shares_in_each_stratum():
    strata = np.array(["easy"] * 150 + ["hard"] * 50)
    counts = []
    for seed in range(5):
        split = split_puzzles(200, seed=seed, strata=strata)
        counts.append((strata[split.test] == "hard").sum())
        assert sorted(np.concatenate([getattr(split, part) for part in PARTS])) == list(range(200))
    assert all(abs(count - 12.5) <= 2 for count in counts)
    plain = [(strata[split_puzzles(200, seed=seed).test] == "hard").sum() for seed in range(40)]
    assert max(abs(count - 12.5) for count in plain) > 2  # which chance alone does not keep


def test_splits_that_cannot_be():
    with pytest.raises(SplitError, match="a puzzle each"):
        split_puzzles(2)
    with pytest.raises(SplitError, match="sum to 1"):
        split_puzzles(10, shares=(0.5, 0.4, 0.3))
    with pytest.raises(SplitError, match="3 strata for 10"):
        split_puzzles(10, strata=[1, 2, 3])
    with pytest.raises(SplitError, match="twice"):
        Split(np.array([0, 1]), np.array([2]), np.array([1]))


# what probes find


def test_a_planted_signal_is_found_where_it_is():
    states, values = planted()
    result = fit_probe(
        states, values, split_puzzles(120), classes=DIGITS, settings=FEW, types=control_types(symbols())
    )
    accuracy, chance = result.scores["accuracy"], result.scores["majority"].value
    assert accuracy.value[0] < 0.4 and accuracy.value[-1] > 0.98
    assert (accuracy.low <= accuracy.value).all() and (accuracy.value <= accuracy.high).all()
    assert chance == pytest.approx(np.full(3, 0.25), abs=0.08)
    assert result.scores["selectivity"].value[-1] > 0.6
    assert result.scores["control"].value[-1] < 0.4
    assert result.scores["balanced_accuracy"].value[-1] > 0.98


def test_noise_gives_chance_within_its_band():
    rng = np.random.default_rng(0)
    states = rng.normal(size=(200, 4, 5, 24))
    values = whole(rng.integers(3, size=(200, 1, 5)))
    result = fit_probe(states, values, split_puzzles(200), classes=("a", "b", "c"), settings=FEW)
    score = result.scores["balanced_accuracy"]
    assert ((score.low < 1 / 3) & (score.high > 1 / 3)).sum() >= 3  # of four bands of 95 %
    assert (score.high - score.low < 0.2).all()
    numbers = whole(rng.normal(size=(200, 1, 5)))
    r2 = fit_probe(states, numbers, split_puzzles(200), classes=(), settings=FEW).scores["r2"]
    assert (abs(r2.value) < 0.1).all()


def test_puzzles_are_told_apart_so_cells_must_not_be_split():
    """Every puzzle has a vector of its own and a random label. Its cells share both: whoever trains on some of them
    knows the others. Across puzzles there is nothing to read."""
    rng = np.random.default_rng(1)
    puzzles, cells, dim = 80, 12, 100
    own = rng.normal(size=(puzzles, 1, 1, dim))
    states = own + 0.3 * rng.normal(size=(puzzles, 1, cells, dim))
    labels = np.repeat(rng.integers(2, size=(puzzles, 1, 1)), cells, axis=2)
    by_puzzle = fit_probe(states, whole(labels), split_puzzles(puzzles), classes=("no", "yes"), settings=FEW)
    each = (puzzles * cells, 1, 1)  # as if every cell were a puzzle
    by_cell = fit_probe(
        states.reshape(*each, dim),
        whole(labels.reshape(each)),
        split_puzzles(puzzles * cells),
        classes=("no", "yes"),
        settings=FEW,
    )
    assert by_cell.scores["accuracy"].value[0] > 0.95
    honest = by_puzzle.scores["balanced_accuracy"]
    assert honest.low[0] < 0.5 < honest.high[0]


def test_cells_of_a_puzzle_widen_the_band():
    """Ten cells that are right or wrong together say as much as one."""
    rng = np.random.default_rng(2)
    right = rng.integers(2, size=(50, 1, 1))
    together, apart = np.repeat(right, 10, 2), rng.integers(2, size=(50, 1, 10))
    draws = draws_of(50, count=500, seed=0)
    widths = []
    for read in (together, apart):
        true = np.ones((50, 1, 10), int)
        score = banded(Hits.of(true, read, np.ones(true.shape, bool), 2).accuracy(draws))
        widths.append(score.high[0] - score.low[0])
    assert widths[0] > 2 * widths[1]


# the same as scikit-learn


def reference(result: ProbeResult, states: np.ndarray, values: Values, moment: int, part: str):
    """Standardised examples of a part at a moment, their labels, in float64."""
    puzzles = getattr(result.split, part)
    defined = np.broadcast_to(values.defined, states.shape[:3])[puzzles, moment]
    x = states[puzzles, moment][defined].astype(np.float64)
    y = np.broadcast_to(values.values, states.shape[:3])[puzzles, moment][defined]
    return x, y


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("C", [1e-3, 0.1, 10.0])
@pytest.mark.parametrize("balanced", [False, True])
def test_logistic_regression_equals_scikit_learn(classes, C, balanced):
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.preprocessing import StandardScaler

    states, values = planted(classes=classes, moments=3, strength=0.7, seed=classes)
    states = states.astype(np.float32)
    states[..., 5] = 0.99 * states[..., 4] + 0.01 * states[..., 5]  # hardly told apart
    defined = np.random.default_rng(7).random((120, 3, 6)) < 0.8
    values = Values(np.broadcast_to(values.values, defined.shape).copy(), defined)
    settings = ProbeSettings(C=(C,), balanced=balanced, resamples=10)
    result = fit_probe(states, values, split_puzzles(120), classes=DIGITS[:classes], settings=settings)
    for moment in range(3):
        x, y = reference(result, states, values, moment, "train")
        scaler = StandardScaler().fit(x)
        model = LogisticRegression(
            C=C, tol=1e-8, max_iter=10_000, class_weight="balanced" if balanced else None
        ).fit(scaler.transform(x), y)
        assert result.mean[moment] == pytest.approx(scaler.mean_, rel=1e-5)
        assert result.scale[moment] == pytest.approx(scaler.scale_, rel=1e-5)
        largest = np.abs(model.coef_).max()
        assert np.abs(result.weights[moment] - model.coef_).max() < 0.002 * largest
        assert np.abs(result.intercept[moment] - model.intercept_).max() < 0.002 * max(1, largest)
        x, y = reference(result, states, values, moment, "test")
        read = model.predict(scaler.transform(x))
        assert result.scores["accuracy"].value[moment] == pytest.approx((read == y).mean(), abs=1 / len(y))
        mine = result.scores["balanced_accuracy"].value[moment]
        assert mine == pytest.approx(balanced_accuracy_score(y, read), abs=0.01)
        chances = apply(result, states[result.split.test]).probabilities[:, moment]
        expected = model.predict_proba(scaler.transform(x))
        assert np.abs(chances[defined[result.split.test, moment]] - expected).max() < 2e-3


@pytest.mark.parametrize("alpha", [0.1, 100.0])
def test_ridge_regression_equals_scikit_learn(alpha):
    from sklearn.linear_model import Ridge
    from sklearn.preprocessing import StandardScaler

    rng = np.random.default_rng(3)
    states = (rng.normal(size=(90, 2, 4, 10)) * 2 + 7).astype(np.float32)
    numbers = (states @ rng.normal(size=10))[..., :] + rng.normal(size=(90, 2, 4)) + 100
    values = whole(numbers, rng.random((90, 2, 4)) < 0.7)
    settings = ProbeSettings(alpha=(alpha,), resamples=10)
    result = fit_probe(states, values, split_puzzles(90), classes=(), settings=settings)
    for moment in range(2):
        x, y = reference(result, states, values, moment, "train")
        scaler = StandardScaler().fit(x)
        model = Ridge(alpha=alpha).fit(scaler.transform(x), y)
        assert result.weights[moment, 0] == pytest.approx(model.coef_, rel=1e-4, abs=1e-4)
        assert result.intercept[moment, 0] == pytest.approx(model.intercept_, rel=1e-5)
        x, y = reference(result, states, values, moment, "test")
        assert result.scores["r2"].value[moment] == pytest.approx(
            model.score(scaler.transform(x), y), abs=1e-4
        )


def test_moments_do_not_depend_on_each_other(monkeypatch):
    states, values = planted(moments=5, strength=1.5)
    all_at_once = fit_probe(states, values, split_puzzles(120), classes=DIGITS, settings=FEW)
    monkeypatch.setattr(probes.fitting, "AT_ONCE", 1)
    one_by_one = fit_probe(states, values, split_puzzles(120), classes=DIGITS, settings=FEW)
    assert one_by_one.weights == pytest.approx(all_at_once.weights, abs=1e-4)
    assert (one_by_one.regularisation == all_at_once.regularisation).all()


def test_regularisation_is_that_of_the_validation_puzzles():
    """Few examples in many dimensions: strong regularisation; a clear signal and many examples: weak."""
    rng = np.random.default_rng(4)
    grid = ProbeSettings(C=(1e-4, 1e-2, 1.0, 100.0), resamples=10)
    noise = fit_probe(
        rng.normal(size=(60, 1, 1, 50)),
        whole(rng.integers(2, size=(60, 1, 1))),
        split_puzzles(60),
        classes=("no", "yes"),
        settings=grid,
    )
    states, values = planted(strength=3.0, moments=1 + 1)
    clear = fit_probe(states[:, 1:], values, split_puzzles(120), classes=DIGITS, settings=grid)
    assert noise.regularisation[0] <= 1e-2 and clear.regularisation[0] >= 1.0


# scores


def test_r2_by_hand():
    """Two puzzles with two cells: 1 2, 3 4, read as 1 2 3 5: 1 - 1 / 5."""
    true = np.array([[[1.0, 2.0]], [[3.0, 4.0]]])
    read = np.array([[[1.0, 2.0]], [[3.0, 5.0]]])
    everywhere = np.ones(true.shape, bool)
    whole_set = np.ones((1, 2))
    assert Errors.of(true, read, everywhere).r2(whole_set)[0] == pytest.approx(0.8)
    # Left out: the last. 1 2 3 are read without error.
    masked = everywhere & (true < 4)
    assert Errors.of(true, read, masked).r2(whole_set)[0] == pytest.approx(1)
    # Puzzle 2 twice: 3 4 3 4 with errors 0 1 0 1: 1 - 2 / 1.
    assert Errors.of(true, read, everywhere).r2(np.array([[0.0, 2.0]]))[0] == pytest.approx(-1)
    assert np.isnan(Errors.of(true * 0 + 7, read, everywhere).r2(whole_set)[0])  # nothing to explain


def test_a_known_share_of_variance_is_explained():
    """Numbers are a sum of what the states hold and as much noise: R^2 is a half."""
    rng = np.random.default_rng(6)
    states = rng.normal(size=(600, 1, 10, 8))
    numbers = states[..., 0] + rng.normal(size=(600, 1, 10))
    score = fit_probe(states, whole(numbers), split_puzzles(600), classes=(), settings=FEW).scores["r2"]
    assert score.low[0] < 0.5 < score.high[0] and score.value[0] == pytest.approx(0.5, abs=0.05)


def test_accuracy_and_balance_by_hand():
    true = np.array([[[0, 0, 0, 1]], [[0, 0, 1, 2]]])
    read = np.array([[[0, 0, 1, 1]], [[0, 0, 0, 2]]])
    defined = true < 2  # the last is not defined
    hits = Hits.of(true, read, defined, 4)
    once = np.ones((1, 2))
    assert hits.accuracy(once)[0, 0] == pytest.approx(5 / 7)
    assert hits.balanced_accuracy(once)[0, 0] == pytest.approx((4 / 5 + 1 / 2) / 2)
    assert np.isnan(Hits.of(true, read, defined & False, 4).accuracy(once)[0, 0])


def test_class_balance_is_reported():
    rng = np.random.default_rng(0)
    labels = (rng.random((100, 1, 8)) < 0.1).astype(int)
    result = fit_probe(
        rng.normal(size=(100, 2, 8, 4)),
        whole(labels),
        split_puzzles(100),
        classes=("no", "yes"),
        settings=FEW,
    )
    for index, part in enumerate(PARTS):
        expected = np.bincount(labels[getattr(result.split, part)].ravel(), minlength=2)
        assert (result.counts[index] == expected).all()
    assert result.scores["majority"].value == pytest.approx(result.counts[2, :, 0] / result.counts[2].sum(-1))
    assert result.scores["balanced_accuracy"].value == pytest.approx(np.full(2, 0.5), abs=0.02)
    assert result.scores["accuracy"].value.min() > 0.8  # which sounds like much, and is the majority


# masks


def test_what_is_not_defined_changes_nothing():
    states, values = planted(moments=2, strength=1.5)
    defined = np.random.default_rng(8).random((120, 2, 6)) < 0.5
    labels = np.broadcast_to(values.values, defined.shape)
    one = fit_probe(
        states, Values(np.where(defined, labels, 0).astype(np.int16), defined), split_puzzles(120), classes=DIGITS,
        settings=FEW, types=control_types(symbols()),
    )  # fmt: skip
    spoiled = np.where(defined[..., None], states, -1000).astype(np.float16)
    other_labels = np.where(defined, labels, 3).astype(np.int16)
    other = fit_probe(
        spoiled, Values(other_labels, defined), split_puzzles(120), classes=DIGITS, settings=FEW,
        types=control_types(symbols()),
    )  # fmt: skip
    assert np.abs(one.weights - other.weights).max() < 1e-4
    assert (one.counts == other.counts).all() and one.counts.sum() == defined.sum()
    for name, score in one.scores.items():
        assert score.value == pytest.approx(other.scores[name].value, abs=0.01)


def test_a_moment_without_examples_has_no_score_and_spoils_nothing():
    states, values = planted(moments=3, strength=3.0)
    defined = np.ones((120, 3, 6), bool)
    defined[:, 1] = False
    labels = np.broadcast_to(values.values, defined.shape).copy()
    result = fit_probe(
        states, Values(labels, defined), split_puzzles(120), classes=DIGITS,
        settings=replace(FEW, code_length=True),
    )  # fmt: skip
    accuracy = result.scores["accuracy"].value
    assert np.isnan(accuracy[1]) and accuracy[2] > 0.9
    assert result.summary()["scores"]["accuracy"]["value"][1] is None
    assert np.isnan(result.code.compression[1]) and result.code.compression[2] > 1.5


def test_classes_that_training_puzzles_lack_are_never_read():
    states, values = planted(classes=3, moments=2)
    split = split_puzzles(120)
    labels = values.values.copy()
    labels[split.test[0]] = 3  # only there
    result = fit_probe(states, whole(labels), split, classes=DIGITS, settings=FEW)
    assert result.present.tolist() == [[True, True, True, False]] * 2
    reading = apply(result, states)
    assert reading.values.max() == 2 and (reading.probabilities[..., 3] == 0).all()
    assert np.isfinite(result.weights).all() and result.scores["accuracy"].value[1] < 1
    constant = fit_probe(states, whole(labels * 0), split, classes=("no", "yes"), settings=FEW)
    assert (apply(constant, states).values == 0).all() and (constant.scores["accuracy"].value == 1).all()


def test_a_feature_that_never_changes_is_left_alone():
    states, values = planted(moments=2)
    states[..., 3] = 0.1
    result = fit_probe(states, values, split_puzzles(120), classes=DIGITS, settings=FEW)
    assert (result.scale[:, 3] == 1).all() and np.abs(result.weights[..., 3]).max() < 1e-3


# control task


def test_control_labels_are_the_same_for_the_same_type():
    inputs = symbols()
    types = control_types(inputs)
    assert len(np.unique(types)) == 3 * 6
    labels = np.random.default_rng(9).choice(4, size=(120, 1, 6), p=[0.7, 0.1, 0.1, 0.1])
    everywhere = np.ones(labels.shape, bool)
    control = control_values(types, labels, everywhere, np.arange(60), seed=1)[:, 0]
    for kind in np.unique(types):
        assert len(np.unique(control[types == kind])) == 1
    assert not (control == labels[:, 0]).all()
    again = control_values(types, labels, everywhere, np.arange(60), seed=1)[:, 0]
    other = control_values(types, labels, everywhere, np.arange(60), seed=2)[:, 0]
    assert (again == control).all() and (other != control).any()
    many = np.arange(60_000).reshape(120, 500)  # as many types: their labels are distributed as the true ones
    many_labels = np.repeat(labels, 84, axis=2)[..., :500]
    drawn = control_values(many, many_labels, np.ones(many_labels.shape, bool), np.arange(60), seed=1)
    shares = np.bincount(drawn.ravel(), minlength=4) / drawn.size
    assert shares == pytest.approx(np.bincount(labels[:60].ravel()) / labels[:60].size, abs=0.02)


def test_a_state_that_only_knows_its_type_has_no_selectivity():
    """One-hot of symbol and position can be taught any label of the type: the control task is learned by heart."""
    inputs = symbols()
    types = control_types(inputs)
    _, dense = np.unique(types, return_inverse=True)
    states = np.eye(18)[dense.reshape(types.shape)][:, None]
    labels = np.random.default_rng(3).integers(4, size=18)[dense.reshape(types.shape)][:, None]
    scores = fit_probe(
        states, whole(labels), split_puzzles(120), classes=DIGITS, settings=FEW, types=types
    ).scores
    assert scores["accuracy"].value[0] == scores["control"].value[0] == 1
    assert scores["selectivity"].value[0] == 0


# description length


def test_blocks_grow_and_end_with_all_puzzles():
    assert blocks_of(1000) == (1, 2, 4, 8, 16, 32, 63, 125, 250, 500, 1000)
    assert blocks_of(3) == (1, 2, 3)


def test_description_length_of_what_is_there_and_of_what_is_not():
    states, values = planted(puzzles=200, cells=8, moments=3, strength=5.0)
    random = whole(np.random.default_rng(11).integers(4, size=(200, 1, 8)))
    settings = replace(FEW, code_length=True)
    split = split_puzzles(200)
    told = fit_probe(states, values, split, classes=DIGITS, settings=settings).code
    labels = len(split.train) * 8
    assert told.uniform_bits == pytest.approx(np.full(3, labels * 2))  # 2 bits each
    assert told.compression[-1] > 5 and told.compression[0] < 1.05
    untold = fit_probe(states, random, split, classes=DIGITS, settings=settings).code
    assert (untold.bits > 0.97 * untold.uniform_bits).all() and np.isfinite(untold.bits).all()
    assert told.puzzles == blocks_of(len(split.train))


def test_description_length_counts_the_first_block_as_uniform():
    """One training puzzle: nothing is known before it."""
    states, values = planted(puzzles=4, moments=1)
    split = Split(np.array([0]), np.array([1]), np.array([2, 3]))
    code = fit_probe(states, values, split, classes=DIGITS, settings=replace(FEW, code_length=True)).code
    assert code.bits.tolist() == code.uniform_bits.tolist() == [12.0]


# baselines


def test_input_features_of_a_sudoku():
    task = Sudoku()
    inputs, _ = task.generate_many(40, seed=2)
    features = input_features(task, inputs)
    assert features.shape == (40, 1, 81, 28 * 11) and (features.sum(-1) == 28).all()
    cell = np.array([1, 5, 9])  # any; the first symbol shown is its own
    assert (features[:, 0, cell, :11].argmax(-1) == inputs[:, cell]).all()
    units = features[:, 0, 40].reshape(40, 28, 11).argmax(-1)
    grid = inputs.reshape(40, 9, 9)
    assert (units[:, 1:10] == grid[:, 4]).all() and (units[:, 10:19] == grid[:, :, 4]).all()
    assert (units[:, 19:] == grid[:, 3:6, 3:6].reshape(40, 9)).all()
    counts = input_features(task, inputs, cells=False)
    assert counts.shape == (40, 1, 1, 11) and (counts[:, 0, 0, 1] == (inputs == 1).sum(1)).all()
    left = np.stack([task.facts(puzzle)["candidates"] for puzzle in inputs])[:, None]
    values = Values(np.where(left < 0, 0, left & 1).astype(np.int16), left >= 0)
    result = fit_probe(features, values, split_puzzles(40), classes=("no", "yes"), settings=FEW)
    assert result.scores["balanced_accuracy"].value[0] > 0.9  # candidates are plain in the input


def test_input_features_of_a_maze():
    task = Maze(5)
    maze = task.parse("S....\n###.#\n.....\n.##.#\n....G")
    features = input_features(task, maze[None]).reshape(25, 25, 6)
    assert (features[12].argmax(-1) == maze).all()  # from the middle one sees everything
    corner = features[0].argmax(-1).reshape(5, 5)
    assert (corner[:2] == 0).all() and (corner[:, :2] == 0).all()
    assert (corner[2:, 2:] == maze.reshape(5, 5)[:3, :3]).all()


def test_values_or_states_may_have_one_moment():
    """A baseline of the input, at moments whose target changes."""
    states, values = planted(moments=2)
    changing = np.concatenate([values.values, (values.values + 1) % 4], 1)
    result = fit_probe(states[:, 1:], whole(changing), split_puzzles(120), classes=DIGITS, settings=FEW)
    assert result.moments == 2 and result.scores["accuracy"].value.min() > 0.95


def test_pooled_moments_share_one_probe():
    """The number of the step is the same in all puzzles, so that no probe of one moment could miss it."""
    rng = np.random.default_rng(0)
    steps = np.repeat(np.arange(1.0, 9)[None, :, None], 60, 0)
    states = rng.normal(size=(60, 8, 1, 6)) + steps[..., None] * np.eye(6)[2]
    result = fit_probe(states, whole(steps), split_puzzles(60), classes=(), settings=FEW, pooled=True)
    assert result.moments == 1 and result.pooled
    assert 0.7 < result.scores["r2"].value[0] < 0.95  # variance 5.25 of 6.25
    assert apply(result, states).values.shape == (60, 8, 1)
    alone = fit_probe(states, whole(steps), split_puzzles(60), classes=(), settings=FEW)
    assert np.isnan(alone.scores["r2"].value).all()


# applied, kept, stopped


def test_a_probe_reads_other_states():
    states, values = planted()
    result = fit_probe(states, values, split_puzzles(120), classes=DIGITS, settings=FEW)
    test = result.split.test
    reading = apply(result, states[test])
    right = (reading.values == values.values[test]).mean((0, 2))
    assert right == pytest.approx(result.scores["accuracy"].value, abs=0.005)
    assert reading.probabilities.sum(-1) == pytest.approx(np.ones(reading.values.shape), abs=1e-5)
    last = apply(result, states[test], moment=2)
    assert (last.values[:, 2] == reading.values[:, 2]).all()
    assert (
        last.values[:, 1] == values.values[test][:, 0]
    ).mean() > 0.5  # half of the signal, the same direction
    with pytest.raises(ProbeError, match="of 16 numbers, these have 9"):
        apply(result, np.zeros((2, 3, 6, 9)))
    with pytest.raises(ProbeError, match="3 moments, these states have 2"):
        apply(result, states[:, :2])
    with pytest.raises(ProbeError, match="no moment 3"):
        apply(result, states, moment=3)


@pytest.mark.parametrize("numbers", [False, True])
def test_saved_and_loaded(tmp_path, numbers):
    states, values = planted()
    classes = () if numbers else DIGITS
    result = fit_probe(
        states,
        whole(values.values.astype(np.float32)) if numbers else values,
        split_puzzles(120),
        classes=classes,
        name="solution",
        settings=replace(FEW, code_length=not numbers),
        types=control_types(symbols()),
    )
    path = tmp_path / "folder" / "probe.safetensors"
    save_probe(path, result, about={"model": "tiny", "state": "z"})
    loaded, about = load_probe(path)
    assert about == {"model": "tiny", "state": "z"}
    assert loaded.settings == result.settings and loaded.split.test.tolist() == result.split.test.tolist()
    assert loaded.summary() == json.loads(json.dumps(result.summary())) == result.summary()
    one, other = apply(result, states), apply(loaded, states)
    assert (one.values == other.values).all()
    assert [file.name for file in path.parent.iterdir()] == ["probe.safetensors"]


def rewritten(path: Path, arrays=None, **facts) -> None:
    with safe_open(path, "numpy") as file:
        kept = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        probe = json.loads(file.metadata()["probe"])
    save_file(kept | (arrays or {}), path, metadata={"probe": json.dumps(probe | facts)})


def test_files_that_are_no_probe(tmp_path):
    states, values = planted(puzzles=30)
    path = tmp_path / "probe.safetensors"
    result = fit_probe(states, values, split_puzzles(30), classes=DIGITS, settings=FEW)

    def fresh() -> None:
        save_probe(path, result)

    with pytest.raises(ProbeFileError, match="cannot be read"):
        load_probe(path)
    damages = [
        lambda: path.write_bytes(b"hello"),
        lambda: path.write_bytes(path.read_bytes()[:-50]),
        lambda: rewritten(path, kind="recursion-lens projection"),
        lambda: rewritten(path, classes=["1", "2"]),
        lambda: rewritten(path, classes=[1, 2, 3, 4]),
        lambda: rewritten(path, settings={"C": [1]}),
        lambda: rewritten(path, pooled="yes"),
        lambda: rewritten(path, {"scale": result.scale * 0}),
        lambda: rewritten(path, {"weights": result.weights * np.nan}),
        lambda: rewritten(path, {"mean": result.mean[:1]}),
        lambda: rewritten(path, {"split.test": result.split.train}),
        lambda: rewritten(path, {"extra": result.mean}),
    ]
    for damage in damages:
        fresh()
        load_probe(path)
        damage()
        with pytest.raises(ProbeFileError, match="damaged"):
            load_probe(path)


def test_progress_rises_to_one_and_what_it_raises_ends_the_work():
    states, values = planted(moments=4)
    settings = replace(FEW, code_length=True)
    told: list[float] = []
    ask = {"classes": DIGITS, "settings": settings, "types": control_types(symbols())}
    fit_probe(states, values, split_puzzles(120), **ask, progress=told.append)
    assert told[0] == 0 and told[-1] == 1 and told == sorted(told) and len(set(told)) >= 4

    class Stop(Exception):
        pass

    calls = 0

    def stop(share: float) -> None:
        nonlocal calls
        calls += 1
        if calls == 5:
            raise Stop

    with pytest.raises(Stop):
        fit_probe(states, values, split_puzzles(120), **ask, progress=stop)
    assert calls == 5


def test_torch_and_scikit_learn_wait_until_a_probe_is_fitted():
    code = (
        "import sys, probes.linear, probes.linear_files, probes.baselines, probes.targets\n"
        "print(*sorted({'torch', 'sklearn', 'scipy', 'zarr'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""


def test_mistakes():
    states, values = planted(puzzles=30)
    split = split_puzzles(30)

    def refused(match: str, error=ProbeError, **changes) -> None:
        ask = {
            "states": states,
            "values": values,
            "split": split,
            "classes": DIGITS,
            "settings": FEW,
        } | changes
        with pytest.raises(error, match=match) as caught:
            fit_probe(ask.pop("states"), ask.pop("values"), ask.pop("split"), **ask)
        assert "\n" not in str(caught.value)

    refused("puzzle, moment, cell", values=whole(np.zeros((30, 6), int)))
    refused("of 2 moments, states of 3", values=whole(np.zeros((30, 2, 6), int)))
    refused("30 puzzles with 1 cells", values=whole(np.zeros((30, 1, 1), int)))
    refused("none of the 2 classes", classes=("no", "yes"))
    refused("but one class", classes=("no",))
    refused("infinite or not a number", values=whole(np.full((30, 1, 6), np.nan)), classes=())
    refused("names puzzle 39", split=split_puzzles(40))
    refused("Types are of shape", types=np.zeros((30, 5), np.int64))
    refused("one of classes", classes=(), settings=replace(FEW, code_length=True))
    empty = np.ones((30, 1, 6), bool)
    empty[split.test] = False
    refused("no cell of the test puzzles", values=Values(values.values, empty))
    spoiled = states.copy()
    spoiled[split.train[0], 1, 2] = np.inf
    refused("Some states are infinite", StatesError, states=spoiled)
    for settings in (
        {"C": ()},
        {"C": (1.0, 0.1)},
        {"alpha": (1.0, 2.0)},
        {"C": (0.0, 1.0)},
        {"resamples": 0},
    ):
        with pytest.raises(ProbeError, match="no setting"):
            ProbeSettings(**settings)
