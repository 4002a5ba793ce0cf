"""The maze task: rules, paths and ratings, compared with brute force."""

import inspect
import time
from collections import deque

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trm.data import load_presets, parsed_presets
from trm.errors import PuzzleError
from trm.tasks import get_task
from trm.tasks.maze import Maze

WALL, OPEN, START, GOAL, PATH = range(1, 6)
MAZE = Maze(15)
SMALL = Maze(5)

LOOP = "S o G\n# # #\n     \n# # #\n###  "
"""The upper row is the path and the middle row a detour; only the detour has dead ends."""

SNAKE = "S....####.......####."
"""A corridor; with four more cells it has 16 steps to the last of the 5x5 cells."""


@st.composite
def mazes(draw, largest=5):
    """A maze of any shape, solvable or not: its task and inputs."""
    side = draw(st.integers(3, largest))
    cells = side * side
    tokens = np.array(draw(st.lists(st.sampled_from([WALL, OPEN, OPEN]), min_size=cells, max_size=cells)))
    start, goal = draw(st.lists(st.integers(0, cells - 1), min_size=2, max_size=2, unique=True))
    tokens[start], tokens[goal] = START, GOAL
    return Maze(side), tokens.astype(np.uint8)


def beside(side: int, cell: int) -> list[int]:
    row, column = divmod(cell, side)
    around = ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1))
    return [r * side + c for r, c in around if 0 <= r < side and 0 <= c < side]


def steps_from(task: Maze, inputs, token: int) -> list[int]:
    """Plain breadth-first search over a queue."""
    first = inputs.tolist().index(token)
    steps = [-1] * task.cells
    steps[first] = 0
    queue = deque([first])
    while queue:
        cell = queue.popleft()
        for other in beside(task.side, cell):
            if steps[other] < 0 and inputs[other] != WALL:
                steps[other] = steps[cell] + 1
                queue.append(other)
    return steps


def all_simple_paths(task: Maze, inputs) -> list[tuple[int, ...]]:
    """All paths from start to goal that visit no cell twice."""
    cells = inputs.tolist()
    start, goal = cells.index(START), cells.index(GOAL)
    paths, pending = [], [(start,)]
    while pending:
        path = pending.pop()
        if path[-1] == goal:
            paths.append(path)
            continue
        neighbours = (other for other in beside(task.side, path[-1]) if other not in path)
        pending += [(*path, other) for other in neighbours if cells[other] != WALL]
    return paths


def drawn(inputs, cells) -> np.ndarray:
    answer = inputs.copy()
    answer[[cell for cell in cells if answer[cell] == OPEN]] = PATH
    return answer


def shortest(paths):
    return [path for path in paths if len(path) == min(map(len, paths))]


@given(mazes(largest=4))
def test_solutions_are_all_shortest_paths(case):
    task, inputs = case
    expected = {drawn(inputs, path).tobytes() for path in shortest(all_simple_paths(task, inputs))}
    solutions = task.solutions(inputs, limit=1000)
    assert len(solutions) == len(expected)
    assert {solution.tobytes() for solution in solutions} == expected
    assert all(task.is_solved(inputs, solution) for solution in solutions)
    assert len(task.solutions(inputs, limit=1)) == min(1, len(expected))
    assert task.rate(inputs).solutions == min(2, len(expected))


@given(mazes(largest=4), st.data())
def test_solved_means_exactly_one_shortest_path(case, data):
    task, inputs = case
    blanks = np.flatnonzero(inputs == OPEN).tolist()
    cells = data.draw(st.lists(st.sampled_from(blanks), unique=True)) if blanks else []
    right = {drawn(inputs, path).tobytes() for path in shortest(all_simple_paths(task, inputs))}
    answer = drawn(inputs, cells)
    assert bool(task.is_solved(inputs, answer)) == (answer.tobytes() in right)


@given(mazes(largest=12))
def test_distances_equal_those_of_a_plain_search(case):
    task, inputs = case
    facts = task.cell_features(inputs)
    from_start, from_goal = (steps_from(task, inputs, token) for token in (START, GOAL))
    assert facts["distance_to_start"].tolist() == from_start
    assert facts["distance_to_goal"].tolist() == from_goal
    steps = from_start[inputs.tolist().index(GOAL)]
    on_path = [steps >= 0 and a >= 0 and a + b == steps for a, b in zip(from_start, from_goal, strict=True)]
    assert facts["on_path"].tolist() == on_path
    assert len(task.solutions(inputs)) == 0 if steps < 0 else 1 <= len(task.solutions(inputs)) <= 2
    if steps >= 0:
        assert (task.solutions(inputs)[0] == PATH).sum() == steps - 1


