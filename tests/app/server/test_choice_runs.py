"""How large a run may be."""

import pytest

from app.server import choice_runs
from trm.coordinates import Depth
from trm.errors import PuzzleError

DEPTH = Depth(n=2, T=2, N_sup=3)  # 18 calls, 6 of them f_H
CELLS, VOCAB = 16, 6


@pytest.mark.parametrize(
    "limit, size",
    [
        ("MAX_TRACE", CELLS * (2 * 18 + 6 * (VOCAB + 1))),  # two bytes a cell for a call, one more for each token after f_H
        ("LARGEST_STATES", 6 * 17 * 8 * 4 * 3),  # of one step: 6 calls, 16 cells and a prefix, D = 8, float32, x, y and z
    ],
)  # fmt: skip
def test_a_run_may_be_as_large_as_the_limit(tiny_config, monkeypatch, limit, size):
    config = tiny_config(hidden_size=8)
    assert (config.sequence_length, config.length, config.vocab_size) == (CELLS, CELLS + 1, VOCAB)
    monkeypatch.setattr(choice_runs, limit, size)
    choice_runs.check_depth(config, DEPTH)
    monkeypatch.setattr(choice_runs, limit, size - 1)
    with pytest.raises(PuzzleError, match="which is too large"):
        choice_runs.check_depth(config, DEPTH)
