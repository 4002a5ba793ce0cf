"""One side of two players: whether its run is whole, and the payload that a session sends once."""

from types import SimpleNamespace

import pytest
from fake_runs import trace

from app.player import pair
from app.player.pair import Side, cached_payload
from trm.coordinates import Depth
from trm.tasks.sudoku import Sudoku

DEPTH = Depth(n=1, T=1, N_sup=3)


@pytest.mark.parametrize("steps, whole", [(None, False), (2, False), (3, True)])
def test_a_side_is_whole_once_its_last_step_is_computed(steps, whole):
    run = None if steps is None else trace(steps, cells=81)
    assert Side("Pinned", "a run", Sudoku(), DEPTH, run).is_whole == whole


def test_each_place_keeps_the_payload_of_its_last_trace(monkeypatch):
    monkeypatch.setattr(pair, "st", SimpleNamespace(session_state={}))
    first, second = trace(1, cells=81), trace(2, cells=81)
    sent = [
        cached_payload(place, Sudoku(), DEPTH, run)
        for place, run in (("a", first), ("a", first), ("b", first))
    ]
    assert sent[0] is sent[1] is not sent[2] and sent[0] == sent[2]
    assert [cached_payload("a", Sudoku(), DEPTH, run)["steps"] for run in (second, first, None)] == [2, 1, 0]
    assert cached_payload("b", Sudoku(), DEPTH, first) is sent[2]
