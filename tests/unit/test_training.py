"""Training: it learns, it is exactly resumed, it survives kills, and it never sees a test puzzle's twin."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from trm.checkpoint import load_model
from trm.config import ModelConfig
from trm.coordinates import Depth
from trm.data import PuzzleSet, load_puzzles, write_official
from trm.errors import DataError, UserError
from trm.models import new_model
from trm.recursion import State, deep_recursion
from trm.tasks.sudoku import Sudoku
from trm.training.data import Puzzles, PuzzleStream, generate_puzzles, generated_puzzles
from trm.training.errors import TrainingError
from trm.training.folder import TrainingFolder, put_back
from trm.training.presets import PRESETS, Part, Preset, get_preset
from trm.training.run import train
from trm.training.schedule import DepthPhase, ExponentialAverage, GivenPhase, GridPhase, Schedule
from trm.training.trainer import Trainer

REPOSITORY = Path(__file__).resolve().parents[2]
SMALL, USUAL = Sudoku(2, 2), Sudoku()
CPU = torch.device("cpu")
SCHEDULE = Schedule(
    depth=(DepthPhase(0.5, n=1, T=1), DepthPhase(1.0, n=2, T=2)),
    reveal=0.8, reveal_until=0.5, learning_rate=5e-3, warm_up=4, decay_from=0.5, decay_to=0.1,
)  # fmt: skip


@pytest.fixture
def small_preset(tiny_config) -> Preset:
    """4x4 Sudoku, for a trainer that is given its puzzles."""
    config = tiny_config(hidden_size=16, mixing="mlp", mixing_width=20, heads=0, positions="none")
    data = (Part(40, "easy", {"givens": (8, 12)}),)
    return Preset("small", config, SCHEDULE, minutes=1.0, data=data, held_out=8, batch=8, explore=0.5)


@pytest.fixture(scope="module")
def small_puzzles() -> Puzzles:
    return Puzzles(*SMALL.generate_many(40, givens=(6, 10), seed=3))


@pytest.fixture
def trainer(small_preset, small_puzzles) -> Trainer:
    return trainer_of(small_preset, small_puzzles)


def trainer_of(preset: Preset, puzzles: Puzzles) -> Trainer:
    return Trainer(preset, [PuzzleStream(SMALL, puzzles)], CPU)


def usual_preset(config: ModelConfig) -> Preset:
    """9x9 Sudoku with few puzzles, for `train`, which generates them."""
    data = (Part(12, "easy", {"givens": (30, 42)}),)
    model = replace(config, vocab_size=11, sequence_length=81)
    return Preset("usual", model, SCHEDULE, minutes=0.03, data=data, held_out=4, batch=4)


def test_the_loss_falls(small_preset, small_puzzles):
    trainer = trainer_of(replace(small_preset, batch=16), small_puzzles)
    losses = [trainer.one_update(update / 120)["loss"] for update in range(120)]
    assert losses[0] > math.log(6) / 2  # about a uniform guess over six tokens
    assert np.mean(losses[-10:]) < 0.7 * np.mean(losses[:10])
    assert trainer.update == 120


def test_resuming_changes_no_number(tmp_path, small_preset, small_puzzles):
    """Eight updates in a row, and eight with a save and a load in the middle: the same losses, puzzles and weights."""
    unbroken = trainer_of(small_preset, small_puzzles)
    losses = [unbroken.one_update(update / 8)["loss"] for update in range(8)]

    first = trainer_of(small_preset, small_puzzles)
    again = [first.one_update(update / 8)["loss"] for update in range(4)]
    first.seconds = 12.5
    with TrainingFolder.open(tmp_path / "run", small_preset, resume=False) as folder:
        folder.save(first)
    second = trainer_of(replace(small_preset, seed=0), small_puzzles)
    with TrainingFolder.open(tmp_path / "run", small_preset, resume=True) as folder:
        put_back(second, folder.read())
    assert (second.update, second.seconds) == (4, 12.5)
    again += [
        second.one_update(update / 8)["loss"] for update in range(4, 8)
    ]  # fresh puzzles come in the sixth

    assert again == losses
    for name, tensor in unbroken.model.state_dict().items():
        assert torch.equal(tensor, second.model.state_dict()[name]), name
    for name, tensor in unbroken.average.shadow.items():
        assert torch.equal(tensor, second.average.shadow[name]), name


def test_a_save_can_be_opened_and_holds_the_averaged_weights(tmp_path, trainer, small_preset):
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


def test_puzzles_in_flight_carry_their_state(trainer):
    """What flies on has the state of the deep recursion from its last one; who has landed starts anew."""
    trainer.one_update(0.9)
    for _ in range(4):
        flight, weights = trainer.flight, {k: v.clone() for k, v in trainer.model.state_dict().items()}
        before = State(flight.state.y.clone(), flight.state.z.clone())
        inputs, steps = flight.inputs.clone(), flight.steps.clone()
        trainer.one_update(0.9)
        went_on = flight.steps == steps + 1
        assert torch.equal(went_on, flight.steps > 0)
        with torch.no_grad():
            model = new_model(trainer.preset.model)
            model.compute_dtype = trainer.model.compute_dtype
            model.load_state_dict(weights)
            x = model.embed(inputs, torch.zeros_like(steps))
            after = deep_recursion(model, x, before, depth=Depth(n=2, T=2, N_sup=3))
        assert torch.equal(flight.inputs[went_on], inputs[went_on])
        assert torch.equal(flight.state.y[went_on], after.y[went_on])
        assert torch.equal(flight.state.z[went_on], after.z[went_on])
        start = model.H_init.to(after.y.dtype).expand_as(after.y)
        assert torch.equal(flight.state.y[~went_on], start[~went_on])
        assert (flight.steps < 3).all()  # N_sup steps, then it leaves


def test_the_halting_logit_lets_go_but_not_too_early(small_preset, small_puzzles):
    """A head that always says halt: without exploration nothing flies on, with it everything does at first."""
    for explore, landed in ((0.0, 1.0), (1.0, 0.0)):
        trainer = trainer_of(replace(small_preset, explore=explore), small_puzzles)
        torch.nn.init.constant_(trainer.model.q_head.bias, 50.0)
        assert trainer.one_update(0.0)["halted"] == landed


def test_least_steps(small_preset, small_puzzles):
    never, always = (
        trainer_of(replace(small_preset, explore=share), small_puzzles).boarding.draw_least_steps(500)
        for share in (0.0, 1.0)
    )
    assert (never == 1).all()
    assert sorted(set(always.tolist())) == [2, 3]  # up to N_sup


def test_small_grids_come_first(tmp_path, tiny_config):
    """5x5 mazes for the first half, then 7x7 with a fresh flight; stopped and resumed in between, nothing differs.

    The last of 25 cells lies at 1 + 4 * 7 + 4, behind the prefix and in rows of 7.
    """
    attention = {"mixing": "attention", "mixing_width": 0, "heads": 2, "positions": "rope"}
    model = tiny_config(task="maze", vocab_size=6, sequence_length=49, **attention)
    schedule = replace(
        SCHEDULE, reveal=0.0, smaller_grids=(GridPhase(0.5, 25),), givens=(GivenPhase(1.0, 0.1),)
    )
    data = (Part(12, "easy", {"style": "depth-first"}),)
    preset = Preset("maze", model, schedule, minutes=1.0, data=data, held_out=4, batch=4)
    streams = [generated_puzzles(preset, cells, tmp_path, print)[0] for cells in (25, 49)]

    unbroken = Trainer(preset, streams, CPU)
    losses, sizes = [], []
    for update in range(6):
        losses.append(unbroken.one_update(update / 6)["loss"])
        sizes.append(unbroken.flight.inputs.shape[1])
        places = [
            trained.L_level.layers[0].self_attn.places
            for trained in (unbroken.model, unbroken.averaged_model())
        ]
        assert [None if place is None else place[-1].item() for place in places] == 2 * [
            33 if update < 3 else None
        ]
    assert sizes == [25, 25, 25, 49, 49, 49]

    first = Trainer(preset, streams, CPU)
    again = [first.one_update(update / 6)["loss"] for update in range(2)]
    with TrainingFolder.open(tmp_path, preset, resume=False) as folder:
        folder.save(first)
    second = Trainer(preset, streams, CPU)
    with TrainingFolder.open(tmp_path, preset, resume=True) as folder:
        put_back(second, folder.read())
    again += [second.one_update(update / 6)["loss"] for update in range(2, 6)]
    assert again == losses


def test_the_size_in_use_is_the_one_watched(tmp_path, tiny_config):
    model = tiny_config(task="maze", vocab_size=6, sequence_length=49)
    schedule = replace(SCHEDULE, reveal=0.0, smaller_grids=(GridPhase(0.5, 25),))
    data = (Part(12, "easy", {"style": "depth-first"}),)
    train(Preset("maze", model, schedule, 0.03, data, held_out=4, batch=4), tmp_path / "run")
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert {line["grid_cells"] for line in log if "grid_cells" in line} == {25, 49}


def test_a_number_of_updates_is_kept_to(tmp_path, tiny_config):
    """Whatever the machine: the schedules follow the updates then, and a resumed run does those that are left."""
    preset = usual_preset(tiny_config())
    train(preset, tmp_path / "run", updates=5)
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert log[-1]["update"] == 5 and log[-1]["n"] == SCHEDULE.depth[-1].n
    train(preset, tmp_path / "run", updates=8, resume=True)
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert log[-1]["update"] == 8


def test_only_the_first_update_of_a_size_compiles(small_preset, small_puzzles):
    trainer = trainer_of(small_preset, small_puzzles)
    assert not trainer.compiles_at(0.0), "nothing is compiled if it was not asked for"
    trainer.compiled = True
    assert trainer.compiles_at(0.0)
    trainer.one_update(0.0)
    assert not trainer.compiles_at(0.0)


def test_given_cells_count_late_and_little(small_preset, small_puzzles):
    schedule = replace(SCHEDULE, givens=(GivenPhase(0.5, 0.0), GivenPhase(0.8, 0.25)))
    trainer = trainer_of(replace(small_preset, schedule=schedule), small_puzzles)
    for progress, expected in ((0.0, {0.0, 1.0}), (0.5, {0.25, 1.0}), (0.8, {1.0})):
        trainer.one_update(progress)
        weights = trainer.weights_of_cells(trainer.flight)
        given = torch.from_numpy(SMALL.givens(trainer.flight.inputs.numpy().astype(np.uint8)))
        assert set(weights.unique().tolist()) == expected
        assert weights[~given].eq(1).all() and weights[given].eq(min(expected)).all()


def test_snapshots_on_the_way(tmp_path, tiny_config):
    """Kept once each, with the weights of their moment; a finished run that is resumed does not replace them."""
    preset = replace(usual_preset(tiny_config()), snapshots=(0.3, 0.6), minutes=0.04)
    train(preset, tmp_path / "run")
    kept = sorted((tmp_path / "run" / "snapshots").iterdir())
    assert [path.name for path in kept] == ["030-percent.safetensors", "060-percent.safetensors"]
    before = [path.read_bytes() for path in kept]
    train(replace(preset, minutes=0.05), tmp_path / "run", resume=True)
    assert [path.read_bytes() for path in sorted((tmp_path / "run" / "snapshots").iterdir())] == before
    first = load_file(kept[0])
    last = load_file(tmp_path / "run" / "model.safetensors")
    assert first.keys() == last.keys()
    assert any(not torch.equal(first[name], last[name]) for name in first)


def test_gradients_are_clipped(small_preset, small_puzzles):
    trainer = trainer_of(replace(small_preset, clip=1e-3), small_puzzles)
    trainer.one_update(0.0)
    norm = torch.stack([p.grad.norm() for p in trainer.model.parameters() if p.grad is not None]).norm()
    assert norm.item() == pytest.approx(1e-3, rel=1e-2)


def test_a_loss_that_is_no_number_is_said(trainer):
    torch.nn.init.constant_(trainer.model.lm_head.weight, float("nan"))
    with pytest.raises(TrainingError, match="loss is nan"):
        trainer.one_update(0.0)


# what moves with progress


def test_schedules_by_hand():
    assert [SCHEDULE.depth_at(progress, 3) for progress in (0.0, 0.49, 0.5, 1.0, 1.2)] == [
        Depth(1, 1, 3), Depth(1, 1, 3), Depth(2, 2, 3), Depth(2, 2, 3), Depth(2, 2, 3)
    ]  # fmt: skip
    assert [SCHEDULE.reveal_at(progress) for progress in (0.0, 0.25, 0.5, 0.9)] == pytest.approx(
        [0.8, 0.4, 0, 0]
    )
    rates = [
        SCHEDULE.learning_rate_at(*at)
        for at in ((0.0, 0), (0.0, 3), (0.5, 99), (0.75, 99), (1.0, 99), (1.1, 99))
    ]
    assert rates == pytest.approx([5e-3 / 4, 5e-3, 5e-3, 5e-3 * 0.55, 5e-4, 5e-4])
    exponential = replace(SCHEDULE, decay="exponential", decay_to=0.01)
    rates = [exponential.learning_rate_at(progress, 99) for progress in (0.5, 0.75, 1.0)]
    assert rates == pytest.approx([5e-3, 5e-4, 5e-5])


def test_the_average_by_hand():
    model = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(model.weight)
    average = ExponentialAverage(model, decay=0.9, early_decay=0.5, early=1)
    torch.nn.init.ones_(model.weight)
    average.update(model, 0)
    assert average.shadow["weight"].item() == 0.5
    average.update(model, 1)
    assert average.shadow["weight"].item() == pytest.approx(0.55)
    assert model.weight.item() == 1.0


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda preset: preset.name)
def test_presets_end_at_their_own_depth(preset):
    assert preset.schedule.depth_at(1.0, preset.model.N_sup) == preset.model.depth
    assert preset.schedule.reveal_at(1.0) == 0.0
    assert get_preset(preset.name) is preset


def test_an_unknown_preset():
    with pytest.raises(UserError, match=r"'chess'.*sudoku-trm"):
        get_preset("chess")


# puzzles


def test_drawn_puzzles_are_symmetries_with_more_or_fewer_givens(small_puzzles):
    stream, rng = PuzzleStream(SMALL, small_puzzles), np.random.default_rng(0)
    keys = {SMALL.symmetry_key(label) for label in small_puzzles.labels}
    for reveal, most in ((0.0, 10), (1.0, 16)):
        inputs, labels, _ = (part.numpy().astype(np.uint8) for part in stream.draw(64, reveal, rng))
        assert SMALL.is_solved(inputs, labels).all()
        assert {SMALL.symmetry_key(label) for label in labels} <= keys
        givens = SMALL.givens(inputs).sum(-1)
        assert givens.min() >= 6 and givens.max() <= most
    assert givens.max() > 10  # some blanks were filled in
    assert len({label.tobytes() for label in labels}) > len(keys)  # fresh versions


def test_training_puzzles_are_no_twins_of_test_puzzles(tmp_path, tiny_config, monkeypatch):
    """With the first puzzle that the seed would give put into the test set (turned round), another one is made."""
    preset = usual_preset(tiny_config(mixing="mlp", mixing_width=8, heads=0, positions="none"))
    generate_puzzles(preset, tmp_path / "with.npz", print)
    real = {USUAL.symmetry_key(label) for label in load_puzzles("sudoku/test", USUAL).labels}
    with np.load(tmp_path / "with.npz") as arrays:
        labels = arrays["labels"]
        assert len(arrays["inputs"]) == len(labels) == 16
    assert not {USUAL.symmetry_key(label) for label in labels} & real

    twin = labels[:1].reshape(1, 9, 9).transpose(0, 2, 1).reshape(1, 81)  # a transposed Sudoku is one
    tested = PuzzleSet.of("twins", USUAL, twin, twin)
    monkeypatch.setattr("trm.training.data.load_puzzles", lambda *_, **__: tested)
    generate_puzzles(preset, tmp_path / "without.npz", print)
    with np.load(tmp_path / "without.npz") as arrays:
        assert USUAL.symmetry_key(labels[0]) not in {USUAL.symmetry_key(label) for label in arrays["labels"]}


def test_training_on_an_official_folder(tmp_path, tiny_config):
    """Puzzle ids and all: the table has a row for each id that either split has."""
    rng = np.random.default_rng(0)
    for split, ids in (("test", [4, 1]), ("train", [1, 3, 2, 1])):
        inputs, labels = SMALL.generate_many(len(ids), givens=(8, 12), seed=int(rng.integers(99)))
        ids = np.array(ids, np.int32)
        puzzles = PuzzleSet.of("few", SMALL, inputs, labels, puzzle_identifiers=ids)
        write_official(puzzles, tmp_path / "data", SMALL, split=split)
    model = tiny_config(puzzle_ids=1, puzzle_embedding_size=8)
    preset = Preset("official", model, SCHEDULE, minutes=0.01, batch=4, table_rate=0.01, held_out=2)
    train(preset, tmp_path / "run", data=tmp_path / "data")
    trained = load_model(str(tmp_path / "run"), device=CPU)
    assert trained.puzzle_emb.weights.shape == (5, 8)
    assert trained.puzzle_emb.weights.any(1).tolist() == [False, True, True, True, False]
    train(preset, tmp_path / "run", data=tmp_path / "data", minutes=0.02, resume=True)


def test_no_data(tmp_path, small_preset):
    nothing = replace(small_preset, data=())
    with pytest.raises(TrainingError, match=r"official data folder\. Name one with --data"):
        train(nothing, tmp_path / "run")
    with pytest.raises(DataError, match="no puzzle set"):
        train(nothing, tmp_path / "run", data=tmp_path / "nowhere")
    assert not (tmp_path / "run").exists()


# the folder of a run


@pytest.fixture
def run_folder(tmp_path, trainer, small_preset):
    with TrainingFolder.open(tmp_path / "run", small_preset, resume=False) as folder:
        folder.save(trainer)
    return tmp_path / "run"


def test_a_run_is_not_overwritten(run_folder, small_preset):
    before = (run_folder / "model.safetensors").read_bytes()
    with pytest.raises(TrainingError, match=r"already holds a run.*--resume"):
        train(small_preset, run_folder)
    assert (run_folder / "model.safetensors").read_bytes() == before


@pytest.mark.parametrize("changes", [{"batch": 9}, {"seed": 5}, {"ema": 0.5}, {"name": "other"}])
def test_a_run_is_not_resumed_with_other_settings(run_folder, small_preset, changes):
    with pytest.raises(TrainingError, match="other settings"):
        train(replace(small_preset, **changes), run_folder, resume=True)


def test_more_time_is_no_other_setting(run_folder, small_preset):
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
    with pytest.raises(UserError, match="cannot be made a folder"):
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


def test_settings_that_are_gone(run_folder, small_preset):
    (run_folder / "preset.json").unlink()
    with pytest.raises(TrainingError, match=r"preset\.json"):
        train(small_preset, run_folder, resume=True)


def test_generated_puzzles_that_are_damaged(run_folder, small_preset):
    (run_folder / "puzzles-16.npz").write_bytes(b"PK\x03\x04 cut")
    with pytest.raises(DataError, match=r"puzzles-16\.npz is damaged"):
        train(small_preset, run_folder, resume=True)
