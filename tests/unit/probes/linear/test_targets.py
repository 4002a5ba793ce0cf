"""Targets, compared with values computed by hand and with the tasks' own solvers."""

import numpy as np
import pytest

from probes.linear.targets import Evidence, Level, TargetError, TargetKind, target_of, targets_of, values_at
from probes.linear.targets.sudoku import singles
from trm.tasks.arc import Arc
from trm.tasks.maze import Maze
from trm.tasks.sudoku import Sudoku

SMALL = Sudoku(2, 2)
PUZZLE = SMALL.parse("1..4.....3....2.")
"""
1 . | . 4
. . | . .
----+----
. 3 | . .
. . | 2 .
"""
SOLUTION = SMALL.parse("1234341223414123")
WRONG = SMALL.parse("1234341223414121")  # r4c4: 1 instead of 3

MAZE = Maze(5)
PATH = MAZE.parse("S....\n###.#\n....o\n.##.#\n....G".replace("o", "."))
"""
S . . . .      the shortest path: right, right, right, down, down, down, down, right
# # # . #
. . . . .
. # # . #
. . . . G
"""


def values_of(task, name, inputs, **more):
    """The values of a target for one puzzle, -9 where undefined."""
    single = {key: value[None] if isinstance(value, np.ndarray) else value for key, value in more.items()}
    values = target_of(task, name).of(Evidence(task, inputs[None], **single))
    return np.where(values.defined, values.values, -9)[0].tolist()


def in_rows(values, columns=4):
    return np.array(values).reshape(-1, columns).tolist()


# Sudoku


def test_digits_are_targets_in_blank_cells_only():
    solution = values_of(SMALL, "solution", PUZZLE, labels=SOLUTION)
    assert in_rows(solution) == [[-9, 1, 2, -9], [2, 3, 0, 1], [1, -9, 3, 0], [3, 0, -9, 2]]
    assert values_of(SMALL, "answer_now", PUZZLE, now=WRONG)[-1] == 0
    assert target_of(SMALL, "solution").classes == ("1", "2", "3", "4")
    not_scored = np.where(np.arange(16) == 1, 0, SOLUTION).astype(np.uint8)
    assert values_of(SMALL, "solution", PUZZLE, labels=not_scored)[1] == -9
    blank = np.where(np.arange(16) == 1, 1, SOLUTION).astype(np.uint8)
    assert values_of(SMALL, "answer_now", PUZZLE, now=blank)[1] == -9  # a blank is not a digit


def test_candidates_and_singles():
    assert in_rows(values_of(SMALL, "candidate_2", PUZZLE))[:2] == [[-9, 1, 0, -9], [1, 1, 0, 1]]
    assert in_rows(values_of(SMALL, "candidates_left", PUZZLE))[1] == [3, 2, 2, 3]
    assert in_rows(values_of(SMALL, "naked_single", PUZZLE)) == [
        [-9, 1, 1, -9], [0, 0, 0, 0], [0, -9, 0, 1], [1, 0, -9, 0]
    ]  # fmt: skip
    assert in_rows(values_of(SMALL, "given", PUZZLE))[0] == [1, 0, 0, 1]
    assert in_rows(values_of(SMALL, "blanks_in_row", PUZZLE)) == [[2] * 4, [4] * 4, [3] * 4, [3] * 4]


def test_a_blank_cell_without_candidates_has_values():
    """The row of r1c3 has 1 and 2, and its column 3 and 4."""
    puzzle = SMALL.parse("12........3...4.")
    values = {
        name: values_of(SMALL, name, puzzle)[2] for name in ("candidate_1", "candidates_left", "naked_single")
    }
    assert values == {"candidate_1": 0, "candidates_left": 0, "naked_single": 0}


def test_naked_singles_and_conflicts_now():
    """The answer is the solution except in r4c4, where its row (4 1 2) and column (4 2 1) allow only a 3."""
    now = values_of(SMALL, "naked_single_now", PUZZLE, now=WRONG)
    assert now[-1] == 1  # its peers are correct and allow only the 3
    assert in_rows(now)[3][1] == 0  # the wrong 1 in r4c4 excludes the digit of r4c2
    empty = values_of(SMALL, "naked_single_now", PUZZLE, now=PUZZLE)
    assert empty == values_of(SMALL, "naked_single", PUZZLE)  # only the givens are there
    conflicts = values_of(SMALL, "conflict_now", PUZZLE, now=WRONG)
    assert np.flatnonzero(conflicts).tolist() == [11, 13, 15]  # r3c4 and r4c2 hold a 1 too
    assert not any(values_of(SMALL, "conflict_now", PUZZLE, now=SOLUTION))


def test_rounds_of_singles_by_hand():
    """Round 1: r1c2=2 and r1c3=3 (naked), r3c4=1 and r4c1=4 (naked), and hidden ones; the rest follow."""
    rounds = singles(SMALL, PUZZLE)[0].reshape(4, 4)
    assert (rounds[0] == [0, 1, 1, 0]).all() and rounds[2, 3] == 1 and rounds[3, 0] == 1
    assert (rounds > 0).sum() == 12 and rounds.max() == 2
    assert values_of(SMALL, "singles_round", PUZZLE)[0] == -9
    assert not np.any(singles(SMALL, np.ones(16, np.uint8)))  # an empty grid has no singles
    assert not np.any(singles(SMALL, SMALL.parse("11..............")))  # a contradiction


