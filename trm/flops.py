"""Floating-point operations of a run, computed from the sizes of a model.

Only matrix products are counted, with a multiplication and an addition as two operations: (a x b) times (b x c) takes
2abc. Norms, gates, softmax and look-ups are omitted; at the public sizes they are under one per cent. This count divided
by a measured time is a rate to compare with that of a large matrix product on the same machine.
"""

from trm.config import ModelConfig


def block(config: ModelConfig) -> int:
    """Operations of one block on one puzzle: mixing P positions, then the SwiGLU at each position."""
    P, D = config.length, config.hidden_size
    if config.mixing == "attention":
        projections = 2 * P * D * 4 * D  # query, key, value and output
        attention = 2 * 2 * P * P * D  # scores, and the mean they weight
        mixing = projections + attention
    else:
        mixing = D * _swiglu(P, config.mixing_width)
    return mixing + P * _swiglu(D, config.mlp_width)


def f_L_call(config: ModelConfig) -> int:
    """Operations of one call of f_L on one puzzle."""
    return config.layers * block(config)


def f_H_call(config: ModelConfig) -> int:
    """Operations of one call of f_H on one puzzle. With a single net they are those of f_L."""
    return (config.H_layers or config.layers) * block(config)


def heads(config: ModelConfig) -> int:
    """Operations of the heads on one y: V logits for each cell, and two for halting."""
    return 2 * config.hidden_size * (config.sequence_length * config.vocab_size + 2)


def supervision_step(config: ModelConfig) -> int:
    """Operations of one supervision step on one puzzle: T x (n calls of f_L and one of f_H), then the heads."""
    return config.T * (config.n * f_L_call(config) + f_H_call(config)) + heads(config)


def run(config: ModelConfig) -> int:
    """Operations of a full run on one puzzle, all N_sup supervision steps."""
    return config.N_sup * supervision_step(config)


def _swiglu(dim: int, width: int) -> int:
    """Operations of a SwiGLU on one vector: gate and up (dim to width, twice), then down."""
    return 3 * 2 * dim * width
