"""The folder of a run: it resumes exactly, is never overwritten, and damage is reported."""

import json
import signal
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from training_runs import CPU, REPOSITORY, SCHEDULE, trainer_of, usual_preset

from trm import registry
from trm.checkpoint import load_model, save_model
from trm.cli import main
from trm.errors import CheckpointError, DataError, TrainingError, UserError
from trm.provenance import Provenance, Training
from trm.training.folder import TrainingFolder, restore
from trm.training.run import train


@pytest.mark.heavy
def test_resuming_changes_no_result(tmp_path, small_preset, small_puzzles):
    """Eight updates without and with a save and load in the middle: the same losses, puzzles and weights."""
    unbroken = trainer_of(small_preset, small_puzzles)
    losses = [unbroken.one_update(update / 8)["loss"] for update in range(8)]

    first = trainer_of(small_preset, small_puzzles)
    again = [first.one_update(update / 8)["loss"] for update in range(4)]
    first.seconds = 12.5
    with TrainingFolder.open(tmp_path / "run", small_preset, resume=False) as folder:
        folder.save(first)
    second = trainer_of(replace(small_preset, seed=0), small_puzzles)
    with TrainingFolder.open(tmp_path / "run", small_preset, resume=True) as folder:
        restore(second, folder.read())
    assert (second.update, second.seconds) == (4, 12.5)
    again += [
        second.one_update(update / 8)["loss"] for update in range(4, 8)
    ]  # fresh puzzles come in the sixth

    assert again == losses
    for name, tensor in unbroken.model.state_dict().items():
        assert torch.equal(tensor, second.model.state_dict()[name]), name
    for name, tensor in unbroken.average.shadow.items():
        assert torch.equal(tensor, second.average.shadow[name]), name


def test_a_checkpoint_can_be_opened_and_has_the_averaged_weights(tmp_path, trainer, small_preset):
    for update in range(4):
        trainer.one_update(update / 4)
    with TrainingFolder.open(tmp_path / "run", small_preset, resume=False) as folder:
        folder.save(trainer)
    model = load_model(str(tmp_path / "run"), device=CPU)
    assert model.config == small_preset.model
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, trainer.average.shadow[name])
    trained = trainer.model.state_dict()["lm_head.weight"]
    assert not torch.equal(model.lm_head.weight, trained)
    for name, tensor in trainer.averaged_model().state_dict().items():
        assert torch.equal(tensor, trainer.average.shadow[name])


def test_a_number_of_updates_is_exact(tmp_path, tiny_config):
    """On any machine: the schedules follow the updates, and a resumed run does the remaining ones."""
    preset = usual_preset(tiny_config())
    train(preset, tmp_path / "run", updates=5)
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert log[0]["length"] == "5 updates" and log[-1] == log[-1] | {"update": 5, "finished": True}
    assert log[-2]["update"] == 5 and log[-2]["n"] == SCHEDULE.depth[-1].n
    train(preset, tmp_path / "run", updates=8, resume=True)
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert log[-1]["update"] == 8


@pytest.mark.heavy
def test_the_seed_determines_every_number(tmp_path, tiny_config, monkeypatch):
    """The same seed gives bit-equal weights, also if the run is stopped and resumed; another seed different ones."""
    monkeypatch.setattr("trm.cli.train.get_preset", lambda name: usual_preset(tiny_config()))

    def run(name: str, *options: str) -> None:
        main(["train", "--preset", "x", "--updates", "6", "--out", str(tmp_path / name), *options])

    run("a", "--seed", "7")
    run("c", "--seed", "8")
    with monkeypatch.context() as context:
        context.setattr("trm.training.run.StopOnSignal", lambda: SimpleNamespace(requested=True))
        run("b", "--seed", "7")
    assert registry.own_training(tmp_path / "b") == Training("usual", seed=7, update=1)
    run("b", "--seed", "7", "--resume")
    a, b, c = (load_file(tmp_path / name / "model.safetensors") for name in "abc")
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert not torch.equal(a["lm_head.weight"], c["lm_head.weight"])


