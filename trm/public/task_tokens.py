"""A model of other tokens, or of puzzles on a larger canvas, rewritten as one that reads the task's own puzzles.

nano-trm numbers its tokens otherwise (0 pad, 1 end, 2 blank, 3 and up digits) and lays a Sudoku top left on a canvas; sotaku
has 0 for a blank and no padding. Nothing is computed anew: rows of the embedding and of the output head change places, and
the canvas outside the puzzle becomes part of the prefix, as its tokens are the same in every puzzle. So positions are
the prefix, the rest of the canvas, then the cells. What is read of a checkpoint and `trm forward` keep the file's own form.
"""

from dataclasses import replace
from math import isqrt

import torch
from torch import Tensor

from trm.config import ConfigError, ModelConfig

FIRST_DIGIT = {"nano-trm": 3, "digits": 1}
"""Token of the digit 1; the blank comes right before it. In the task's tokens these are 2 and 1."""


def in_task_tokens(config: ModelConfig, tensors: dict[str, Tensor]) -> tuple[ModelConfig, dict[str, Tensor]]:
    """The configuration and the tensors of the same model, reading and answering puzzles of its task.

    Raises ConfigError when the cells are fewer than the puzzle's or no square canvas.
    """
    if config.tokens == "official":
        return config, tensors
    first = FIRST_DIGIT[config.tokens]
    side = config.vocab_size - first
    tokens = torch.tensor([0, *range(first - 1, config.vocab_size)])  # of the task's pad, blank, digits
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
    """The cells of a canvas that are not the puzzle's, moved to the prefix."""
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
