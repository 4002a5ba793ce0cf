"""What is said of a job's length: by a usual pace at first, by the last one of its kind from then on."""

from itertools import count

import pytest
from app_page import App

from app.ui import estimates
from app.ui.estimates import Cost, in_words


@pytest.fixture
def paces(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    measured: dict[str, float] = {}
    monkeypatch.setattr(estimates, "_measured", lambda: measured)
    return measured


def test_the_first_estimate_is_by_a_usual_pace_and_the_next_by_the_job_that_ended(paces, monkeypatch):
    cost = Cost("halting", 2.0)
    assert cost.said() == "Takes about 2 min on two cores without a GPU."
    clock = count(step=14)
    monkeypatch.setattr(estimates.time, "monotonic", lambda: next(clock))
    assert cost.timed(lambda progress: "result")(lambda share, words: None) == "result"
    assert paces == {"halting": 7.0}
    assert Cost("halting", 5.0).said() == "Takes about 35 s, to judge by the last one here."
    assert "without a GPU" in Cost("latents", 5.0).said()


def test_a_job_that_fails_or_is_cancelled_measures_nothing(paces):
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
    91: "about 2 min",
    400: "about 7 min",
    3000: "about 50 min",
}


@pytest.mark.parametrize("seconds", TIMES)
def test_a_time_is_said_as_roughly_as_it_is_known(seconds):
    assert in_words(seconds) == TIMES[seconds]


@pytest.mark.parametrize(
    "page, link",
    [
        ("latents", {}),
        ("halting", {}),
        ("compare", {}),
        ("probes", {}),
        ("probes", {"probes_view": "Is it used?"}),
        ("interventions", {}),
        ("interventions", {"interventions_figure": "Patching"}),
    ],
)
def test_every_long_job_says_how_long_it_takes_before_it_is_begun(paces, page, link):
    assert App({"model": "sudoku-trm"} | link, page).captions.count("without a GPU") >= 1 + bool(
        page == "probes" and link
    )