@pytest.mark.parametrize("difficulty", ["easy", "medium", "hard"])
def test_rounds_of_singles_fill_the_same_cells_as_the_solver(difficulty):
    from trm.tasks.sudoku.geometry import geometry, members
    from trm.tasks.sudoku.solver import from_tokens, place_singles, start

    task, board = Sudoku(), geometry(3, 3)
    for seed in range(3):
        puzzle = task.generate(np.random.default_rng(seed), difficulty)
        position = start(board, from_tokens(board, puzzle.inputs))
        place_singles(board, position)
        rounds, digits = singles(task, puzzle.inputs)
        reached = {candidate % 81 for candidate in members(position.placed)}
        assert (digits[rounds > 0] + 1 == puzzle.labels[rounds > 0]).all()
        assert set(np.flatnonzero(rounds)) == reached - set(np.flatnonzero(task.givens(puzzle.inputs)))
        used = np.unique(rounds[rounds > 0])
        assert used.tolist() == list(range(1, len(used) + 1))  # no round is empty


def test_correct_cells_and_solved_puzzles():
    right = values_of(SMALL, "right_now", PUZZLE, labels=SOLUTION, now=WRONG)
    assert right.count(-9) == 4 and right.count(0) == 1 and right[-1] == 0
    assert values_of(SMALL, "right_at_end", PUZZLE, labels=SOLUTION, end=SOLUTION).count(1) == 12
    both = np.stack([PUZZLE, PUZZLE])
    evidence = Evidence(SMALL, both, now=np.stack([SOLUTION, WRONG]))
    solved = target_of(SMALL, "solved_now").of(evidence)
    assert solved.values.tolist() == [1, 0] and solved.defined.all()  # needs no labels


def test_a_puzzle_that_rules_cannot_check_is_solved_if_its_scored_cells_are_correct():
    task = Arc()
    inputs, labels = task.parse("12/34"), task.parse("21/43")
    scored = np.flatnonzero(labels)
    answers = [labels, labels.copy(), labels.copy()]
    answers[1][scored[0]] = labels[scored[1]]
    answers[2][labels == 0] = 1  # cells that are not scored
    evidence = Evidence(task, np.stack([inputs] * 3), np.stack([labels] * 3), now=np.stack(answers))
    solved = target_of(task, "solved_now").of(evidence)
    assert solved.values.tolist() == [1, 0, 1] and solved.defined.all() and (labels == 0).any()


def test_targets_of_puzzles():
    both = np.stack([PUZZLE, np.ones(16, np.uint8)])
    evidence = Evidence(SMALL, both)
    assert target_of(SMALL, "blanks").of(evidence).values.tolist() == [12, 16]
    difficulty = target_of(SMALL, "difficulty").of(evidence)
    assert difficulty.defined.tolist() == [True, False] and difficulty.values[0] == 0  # easy; many solutions


# mazes


def test_shortest_paths_and_dead_ends():
    on_path = in_rows(values_of(MAZE, "on_path", PATH), 5)
    assert on_path[0] == [-9, 1, 1, 1, 0] and on_path[4] == [0, 0, 0, 1, -9]
    assert in_rows(values_of(MAZE, "wall", PATH), 5)[1] == [1, 1, 1, 0, 1]
    dead = in_rows(values_of(MAZE, "dead_end", PATH), 5)
    assert dead[0] == [-9, 0, 0, 0, 1]
    assert dead[2] == [0, 0, 0, 0, 1]  # the loop on the left is a detour, the cell on the right a dead end


def test_distances_and_the_flood_fill():
    start = in_rows(values_of(MAZE, "distance_to_start", PATH), 5)
    assert start[0] == [0, 1, 2, 3, 4] and start[1] == [-9, -9, -9, 4, -9] and start[4][4] == 8
    assert in_rows(values_of(MAZE, "distance_to_goal", PATH), 5)[0][0] == 8
    within = in_rows(values_of(MAZE, "reached_within_4", PATH), 5)
    assert within[0] == [-9, 1, 1, 1, 1] and within[1][3] == 1 and within[2] == [0] * 5
    closed = MAZE.parse("S..#.\n...#.\n...#.\n...#.\n...#G")
    assert values_of(MAZE, "distance_to_start", closed)[4] == -9
    assert values_of(MAZE, "reached_within_8", closed)[4] == 0  # never


def test_next_direction():
    directions = in_rows(values_of(MAZE, "next_direction", PATH), 5)
    right, down = 1, 2
    assert directions[0] == [right, right, right, down, -9]
    assert [row[3] for row in directions] == [down, down, down, down, right]
    assert directions[4][4] == -9 and directions[2][0] == -9  # the goal; not on the shortest path
    edge = Maze(3).parse("S..\n..G\n...")
    assert values_of(Maze(3), "next_direction", edge)[5] == -9  # a goal with a single neighbour outside
    two = Maze(3).parse("S..\n.#.\n..G")
    assert values_of(Maze(3), "next_direction", two)[:3] == [-9, 1, 2]  # two shortest paths from the start


