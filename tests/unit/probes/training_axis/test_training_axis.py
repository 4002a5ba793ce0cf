"""Figures over training: of every snapshot of a run of tiny models, on the same puzzles."""

import json
from dataclasses import replace

import numpy as np
import pytest

from probes.cli.main import main
from probes.stats import RunsError
from probes.training_axis.figures import AxisSettings, TrainingAxis, load_axis
from probes.training_axis.measure import measure_run, probe_accuracy, snapshot_figures
from trm.checkpoint import load_model, save_model
from trm.data import PuzzleSet
from trm.errors import UserError
from trm.evaluate import evaluate
from trm.inspection.state_use import measure_state_use
from trm.provenance import Training
from trm.registry import run_snapshots
from trm.results import save
from trm.tasks import get_task

TASK = get_task("sudoku", 16)


@pytest.fixture(scope="module")
def puzzles() -> PuzzleSet:
    inputs, labels = TASK.generate_many(16, givens=(8, 12), seed=0)
    return PuzzleSet.of("tiny", TASK, inputs, labels)


@pytest.fixture
def run(tmp_path, tiny_model):
    """The folder of a run with snapshots after 10 and 20 updates, and a model after 30."""
    for seed, folder in enumerate(("snapshots/030-percent", "snapshots/060-percent", ".")):
        model = tiny_model(seed=seed)
        training = Training("tiny", 0, 10 * (seed + 1))
        save_model(tmp_path / "run" / folder, model.config, model.state_dict(), training)
    return tmp_path / "run"


def measured(run, puzzles: PuzzleSet, *, loads: list | None = None, **options) -> TrainingAxis:
    def load(snapshot):
        if loads is not None:
            loads.append(snapshot.number)
        return load_model(str(snapshot.weights))

    return measure_run(
        run_snapshots(run / "model.safetensors"), load, TASK, puzzles, name="tiny run", **options
    )


@pytest.mark.heavy
def test_figures_are_those_of_the_other_analyses(run, puzzles):
    axis = measured(run, puzzles)
    assert axis.unit == "update" and axis.numbers == [10, 20, 30]
    assert (axis.provenance.model, axis.provenance.count, axis.provenance.update) == ("tiny run", 16, 30)
    for snapshot, figures in zip(run_snapshots(run / "model.safetensors"), axis.snapshots, strict=True):
        model = load_model(str(snapshot.weights))
        scores = evaluate(model, TASK, puzzles)
        assert list(figures.exact_by_step) == scores["exact_by_step"]
        assert (figures.blank_cell, figures.halting_auroc) == (scores["blank_cell"], scores["halt_auc"])
        used = measure_state_use(model, puzzles.inputs, puzzles.labels, ~TASK.givens(puzzles.inputs))
        assert figures.variance_by_token == pytest.approx(used["z"].variance_by_token)
        assert figures.fingerprint == model.fingerprint and (figures.n, figures.T) == (2, 2)
        assert 1 <= figures.participation_ratio <= model.config.hidden_size
        assert 0 <= figures.calibration_error <= 1 and 0 <= figures.probe_accuracy <= 1
        assert sum(figures.wrong_cells) == 16
        assert figures.wrong_cells[0] == round(16 * figures.exact_by_step[-1])


def test_wrong_cells_are_counted_in_bins(run, puzzles):
    axis = measured(run, puzzles)
    assert axis.wrong_labels == ["0", "1-2", "3-5", "6-10", "11-20", "21-40", "41+"]
    table = axis.table()
    assert table["update"] == [10, 20, 30]
    assert table["wrong 3-5"] == [snapshot.wrong_cells[2] for snapshot in axis.snapshots]


@pytest.mark.parametrize(
    "changes",
    [{"kind": "hrm", "H_layers": 1}, {"kind": "trm-multi-z", "latents": 2}, {"kind": "trm-single-z", "latents": 0}],
    ids=["hrm", "multi z", "single z"],
)  # fmt: skip
def test_every_kind_of_model_has_figures(tiny_model, puzzles, changes):
    figures = snapshot_figures(tiny_model(**changes), TASK, puzzles, AxisSettings(probe=False))
    assert figures.probe_accuracy is None and figures.participation_ratio > 0


def test_a_model_without_a_halting_head_has_no_halting_figures(tiny_model, puzzles):
    model = tiny_model(
        kind="sotaku", latents=0, layers=2, n=1, T=1, prefix_length=0, positions="axial", halting_outputs=0
    )
    figures = snapshot_figures(model, TASK, puzzles, AxisSettings(probe=False))
    assert figures.halting_auroc is figures.calibration_error is None


