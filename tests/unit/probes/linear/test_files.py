"""Probes applied to other states, saved and loaded, cancelled, and refused with one-line errors."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from planted_states import DIGITS, FEW, planted, symbols, whole
from safetensors import safe_open
from safetensors.numpy import save_file

from probes.covariance import StatesError
from probes.linear.apply import open_probe
from probes.linear.control_task import control_types
from probes.linear.experiment.files import RECORDED, ExperimentFileError, load_experiment
from probes.linear.files import ProbeFileError, load_probe, save_probe
from probes.linear.fit import fit_probe
from probes.linear.probe import ProbeError, ProbeSettings, apply
from probes.linear.splits import split_puzzles
from probes.linear.targets import Values

REPOSITORY = Path(__file__).resolve().parents[4]


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
        old = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        probe = json.loads(file.metadata()["probe"])
    save_file(old | (arrays or {}), path, metadata={"probe": json.dumps(probe | facts)})


def test_files_that_are_not_probes(tmp_path):
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
        lambda: rewritten(path, {"regularisation": result.regularisation * np.inf}),
        lambda: rewritten(path, {"scores.accuracy": np.full((3, 3), np.inf)}),
        lambda: rewritten(path, settings={"C": [0.1, float("inf")], "alpha": [1.0]}),
        lambda: rewritten(path, settings=None),
        lambda: rewritten(path, about={"moments": None}),
        lambda: rewritten(path, name=float("nan")),
    ]
    for damage in damages:
        fresh()
        load_probe(path)
        damage()
        with pytest.raises(ProbeFileError, match="damaged"):
            load_probe(path)


def test_progress_rises_to_1_and_its_exception_ends_the_fit():
    states, values = planted(time_points=4)
    settings = replace(FEW, code_length=True)
    shares: list[float] = []
    options = {"classes": DIGITS, "settings": settings, "types": control_types(symbols())}
    fit_probe(states, values, split_puzzles(120), **options, progress=shares.append)
    assert shares[0] == 0 and shares[-1] == 1 and shares == sorted(shares) and len(set(shares)) >= 4

    class Stop(Exception):
        pass

    calls = 0

    def stop(share: float) -> None:
        nonlocal calls
        calls += 1
        if calls == 5:
            raise Stop

    with pytest.raises(Stop):
        fit_probe(states, values, split_puzzles(120), **options, progress=stop)
    assert calls == 5


def test_torch_and_scikit_learn_are_imported_only_when_a_probe_is_fitted():
    code = (
        "import sys, probes.linear.fit, probes.linear.files, probes.linear.baselines, probes.linear.targets\n"
        "print(*sorted({'torch', 'sklearn', 'scipy', 'zarr'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""


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
    refused("only one class", classes=("no",))
    refused("infinite or NaN", values=whole(np.full((30, 1, 6), np.nan)), classes=())
    refused("contains puzzle index 39", split=split_puzzles(40))
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


@pytest.mark.parametrize(
    "time_points",
    [
        '[[1e400,1,1,"f_H"]]',
        '[[NaN,1,1,"f_H"]]',
        '[[1,1,null,"f_H"]]',
        "[[1,1,1]]",
        "[" * 100_000,
        "7",
        "",
        '[["x",1,1,"f_H"]]',
        "1" * 5000,
    ],
    ids=lambda time_points: time_points[:20],
)
def test_probes_with_invalid_time_points_are_refused(tmp_path, time_points):
    states, values = planted(puzzles=30, time_points=1)
    path = tmp_path / "probe.safetensors"
    result = fit_probe(states, values, split_puzzles(30), classes=DIGITS, settings=FEW)
    about = {"task": "sudoku", "state": "z", "moments": '[[1,1,1,"f_H"]]', "steps_run": "1"}
    save_probe(path, result, about=about)
    assert open_probe(path).time_points[0].supervision_step == 1
    save_probe(path, result, about=about | {"moments": time_points})
    with pytest.raises(ProbeFileError, match="does not name its time points") as error:
        open_probe(path)
    assert len(str(error.value)) < 400


@pytest.mark.parametrize(
    "damage",
    [
        lambda result: result["scores"]["accuracy"].pop("low"),
        lambda result: result["scores"]["accuracy"]["low"].pop(),
        lambda result: result["scores"]["accuracy"].update(value="high"),
        lambda result: result["scores"]["accuracy"]["value"].__setitem__(0, "high"),
        lambda result: result["moments"].__setitem__(0, 1000),
        lambda result: result["moments"].__setitem__(0, 1.0),
        lambda result: result.update(scores=None),
        lambda result: result.pop("target"),
    ],
)
def test_an_experiment_with_damaged_scores_is_refused(tmp_path, damage):
    experiment = load_experiment(RECORDED / "sudoku-hrm" / "study.json")
    damage(experiment["findings"][0])
    (tmp_path / "s.json").write_text(json.dumps(experiment))
    with pytest.raises(
        ExperimentFileError, match=r"s\.json is not an experiment of this version, or is damaged"
    ):
        load_experiment(tmp_path / "s.json")


@pytest.mark.parametrize(
    "time_point", [{}, None, {"supervision_step": 1.5, "cycle": 1, "call": 1, "kind": "f_L"}]
)
def test_an_experiment_without_a_model_or_time_points_is_refused(tmp_path, time_point):
    experiment = load_experiment(RECORDED / "sudoku-hrm" / "study.json")
    for name, damaged in (("moments", [*experiment["moments"], time_point]), ("about", {"model": "x"})):
        (tmp_path / "s.json").write_text(json.dumps(experiment | {name: damaged}))
        with pytest.raises(
            ExperimentFileError, match=r"s\.json is not an experiment of this version, or is damaged"
        ):
            load_experiment(tmp_path / "s.json")
