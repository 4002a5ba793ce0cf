"""The limits of the options of `trm train`, and what they change of a preset."""

from pathlib import Path

import pytest
from training_runs import usual_preset

from trm.cli import train
from trm.errors import UserError


@pytest.fixture
def started(monkeypatch, tiny_config):
    """Starts a run with options; returns the preset and the length that it would train with."""
    runs = []
    monkeypatch.setattr(train, "get_preset", lambda name: usual_preset(tiny_config()))
    monkeypatch.setattr(train, "train", lambda preset, out, **options: runs.append((preset, options)))

    def start(**options):
        train.run(preset="usual", out=Path("run"), **options)
        return runs[-1]

    return start


def test_options_replace_what_the_preset_says(started):
    preset, options = started(seed=7, snapshots=3, minutes=0.001)
    assert (preset.seed, preset.snapshots) == (7, (0.25, 0.5, 0.75))
    assert (options["minutes"], options["updates"]) == (0.001, None)
    preset, options = started(updates=1)
    assert (preset.seed, preset.snapshots, options["updates"]) == (0, (), 1)


def test_seeds_and_snapshots_may_be_as_large_as_their_limits(started):
    assert [started(seed=seed)[0].seed for seed in (0, 2**63 - 1)] == [0, 2**63 - 1]
    assert [len(started(snapshots=count)[0].snapshots) for count in (0, 50)] == [0, 50]


@pytest.mark.parametrize(
    "option",
    [{"minutes": 0.0}, {"updates": 0}, {"seed": -1}, {"seed": 2**63}, {"snapshots": -1}, {"snapshots": 51}],
)
def test_values_beyond_the_limits_are_refused(started, option):
    ((name, value),) = option.items()
    with pytest.raises(
        UserError, match=rf"^--{name} must be .*, not {value:g}\.$" if value < 2**60 else f"--{name}"
    ):
        started(**option)
