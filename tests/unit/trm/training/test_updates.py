"""Updates: the loss falls, puzzles carry their state, and grids grow during training."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from training_runs import CPU, SCHEDULE, SMALL, trainer_of

from trm.coordinates import Depth
from trm.errors import TrainingError
from trm.models import new_model
from trm.recursion import State, deep_recursion
from trm.tasks import get_task
from trm.training.data import Puzzles, PuzzleStream, generated_puzzles
from trm.training.folder import TrainingFolder, restore
from trm.training.held_out import evaluate_held_out
from trm.training.presets import PuzzleSpec, TrainingPreset
from trm.training.run import train
from trm.training.schedule import GivenPhase, GridPhase, StepsPhase
from trm.training.trainer import Trainer


@pytest.mark.heavy
def test_the_loss_falls(small_preset, small_puzzles):
    trainer = trainer_of(replace(small_preset, batch=16), small_puzzles)
    losses = [trainer.one_update(update / 120)["loss"] for update in range(120)]
    assert losses[0] > math.log(6) / 2  # about a uniform guess over six tokens
    assert np.mean(losses[-10:]) < 0.7 * np.mean(losses[:10])
    assert trainer.update == 120


def test_puzzles_carry_their_state(trainer):
    """Puzzles that have not halted have the state after the deep recursion; replaced puzzles have the initial state."""
    trainer.one_update(0.9)
    for _ in range(4):
        carry, weights = trainer.carry, {k: v.clone() for k, v in trainer.model.state_dict().items()}
        before = State(carry.state.y.clone(), carry.state.z.clone())
        inputs, steps = carry.inputs.clone(), carry.steps.clone()
        trainer.one_update(0.9)
        went_on = carry.steps == steps + 1
        assert torch.equal(went_on, carry.steps > 0)
        with torch.no_grad():
            model = new_model(trainer.preset.model)
            model.compute_dtype = trainer.model.compute_dtype
            model.load_state_dict(weights)
            x = model.embed(inputs, torch.zeros_like(steps))
            after = deep_recursion(model, x, before, depth=Depth(n=2, T=2, N_sup=3))
        assert torch.equal(carry.inputs[went_on], inputs[went_on])
        # With gradients, torch may sum in another order on some processors.
        torch.testing.assert_close(carry.state.y[went_on], after.y[went_on], rtol=0, atol=1e-5)
        torch.testing.assert_close(carry.state.z[went_on], after.z[went_on], rtol=0, atol=1e-5)
        start = model.H_init.to(after.y.dtype).expand_as(after.y)
        assert torch.equal(carry.state.y[~went_on], start[~went_on])
        assert (carry.steps < 3).all()  # N_sup steps, then it leaves


def test_puzzles_leave_after_fewer_steps_at_first(small_preset, small_puzzles):
    """A head that never halts: puzzles leave after the second step at first, and later after the third, the model's own."""
    schedule = replace(small_preset.schedule, fewer_steps=(StepsPhase(0.5, 2),))
    for progress, leaves in ((0.0, [0.0, 1.0, 0.0]), (0.5, [0.0, 0.0, 1.0])):
        trainer = trainer_of(replace(small_preset, schedule=schedule), small_puzzles)
        torch.nn.init.constant_(trainer.model.q_head.bias, -50.0)
        assert [trainer.one_update(progress)["halted"] for _ in range(3)] == leaves


def test_the_halting_logit_replaces_puzzles_but_not_too_early(small_preset, small_puzzles):
    """A head that always halts: without exploration no puzzle continues, with it all puzzles do at first."""
    for explore, landed in ((0.0, 1.0), (1.0, 0.0)):
        trainer = trainer_of(replace(small_preset, explore=explore), small_puzzles)
        torch.nn.init.constant_(trainer.model.q_head.bias, 50.0)
        assert trainer.one_update(0.0)["halted"] == landed


def test_least_steps(small_preset, small_puzzles):
    never, always = (
        trainer_of(replace(small_preset, explore=replica), small_puzzles).feed.draw_least_steps(500)
        for replica in (0.0, 1.0)
    )
    assert (never == 1).all()
    assert sorted(set(always.tolist())) == [2, 3]  # up to N_sup
    single = replace(small_preset, explore=1.0, model=small_preset.model.with_depth(N_sup=1))
    assert set(trainer_of(single, small_puzzles).feed.draw_least_steps(50).tolist()) == {1}