@given(mazes(largest=4))
def test_dead_ends_are_open_cells_on_no_simple_path(case):
    task, inputs = case
    facts = task.cell_features(inputs)
    on_simple = {cell for path in all_simple_paths(task, inputs) for cell in path}
    passable = [cell for cell in range(task.cells) if inputs[cell] != WALL]
    dead = [cell for cell in passable if cell not in on_simple]
    assert np.flatnonzero(facts["dead_end"]).tolist() == dead
    tips = [cell for cell in dead if sum(other in passable for other in beside(task.side, cell)) <= 1]
    assert np.flatnonzero(facts["dead_end_tip"]).tolist() == tips
    assert (facts["wall"] == (inputs == WALL)).all()


def test_cell_features_by_hand():
    facts = SMALL.cell_features(SMALL.parse(LOOP))
    assert np.flatnonzero(facts["dead_end"]).tolist() == [10, 14, 16, 18, 23, 24]
    assert np.flatnonzero(facts["dead_end_tip"]).tolist() == [10, 14, 16, 24]
    assert np.flatnonzero(facts["on_path"]).tolist() == [0, 1, 2, 3, 4]
    assert facts["distance_to_goal"].reshape(5, 5)[2].tolist() == [6, 5, 4, 3, 4]


def test_a_maze_without_start_has_no_path_and_no_distance():
    inputs = np.full(25, OPEN, np.uint8)
    assert SMALL.solutions(inputs) == []
    assert not SMALL.is_solved(inputs, inputs)
    facts = SMALL.cell_features(inputs)
    assert facts["dead_end"].all() and (facts["distance_to_start"] == -1).all()


@pytest.mark.parametrize(
    ("answer", "broken"),
    [
        ("S   G\n#####\n#####\n#####\n#####", []),  # nothing drawn yet
        ("SoooG\n#####\n#####\n#####\n#####", []),
        ("So oG\n#####\n#####\n#####\n#####", [1, 3]),  # two loose ends
        ("  o  \n     \nS   G\n     \n     ", [2, 10, 14]),
        ("SoooG\n o   \n     \n     \n     ", [1, 6]),  # a fork and a loose end
        ("SoooG\n     \n oo  \n oo  \n     ", []),  # a closed loop aside breaks no rule of its cells
        ("SoooG\n     \n ooo \n ooo \n     ", [12, 17]),
        ("S   S\n     \n     \n     \n   GG", [0, 4, 23, 24]),
        ("SG   \n     \n     \n     \n     ", []),
    ],
)
def test_conflicts_by_hand(answer, broken):
    tokens = np.array([" #?SGo".index(mark) for mark in answer.replace("\n", "")], np.uint8)
    tokens[tokens == 0] = OPEN
    assert np.flatnonzero(SMALL.conflicts(tokens)).tolist() == broken
    stacked = np.stack([tokens, np.full(25, WALL, np.uint8)]).reshape(2, 1, 25)
    assert SMALL.conflicts(stacked).sum(-1).tolist() == [[len(broken)], [0]]


def test_an_answer_must_preserve_the_maze_and_have_a_shortest_path():
    inputs = SMALL.parse(LOOP.replace("o", " "))
    solved = SMALL.parse(LOOP.replace(" o ", "ooo"))
    detour = SMALL.parse("So oG\n#o#o#\n ooo \n# # #\n###  ")
    loop_aside = solved.copy()
    loop_aside[[22, 23]] = PATH
    changed = {"wall gone": (5, OPEN), "new wall": (12, WALL), "padding": (12, 0), "goal moved": (4, START)}
    answers = [solved, detour, loop_aside, inputs]
    for cell, token in changed.values():
        answers.append(solved.copy())
        answers[-1][cell] = token
    batch = np.stack(answers)
    assert SMALL.is_solved(np.broadcast_to(inputs, batch.shape), batch).tolist() == [True] + [False] * 7
    assert SMALL.is_solved(np.stack([inputs, detour]), np.stack([solved, solved])).tolist() == [True, True]


