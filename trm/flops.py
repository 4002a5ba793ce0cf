"""Floating-point operations in a run, computed from the model's sizes.

Only matrix products are counted, with a multiplication and an addition as two operations: (a x b) times (b x c) takes
2abc. Norms, gates, softmax, and lookups are omitted; at the public sizes they are under one percent. Divide the count
by a measured time and compare the rate with that of a large matrix product on the same machine.
"""

from trm.config import ModelConfig


def block(config: ModelConfig) -> int:
    """Operations in one block for one puzzle: mixing P positions, then the SwiGLU at each position."""
    P, D = config.length, config.hidden_size
    if config.mixing == "attention":
        projections = 2 * P * D * 4 * D  # query, key, value, and output
        attention = 2 * 2 * P * P * D  # scores and weighted sum
        mixing = projections + attention
    else:
        mixing = D * _swiglu(P, config.mixing_width)
    return mixing + P * _swiglu(D, config.mlp_width)


def f_L_call(config: ModelConfig) -> int:
    """Operations in one f_L call for one puzzle."""
    return config.layers * block(config)


def f_H_call(config: ModelConfig) -> int:
    """Operations in one f_H call for one puzzle. With a single net, the same as for f_L."""
    return (config.H_layers or config.layers) * block(config)


def heads(config: ModelConfig) -> int:
    """Operations in the heads for one y: V logits for each cell, and two for halting."""
    return 2 * config.hidden_size * (config.sequence_length * config.vocab_size + 2)


def supervision_step(config: ModelConfig) -> int:
    """Operations in one supervision step for one puzzle: T x (n f_L calls and one f_H call), then the heads."""
    return config.T * (config.n * f_L_call(config) + f_H_call(config)) + heads(config)


def run(config: ModelConfig) -> int:
    """Operations in a full run on one puzzle, with all N_sup supervision steps."""
    return config.N_sup * supervision_step(config)


def _swiglu(dim: int, width: int) -> int:
    """Operations in a SwiGLU for one vector: gate and up (dim to width, twice), then down."""
    return 3 * 2 * dim * width
