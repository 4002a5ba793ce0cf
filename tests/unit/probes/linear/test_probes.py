"""Linear probes on synthetic states: planted signals, noise, leakage, and agreement with scikit-learn."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import torch
from planted_states import DIGITS, FEW, planted, symbols, whole
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import probes.linear.fitting.batched_fit
import probes.linear.fitting.solver
from probes.linear.control_task import control_types
from probes.linear.fit import fit_probe
from probes.linear.probe import ProbeResult, ProbeSettings, apply
from probes.linear.scores import Errors, Hits, auroc, with_band
from probes.linear.splits import PARTS, split_puzzles
from probes.linear.targets import Values
from probes.stats import Resampling

# signals and noise


def test_a_planted_signal_is_decoded():
    states, values = planted()
    result = fit_probe(
        states, values, split_puzzles(120), classes=DIGITS, settings=FEW, types=control_types(symbols())
    )
    accuracy, chance = result.scores["accuracy"], result.scores["majority"].value
    assert accuracy.value[0] < 0.4 and accuracy.value[-1] > 0.98
    assert (accuracy.low <= accuracy.value).all() and (accuracy.value <= accuracy.high).all()
    assert chance == pytest.approx(np.full(3, 0.25), abs=0.08)
    assert result.scores["balanced_accuracy"].value[-1] > 0.98


def test_a_control_task_is_not_learned():
    """Control labels are one random draw, so this uses several."""
    states, values = planted()
    by_seed = [
        fit_probe(
            states,
            values,
            split_puzzles(120),
            classes=DIGITS,
            settings=replace(FEW, seed=seed),
            types=control_types(symbols()),
        ).scores
        for seed in range(4)
    ]
    assert np.mean([scores["selectivity"].value[-1] for scores in by_seed]) > 0.6
    assert np.mean([scores["control"].value[-1] for scores in by_seed]) < 0.4


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


def test_puzzles_are_recognisable_so_cells_must_not_be_split():
    """Every puzzle has its own vector and a random label, which its cells share. A probe trained on some of the cells knows
    the others. Across puzzles there is nothing to decode."""
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
    """Ten cells that are always all correct or all wrong carry as much information as one."""
    rng = np.random.default_rng(2)
    right = rng.integers(2, size=(50, 1, 1))
    together, apart = np.repeat(right, 10, 2), rng.integers(2, size=(50, 1, 10))
    draws = Resampling(resamples=500).with_sample(50)
    widths = []
    for read in (together, apart):
        true = np.ones((50, 1, 10), int)
        score = with_band(Hits.of(true, read, np.ones(true.shape, bool), 2).accuracy(draws), 50)
        widths.append(score.high[0] - score.low[0])
    assert widths[0] > 2 * widths[1]


# agreement with scikit-learn


def reference(result: ProbeResult, states: np.ndarray, values: Values, time_point: int, part: str):
    """The examples of a part at a time point and their labels, in float64."""
    puzzles = getattr(result.split, part)
    defined = np.broadcast_to(values.defined, states.shape[:3])[puzzles, time_point]
    x = states[puzzles, time_point][defined].astype(np.float64)
    y = np.broadcast_to(values.values, states.shape[:3])[puzzles, time_point][defined]
    return x, y


@pytest.mark.heavy
@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("C", [1e-3, 0.1, 10.0])
@pytest.mark.parametrize("balanced", [False, True])
def test_logistic_regression_equals_scikit_learn(classes, C, balanced):
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.preprocessing import StandardScaler

    states, values = planted(classes=classes, time_points=3, strength=0.7, seed=classes)
    states = states.astype(np.float32)
    states[..., 5] = 0.99 * states[..., 4] + 0.01 * states[..., 5]  # strongly correlated
    defined = np.random.default_rng(7).random((120, 3, 6)) < 0.8
    values = Values(np.broadcast_to(values.values, defined.shape).copy(), defined)
    settings = ProbeSettings(C=(C,), balanced=balanced, resamples=10)
    result = fit_probe(states, values, split_puzzles(120), classes=DIGITS[:classes], settings=settings)
    for time_point in range(3):
        x, y = reference(result, states, values, time_point, "train")
        scaler = StandardScaler().fit(x)
        model = LogisticRegression(
            C=C, tol=1e-8, max_iter=10_000, class_weight="balanced" if balanced else None
        ).fit(scaler.transform(x), y)
        assert result.mean[time_point] == pytest.approx(scaler.mean_, rel=1e-5)
        assert result.scale[time_point] == pytest.approx(scaler.scale_, rel=1e-5)
        largest = np.abs(model.coef_).max()
        assert np.abs(result.weights[time_point] - model.coef_).max() < 0.002 * largest
        assert np.abs(result.intercept[time_point] - model.intercept_).max() < 0.002 * max(1, largest)
        x, y = reference(result, states, values, time_point, "test")
        read = model.predict(scaler.transform(x))
        assert result.scores["accuracy"].value[time_point] == pytest.approx(
            (read == y).mean(), abs=1 / len(y)
        )
        mine = result.scores["balanced_accuracy"].value[time_point]
        assert mine == pytest.approx(balanced_accuracy_score(y, read), abs=0.01)
        chances = apply(result, states[result.split.test]).probabilities[:, time_point]
        expected = model.predict_proba(scaler.transform(x))
        assert np.abs(chances[defined[result.split.test, time_point]] - expected).max() < 2e-3


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
    for time_point in range(2):
        x, y = reference(result, states, values, time_point, "train")
        scaler = StandardScaler().fit(x)
        model = Ridge(alpha=alpha).fit(scaler.transform(x), y)
        assert result.weights[time_point, 0] == pytest.approx(model.coef_, rel=1e-4, abs=1e-4)
        assert result.intercept[time_point, 0] == pytest.approx(model.intercept_, rel=1e-5)
        x, y = reference(result, states, values, time_point, "test")
        assert result.scores["r2"].value[time_point] == pytest.approx(
            model.score(scaler.transform(x), y), abs=1e-4
        )


def test_time_points_do_not_depend_on_each_other(monkeypatch):
    states, values = planted(time_points=5, strength=1.5)
    all_at_once = fit_probe(states, values, split_puzzles(120), classes=DIGITS, settings=FEW)
    monkeypatch.setattr(probes.linear.fitting.batched_fit, "AT_ONCE", 1)
    one_by_one = fit_probe(states, values, split_puzzles(120), classes=DIGITS, settings=FEW)
    assert one_by_one.weights == pytest.approx(all_at_once.weights, abs=1e-4)
    assert (one_by_one.regularisation == all_at_once.regularisation).all()


class LargestTensor(TorchDispatchMode):
    """Records the bytes of the largest tensor that an operation makes. Views and in-place results are not new."""

    size = 0

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        result = operation(*args, **(kwargs or {}))
        given, made = (
            {
                one.untyped_storage().data_ptr(): one.nbytes
                for one in tree_leaves(tree)
                if torch.is_tensor(one)
            }
            for tree in ((args, kwargs), result)
        )
        self.size = max([self.size, *(made[place] for place in made.keys() - given.keys())])
        return result


@pytest.mark.heavy
@pytest.mark.parametrize("classes", [("no", "yes"), ()], ids=["logistic", "ridge"])
def test_a_fit_of_many_puzzles_takes_little_memory(monkeypatch, classes):
    """With the features in a file, what remains is a few numbers per cell, whatever the hidden size."""
    for module in (probes.linear.fitting.solver, probes.linear.fitting.batched_fit):
        monkeypatch.setattr(module, "WIDE_BLOCK", 1024)
    settings = ProbeSettings(C=(1e-2,), alpha=(1.0,), resamples=10, code_length=bool(classes))
    states = np.random.default_rng(0).standard_normal((1600, 3, 16, 128), np.float32)
    values = whole(states[..., 0] > 0 if classes else states[..., 0])

    def fit(puzzles: int) -> None:
        few = Values(values.values[:puzzles], values.defined[:puzzles])
        fit_probe(states[:puzzles], few, split_puzzles(puzzles), classes=classes, settings=settings)

    with LargestTensor() as largest:
        fit(20)  # imports modules, which is not what is measured
        tracemalloc.start()
        fit(1600)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < states.nbytes / 3
    assert largest.size < states.nbytes / 10


def test_regularisation_is_chosen_on_the_validation_puzzles():
    """Strong with few examples in many dimensions; weak with a clear signal and many examples."""
    rng = np.random.default_rng(4)
    grid = ProbeSettings(C=(1e-4, 1e-2, 1.0, 100.0), resamples=10)
    noise = fit_probe(
        rng.normal(size=(60, 1, 1, 50)),
        whole(rng.integers(2, size=(60, 1, 1))),
        split_puzzles(60),
        classes=("no", "yes"),
        settings=grid,
    )
    states, values = planted(strength=3.0, time_points=1 + 1)
    clear = fit_probe(states[:, 1:], values, split_puzzles(120), classes=DIGITS, settings=grid)
    assert noise.regularisation[0] <= 1e-2 and clear.regularisation[0] >= 1.0


# scores


def test_r2_by_hand():
    """Two puzzles with two cells: 1 2, 3 4, predicted as 1 2, 3 5: 1 - 1 / 5."""
    true = np.array([[[1.0, 2.0]], [[3.0, 4.0]]])
    read = np.array([[[1.0, 2.0]], [[3.0, 5.0]]])
    everywhere = np.ones(true.shape, bool)
    whole_set = np.ones((1, 2))
    assert Errors.of(true, read, everywhere).r2(whole_set)[0] == pytest.approx(0.8)
    # Without the last: 1 2 3 are predicted without error.
    masked = everywhere & (true < 4)
    assert Errors.of(true, read, masked).r2(whole_set)[0] == pytest.approx(1)
    # Puzzle 2 twice: 3 4 3 4 with errors 0 1 0 1: 1 - 2 / 1.
    assert Errors.of(true, read, everywhere).r2(np.array([[0.0, 2.0]]))[0] == pytest.approx(-1)
    assert np.isnan(Errors.of(true * 0 + 7, read, everywhere).r2(whole_set)[0])  # no variance to explain


def test_r2_is_the_explained_share_of_variance():
    """Numbers are the sum of a state's element and noise of the same variance: R² is 0.5."""
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


