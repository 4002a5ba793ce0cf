"""Facts about cells, compared with values worked out by hand."""

import numpy as np

from trm.store.layout import cell_facts
from trm.tasks.arc import Arc
from trm.tasks.maze import Maze
from trm.tasks.sudoku import Sudoku


def test_sudoku():
    """Four givens; what they leave in each cell stands beside it.

    1 . | . 4
    . . | . .
    ----+----
    . 3 | . .
    . . | 2 .
    """
    task = Sudoku(2, 2)
    facts = cell_facts(task, task.parse("1..4.....3....2."))
    assert facts["given"].tolist() == [1, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0]
    assert facts["row"].tolist() == [1] * 4 + [2] * 4 + [3] * 4 + [4] * 4
    assert facts["column"].tolist() == [1, 2, 3, 4] * 4
    assert facts["box"].tolist() == [1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4]
    left = facts["candidates_left"].reshape(4, 4)
    assert left.tolist() == [
        [-1, 1, 1, -1],  # r1c2: 2 (not 1, 4, 3); r1c3: 3 (not 1, 4, 2)
        [3, 2, 2, 3],  # 2 3 4; 2 4; 1 3; 1 2 3
        [2, -1, 2, 1],  # 2 4; given; 1 4 (not 3, 2); 1 (not 3, 4, 2)
        [1, 2, -1, 2],  # 4 (not 1, 3, 2); 1 4; given; 1 3
    ]
    candidates = facts["candidates"].reshape(4, 4)
    assert candidates[0, 1] == 0b0010 and candidates[1, 0] == 0b1110 and candidates[2, 2] == 0b1001
    assert candidates[0, 0] == -1


def test_boxes_that_are_wider_than_high():
    task = Sudoku(2, 3)
    box = cell_facts(task, np.ones(36, np.uint8))["box"].reshape(6, 6)
    assert box[0].tolist() == box[1].tolist() == [1, 1, 1, 2, 2, 2]
    assert box[:, 0].tolist() == [1, 1, 3, 3, 5, 5]
    assert (cell_facts(task, np.ones(36, np.uint8))["candidates_left"] == 6).all()


def test_maze():
    """A way of four steps round a wall, and an open cell that is walled off.

    S # .
    . # #
    . . G
    """
    task = Maze(3)
    facts = cell_facts(task, task.parse("S#.\n.##\n..G"))
    assert facts["distance_to_start"].reshape(3, 3).tolist() == [[0, -1, -1], [1, -1, -1], [2, 3, 4]]
    assert facts["distance_to_goal"].reshape(3, 3).tolist() == [[4, -1, -1], [3, -1, -1], [2, 1, 0]]
    assert facts["given"].reshape(3, 3).tolist() == [[1, 1, 0], [0, 1, 1], [0, 0, 1]]
    assert facts["wall"].sum() == 3 and facts["row"][5] == 2 and facts["column"][5] == 3


def test_a_task_without_logic_still_has_rows_and_columns():
    task = Arc()
    facts = cell_facts(task, task.parse("12/34"))
    assert set(facts) == {"given", "row", "column"}
    assert facts["row"][31] == 2 and facts["column"][31] == 2
    assert all(fact.dtype == np.int16 and fact.shape == (900,) for fact in facts.values())