def test_givens_are_walls_start_and_goal():
    inputs = SMALL.parse(LOOP)
    assert SMALL.givens(inputs).sum() == 2 + (inputs == WALL).sum()
    assert SMALL.givens(np.array([0, WALL, OPEN, START, GOAL, PATH], np.uint8)).tolist() == [0, 1, 0, 1, 1, 0]


def test_checking_all_answers_of_a_run_is_fast():
    """48 answers to one 30x30 maze: under 20 ms on an idle machine, under 100 ms on a busy one."""
    task = Maze(30)
    puzzle = task.generate(np.random.default_rng(0), "hard", min_path=110)
    answers = np.broadcast_to(puzzle.labels, (48, 900))
    began = time.process_time()
    assert task.is_solved(np.broadcast_to(puzzle.inputs, (48, 900)), answers).all()
    assert time.process_time() - began < 0.1


@pytest.mark.parametrize(
    ("side", "text", "difficulty", "sentence", "solutions"),
    [
        (
            3,
            "S G\n###\n###",
            "easy",
            "Easy: the maze has a single path, with 2 steps and no dead ends along it.",
            1,
        ),
        (
            3,
            "SG \n###\n###",
            "easy",
            "Easy: the maze has a single path, with 1 step and 1 dead end along it.",
            1,
        ),
        # A corner of four cells with two entrances from the path: one dead end.
        (
            3,
            "#  \nS  \n#G#",
            "easy",
            "Easy: the maze has a single path, with 2 steps and 1 dead end along it.",
            1,
        ),
        (3, "S#G\n###\n###", None, "No path leads from start to goal.", 0),
        (
            3,
            "S  \n   \n  G",
            None,
            "The maze has more than one shortest path, with 4 steps and no dead ends along them.",
            2,
        ),
        (
            5,
            LOOP,
            "easy",
            "Easy: the maze has several paths but a single shortest path, with 4 steps and no dead ends along it.",
            1,
        ),
        (
            5,
            f"{SNAKE}...G",
            "easy",
            "Easy: the maze has a single path, with 16 steps and no dead ends along it.",
            1,
        ),
        (
            5,
            f"{SNAKE}..G.",
            "hard",
            "Hard: the maze has a single path, with 15 steps and 1 dead end along it.",
            1,
        ),
        (
            5,
            f"{SNAKE}.G..",
            "medium",
            "Medium: the maze has a single path, with 14 steps and 1 dead end along it.",
            1,
        ),
        (
            5,
            f"{SNAKE[:4]}G{SNAKE[5:]}....",
            "easy",
            "Easy: the maze has a single path, with 4 steps and 1 dead end along it",
            1,
        ),
    ],
)
def test_ratings_give_a_reason(side, text, difficulty, sentence, solutions):
    rating = Maze(side).rate(Maze(side).parse(text))
    assert rating.sentence.startswith(sentence)
    assert (rating.difficulty, rating.solutions) == (difficulty, solutions)


def test_search_nodes_count_the_cells_visited_before_the_goal():
    assert Maze(3).rate(Maze(3).parse("S..\n##.\n..G")).search_nodes == 5
    assert Maze(3).rate(Maze(3).parse(".S.\n...\n#G.")).search_nodes == 7


def test_supported_sizes():
    assert get_task("maze").side == 15
    assert get_task("maze", 900).side == 30 and [Maze(side).side for side in (3, 100)] == [3, 100]
    assert (MAZE.rows, MAZE.columns, MAZE.cells, MAZE.vocab_size) == (15, 15, 225, 6)
    assert MAZE.rule_score == "any_shortest_path"
    named = inspect.signature(MAZE.generate).parameters.values()
    assert MAZE.generator_options == {option.name for option in named if option.kind is option.KEYWORD_ONLY}
    assert len(MAZE.symbols) == len(MAZE.symbol_names) == len(MAZE.looks) == 6
    for side in (2, 101):
        with pytest.raises(
            PuzzleError, match=rf"Mazes of {side}x{side} are not supported. Choose a side from 3 to 100."
        ):
            Maze(side)


