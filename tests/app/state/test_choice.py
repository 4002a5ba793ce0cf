"""A choice of model, depth and puzzle: what it changes of the model, and the options of its command."""

import numpy as np
import pytest

from app.server.models import ModelSource
from app.state.choice import Choice
from trm.coordinates import Depth
from trm.terminal import as_command

SOURCE = ModelSource("mine", "runs/mine", "file")
FORCED = ModelSource("mine", "runs/mine", "file", heads=4)
PUZZLE = "12" + "." * 14


@pytest.mark.parametrize(
    "source, depth, puzzle_id, command, as_trained",
    [
        (SOURCE, (2, 2, 3), 0, "", True),
        (SOURCE, (4, 2, 5), 0, " --n 4 --N_sup 5", False),
        (SOURCE, (2, 1, 3), 0, " --T 1", False),
        (FORCED, (2, 2, 3), 0, " --heads 4", False),
        (SOURCE, (2, 2, 3), 7, " --puzzle-id 7", False),
    ],
)
def test_a_command_has_options_for_what_differs_from_the_model(
    tiny_config, source, depth, puzzle_id, command, as_trained
):
    choice = Choice(source, tiny_config(), Depth(*depth), PUZZLE, "a title", "", puzzle_id)
    assert (
        as_command("solve", choice.command_options) == f"solve --model runs/mine --puzzle {PUZZLE}{command}"
    )
    assert choice.is_as_trained == as_trained
    assert choice.label_tokens is None


def test_the_tokens_of_a_published_answer_are_read_back(tiny_config):
    labels = np.arange(16, dtype=np.uint8)
    choice = Choice(SOURCE, tiny_config(), Depth(2, 2, 3), PUZZLE, "", "", labels=labels.tobytes())
    assert np.array_equal(choice.label_tokens, labels)
