"""Convert a model with its own tokens, or with a canvas larger than the puzzle, to a model that takes the task's puzzles.

nano-trm numbers its tokens differently (0 pad, 1 end, 2 blank, digits from 3) and places a Sudoku at the top left of a
canvas; sotaku uses 0 for a blank and has no padding. No weight is recomputed: rows of the embedding and of the output
head are reordered, and the canvas outside the puzzle becomes part of the prefix, because its tokens are the same in
every puzzle. The order of positions is then the prefix, the rest of the canvas, and the cells. `read_checkpoint` and
`trm forward` keep the tokens and canvas of the file.
"""

from dataclasses import replace
from math import isqrt

import torch
from torch import Tensor

from trm.config import ConfigError, ModelConfig

FIRST_DIGIT = {"nano-trm": 3, "digits": 1}
"""Token of the digit 1; the token before it is the blank. In the task's tokens, these are 2 and 1."""


def in_task_tokens(config: ModelConfig, tensors: dict[str, Tensor]) -> tuple[ModelConfig, dict[str, Tensor]]:
    """The configuration and tensors of the same model with the tokens and cells of its task.

    Raises ConfigError if the file has fewer cells than the puzzle, or its cells do not form a square canvas.
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
    """Move the canvas cells outside the puzzle to the prefix."""
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
