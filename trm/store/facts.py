"""What can be said of each cell without a model: where it lies, whether it is given, and what its task's logic adds.

Probes ask whether states hold these facts. They are whole numbers; -1 where a fact is not defined for a cell.
"""

import numpy as np
from jaxtyping import Int16, UInt8

from trm.tasks.base import Task


def cell_facts(task: Task, inputs: UInt8[np.ndarray, "cells"]) -> dict[str, Int16[np.ndarray, "cells"]]:
    """Facts of every cell by name: `given` (0 or 1), `row` and `column` (from 1), and those of `Task.facts`."""
    row, column = np.divmod(np.arange(task.cells), task.columns)
    found = {"given": task.givens(inputs), "row": row + 1, "column": column + 1} | task.facts(inputs)
    return {name: fact.astype(np.int16) for name, fact in found.items()}
