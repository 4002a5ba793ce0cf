"""One side of two players: whether its run is whole."""

import pytest
from fake_runs import trace

from app.player.pair import Side
from trm.coordinates import Depth
from trm.tasks.sudoku import Sudoku

DEPTH = Depth(n=1, T=1, N_sup=3)


@pytest.mark.parametrize("steps, whole", [(None, False), (2, False), (3, True)])
def test_a_side_is_whole_once_its_last_step_is_computed(steps, whole):
    run = None if steps is None else trace(steps, cells=81)
    assert Side("Pinned", "a run", Sudoku(), DEPTH, run).is_whole == whole
