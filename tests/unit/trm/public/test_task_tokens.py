"""A model with other tokens on a canvas gives the same answers after conversion."""

import pytest
import torch

from trm.config import ConfigError
from trm.coordinates import Depth
from trm.models import new_model
from trm.public.task_tokens import in_task_tokens
from trm.recursion import deep_supervision

PUZZLES = torch.tensor([[1, 2, 3, 4] * 4, [5, 1, 1, 2] * 4])  # 4x4, in the task's tokens
MLP = {"mixing": "mlp", "mixing_width": 20, "heads": 0, "positions": "none"}
TABLE = {"prefix_length": 2, "puzzle_ids": 3, "puzzle_embedding_size": 10}


def nano(tiny_config, side, **changes):
    """A 4x4 Sudoku on a canvas: 0 pad, 1 end, 2 blank, 3 to 6 digits."""
    usual = {"prefix_length": 0, "halting_outputs": 1}
    return tiny_config(tokens="nano-trm", vocab_size=7, sequence_length=side**2, **usual | changes)


def both(config, seed=0):
    """The model in its own form and in the task's."""
    own = new_model(config)
    generator = torch.Generator().manual_seed(seed)
    for tensor in own.state_dict().values():
        tensor.normal_(std=0.3, generator=generator)
    changed, tensors = in_task_tokens(config, own.state_dict())
    task = new_model(changed)
    task.load_state_dict(tensors)
    for model in (own, task):  # in float64, as random nets let rounding grow
        model.double().requires_grad_(False).compute_dtype = torch.float64
    return own, task


def on_canvas(puzzles, side):
    canvas = torch.zeros(len(puzzles), side, side, dtype=torch.long)
    canvas[:, :4, :4] = (puzzles + 1).view(-1, 4, 4)
    return canvas.flatten(1)


@pytest.mark.parametrize("side", [4, 5, 6, 9])
@pytest.mark.parametrize(
    "changes",
    [MLP, MLP | TABLE, {}, {"positions": "rope2d"}, {"positions": "rope2d"} | TABLE, {"positions": "none"}],
    ids=["mlp", "mlp and table", "rope", "rope2d", "rope2d and table", "no positions"],
)
def test_a_puzzle_on_a_canvas_is_answered_alike(tiny_config, side, changes):
    own, task = both(nano(tiny_config, side, **changes))
    ids = torch.tensor([0, 2 if "puzzle_ids" in changes else 0])
    assert (task.config.sequence_length, task.config.vocab_size, task.config.grid) == (16, 6, (4, 4))
    assert task.config.puzzle_ids == (3 if "puzzle_ids" in changes else 0 if side == 4 else 1)
    runs = [
        list(deep_supervision(model, tokens, ids, depth=Depth(n=1, T=1, N_sup=2)))
        for model, tokens in ((own, on_canvas(PUZZLES, side)), (task, PUZZLES))
    ]
    for theirs, ours in zip(*runs, strict=True):
        grid = theirs.heads.logits.view(2, side, side, 7)[:, :4, :4].reshape(2, 16, 7)
        assert torch.allclose(ours.heads.logits[..., 1:], grid[..., 2:], atol=1e-4)
        assert torch.allclose(ours.heads.logits[..., 0], grid[..., 0], atol=1e-4)
        assert torch.allclose(ours.heads.q_halt, theirs.heads.q_halt, atol=1e-4)
    last = own.config.prefix_length + side * 3 + 3  # the puzzle's last cell
    assert torch.allclose(runs[1][-1].state.z[:, -1], runs[0][-1].state.z[:, last], atol=1e-4)


def test_sotaku_is_given_the_digits_it_knows(tiny_config):
    config = tiny_config(
        kind="sotaku", tokens="digits", vocab_size=5, latents=0, layers=2, n=1, T=1, prefix_length=0,
        positions="axial", halting_outputs=0,
    )  # fmt: skip
    own, task = both(config)
    ids = torch.zeros(2, dtype=torch.long)
    theirs, ours = (
        list(deep_supervision(model, tokens, ids, depth=config.depth))[-1].heads.logits
        for model, tokens in ((own, PUZZLES - 1), (task, PUZZLES))
    )
    assert ours.shape[-1] == 6 and torch.allclose(ours[..., 2:], theirs[..., 1:], atol=1e-5)


def test_official_tokens_stay(tiny_config):
    config, tensors = tiny_config(), {"lm_head.weight": torch.zeros(6, 8)}
    assert in_task_tokens(config, tensors) == (config, tensors)


def test_a_canvas_that_holds_no_such_puzzle_is_named(tiny_config):
    for cells in (9, 15, 20):
        config = tiny_config(tokens="nano-trm", vocab_size=7, sequence_length=cells)
        tensors = new_model(config).state_dict()
        with pytest.raises(ConfigError, match=f"a Sudoku of 4x4 does not fit on {cells} cells"):
            in_task_tokens(config, tensors)