@pytest.mark.heavy
def test_only_new_snapshots_are_measured(run, puzzles, tiny_model):
    first = measured(run, puzzles)
    model = tiny_model(seed=9)
    save_model(run / "snapshots/090-percent", model.config, model.state_dict(), Training("tiny", 0, 27))
    loads: list[int] = []
    second = measured(run, puzzles, loads=loads, earlier=first)
    assert second.numbers == [10, 20, 27, 30] and loads == [27, 30]
    assert second.snapshots[:2] == first.snapshots[:2] and second.snapshots[3] == first.snapshots[2]
    for changed in ({"settings": AxisSettings(probe=False)}, {"puzzles": puzzles.take(np.arange(12))}):
        loads.clear()
        measured(run, **{"puzzles": puzzles} | changed, loads=loads, earlier=first)
        assert loads == [10, 20, 27, 30]


def test_progress_covers_all_snapshots(run, puzzles):
    shares: list[tuple[float, str]] = []
    measured(run, puzzles, progress=lambda share, text: shares.append((share, text)))
    assert shares[0] == (0.0, "update 10") and shares[-1] == (1.0, "update 30")
    assert shares == sorted(shares)


def test_the_best_snapshot(run, puzzles):
    axis = measured(run, puzzles)
    values = [(0.25, 0.5, 0.1), (0.75, 0.9, None), (0.75, 0.6, 0.05)]
    snapshots = tuple(
        replace(each, exact_by_step=(0.0, accuracy), halting_auroc=auroc, calibration_error=error)
        for each, (accuracy, auroc, error) in zip(axis.snapshots, values, strict=True)
    )
    axis = replace(axis, snapshots=snapshots)
    best = {name: axis.best_by(name).number for name in ("accuracy", "halting_auroc", "calibration_error")}
    assert best == {"accuracy": 20, "halting_auroc": 20, "calibration_error": 30}
    low, high = axis.accuracy_band
    assert (low < axis.values("accuracy")).all() and (axis.values("accuracy") < high).all()
    with pytest.raises(UserError, match="No value of dimensions of z is better"):
        axis.best_by("participation_ratio")
    without = tuple(replace(each, halting_auroc=None) for each in axis.snapshots)
    with pytest.raises(UserError, match="undefined for every snapshot"):
        replace(axis, snapshots=without).best_by("halting_auroc")


def test_a_probe_reads_what_is_there():
    random = np.random.default_rng(0)
    labels = random.integers(2, 6, (40, 16)).astype(np.uint8)
    blank = random.random((40, 16)) < 0.7
    states = np.eye(8, dtype=np.float32)[labels] + 0.1 * random.standard_normal((40, 16, 8), np.float32)
    assert probe_accuracy(states, labels, blank) > 0.95
    assert probe_accuracy(random.standard_normal((40, 16, 8), np.float32), labels, blank) < 0.5
    assert probe_accuracy(states[:11], labels[:11], blank[:11]) is None
    assert probe_accuracy(states[:12], labels[:12], blank[:12]) is not None
    two, one = labels % 2 + 2, labels * 0 + 2
    assert probe_accuracy(states, two, blank) is not None and probe_accuracy(states, one, blank) is None


def test_a_file_has_all_figures(tmp_path, run, puzzles):
    axis = measured(run, puzzles)
    save(tmp_path / "axis.safetensors", axis)
    assert load_axis(tmp_path / "axis.safetensors") == axis
    (tmp_path / "axis.safetensors").write_bytes(b"junk")
    with pytest.raises(UserError, match="file of figures over training"):
        load_axis(tmp_path / "axis.safetensors")


def test_what_is_no_run_is_refused(tmp_path, tiny_model, puzzles):
    model = tiny_model()
    save_model(tmp_path, model.config, model.state_dict())
    with pytest.raises(UserError, match="a single checkpoint, not a run"):
        measured(tmp_path, puzzles)


def test_puzzles_without_answers_are_refused(run, puzzles):
    unlabelled = PuzzleSet.of("tiny", TASK, puzzles.inputs, np.zeros_like(puzzles.labels))
    with pytest.raises(RunsError, match="exactly one solution"):
        measured(run, unlabelled)


def test_the_command_prints_and_records(run, puzzles, tmp_path, capsys):
    lines = ["puzzle,solution"] + [
        f"{TASK.format(one)},{TASK.format(solution)}"
        for one, solution in zip(puzzles.inputs, puzzles.labels, strict=True)
    ]
    (tmp_path / "p.csv").write_text("\n".join(lines))
    command = ["training", "--model", str(run), "--data", str(tmp_path / "p.csv"), "--limit", "12"]
    main(command)
    printed = capsys.readouterr().out
    assert "3 snapshots on 12 puzzles" in printed and "Best by accuracy: update 10" in printed
    axis = load_axis(run / "training_axis.safetensors")
    assert axis.numbers == [10, 20, 30]
    main([*command, "--best-by", "blank_cell", "--json"])
    result = json.loads(capsys.readouterr().out)
    assert result["best"] == axis.best_by("blank_cell").number and len(result["snapshots"]) == 3
    assert load_model(str(run)).training_run.update == 30  # the file of figures is not taken for weights
    with pytest.raises(SystemExit) as exit:
        main([*command, "--record"])
    assert exit.value.code == 2
    assert "--record is for bundled models" in capsys.readouterr().err
