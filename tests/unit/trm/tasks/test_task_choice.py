"""A task is chosen by its name and its number of cells."""

import pytest

from trm.errors import PuzzleError
from trm.tasks import get_task


@pytest.mark.parametrize(
    ("name", "cells", "shape"),
    [
        ("sudoku", None, (9, 9)),
        ("sudoku", 16, (4, 4)),
        ("sudoku", 36, (6, 6)),
        ("maze", None, (15, 15)),
        ("maze", 49, (7, 7)),
        ("arc", None, (30, 30)),
        ("arc", 900, (30, 30)),
    ],
)
def test_a_task_has_the_usual_size_or_the_size_of_its_cells(name, cells, shape):
    task = get_task(name, cells)
    assert (task.name, task.rows, task.columns, task.cells) == (name, *shape, shape[0] * shape[1])


@pytest.mark.parametrize(
    ("name", "cells", "says"),
    [
        ("sudoku", 25, "No Sudoku has 25 cells"),
        ("maze", 50, "Mazes are square, so none has 50 cells"),
        ("arc", 81, "ARC grids have 30x30 = 900 cells, not 81"),
    ],
)
def test_a_number_of_cells_that_no_grid_has_is_an_error(name, cells, says):
    with pytest.raises(PuzzleError, match=says):
        get_task(name, cells)