@pytest.mark.parametrize("style", ["depth-first", "loops", "random"])
def test_directions_lead_to_the_goal(style):
    task = Maze(15)
    puzzle = task.generate(np.random.default_rng(1), "easy", style=style)
    steps = np.array(values_of(task, "next_direction", puzzle.inputs))
    cell, length = int(np.flatnonzero(puzzle.inputs == 3)[0]), 0
    path = np.isin(puzzle.labels, (3, 4, 5))
    while puzzle.inputs[cell] != 4 and steps[cell] >= 0:
        cell += (-15, 1, 15, -1)[steps[cell]]
        length += 1
        assert puzzle.inputs[cell] != 1
    if style == "depth-first":
        assert puzzle.inputs[cell] == 4 and length == path.sum() - 1


# all of them


@pytest.mark.parametrize("task", [SMALL, Sudoku(2, 3), Sudoku(), Maze(9), Maze(15), Arc()])
def test_every_target_has_values_of_its_kind(task):
    targets = targets_of(task)
    assert len({target.name for target in targets}) == len(targets)
    if task.name == "arc":
        inputs, labels = task.parse("12/34")[None], task.parse("21/43")[None]
    else:
        inputs, labels = task.generate_many(3, seed=1)
    count = len(inputs)
    answers = np.stack([inputs, labels, labels], 1)
    evidence = Evidence(task, inputs, labels, end=labels)
    for target in targets:
        values = values_at(
            target,
            evidence,
            now=answers,
            supervision_steps=[1, 2, 3],
            halts=np.zeros((count, 3), bool),
        )
        cells = task.cells if target.level is Level.CELL else 1
        assert values.values.shape == values.defined.shape == (count, 3 if target.varies else 1, cells)
        assert (values.values[~values.defined] == 0).all()
        assert target.meaning.endswith(".")
        assert target.chance_note == {
            TargetKind.NUMBER: "Chance: R² = 0, for always predicting the mean.",
            TargetKind.BINARY: "Chance is AUROC 0.5: a random guess ranks a positive above a negative half the time.",
        }.get(
            target.kind,
            f"Chance: balanced accuracy 1/{len(target.classes)}; accuracy equal to the share of the majority class.",
        )
        if target.kind is TargetKind.NUMBER:
            assert values.values.dtype == np.float32 and target.classes == () and target.chance == 0
        else:
            assert values.values.min() >= 0 and values.values.max() < len(target.classes)
            assert target.chance == 1 / len(target.classes)
            assert (target.classes == ("no", "yes")) == (target.kind is TargetKind.BINARY)
        if target.name not in ("difficulty", "answer_now") and not (task.name == "arc" and target.pooled):
            assert values.defined.any(), target.name


def test_every_time_point_has_its_own_values():
    evidence = Evidence(SMALL, PUZZLE[None], SOLUTION[None])
    answers = np.stack([WRONG, SOLUTION])[None]
    right = values_at(target_of(SMALL, "right_now"), evidence, now=answers)
    assert right.values[0, :, -1].tolist() == [0, 1]
    step = target_of(SMALL, "supervision_step")
    assert step.pooled
    assert values_at(step, evidence, supervision_steps=[1, 1, 2]).values[0, :, 0].tolist() == [1, 1, 2]
    halts = values_at(target_of(SMALL, "will_halt"), evidence, halts=np.array([[False, True]]))
    assert halts.values[0, :, 0].tolist() == [0, 1]


def test_facts_of_a_store_are_used_unchanged():
    facts = {name: fact[None].astype(np.int16) for name, fact in SMALL.cell_features(PUZZLE).items()}
    evidence = Evidence(SMALL, PUZZLE[None], precomputed_facts=facts)
    for name in ("candidate_3", "candidates_left", "naked_single"):
        values = target_of(SMALL, name).of(evidence)
        assert (np.where(values.defined, values.values, -9)[0] == values_of(SMALL, name, PUZZLE)).all()


def test_invalid_targets_and_data_are_refused():
    with pytest.raises(
        TargetError, match=r"no target 'colour' of sudoku\. Choose one of: solution, answer_now"
    ):
        target_of(SMALL, "colour")
    evidence = Evidence(SMALL, PUZZLE[None])
    with pytest.raises(TargetError, match="solution needs the solutions"):
        target_of(SMALL, "solution").of(evidence)
    with pytest.raises(TargetError, match="conflict_now needs the current answers at every time point"):
        values_at(target_of(SMALL, "conflict_now"), evidence)
    with pytest.raises(TargetError, match="81 cells, but this sudoku task has 16"):
        Evidence(SMALL, np.ones((1, 81), np.uint8))
    with pytest.raises(TargetError, match="shape"):
        Evidence(SMALL, PUZZLE[None], labels=np.stack([SOLUTION, SOLUTION]))
    with pytest.raises(TargetError, match="2 puzzles of 1"):
        Evidence(SMALL, PUZZLE[None], halts=np.zeros(2, bool))