def test_the_seed_and_the_update_are_in_the_provenance(tmp_path, tiny_config):
    preset = replace(usual_preset(tiny_config()), seed=7, snapshots=(0.5,))
    train(preset, tmp_path / "run", updates=4)
    for folder, update in (("run", 4), ("run/snapshots/050-percent", 2)):
        about = Provenance.of(load_model(str(tmp_path / folder), device=CPU))
        assert (about.seed, about.update) == (7, update)


def test_a_damaged_record_of_the_training(tmp_path, small_preset, trainer):
    save_model(tmp_path, small_preset.model, trainer.weights())
    assert registry.own_training(tmp_path) is None
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"training": {"seed": "many"}}))
    with pytest.raises(CheckpointError, match=r"config\.json: training"):
        load_model(str(tmp_path), device=CPU)


def test_snapshots_during_training(tmp_path, tiny_config, monkeypatch):
    """Each is saved once, as a model with the depth of that time; resuming a finished run does not replace them."""
    monkeypatch.setattr("trm.cli.train.get_preset", lambda name: usual_preset(tiny_config()))
    command = ["train", "--preset", "x", "--snapshots", "2", "--out", str(tmp_path / "run"), "--updates"]
    main([*command, "6"])
    snapshots = sorted((tmp_path / "run" / "snapshots").iterdir())
    assert [path.name for path in snapshots] == ["033-percent", "067-percent"]
    configs = [registry.own_config(path) for path in snapshots]
    assert [(config.n, config.T) for config in configs] == [(1, 1), (2, 2)]
    before = [(path / "model.safetensors").read_bytes() for path in snapshots]
    main([*command, "8", "--resume"])
    assert [(path / "model.safetensors").read_bytes() for path in snapshots] == before
    first, last = (load_file(path / "model.safetensors") for path in (snapshots[0], tmp_path / "run"))
    assert first.keys() == last.keys()
    assert any(not torch.equal(first[name], last[name]) for name in first)


@pytest.fixture
def run_folder(tmp_path, trainer, small_preset):
    with TrainingFolder.open(tmp_path / "run", small_preset, resume=False) as folder:
        folder.save(trainer)
    return tmp_path / "run"


def test_a_run_is_not_overwritten(run_folder, small_preset):
    before = (run_folder / "model.safetensors").read_bytes()
    with pytest.raises(TrainingError, match=r"already contains a run.*--resume"):
        train(small_preset, run_folder)
    assert (run_folder / "model.safetensors").read_bytes() == before


@pytest.mark.parametrize("changes", [{"batch": 9}, {"seed": 5}, {"ema": 0.5}, {"name": "other"}])
def test_a_run_is_not_resumed_with_other_settings(run_folder, small_preset, changes):
    with pytest.raises(TrainingError, match="settings that differ"):
        train(replace(small_preset, **changes), run_folder, resume=True)


def test_more_time_is_not_a_different_setting(run_folder, small_preset):
    with TrainingFolder.open(run_folder, replace(small_preset, minutes=500.0), resume=True):
        pass


def test_nothing_to_resume(tmp_path, small_preset):
    with pytest.raises(TrainingError, match="no run to resume"):
        train(small_preset, tmp_path / "nowhere", resume=True)
    assert not (tmp_path / "nowhere").exists()


def test_a_file_in_the_way(tmp_path, small_preset):
    (tmp_path / "file").write_text("here")
    with pytest.raises(TrainingError, match="is a file"):
        train(small_preset, tmp_path / "file")
    with pytest.raises(UserError, match="cannot be created"):
        train(small_preset, tmp_path / "file" / "deeper")


@pytest.mark.parametrize("name", ["state.safetensors", "preset.json"])
@pytest.mark.parametrize("content", [b"", b"junk", None])
def test_a_damaged_folder(run_folder, small_preset, name, content):
    path = run_folder / name
    if content is None:
        path.write_bytes(path.read_bytes()[:-5])
    else:
        path.write_bytes(content)
    with pytest.raises(TrainingError, match=name):
        train(small_preset, run_folder, resume=True)


def spoil(path, change) -> None:
    """Rewrite a state after `change(tensors, numbers)`."""
    with safe_open(path, "pt") as file:
        numbers = json.loads(file.metadata()["numbers"])
    tensors = load_file(path)
    change(tensors, numbers)
    save_file(tensors, path, metadata={"numbers": json.dumps(numbers)})


