"""Probes applied to other states, saved and loaded, cancelled, and refused with one-line errors."""

import json
from dataclasses import replace

import numpy as np
import pytest
from experiment_summaries import ABOUT, experiment_summary, result_summary, target_summary
from planted_states import DIGITS, FEW, planted, symbols, whole
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from probes.covariance import StatesError
from probes.linear.control_task import control_types
from probes.linear.experiment.files import (
    ExperimentFileError,
    load_experiment,
    recorded_causal_tests,
    recorded_experiment,
)
from probes.linear.experiment.summary import ScoreSummary
from probes.linear.files import ProbeFileError, SavedProbe, open_probe
from probes.linear.fit import fit_probe
from probes.linear.probe import ProbeError, ProbeResult, ProbeSettings, apply
from probes.linear.scores import Score
from probes.linear.splits import Split, split_puzzles
from probes.linear.targets import Values
from trm.coordinates import Coordinates
from trm.results import as_json, save


def test_values_or_states_may_have_one_time_point():
    """As the baseline of the input, for a target that changes between time points."""
    states, values = planted(time_points=2)
    changing = np.concatenate([values.values, (values.values + 1) % 4], 1)
    result = fit_probe(states[:, 1:], whole(changing), split_puzzles(120), classes=DIGITS, settings=FEW)
    assert result.time_points == 2 and result.scores["accuracy"].value.min() > 0.95


def test_pooled_time_points_share_one_probe():
    """The step number is the same for all puzzles of a time point, so a probe of one time point would have nothing to learn."""
    rng = np.random.default_rng(0)
    steps = np.repeat(np.arange(1.0, 9)[None, :, None], 60, 0)
    states = rng.normal(size=(60, 8, 1, 6)) + steps[..., None] * np.eye(6)[2]
    result = fit_probe(states, whole(steps), split_puzzles(60), classes=(), settings=FEW, pooled=True)
    assert result.time_points == 1 and result.pooled
    assert 0.7 < result.scores["r2"].value[0] < 0.95  # variance 5.25 of 6.25
    assert apply(result, states).values.shape == (60, 8, 1)
    alone = fit_probe(states, whole(steps), split_puzzles(60), classes=(), settings=FEW)
    assert np.isnan(alone.scores["r2"].value).all()


# applied, saved, cancelled


def test_a_probe_is_applied_to_other_states():
    states, values = planted()
    result = fit_probe(states, values, split_puzzles(120), classes=DIGITS, settings=FEW)
    test = result.split.test
    predictions = apply(result, states[test])
    right = (predictions.values == values.values[test]).mean((0, 2))
    assert right == pytest.approx(result.scores["accuracy"].value, abs=0.005)
    assert predictions.probabilities.sum(-1) == pytest.approx(np.ones(predictions.values.shape), abs=1e-5)
    last = apply(result, states[test], time_point=2)
    assert (last.values[:, 2] == predictions.values[:, 2]).all()
    assert (
        last.values[:, 1] == values.values[test][:, 0]
    ).mean() > 0.5  # half of the signal, the same direction
    with pytest.raises(ProbeError, match="of size 16, but these have size 9"):
        apply(result, np.zeros((2, 3, 6, 9)))
    with pytest.raises(ProbeError, match="3 time points, but these states have 2"):
        apply(result, states[:, :2])
    with pytest.raises(ProbeError, match="no time point 3"):
        apply(result, states, time_point=3)


def saved(result: ProbeResult) -> SavedProbe:
    time_points = tuple(Coordinates(step, 1, 1, "f_L") for step in range(1, result.time_points + 1))
    return SavedProbe(ABOUT, "z", time_points, result)


@pytest.mark.parametrize("numbers", [False, True])
def test_a_saved_probe_is_loaded_unchanged(tmp_path, numbers):
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
    save(path, saved(result))
    opened = open_probe(path)
    loaded = opened.result
    assert as_json(opened) == as_json(saved(result))
    assert loaded.settings == result.settings and loaded.split.test.tolist() == result.split.test.tolist()
    assert loaded.summary() == json.loads(json.dumps(result.summary())) == result.summary()
    one, other = apply(result, states), apply(loaded, states)
    assert (one.values == other.values).all()
    assert [file.name for file in path.parent.iterdir()] == ["probe.safetensors"]


def test_files_that_are_not_probes(tmp_path):
    states, values = planted(puzzles=30)
    path = tmp_path / "probe.safetensors"
    result = fit_probe(states, values, split_puzzles(30), classes=DIGITS, settings=FEW)
    with pytest.raises(ProbeFileError, match="cannot be read"):
        open_probe(path)
    path.write_bytes(b"hello")
    with pytest.raises(ProbeFileError, match=r"is not a probe of this version, or is damaged. Fit it again"):
        open_probe(path)
    save(path, saved(replace(result, weights=result.weights * np.float32(np.nan))))
    with pytest.raises(ProbeFileError, match="damaged"):
        open_probe(path)
    score = result.scores["accuracy"]
    for changes in (
        {"classes": ("1", "2")},
        {"scale": result.scale * 0},
        {"present": result.present[:, :2]},
        {"scores": {"accuracy": Score(score.value[:1], score.low[:1], score.high[:1])}},
    ):
        with pytest.raises(
            (ValueError, TypeError), match=r"does not match the classes|other time points|Type-check"
        ):
            replace(result, **changes)
    for changes in ({"state": "x"}, {"time_points": saved(result).time_points[1:]}):
        with pytest.raises(ValueError, match="not a probe of z or y"):
            replace(saved(result), **changes)


