"""Training schedules by hand, and the schedules of the presets."""

from dataclasses import replace

import pytest
import torch
from training_runs import SCHEDULE

from trm.coordinates import Depth
from trm.errors import UserError
from trm.training.presets import PRESETS, get_preset
from trm.training.schedule import ExponentialAverage


def test_schedules_by_hand():
    assert [SCHEDULE.depth_at(progress, 3) for progress in (0.0, 0.49, 0.5, 1.0, 1.2)] == [
        Depth(1, 1, 3), Depth(1, 1, 3), Depth(2, 2, 3), Depth(2, 2, 3), Depth(2, 2, 3)
    ]  # fmt: skip
    assert [SCHEDULE.reveal_at(progress) for progress in (0.0, 0.25, 0.5, 0.9)] == pytest.approx(
        [0.8, 0.4, 0, 0]
    )
    rates = [
        SCHEDULE.learning_rate_at(*at)
        for at in ((0.0, 0), (0.0, 3), (0.5, 99), (0.75, 99), (1.0, 99), (1.1, 99))
    ]
    assert rates == pytest.approx([5e-3 / 4, 5e-3, 5e-3, 5e-3 * 0.55, 5e-4, 5e-4])
    exponential = replace(SCHEDULE, decay="exponential", decay_to=0.01)
    rates = [exponential.learning_rate_at(progress, 99) for progress in (0.5, 0.75, 1.0)]
    assert rates == pytest.approx([5e-3, 5e-4, 5e-5])


def test_the_average_by_hand():
    model = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(model.weight)
    average = ExponentialAverage(model, decay=0.9, early_decay=0.5, early=1)
    torch.nn.init.ones_(model.weight)
    average.update(model, 0)
    assert average.shadow["weight"].item() == 0.5
    average.update(model, 1)
    assert average.shadow["weight"].item() == pytest.approx(0.55)
    assert model.weight.item() == 1.0


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda preset: preset.name)
def test_presets_end_with_the_depth_of_their_model(preset):
    assert preset.schedule.depth_at(1.0, preset.model.N_sup) == preset.model.depth
    assert preset.schedule.reveal_at(1.0) == 0.0
    assert get_preset(preset.name) is preset


def test_an_unknown_preset():
    with pytest.raises(UserError, match=r"'chess'.*sudoku-trm"):
        get_preset("chess")