def test_small_grids_are_trained_first(tmp_path, tiny_config):
    """5x5 mazes for the first half, then 7x7 with a fresh flight; stopped and resumed in between, nothing differs.

    The last of 25 cells lies at 1 + 4 * 7 + 4, behind the prefix and in rows of 7.
    """
    attention = {"mixing": "attention", "mixing_width": 0, "heads": 2, "positions": "rope"}
    model = tiny_config(task="maze", vocab_size=6, sequence_length=49, **attention)
    schedule = replace(
        SCHEDULE, reveal=0.0, smaller_grids=(GridPhase(0.5, 25),), givens=(GivenPhase(1.0, 0.1),)
    )
    data = (PuzzleSpec(12, "easy", {"style": "depth-first"}),)
    preset = TrainingPreset("maze", model, schedule, minutes=1.0, data=data, held_out=4, batch=4)
    streams = [generated_puzzles(preset, cells, tmp_path, print)[0] for cells in (25, 49)]

    unbroken = Trainer(preset, streams, CPU)
    losses, sizes = [], []
    for update in range(6):
        losses.append(unbroken.one_update(update / 6)["loss"])
        sizes.append(unbroken.carry.inputs.shape[1])
        places = [
            trained.L_level.layers[0].self_attn.rotary_positions
            for trained in (unbroken.model, unbroken.averaged_model(sizes[-1]))
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
        restore(second, folder.read())
    again += [second.one_update(update / 6)["loss"] for update in range(2, 6)]
    assert again == losses


def test_evaluation_uses_the_size_in_use(tmp_path, tiny_config):
    model = tiny_config(task="maze", vocab_size=6, sequence_length=49)
    schedule = replace(SCHEDULE, reveal=0.0, smaller_grids=(GridPhase(0.5, 25),))
    data = (PuzzleSpec(12, "easy", {"style": "depth-first"}),)
    preset = TrainingPreset("maze", model, schedule, 1.0, data, held_out=4, batch=4)
    train(preset, tmp_path / "run", updates=12)
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert {line["grid_cells"] for line in log if "grid_cells" in line} == {25, 49}


def test_an_evaluation_between_two_sizes_uses_the_new_one(tmp_path, tiny_config):
    """After the last update on small grids and before the first on large grids."""
    model = tiny_config(task="maze", vocab_size=6, sequence_length=49)
    schedule = replace(SCHEDULE, reveal=0.0, smaller_grids=(GridPhase(0.5, 25),))
    preset = TrainingPreset("maze", model, schedule, 1.0, (), batch=4)
    tasks = {cells: get_task("maze", cells) for cells in (25, 49)}
    held_out = {cells: Puzzles(*task.generate_many(4)) for cells, task in tasks.items()}
    trainer = Trainer(preset, [PuzzleStream(tasks[cells], held_out[cells]) for cells in tasks], CPU)
    trainer.one_update(0.49)
    trainer.seconds = 0.51 * 60
    with TrainingFolder.open(tmp_path, preset, resume=False) as folder:
        evaluate_held_out(trainer, held_out, folder, lambda text: None, update_seconds=0.01)
    line = json.loads((tmp_path / "log.jsonl").read_text())
    assert line["grid_cells"] == 49


def test_only_the_first_update_of_a_size_compiles(trainer):
    assert not trainer.compiles_at(0.0), "nothing is compiled unless it is requested"
    trainer.compiled = True
    assert trainer.compiles_at(0.0)
    trainer.one_update(0.0)
    assert not trainer.compiles_at(0.0)


def test_given_cells_have_late_and_small_weights(small_preset, small_puzzles):
    schedule = replace(SCHEDULE, givens=(GivenPhase(0.5, 0.0), GivenPhase(0.8, 0.25)))
    trainer = trainer_of(replace(small_preset, schedule=schedule), small_puzzles)
    for progress, expected in ((0.0, {0.0, 1.0}), (0.5, {0.25, 1.0}), (0.8, {1.0})):
        trainer.one_update(progress)
        weights = trainer.weights_of_cells(trainer.carry)
        given = torch.from_numpy(SMALL.givens(trainer.carry.inputs.numpy().astype(np.uint8)))
        assert set(weights.unique().tolist()) == expected
        assert weights[~given].eq(1).all() and weights[given].eq(min(expected)).all()


def test_gradients_are_clipped(small_preset, small_puzzles):
    trainer = trainer_of(replace(small_preset, clip=1e-3), small_puzzles)
    trainer.one_update(0.0)
    norm = torch.stack([p.grad.norm() for p in trainer.model.parameters() if p.grad is not None]).norm()
    assert norm.item() == pytest.approx(1e-3, rel=1e-2)


def test_a_loss_that_is_not_finite_is_reported(trainer):
    torch.nn.init.constant_(trainer.model.lm_head.weight, float("nan"))
    with pytest.raises(TrainingError, match="loss is nan"):
        trainer.one_update(0.0)