@pytest.mark.parametrize(
    "change",
    [
        lambda tensors, numbers: numbers.clear(),
        lambda tensors, numbers: numbers.update(update="many"),
        lambda tensors, numbers: numbers.update(seconds=float("inf")),
        lambda tensors, numbers: numbers.update(random={}),
        lambda tensors, numbers: tensors.pop("model/lm_head.weight"),
        lambda tensors, numbers: tensors.pop("average/lm_head.weight"),
        lambda tensors, numbers: tensors.update({"average/lm_head.weight": torch.zeros(3)}),
        lambda tensors, numbers: tensors.pop("optimizer/0/exp_avg"),
        lambda tensors, numbers: tensors.pop("flight/y"),
        lambda tensors, numbers: tensors.pop("flight/labels"),
        lambda tensors, numbers: tensors.update({"flight/more": torch.zeros(8)}),
    ],
)
def test_an_incomplete_state(tmp_path, trainer, small_preset, small_puzzles, change):
    trainer.one_update(0.0)
    with TrainingFolder.open(tmp_path / "run", small_preset, resume=False) as folder:
        folder.save(trainer)
    spoil(tmp_path / "run" / "state.safetensors", change)
    with (
        TrainingFolder.open(tmp_path / "run", small_preset, resume=True) as folder,
        pytest.raises(
            TrainingError, match=r"state\.safetensors is not a state of a run, or is damaged"
        ) as error,
    ):
        folder.resume(trainer_of(small_preset, small_puzzles), folder.read())
    assert "\n" not in str(error.value) and len(str(error.value)) < 400


def test_a_second_training_is_rejected_while_the_first_is_running(tmp_path, run_folder, small_preset):
    refused = pytest.raises(TrainingError, match="Another process is training into")
    with TrainingFolder.open(run_folder, small_preset, resume=True), refused:
        train(small_preset, run_folder, resume=True)
    with TrainingFolder.open(tmp_path / "fresh", small_preset, resume=False), refused:
        train(small_preset, tmp_path / "fresh")
    with TrainingFolder.open(run_folder, small_preset, resume=True):
        pass


def test_a_rejected_run_holds_no_lock(run_folder, small_preset):
    for options in ({"resume": False}, {"resume": True, "preset": replace(small_preset, batch=9)}):
        with pytest.raises(TrainingError):
            TrainingFolder.open(run_folder, **{"preset": small_preset} | options)
    with TrainingFolder.open(run_folder, small_preset, resume=True):
        pass


@pytest.mark.heavy
def test_a_killed_training_holds_no_lock(run_folder, small_preset):
    code = (
        "import os, signal, sys; from pathlib import Path; from trm.training.folder import locked\n"
        "with locked(Path(sys.argv[1])): os.kill(os.getpid(), signal.SIGKILL)"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(run_folder)], cwd=REPOSITORY)
    assert ended.returncode == -signal.SIGKILL
    with TrainingFolder.open(run_folder, small_preset, resume=True):
        pass


def test_a_log_that_cannot_be_written(run_folder, small_preset):
    (run_folder / "log.jsonl").unlink()
    (run_folder / "log.jsonl").mkdir()
    with pytest.raises(UserError, match=r"log\.jsonl is a folder"):
        train(small_preset, run_folder, resume=True)


def test_a_line_that_a_killed_run_left_unfinished_is_removed_on_resume(run_folder, small_preset):
    log = run_folder / "log.jsonl"
    whole = '{"update": 5}\n'
    log.write_text(whole + '{"update": 9, "lo')
    with TrainingFolder.open(run_folder, small_preset, resume=True):
        assert log.read_text() == whole


def test_missing_settings(run_folder, small_preset):
    (run_folder / "preset.json").unlink()
    with pytest.raises(TrainingError, match=r"preset\.json"):
        train(small_preset, run_folder, resume=True)


def test_damaged_generated_puzzles(run_folder, small_preset):
    (run_folder / "puzzles-16.npz").write_bytes(b"PK\x03\x04 cut")
    with pytest.raises(DataError, match=r"puzzles-16\.npz is not a .* damaged\. Remove it"):
        train(small_preset, run_folder, resume=True)