def test_results_are_grouped_by_length():
    texts = ("S" + "." * 13 + "G", "S" + "." * 14, "S#" + "." * 13)
    rows = ["#" * 210, "." * 209 + "G", "#" * 209 + "G"]
    inputs = np.stack([MAZE.parse(first + rest) for first, rest in zip(texts, rows, strict=True)])
    assert MAZE.strata(inputs) == ["0-14 steps", "15-29 steps", "no path"]


def test_presets_match_their_sentences():
    presets = {preset.key: preset for preset, _ in parsed_presets(MAZE)}
    tokens = {preset.key: puzzle for preset, puzzle in parsed_presets(MAZE)}
    ratings = {key: MAZE.rate(puzzle) for key, puzzle in tokens.items()}
    assert list(presets) == [
        "winding", "long", "spiral", "two-ways", "random-walls", "open-field", "no-way", "beside",
    ]  # fmt: skip
    assert all(MAZE.format(tokens[key]) == preset.puzzle for key, preset in presets.items())
    assert (
        ratings["winding"].sentence
        == "Medium: the maze has a single path, with 38 steps and 6 dead ends along it."
    )
    assert ratings["long"].sentence.startswith("Hard: the maze has a single path, with 89 steps and ")
    assert (tokens["long"] != WALL).sum() == 97
    assert (
        ratings["spiral"].sentence
        == "Easy: the maze has a single path, with 96 steps and no dead ends along it."
    )
    two = MAZE.solutions(tokens["two-ways"], limit=9)
    assert len(two) == 2 and (two[0] == PATH).sum() == 33 and (two[0] != two[1]).sum() == 2 * 17
    assert len(MAZE.solutions(tokens["random-walls"], limit=99)) == 12
    facts = MAZE.cell_features(tokens["random-walls"])
    assert facts["on_path"].any() and (facts["distance_to_start"][~facts["wall"]] == -1).any()
    assert ratings["random-walls"].sentence.startswith(
        "The maze has more than one shortest path, with 26 steps"
    )
    field = tokens["open-field"].reshape(15, 15)[1:-1, 1:-1]
    paths = np.ones(13, int)
    for _ in range(12):
        paths = paths.cumsum()
    assert paths[-1] == 2_704_156 and (field[0, 0], field[12, 12], (field == OPEN).sum()) == (
        START,
        GOAL,
        167,
    )
    walled = np.flatnonzero(tokens["no-way"] != tokens["winding"])
    assert ratings["no-way"].solutions == 0 and len(walled) == 1
    assert MAZE.cell_features(tokens["winding"])["distance_to_start"][walled] == 38 // 2
    assert MAZE.solutions(tokens["beside"])[0].tolist() == tokens["beside"].tolist()


def test_large_presets_match_their_sentences():
    large = Maze(30)
    ratings = {preset.key: large.rate(puzzle).sentence for preset, puzzle in parsed_presets(large)}
    assert list(ratings) == ["thirty", "thirty-long", "thirty-loops"]
    assert ratings["thirty"] == "Hard: the maze has a single path, with 122 steps and 10 dead ends along it."
    assert ratings["thirty-long"].startswith("Hard: the maze has a single path, with 255 steps and ")
    assert ratings["thirty-loops"].startswith(
        "Hard: the maze has several paths but a single shortest path, with 126 steps and "
    )
    assert len(load_presets("maze")) == len(ratings) + len(parsed_presets(MAZE))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("...\n##.\n..G", "no start"),
        ("S..\n##.\n...", "no goal"),
        ("SS.\n##.\nSGG", "3 starts and 2 goals"),
        ("###\n###\n###", "no start and no goal"),
    ],
)
def test_a_maze_without_exactly_one_start_and_goal_has_no_solution(text, says):
    rating = Maze(3).rate(Maze(3).parse(text, unfinished=True))
    assert rating.sentence == f"No solution: this maze has {says}."
    assert (rating.difficulty, rating.solutions) == (None, 0)


def test_writable_tokens_are_parsed_back():
    drawn = Maze(3).format(np.array([*MAZE.writable, 2, 2, 2, 2, 2], np.uint8))
    assert Maze(3).parse(drawn)[:4].tolist() == list(MAZE.writable)
    assert MAZE.symbol_names[MAZE.writable[0]] == "open"
    assert {MAZE.symbol_names[token] for token in MAZE.unique_tokens} == {"start", "goal"}
