"""What the tests of comparisons share: 4x4 Sudoku, and what makes the tiny model an HRM of other n and T."""

from trm.tasks import get_task

TASK = get_task("sudoku", 16)
HRM = {"kind": "hrm", "H_layers": 1, "n": 1, "T": 3}
