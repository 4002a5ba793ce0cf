"""The summary of a solved puzzle: which cells each step changed, and after which step the answer is final."""

import pytest

from trm.cli.solve import summary
from trm.tasks import get_task
from trm.tasks.sudoku import Sudoku

SMALL = Sudoku(2, 2)
PUZZLE = "1" + "." * 15
RIGHT = "1234341221434321"


def result(answers: list[str], **changes):
    halting = {"halt_probability": [0.25] * len(answers), "halt_step": None, "engine": "onnx"}
    return (
        {"steps": len(answers), "answers": answers, "grid": "the grid", "solved": False} | halting | changes
    )


def test_the_first_three_cells_that_a_step_changed_are_named():
    answers = [RIGHT[:-5] + "11111", RIGHT, RIGHT[:-3] + "114", RIGHT[:-3] + "114"]
    text = summary(result(answers, place="puzzle 2", note="A note."), PUZZLE, SMALL)
    assert text.splitlines()[:3] == ["puzzle 2:", "the grid", ""]
    words = " ".join(text.split())  # a narrow terminal breaks lines
    assert (
        "Not solved; the answer is final after step 3 of 4. The model would not halt. Computed with ONNX Runtime. A note."
    ) in words
    assert words.endswith(
        " 1 15 0.2500 2 4 0.2500 r3c4 1>3, r4c1 1>4, r4c2 1>3 and 1 more 3 3 0.2500 r4c2 3>1, r4c3 2>1, r4c4 1>4 4 0 0.2500"
    )


@pytest.mark.parametrize(
    "answers, says",
    [([RIGHT], "it changes until step 1"), ([RIGHT, RIGHT], "the answer is final after step 1 of 2")],
)
def test_an_answer_that_stays_is_final_after_the_first_step(answers, says):
    text = summary(result(answers, halt_step=1), RIGHT, SMALL)
    assert f"Not solved; {says}. The model would halt after step 1." in text


def test_rows_of_arc_are_separated_by_slashes():
    text = summary(result(["01/23", "01/24"], solved=None), "01/23", get_task("arc", 900))
    assert text.splitlines()[-1].rstrip().endswith("  r2c2 3>4") and "cannot say if it is right" in text