def test_a_time_point_beyond_all_numbers_is_refused_in_one_line(tmp_path):
    states, values = planted(puzzles=30)
    path = tmp_path / "probe.safetensors"
    save(path, saved(fit_probe(states, values, split_puzzles(30), classes=DIGITS, settings=FEW)))
    with safe_open(path, "numpy") as file:
        metadata = file.metadata()
    for number in ("1e400", "NaN", "1" * 5000, '"x"', "1.5", "null"):
        text = metadata["time_points"].replace('"supervision_step":1', f'"supervision_step":{number}')
        save_file(load_file(path), path, metadata=metadata | {"time_points": text})
        with pytest.raises(ProbeFileError, match="is not a probe of this version") as error:
            open_probe(path)
        assert len(str(error.value)) < 400


def test_progress_rises_to_1_and_its_exception_ends_the_fit():
    states, values = planted(time_points=4)
    settings = replace(FEW, code_length=True)
    shares: list[float] = []
    options = {"classes": DIGITS, "settings": settings, "types": control_types(symbols())}
    fit_probe(
        states, values, split_puzzles(120), **options, progress=lambda share, text: shares.append(share)
    )
    assert shares[0] == 0 and shares[-1] == 1 and shares == sorted(shares) and len(set(shares)) >= 4

    class Stop(Exception):
        pass

    calls = 0

    def stop(share: float, text: str) -> None:
        nonlocal calls
        calls += 1
        if calls == 5:
            raise Stop

    with pytest.raises(Stop):
        fit_probe(states, values, split_puzzles(120), **options, progress=stop)
    assert calls == 5


def test_invalid_arguments_are_refused():
    states, values = planted(puzzles=30)
    split = split_puzzles(30)

    def refused(match: str, error=ProbeError, **changes) -> None:
        arguments = {
            "states": states,
            "values": values,
            "split": split,
            "classes": DIGITS,
            "settings": FEW,
        } | changes
        with pytest.raises(error, match=match) as caught:
            fit_probe(arguments.pop("states"), arguments.pop("values"), arguments.pop("split"), **arguments)
        assert "\n" not in str(caught.value)

    refused("puzzle, time point and cell", values=whole(np.zeros((30, 6), int)))
    refused("have 2 time points, states have 3", values=whole(np.zeros((30, 2, 6), int)))
    refused("30 puzzles with 1 cells", values=whole(np.zeros((30, 1, 1), int)))
    refused("not class indices from 0 to 1", classes=("no", "yes"))
    refused("not class indices from 0 to 2", classes=("1", "2", "3"))  # 3 is the smallest invalid index
    refused("only one class", classes=("no",))
    refused("infinite or NaN", values=whole(np.full((30, 1, 6), np.nan)), classes=())
    refused("contains puzzle index 39", split=split_puzzles(40))
    refused("contains puzzle index 30", split=Split(np.array([0]), np.array([1]), np.array([30])))
    refused("Types have the shape", types=np.zeros((30, 5), np.int64))
    refused("defined for classes only", classes=(), settings=replace(FEW, code_length=True))
    empty = np.ones((30, 1, 6), bool)
    empty[split.test] = False
    refused("any cell of the test puzzles", values=Values(values.values, empty))
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
        with pytest.raises(ProbeError, match="is invalid"):
            ProbeSettings(**settings)


def test_an_experiment_with_scores_of_other_time_points_is_refused(tmp_path):
    score = ScoreSummary([0.5], [0.4], [0.6])
    for scores, count in (({"accuracy": score}, 2), ({"accuracy": replace(score, low=[])}, 1)):
        with pytest.raises(ValueError, match="a score is missing"):
            result_summary("t", "z", scores, time_points=count)
    targets = [target_summary("t", "accuracy")]
    with pytest.raises(ValueError, match="results of other time points"):
        experiment_summary(targets, [result_summary("t", "z", {}, time_points=2)])
    with pytest.raises(ValueError, match="results of other time points"):
        experiment_summary([replace(targets[0], repeats=(None, None))], [])
    (tmp_path / "text").write_text("{}")
    with pytest.raises(ExperimentFileError, match="is not an experiment of this version, or is damaged"):
        load_experiment(tmp_path / "text")


def test_a_model_without_a_recording_has_neither_an_experiment_nor_causal_tests():
    assert recorded_experiment("no-such") is recorded_causal_tests("no-such") is None
