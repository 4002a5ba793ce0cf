"""*Why?* on the Solve page: the server answers which givens pushed, and the strongest one can be removed."""

import base64
import json
import shlex

import numpy as np
import pytest
from app_page import App
from asgi import Client, finish

from probes.cli.main import main
from probes.linear.targets.sudoku import singles
from tests.app.screens.test_pin import sides
from tests.app.screens.test_solve_page import shown_puzzle
from trm.registry import model_config, trace_paths
from trm.tasks import task_of
from trm.tasks.maze.geometry import OPEN, START, WALL
from trm.trace import Trace, load_trace

PUZZLE = "12..34....21..43"
LINK = {"model": "runs/sudoku-4", "puzzle": PUZZLE}


@pytest.fixture
def page(open_app, model_dir) -> App:
    return open_app(**LINK)


def ask(address: str, **question: int) -> dict:
    """What the browser gets when it asks until the answer has come."""

    async def visit() -> dict:
        while not (content := (await Client().get(address, **question)).content)["ended"]:
            pass
        return content

    return finish(visit())


def remove(page: App, cell: object) -> None:
    """Press the button that removes a given from the current run."""
    data = page.payload
    now = data["players"][1] if "players" in data else data
    page.trigger("pin", {"pin": True, "trace_id": now["trace_id"], "without": cell})


@pytest.mark.parametrize("depth", [{}, {"n": "1", "T": "2", "steps": "3"}], ids=str)
def test_the_answer_is_what_its_command_line_computes(open_app, model_dir, capsys, depth):
    page = open_app(**LINK | depth)
    assert page.payload["rules"][0] is None and page.payload["rules"][2][:3] == ["box", 2, 4]
    answer = ask(page.payload["why"], cell=2, step=2, cycle=1, token=4, versus=3)["result"]
    _, module, name, *arguments = shlex.split(answer["command"])
    assert (module, name) == ("-m", "probes")
    main([*arguments, "--json"])
    printed = json.loads(capsys.readouterr().out)
    assert printed["of"] == answer["of"] == "logit of 3 minus logit of 2 in r1c3"
    assert printed["cells"] == pytest.approx(answer["cells"], abs=1e-4)
    assert printed["completeness_error"] == pytest.approx(answer["completeness_error"], abs=1e-3)


def test_a_question_about_a_call_that_does_not_exist_is_answered_by_an_error(page):
    answer = ask(page.payload["why"], cell=2, step=99, cycle=1, token=4)
    assert "no supervision step 99" in answer["error"] and "result" not in answer


def test_removing_a_given_pins_the_run_and_runs_the_puzzle_without_it(page):
    remove(page, 6)  # not given
    assert [shown_puzzle(side) for side in sides(page)] == [PUZZLE, PUZZLE]
    remove(page, 4)
    without = PUZZLE[:4] + "." + PUZZLE[5:]
    page.until(lambda: [shown_puzzle(side) for side in sides(page)] == [PUZZLE, without], "both runs")
    left, right = sides(page)
    assert left["why"] and right["why"] and left["why"] != right["why"]
    remove(page, 0)  # again, from the current run
    page.until(lambda: shown_puzzle(sides(page)[1]) == "." + without[1:], "the next run")
    assert shown_puzzle(sides(page)[0]) == without


@pytest.mark.parametrize("cell", ["4", -1, 16, 10**9, None, [4], {}])
def test_only_a_given_of_the_run_is_removed(page, cell):
    remove(page, cell)
    assert [shown_puzzle(side) for side in sides(page)] == [PUZZLE, PUZZLE]


def test_a_maze_keeps_its_start(open_app, model_dir):
    page = open_app(model="maze-15")

    def tokens() -> list[list[int]]:
        return [list(base64.b64decode(side["inputs"])) for side in sides(page)]

    remove(page, list(base64.b64decode(page.payload["inputs"])).index(START))
    maze, now = tokens()
    assert now == maze
    wall = maze.index(WALL, 20)
    remove(page, wall)
    page.until(lambda: tokens()[1] == [*maze[:wall], OPEN, *maze[wall + 1 :]], "the maze without a wall")


def test_a_link_opens_the_panel_and_tasks_without_blank_cells_have_none(open_app, model_dir):
    assert open_app(**LINK, at="2.1.3", cell="0,2", why="1").payload["start"]["why"] == "1"
    assert "why" not in open_app(**LINK, at="2.1.3", why="x").payload["start"]
    arc = open_app(model="arc").payload
    assert arc["why"] is None and arc["rules"] is None


def flips(trace: Trace, count: int) -> list[tuple[int, int]]:
    """Changes of blank cells, as (answer, cell), spread evenly over a run."""
    changes = np.argwhere(trace.answers[1:] != trace.answers[:-1])
    chosen = changes[np.linspace(0, len(changes) - 1, count).astype(int)].tolist()
    return [(before + 1, cell) for before, cell in chosen]


@pytest.mark.slow  # the bundled models compute ten attributions twice
@pytest.mark.parametrize("name", ["sudoku-trm", "maze-trm"])
def test_five_flips_of_a_recorded_run_agree_with_the_command_line_and_the_solver(open_app, name, capsys):
    task = task_of(model_config(name))
    trace = load_trace(trace_paths(name)[1])
    page = open_app(model=name, puzzle=task.format(trace.inputs))
    rules = page.payload["rules"]
    (solution,) = task.solutions(trace.inputs)
    for answer, cell in flips(trace, 5):
        token, versus = trace.answers[answer, cell], trace.answers[answer - 1, cell]
        step, cycle = divmod(answer, trace.depth.T)
        question = {"cell": cell, "step": step + 1, "cycle": cycle + 1, "token": token, "versus": versus}
        shown = ask(page.payload["why"], **question)["result"]
        main([*shlex.split(shown["command"])[3:], "--json"])
        printed = json.loads(capsys.readouterr().out)
        scale = np.abs(shown["cells"]).max()
        assert printed["cells"] == pytest.approx(shown["cells"], abs=0.02 * scale)
        at_call = np.log(trace.probabilities[answer, cell, [token, versus]].clip(0.5) / 255)
        if trace.probabilities[answer, cell, [token, versus]].min() > 20:  # of 255
            assert printed["value"] == pytest.approx(at_call[0] - at_call[1], abs=0.1)
        assert sum(shown["cells"]) == pytest.approx(
            shown["value"] - shown["baseline"],
            abs=shown["completeness_error"] * abs(shown["value"] - shown["baseline"]) + 1e-4,
        )
        if rules[cell] is not None:
            assert rules[cell][2] == solution[cell]
    derived = [rule[2] if rule else 0 for rule in rules]
    if name == "sudoku-trm":
        rounds, digits = singles(task, trace.inputs)
        by_singles = [rule[3] if rule and not rule[5] else 0 for rule in rules]
        assert all(round_ == own for round_, own in zip(rounds, by_singles, strict=True) if round_)
        assert all(token == digit + 1 for token, digit in zip(derived, digits, strict=True) if digit)
