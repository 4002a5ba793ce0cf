"""Which file of a folder or repository holds the weights."""

import pytest

from trm.errors import CheckpointError
from trm.public.weights import RunStep, candidates, choose_weights


def chosen(*names: str) -> str:
    return choose_weights(names, "here", lambda name: f"<{name}>")


@pytest.mark.parametrize(
    "names, meant",
    [
        (["step_9", "step_1000", "step_200"], "step_1000"),
        (["step_1000", "step_1000_ema"], "step_1000_ema"),
        (["step_1000_ema", "step_2000"], "step_2000"),
        (["step_5.pt", "step_10.pt"], "step_10.pt"),
        (["step_5", "step_5_all_preds.0", "step_5_all_preds"], "step_5"),
        (["maze_hard_step_32550", "README.md"], "maze_hard_step_32550"),
        (["step_32550_sudoku_epoch50k", "README.md"], "step_32550_sudoku_epoch50k"),
        (["model.safetensors", "pytorch_model.bin", "step_5"], "model.safetensors"),
        (["checkpoint", "all_config.yaml"], "checkpoint"),
        (["model.pt", "pytorch_model.bin", "checkpoint"], "checkpoint"),
        (["best.ckpt", "notes.txt"], "best.ckpt"),
        (["run/step_5", "run/all_config.yaml", "notes.txt"], "run/step_5"),
        (["step_5", "run/step_9"], "step_5"),
        (["epoch_9.ckpt", "epoch_10.ckpt", "last.ckpt"], "epoch_10.ckpt"),
        (["epoch=9-step=300.ckpt", "epoch=3-step=1200.ckpt"], "epoch=3-step=1200.ckpt"),
        (["epoch=2-val_loss=0.25.ckpt", "epoch=11-val_loss=0.5.ckpt"], "epoch=11-val_loss=0.5.ckpt"),
    ],
)
def test_the_only_candidate_is_chosen(names, meant):
    assert chosen(*names) == meant and chosen(*reversed(names)) == meant


@pytest.mark.parametrize(
    "names, listed",
    [
        (["step_1_mlp", "step_2_attn_type"], "<step_2_attn_type>, <step_1_mlp>"),
        (["a/step_1", "b/step_1"], "<a/step_1>, <b/step_1>"),
        (["one.pt", "two.pt"], "<one.pt>, <two.pt>"),
        (["a_epoch_1.pt", "b_epoch_2.pt"], "<a_epoch_1.pt>, <b_epoch_2.pt>"),
        ([f"{letter}.pt" for letter in "abcdefgh"], "<f.pt> and 2 more"),
    ],
)
def test_several_candidates_are_listed(names, listed):
    with pytest.raises(CheckpointError, match="several models") as error:
        chosen(*names)
    assert listed in str(error.value)


@pytest.mark.parametrize("names", [[], ["trm.py", "README.md"], ["step_x", "step_5_all_preds.0"]])
def test_none(names):
    with pytest.raises(CheckpointError, match="here contains no model"):
        chosen(*names)
    assert candidates(names) == []


@pytest.mark.parametrize(
    "name, unit, number",
    [("epoch_3.ckpt", "epoch", 3), ("epoch=3-step=1200.ckpt", "step", 1200), ("run_step_7", "step", 7)],
)
def test_the_number_of_a_file_counts_steps_or_epochs(name, unit, number):
    step = RunStep.of(name)
    assert (step.unit, step.run[-1], step.number) == (unit, unit, number)
