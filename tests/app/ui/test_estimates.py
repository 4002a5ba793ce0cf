"""Estimates of a job's duration: by the default pace at first, then by the last job of its kind."""

from itertools import count

import pytest
from app_page import App

from app.ui import estimates
from app.ui.estimates import Cost, rounded_time


@pytest.fixture
def paces(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    measured: dict[str, float] = {}
    monkeypatch.setattr(estimates, "_measured", lambda: measured)
    return measured


def test_the_first_estimate_uses_the_default_pace_and_the_next_the_measured_one(paces, monkeypatch):
    cost = Cost("halting", 2.0)
    assert cost.estimate() == "This takes about 2 min on two cores without a GPU."
    clock = count(100, step=14)
    monkeypatch.setattr(estimates.time, "monotonic", lambda: next(clock))
    assert cost.timed(lambda progress: "result")(lambda share, words: None) == "result"
    assert paces == {"halting": 7.0}
    assert (
        Cost("halting", 5.0).estimate() == "This takes about 35 s, based on the last such job on this server."
    )
    assert "without a GPU" in Cost("latents", 5.0).estimate()


def test_the_cost_of_runs_is_in_units_of_a_trillion_operations_and_costs_add_up(monkeypatch, tiny_config):
    monkeypatch.setattr(estimates.flops, "run", lambda config: 4e11)
    cost = Cost.of_runs("halting", tiny_config(), 10)
    assert cost.operations == pytest.approx(4.0)
    total = cost + Cost("latents", 0.5)
    assert (total.kind, total.operations) == ("halting", pytest.approx(4.5))


def test_a_failed_or_cancelled_job_sets_no_pace(paces):
    def cancelled(progress):
        raise RuntimeError

    with pytest.raises(RuntimeError):
        Cost("halting", 2.0).timed(cancelled)(lambda share, words: None)
    assert not paces


TIMES = {
    0: "a few seconds",
    4.9: "a few seconds",
    5: "about 5 s",
    23: "about 25 s",
    64: "about 65 s",
    89: "about 90 s",
    90: "about 2 min",
    400: "about 7 min",
    3000: "about 50 min",
}


@pytest.mark.parametrize("seconds", TIMES)
def test_a_time_is_rounded(seconds):
    assert rounded_time(seconds) == TIMES[seconds]


@pytest.mark.parametrize(
    "page, link",
    [
        ("latents", {}),
        ("halting", {}),
        ("compare", {}),
        ("probes", {}),
        ("probes", {"probes_view": "Causal test"}),
        ("interventions", {}),
        ("interventions", {"interventions_figure": "Patching"}),
    ],
)
def test_every_long_job_shows_an_estimate_before_it_starts(paces, page, link):
    assert App({"model": "sudoku-trm"} | link, page).captions.count("without a GPU") >= 1 + bool(
        page == "probes" and link
    )