def test_auroc_equals_scikit_learn_on_every_resample():
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    true = (rng.random((6, 2, 5)) < 0.3).astype(int)
    log_odds = np.round(rng.normal(size=true.shape) + true, 1).astype(np.float32)  # some ties
    defined = rng.random(true.shape) < 0.8
    draws = Resampling(resamples=20, seed=1).with_sample(6)
    found = auroc(true, log_odds, defined, draws)
    for draw, times in enumerate(draws.astype(int)):
        for time_point in range(2):
            puzzles = np.repeat(np.arange(6), times)
            mask = defined[puzzles, time_point]
            labels, scores = true[puzzles, time_point][mask], log_odds[puzzles, time_point][mask]
            if len(set(labels)) == 2:
                assert found[draw, time_point] == pytest.approx(roc_auc_score(labels, scores))
            else:
                assert np.isnan(found[draw, time_point])


def test_auroc_of_many_puzzles_does_not_hold_a_number_for_every_pair_of_puzzles():
    log_odds = np.random.default_rng(0).normal(size=(2000, 1, 2))
    true = np.broadcast_to([0, 1], log_odds.shape)
    tracemalloc.start()
    ((found,),) = auroc(true, log_odds, true >= 0, np.ones((1, 2000)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == pytest.approx(0.5, abs=0.05)
    assert peak < 8 * 2000**2 / 4


def test_a_rare_class_that_accuracy_cannot_show_has_an_auroc():
    """One cell in 25 is yes and shifts the state by 1.5 times the noise: accuracy hardly exceeds the majority class."""
    rng = np.random.default_rng(2)
    labels = (rng.random((200, 1, 20)) < 0.04).astype(int)
    states = rng.normal(size=(200, 1, 20, 4)) + 1.5 * labels[..., None] * np.eye(4)[0]
    scores = fit_probe(states, whole(labels), split_puzzles(200), classes=("no", "yes"), settings=FEW).scores
    assert scores["accuracy"].value[0] == pytest.approx(scores["majority"].value[0], abs=0.01)
    assert scores["auroc"].low[0] > 0.7


def test_an_accuracy_of_1_has_the_exact_binomial_band():
    """50 puzzles without an error: puzzles with one may have a share of up to 7.1 % (binomial, 0.975)."""
    draws = np.array([[1.0, 0.0, 0.5]] * 4)
    score = with_band(draws, 50)
    missed = 1 - 0.025 ** (1 / 50)
    assert missed == pytest.approx(0.0711, abs=1e-4)
    assert score.low.tolist() == pytest.approx([1 - missed, 0, 0.5 - missed])
    assert score.high.tolist() == pytest.approx([1, missed, 0.5 + missed])
    difference = with_band(draws[:, 1:2], 50, lowest=-1.0)
    assert (difference.low[0], difference.high[0]) == pytest.approx((-missed, missed))


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
    assert result.scores["accuracy"].value.min() > 0.8  # the share of the majority class


# masks


def test_undefined_cells_have_no_effect():
    states, values = planted(time_points=2, strength=1.5)
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


def test_a_time_point_without_examples_has_no_score_and_does_not_affect_the_others():
    states, values = planted(time_points=3, strength=3.0)
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


def test_classes_that_training_puzzles_lack_are_never_predicted():
    states, values = planted(classes=3, time_points=2)
    split = split_puzzles(120)
    labels = values.values.copy()
    labels[split.test[0]] = 3  # only there
    result = fit_probe(states, whole(labels), split, classes=DIGITS, settings=FEW)
    assert result.present.tolist() == [[True, True, True, False]] * 2
    predictions = apply(result, states)
    assert predictions.values.max() == 2 and (predictions.probabilities[..., 3] == 0).all()
    assert np.isfinite(result.weights).all() and result.scores["accuracy"].value[1] < 1
    constant = fit_probe(states, whole(labels * 0), split, classes=("no", "yes"), settings=FEW)
    assert (apply(constant, states).values == 0).all() and (constant.scores["accuracy"].value == 1).all()


def test_a_constant_feature_is_not_scaled_and_has_no_weight():
    states, values = planted(time_points=2)
    states[..., 3] = 0.1
    result = fit_probe(states, values, split_puzzles(120), classes=DIGITS, settings=FEW)
    assert (result.scale[:, 3] == 1).all() and np.abs(result.weights[..., 3]).max() < 1e-3
