"""Steering: recorded probes as directions, a share of the way to another state, and all calls from one onwards."""

from unittest.mock import Mock

import numpy as np
import pytest
import torch

from probes.interventions.fork import CachedRun, cache_run
from probes.interventions.sites import InterventionError, Site
from probes.interventions.spec import Intervention, parse_all
from probes.interventions.steering import direction_of, token_of
from probes.linear.directions import direction_of as direction_of_probe
from probes.linear.experiment.files import RECORDED
from probes.linear.files import open_probe
from trm.coordinates import Depth
from trm.model import Model
from trm.tasks import get_task
from trm.tasks.sudoku import Sudoku

SMALL = Sudoku(2, 2)
PUZZLE, OTHER = "12..34....21..43", "1.....2..3.....4"
DEPTH = Depth(n=2, T=2, N_sup=3)


@pytest.fixture
def run(tiny_model) -> CachedRun:
    model = tiny_model(mixing="mlp", mixing_width=20, heads=0, positions="none")
    return cache_run(model, SMALL, SMALL.parse(PUZZLE), depth=DEPTH)


def states_of(run: CachedRun, text: str) -> dict:
    """The states that the hooks of an intervention return after every call of the clean run."""
    hooks = run.hooks(parse_all(text))
    return {at: hooks.after_call(at, state) for at, state in run.states.items()}


def changed(run: CachedRun, text: str, name: str) -> list[str]:
    """The calls after which a state differs from that of the clean run."""
    after = states_of(run, text)
    return [
        f"{at.supervision_step}.{at.cycle}.{at.call}"
        for at, state in run.states.items()
        if not torch.equal(getattr(after[at], name), getattr(state, name))
    ]


@pytest.mark.parametrize(
    "text",
    [
        "noise z after 2.1.3+ in r1c1 size 0.5 seed 3",
        "patch z after 2-.1.3 size 0.5 from same of 12..34....21..43",
        "steer y after 2.1.3 in r5c5 along recorded:solution:4:5 size -0.5",
    ],
)
def test_text_and_back(text):
    assert str(Intervention.parse(text)) == text


def test_a_site_with_a_plus_is_a_call_and_every_later_one(run):
    later = [f"{at.supervision_step}.{at.cycle}.{at.call}" for at in Site.parse("2.2.2+").within(DEPTH)]
    assert later == ["2.2.2", "2.2.3", "3.1.1", "3.1.2", "3.1.3", "3.2.1", "3.2.2", "3.2.3"]
    assert changed(run, "noise z after 2.2.2+", "z") == later
    assert len({Site.parse("2.2.2"), Site.parse("2.2.2+"), Site.parse("2-.2-.2-")}) == 3
    for text in ("2.2+", "2-.1.1+", "+", "0.1.1+"):
        with pytest.raises(InterventionError, match="is not a call"):
            Site.parse(text)


def test_a_patch_with_a_size_goes_a_share_of_the_way(run):
    at = Site.parse("2.1.2").first(DEPTH)
    here, there = run.state_after(at).z, run.state_after(at, OTHER).z
    text = f"patch z after 2.1.2 from same of {OTHER}"
    assert torch.equal(states_of(run, text)[at].z, there)
    assert torch.equal(states_of(run, f"{text} size 0")[at].z, here)
    half = states_of(run, f"{text} size 0.5")[at].z
    assert half.numpy() == pytest.approx(((here + there) / 2).numpy(), abs=1e-6)
    one = states_of(run, text.replace("from", "in r1c1 from"))[at].z
    assert torch.equal(one[:, 1], there[:, 1]) and torch.equal(one[:, 2:], here[:, 2:])


def test_a_patch_from_the_same_call_reads_each_call_of_the_other_run(run):
    after = states_of(run, f"patch y after 3.1.3+ from same of {OTHER}")
    for at in Site.parse("3.1.3+").within(DEPTH):
        assert torch.equal(after[at].y, run.state_after(at, OTHER).y)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("patch z after 2.1.1 from same of 12", "16"),
        (f"patch z after 2.1.1 from same of {OTHER}; depth from 2 n 3", "has no same call"),
        (f"set z after 2.1.1 to {'1,' * 50}1", f"^set z after 2.1.1 to {'1,' * 29}1: give one number"),
        ("steer z after 1 along recorded:solution:4:5", "No probes were recorded"),
    ],
)
def test_what_does_not_fit_the_run_is_refused(run, text, message):
    with pytest.raises(Exception, match=message):
        run.hooks(parse_all(text))


def test_a_cached_run_keeps_few_runs_on_other_puzzles(run):
    at = Site.parse("1.1.1").first(DEPTH)
    for first in "1234":
        run.state_after(at, first + "." * 15)
    assert list(run._other_runs) == ["3" + "." * 15, "4" + "." * 15]


# ---- recorded probes


@pytest.fixture
def trm():
    probe = open_probe(RECORDED / "sudoku-trm" / "solution.z.safetensors")
    model = Mock(spec=Model, device="cpu", fingerprint=probe.provenance.fingerprint)
    model.name = "sudoku-trm"
    return model


def test_a_recorded_probe_is_a_direction(trm):
    probe = open_probe(RECORDED / "sudoku-trm" / "solution.z.safetensors")
    last = probe.time_points[-1].supervision_step
    found = direction_of(f"recorded:solution:{last}:5", trm, get_task("sudoku"), state="z", what="")
    assert np.array_equal(found.numpy(), direction_of_probe(probe, len(probe.time_points) - 1, "5"))


@pytest.mark.parametrize(
    ("text", "state", "message"),
    [
        (
            "recorded:soluble:4:5",
            "z",
            "No probe of z was recorded for 'soluble'. Choose one of: answer_now, ",
        ),
        ("recorded:../sudoku-hrm/solution:4:5", "z", "No probe of z"),
        (f"recorded:{'s' * 50}:4:5", "z", f"for '{'s' * 40}'"),
        ("recorded:solution:4:5", "yz", "Choose one of: y, z"),
        ("recorded:solution:99:5", "z", "fitted after the steps 1, "),
        ("recorded:solution:1:12", "z", "has no class '12'"),
        ("recorded:solution", "z", "fitted after the steps"),
    ],
)
def test_what_was_not_recorded_is_refused(trm, text, state, message):
    with pytest.raises(Exception, match=message):
        direction_of(text, trm, get_task("sudoku"), state=state, what="")


def test_recorded_probes_of_other_weights_are_refused(trm):
    trm.fingerprint = "f" * 16
    with pytest.raises(InterventionError, match="other weights"):
        direction_of("recorded:solution:1:5", trm, get_task("sudoku"), state="z", what="")


@pytest.mark.parametrize("symbol, token", [("4", 5), (".", 1), ("t0", 0), ("t5", 5)])
def test_a_token_is_named_by_its_symbol_or_its_number(symbol, token):
    assert token_of(symbol, SMALL) == token


@pytest.mark.parametrize("symbol", ["5", "t6", "t-1", "t", ""])
def test_a_token_that_does_not_exist(symbol):
    with pytest.raises(InterventionError, match=r"Give one of \.1234, or t0 to t5\."):
        token_of(symbol, SMALL)
