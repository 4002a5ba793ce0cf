"""What the sidebar says about a model: its self-check, and the numbers of heads that fit its weights."""

import pytest

from app.sidebar.model_controls import possible_heads
from app.sidebar.model_facts import check_sentence

CHECK = {"blank_cell": 0.625, "loss": 0.1234}


@pytest.mark.parametrize(
    "puzzles, exact, says",
    [
        (1, 1.0, "1 puzzle, 1 solved exactly"),
        (3, 2 / 3, "3 puzzles, 2 solved exactly"),
        (8, 0.0, "8 puzzles, 0 solved exactly"),
    ],
)
def test_a_self_check_tells_how_many_puzzles_are_solved(puzzles, exact, says):
    found = check_sentence(CHECK | {"puzzles": puzzles, "exact": exact})
    assert found == f"{says}; 62% of blank cells are correct, and the loss is 0.123 nats."
    assert check_sentence({"note": "no puzzles of this size"}) == "no puzzles of this size"


def test_the_heads_divide_the_channels(tiny_config):
    assert possible_heads(tiny_config(hidden_size=12, heads=2, positions="none")) == [1, 2, 3, 4, 6, 12]
    assert possible_heads(tiny_config(mixing="mlp", mixing_width=20, heads=0, positions="none")) == []
