"""Operations computed from the configuration, compared with numbers worked out by hand and with torch's own counter."""

from dataclasses import replace

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from trm.config import ModelConfig
from trm.coordinates import F_H, F_L
from trm.inspection import flops
from trm.models import new_model

SIZES = {
    "task": "sudoku",
    "vocab_size": 6,
    "sequence_length": 16,
    "hidden_size": 8,
    "layers": 2,
    "mlp_width": 12,
    "prefix_length": 1,
    "puzzle_ids": 0,
    "puzzle_embedding_size": 0,
    "n": 2,
    "T": 3,
    "N_sup": 4,
}
MLP = ModelConfig(**SIZES, mixing="mlp", mixing_width=20, heads=0, positions="none")
ATTENTION = ModelConfig(**SIZES, mixing="attention", mixing_width=0, heads=2, positions="rope")


def test_mlp_mixing_by_hand():
    # A block, P = 17, D = 8. Over positions, for 8 channels: 17 x 40 and 20 x 17 weights, 2 operations each: 8 * 2 * 1020.
    # Over channels, for 17 positions: 8 x 24 and 12 x 8 weights: 17 * 2 * 288.
    assert flops.f_L_call(MLP) == 2 * (16_320 + 9_792)


def test_attention_by_hand():
    # A block: qkv 8 x 24 and output 8 x 8 weights for 17 positions: 17 * 2 * 256. Scores and weighted mean: 2 * 2 * 17 * 17 * 8.
    assert flops.f_L_call(ATTENTION) == 2 * (8_704 + 9_248 + 9_792)


def test_a_run_is_the_sum_of_its_calls_and_heads():
    heads = 2 * 8 * (16 * 6 + 2)
    assert flops.supervision_step(MLP) == 9 * 52_224 + heads
    assert flops.run(MLP) == 4 * (9 * 52_224 + heads)


def test_a_halting_head_has_as_many_logits_as_the_model():
    assert flops.heads(replace(MLP, halting_outputs=1)) == 2 * 8 * (16 * 6 + 1)
    assert flops.heads(replace(MLP, halting_outputs=0, halting="never")) == 2 * 8 * 16 * 6


def test_a_call_of_sotaku_is_one_layer():
    sizes = {"kind": "sotaku", "latents": 0, "halting_outputs": 0, "halting": "never"}
    config = replace(MLP, layers=3, **sizes)
    assert flops.f_L_call(config) == flops.f_H_call(config) == 16_320 + 9_792
    assert config.layers_per_call == {F_L: 1, F_H: 1} and config.effective_depth == 4 * 3 * 3


@pytest.mark.parametrize("config", [MLP, ATTENTION], ids=["mlp", "attention"])
def test_torch_counts_the_same(config):
    model = new_model(config)
    state = torch.ones(1, config.length, config.hidden_size)
    # written out as products: the counter does not know the fused attention of CPUs
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model.L_level(state)
    assert counter.get_total_flops() == flops.f_L_call(config)


def test_the_public_full_size_model():
    """TRM for Sudoku as published: 0.41 TFLOP for one puzzle through 16 steps."""
    sizes = SIZES | {
        "vocab_size": 11,
        "sequence_length": 81,
        "hidden_size": 512,
        "mlp_width": 1536,
        "prefix_length": 16,
        "n": 6,
        "N_sup": 16,
    }
    config = ModelConfig(**sizes, mixing="mlp", mixing_width=512, heads=0, positions="none")
    assert flops.run(config) / 1e12 == pytest.approx(0.41, abs=0.005)
