"""Which rule decides a cell, and on which cells the rule rests."""

import numpy as np
import pytest

from probes.linear.targets.sudoku import singles
from trm.data import load_presets
from trm.tasks import get_task
from trm.tasks.base import Deduction, Difficulty
from trm.tasks.maze.geometry import OPEN, PATH, WALL
from trm.tasks.sudoku import Sudoku
from trm.tasks.sudoku.geometry import geometry

SUDOKU, SMALL = Sudoku(), Sudoku(2, 2)
PRESETS = {preset.key: SUDOKU.parse(preset.puzzle) for preset in load_presets("sudoku")}


def numbers(*names: str, columns: int = 9) -> tuple[int, ...]:
    """Cells such as r1c2 as indices."""
    return tuple(sorted((int(name[1]) - 1) * columns + int(name[3]) - 1 for name in names))


def test_a_naked_single_rests_on_one_peer_for_each_other_digit():
    inputs = SMALL.parse("3......1.....2..")
    assert SMALL.deductions(inputs)[5] == Deduction(
        "naked", 0, 5, 1, numbers("r1c1", "r2c4", "r4c2", columns=4)
    )


def test_a_hidden_single_rests_on_the_filled_cells_and_on_the_same_digit_elsewhere():
    inputs = SUDOKU.parse("7..............7.......8..." + 54 * ".")
    cell = numbers("r3c4")[0]
    assert SUDOKU.deductions(inputs)[cell] is None  # r3c5 could hold the 7 of box 2 too
    inputs[numbers("r3c5")[0]] = 4
    found = SUDOKU.deductions(inputs)[cell]
    assert (found.rule, found.place, found.token, found.round) == ("row", 3, 8, 1)
    assert found.cells == numbers("r1c1", "r2c7", "r3c5", "r3c6")
    inputs[numbers("r5c2")[0]] = 8  # another 7, which excludes a cell that the 7 above excludes too
    assert SUDOKU.deductions(inputs)[cell].cells == found.cells
    inputs[numbers("r3c1")[0]] = 2  # the box still rests on four cells, the row has no shorter reason
    assert SUDOKU.deductions(inputs)[cell].cells == found.cells


@pytest.mark.parametrize("key", ["easy", "medium", "hard", "seventeen"])
def test_what_a_rule_derives_is_in_the_solution_and_follows_from_its_cells(key):
    inputs = PRESETS[key]
    (solution,) = SUDOKU.solutions(inputs)
    board, found = geometry(3, 3), SUDOKU.deductions(inputs)
    assert any(found)
    for cell, each in enumerate(found):
        if each is None:
            continue
        assert inputs[cell] == 1 and each.token == solution[cell]
        earlier = [0 if found[other] is None else found[other].round for other in each.cells]
        assert max(earlier, default=0) < each.round
        assert all(inputs[other] > 1 or found[other] for other in each.cells)
        if each.techniques:
            continue
        if each.rule == "naked":
            assert {solution[other] for other in each.cells} == set(range(2, 11)) - {each.token}
            assert set(each.cells) <= set(board.peers[cell].tolist())
            continue
        first = {"row": 0, "column": 9, "box": 18}[each.rule]
        holders = [other for other in each.cells if solution[other] == each.token]
        seen = {int(peer) for other in holders for peer in board.peers[other]}
        assert set(board.units[first + each.place - 1].tolist()) - {cell} <= seen | set(each.cells)


def test_singles_decide_their_cells_in_the_rounds_in_which_the_probes_place_them():
    rounds, digits = singles(SUDOKU, PRESETS["easy"])
    found = SUDOKU.deductions(PRESETS["easy"])
    assert [each.round if each else 0 for each in found] == rounds.tolist()
    assert [each.token - 1 if each else 0 for each in found] == digits.tolist()


def test_pairs_and_locked_candidates_are_named_where_a_single_needs_them():
    inputs = PRESETS["medium"]
    found = [each for each in SUDOKU.deductions(inputs) if each]
    assert len(found) == (inputs == 1).sum()
    assert {name for each in found for name in each.techniques} <= {"locked", "pairs"}
    assert any(each.techniques for each in found)
    assert SUDOKU.rate(inputs).difficulty is Difficulty.MEDIUM


def test_a_puzzle_that_contradicts_itself_is_not_derived():
    assert SMALL.deductions(SMALL.parse("11..............")) == (None,) * 16
    assert get_task("arc").deductions(np.zeros(900, np.uint8)) is None


MAZE = get_task("maze", 49)


def test_cells_of_a_maze_are_on_the_only_path_in_a_dead_end_a_detour_or_apart():
    rows = ["S....#.", "#.##.#.", "#.##.##", "#....G#", "#.#####", "#######", "#######"]
    inputs = MAZE.parse("".join(rows))
    found = MAZE.deductions(inputs)

    def at(row: int, column: int) -> Deduction | None:
        return found[7 * (row - 1) + column - 1]

    path = MAZE.solutions(inputs)
    assert len(path) == 2  # both ways round the block take as many steps
    assert at(1, 2) is None and at(5, 2).rule == "dead_end" and at(1, 7).rule == "unreachable"
    assert at(5, 2).token == OPEN and all(inputs[cell] == WALL for cell in at(5, 2).cells)
    inputs[numbers("r1c4", columns=7)[0]] = WALL
    found = MAZE.deductions(inputs)
    assert at(3, 2) == Deduction("path", 3, PATH, 1, numbers("r2c2", "r3c1", "r3c3", "r4c2", columns=7))
    assert at(1, 3).rule == "dead_end" and at(1, 1) is None


def test_a_longer_way_round_is_a_detour_and_without_a_path_nothing_is_decided():
    rows = ["S.....G", ".#####.", ".......", "#######", "#######", "#######", "#######"]
    found = MAZE.deductions(MAZE.parse("".join(rows)))
    assert found[14].rule == "detour" and found[14].token == OPEN and found[3].rule == "path"
    rows[0], rows[2] = "S..#..G", "...#..."
    assert not any(MAZE.deductions(MAZE.parse("".join(rows))))
