"""Settings and commands of sweeps, what a sweep adds to its result, and the recording of all of them."""

import numpy as np
import pytest
import torch
from small_runs import SMALL

from probes.interventions import record
from probes.interventions.recorded import SweepResult, recorded
from probes.interventions.sites import InterventionError
from probes.interventions.sweep_results import (
    ABLATION,
    SWEEPS,
    SweepSettings,
    command_for,
    run_sweep,
    settings_for,
)
from trm.progress import no_progress


def test_a_hundred_sizes_are_allowed():
    assert SweepSettings(sizes=",".join(["1"] * 100)).noise_sizes == [1.0] * 100
    assert SweepSettings(sizes="0,1000000").noise_sizes == [0, 1e6]
    for wrong in (",".join(["1"] * 101), "-0.1", "1000001", "nan", "1,,2"):
        with pytest.raises(InterventionError, match="Sizes must be comma-separated"):
            SweepSettings(sizes=wrong)
    with pytest.raises(InterventionError, match=f"not '{'x' * 40}'"):
        SweepSettings(sizes="x" * 50)


def test_a_removal_is_at_step_four_and_all_else_at_step_one_unless_a_step_is_given():
    assert [settings_for(what).step for what in SWEEPS] == [1, 4, 1, 1, 1]
    assert settings_for(ABLATION, SweepSettings(step=2)).step == 2


@pytest.mark.parametrize(
    "what, settings, command",
    [
        ("noise", SweepSettings(step=1), "python -m probes sweep noise --model m"),
        ("noise", SweepSettings(state="y", seed=3), "python -m probes sweep noise --model m --state y --seed 3"),
        (ABLATION, SweepSettings(step=4, state="y"), "python -m probes sweep removal --model m"),
        (ABLATION, SweepSettings(step=2, how="initial"), "python -m probes sweep removal --model m --step 2 --how initial"),
        ("seeds", SweepSettings(runs=4, step=3), "python -m probes sweep seeds --model m --runs 4"),
    ],
)  # fmt: skip
def test_a_command_names_the_settings_of_its_sweep_that_are_not_the_default(what, settings, command):
    assert command_for(what, {"model": "m"}, settings) == command


@pytest.mark.parametrize("mixing", ["mlp", "attention"])
def test_peers_are_measured_in_the_dtype_of_the_model_and_on_its_mixing_weights(
    tiny_model, model, puzzles, monkeypatch, mixing
):
    monkeypatch.setattr("probes.interventions.batched.training_dtype", lambda device: torch.bfloat16)
    own = model if mixing == "mlp" else tiny_model()
    found = run_sweep(
        "peers", own, SMALL, puzzles.take(np.array([0])), SweepSettings(step=1, seed=2), no_progress
    )
    assert found.provenance.dtype == "float32" and found.settings == {"step": 1, "seed": 2}
    assert ("weights" in found.effects) == (mixing == "mlp")
    assert found.table["effect"] == [found.effects["peers"], found.effects["others"]]
    bands = found.effects["bands"]
    assert found.table["low"] == [bands["peers"][0], bands["others"][0]]
    assert found.table["high"] == [bands["peers"][1], bands["others"][1]]


@pytest.fixture
def recording(model, puzzles, monkeypatch):
    """Records with stand-ins that take no time. Returns what was written, and the progress."""

    def run(*arguments, **options):
        progress = options["progress"] if "progress" in options else arguments[5]
        progress(0.0, "")
        progress(1.0, "")

    for name, stand_in in {
        "run_experiments": run,
        "run_sweep": run,
        "record": lambda name, result: name,
        "record_pair": lambda model, task: "pair",
        "bundled_test_set": lambda task: "set",
        "load_puzzles": lambda data, task: puzzles,
    }.items():
        monkeypatch.setattr(record, name, stand_in)

    def start(only: str | None = None):
        shares: list[float] = []
        written = record.record_all(
            model, SMALL, only=only, progress=lambda share, text: shares.append(share)
        )
        return list(written), shares

    return start


def test_all_is_recorded_and_takes_its_share_of_the_time(recording):
    """Of 19: experiments 4, noise 4, removal 2, seeds 2, peers 1, and multiple runs 3 for each of two sources."""
    written, shares = recording()
    assert written == [
        "pair", "experiments", "noise", "removal", "seeds", "peers", "rollouts-noise", "rollouts-symmetry",
    ]  # fmt: skip
    assert shares == pytest.approx([n / 19 for n in (0, 4, 4, 8, 8, 10, 10, 12, 12, 13, 13, 16, 16, 19)])


@pytest.mark.parametrize("only", ["pair", "noise", "experiments"])
def test_one_result_can_be_recorded_alone(recording, only):
    assert recording(only) == ([only], [] if only == "pair" else [0, 1])
    with pytest.raises(InterventionError, match="'everything' cannot be recorded"):
        recording("everything")


def test_a_result_that_was_not_recorded_is_none():
    assert recorded("sudoku-trm", "nothing") is None and recorded("nowhere", "noise") is None
    assert isinstance(recorded("sudoku-trm", "noise"), SweepResult)
