"""Floating-point operations in a run, computed from the model's sizes.

Only matrix products are counted. A multiplication and an addition are two operations, so (a x b) times (b x c) takes
2abc. Norms, gates, softmax, and lookups are omitted: at the public sizes, they are less than one percent of the total.
Divide the count by a measured time and compare the rate with the peak rate of the same machine (`bench.matmul`).
"""

from trm.config import ModelConfig
from trm.coordinates import F_H, F_L


def block(config: ModelConfig) -> int:
    """Operations in one block for one puzzle: mixing of P positions, then a SwiGLU at each position."""
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
    return config.layers_per_call[F_L] * block(config)


def f_H_call(config: ModelConfig) -> int:
    """Operations in one f_H call for one puzzle. With a single net, this number equals `f_L_call`."""
    return config.layers_per_call[F_H] * block(config)


def heads(config: ModelConfig) -> int:
    """Operations in the LM head and the halting head for one y: V logits for each cell, and the halting logits."""
    return 2 * config.hidden_size * (config.sequence_length * config.vocab_size + config.halting_outputs)


def cycle(config: ModelConfig) -> int:
    """Operations in one cycle for one puzzle: n f_L calls and one f_H call."""
    return config.n * f_L_call(config) + f_H_call(config)


def supervision_step(config: ModelConfig) -> int:
    """Operations in one supervision step for one puzzle: T cycles, then the heads."""
    return config.T * cycle(config) + heads(config)


def run(config: ModelConfig) -> int:
    """Operations in a full run on one puzzle, with all N_sup supervision steps."""
    return config.N_sup * supervision_step(config)


def _swiglu(dim: int, width: int) -> int:
    """Operations in a SwiGLU for one vector: the gate and up products (dim to width), then the down product."""
    return 3 * 2 * dim * width
