"""How large a run may be, which run of a choice is shown, and how long a page waits for it."""

from types import SimpleNamespace

import pytest

from app.server import choice_runs
from app.server.options import Options
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


@pytest.fixture
def public(monkeypatch):
    monkeypatch.setattr(choice_runs, "server_options", lambda: Options(public=True))


def test_a_public_server_allows_four_times_the_calls_of_the_trained_depth(tiny_config, public):
    config = tiny_config(n=2, T=2, N_sup=3)  # 18 calls
    choice_runs.check_depth(config, Depth(n=2, T=2, N_sup=12))
    with pytest.raises(PuzzleError, match=r"are 78 calls\. This public server allows 72 "):
        choice_runs.check_depth(config, Depth(n=2, T=2, N_sup=13))


@pytest.fixture
def page(monkeypatch, tiny_config):
    """A choice whose run has 1000 operations, with a run and a recorded trace that tests replace. Notes what is asked for."""
    made = SimpleNamespace(own=SimpleNamespace(done=False), recorded=None, is_open=True, asked=[], waited=[])
    made.choice = SimpleNamespace(config=tiny_config(), depth=DEPTH, source="source")
    models = SimpleNamespace(ready=lambda source: made.is_open, ask=made.asked.append)
    runs = SimpleNamespace(wait=lambda run, seconds: made.waited.append(seconds))
    monkeypatch.setattr(choice_runs, "shared", SimpleNamespace(models=lambda: models, runs=lambda: runs))
    monkeypatch.setattr(choice_runs, "run_of", lambda choice, place: made.own)
    monkeypatch.setattr(choice_runs, "recorded", lambda choice: made.recorded)
    monkeypatch.setattr(choice_runs.flops, "run", lambda config: 1000)
    return made


def test_a_complete_run_comes_before_a_recorded_one_and_that_before_an_incomplete_one(page):
    assert choice_runs.shown(page.choice) is page.own
    page.recorded = "recorded"
    assert choice_runs.shown(page.choice) == "recorded"
    page.own.done = True
    assert choice_runs.shown(page.choice) is page.own
    page.own = None  # stopped, and dropped since
    assert choice_runs.shown(page.choice, waits=True) == "recorded" and page.asked == page.waited == []


def test_a_model_is_loaded_only_if_no_recorded_run_is_there(page):
    page.is_open = False
    assert choice_runs.shown(page.choice, waits=True) is None and page.asked == ["source"]
    page.recorded = "recorded"
    assert choice_runs.shown(page.choice, waits=True) == "recorded" and page.asked == ["source"]
    assert not page.waited


@pytest.mark.parametrize("limit, seconds", [(1001, choice_runs.SHORT_WAIT), (1000, choice_runs.AT_ONCE)])
def test_a_page_waits_longer_for_a_run_with_fewer_operations_than_the_limit(
    page, monkeypatch, limit, seconds
):
    monkeypatch.setattr(choice_runs, "SHORT_RUN", limit)
    choice_runs.shown(page.choice)
    assert not page.waited
    choice_runs.shown(page.choice, waits=True)
    assert page.waited == [seconds]
