"""Convert a model with its own tokens, or with a canvas larger than the puzzle, to the tokens and cells of the task.

nano-trm uses other tokens (0 pad, 1 end, 2 blank, digits from 3) and places a Sudoku at the top left of a larger canvas.
sotaku uses token 0 for a blank and has no padding token. The conversion computes no new weights: it selects and reorders
rows of the embedding and the LM head. Canvas cells outside the puzzle hold the same token in every puzzle, so they
become part of the prefix. The positions are then the prefix, the rest of the canvas, and the cells. `read_checkpoint`
and `trm forward` keep the tokens and the canvas of the file.
"""

from dataclasses import replace
from math import isqrt

import torch
from torch import Tensor

from trm.config import ConfigError, ModelConfig

FIRST_DIGIT = {"nano-trm": 3, "digits": 1}
"""Token of the digit 1. The next lower token is the blank. In the task's tokens, the digit 1 is 2 and the blank is 1."""


def in_task_tokens(config: ModelConfig, tensors: dict[str, Tensor]) -> tuple[ModelConfig, dict[str, Tensor]]:
    """Convert a configuration and its tensors to the tokens and cells of the task.

    Raises ConfigError if the model has fewer cells than the puzzle, or if its cells do not form a square canvas.
    """
    if config.tokens == "official":
        return config, tensors
    first = FIRST_DIGIT[config.tokens]
    side = config.vocab_size - first
    tokens = torch.tensor([0, *range(first - 1, config.vocab_size)])  # own pad, blank and digits
    config = replace(config, vocab_size=len(tokens), tokens="official")
    if config.kind == "sotaku":
        encoder = tensors["initial_encoder.weight"][:, tokens]
        return config, tensors | {"initial_encoder.weight": encoder}
    E = tensors["embed_tokens.embedding_weight"]
    tensors = tensors | {
        "embed_tokens.embedding_weight": E[tokens],
        "lm_head.weight": tensors["lm_head.weight"][tokens],
    }
    return _without_canvas(config, tensors, side, pad=E[0])


def _without_canvas(
    config: ModelConfig, tensors: dict[str, Tensor], side: int, pad: Tensor
) -> tuple[ModelConfig, dict[str, Tensor]]:
    """Move the canvas cells outside the puzzle into the prefix. `pad` is the embedding of the pad token."""
    canvas, cells = isqrt(config.sequence_length), side * side
    if canvas**2 != config.sequence_length or canvas < side:
        raise ConfigError(f"a Sudoku of {side}x{side} does not fit on {config.sequence_length} cells")
    if canvas == side:
        return config, tensors
    outside = config.sequence_length - cells
    moved = replace(
        config,
        sequence_length=cells,
        prefix_length=config.prefix_length + outside,
        canvas=canvas,
        puzzle_ids=max(1, config.puzzle_ids),
        puzzle_embedding_size=(config.prefix_length + outside) * config.hidden_size,
    )
    order = torch.tensor(moved.order)
    table = torch.zeros(moved.puzzle_ids, moved.prefix_length, config.hidden_size)
    if config.puzzle_ids:
        table.flatten(1)[:, : config.puzzle_embedding_size] = tensors["puzzle_emb.weights"].float()
    table[:, config.prefix_length :] = pad
    mixed = {
        name: tensor[:, order] if name.endswith("gate_up_proj.weight") else tensor[order]
        for name, tensor in tensors.items()
        if ".mlp_t." in name
    }
    return moved, tensors | mixed | {"puzzle_emb.weights": table.flatten(1)}
