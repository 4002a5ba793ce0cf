"""A page object of two players on one clock, and synthetic runs for them."""

import numpy as np
from player_page import Player
from playwright.sync_api import Page
from standalone import growing_path, made_up_trace, random_answers, sent

from trm.coordinates import Depth
from trm.export.payload import pair_payload
from trm.tasks import get_task
from trm.tasks.base import Task
from trm.trace import Trace

DEEP = Depth(n=2, T=2, N_sup=4)  # 8 answers, 24 calls
SHORT = Depth(n=1, T=3, N_sup=2)  # 6 answers, 12 calls
SUDOKU, MAZE = get_task("sudoku", 16), get_task("maze", 49)
KEYS = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Shift+ArrowLeft", "Shift+ArrowRight", "Home", "End", *"12345wasd+-m"]  # fmt: skip
STATE = "root => [root.querySelector('.cells').dataset.mode, root.querySelector('.timeline').dataset.zoom, root.querySelector('[aria-selected=true]')?.dataset.cell]"


def sudoku_run(seed: int, depth: Depth = DEEP) -> Trace:
    """A Sudoku run whose answers share some cells with those of other seeds."""
    puzzle = SUDOKU.generate(np.random.default_rng(3), "easy")
    answers = random_answers(SUDOKU, depth, seed)
    kept = np.random.default_rng(seed + 9).random(answers.shape) < 0.6
    return made_up_trace(SUDOKU, puzzle, np.where(kept, puzzle.labels, answers), depth=depth, seed=seed)


def maze_run(seed: int, depth: Depth = DEEP) -> Trace:
    puzzle = MAZE.generate(np.random.default_rng(1), "medium")
    return made_up_trace(MAZE, puzzle, growing_path(MAZE, puzzle, depth, seed=seed), depth=depth)


def pair_of(
    left: Trace | None, right: Trace | None, tasks: tuple[Task, Task] = (SUDOKU, SUDOKU), **options
) -> dict:
    """The payload of a pair; None for a run that has not arrived."""
    waiting = {"version": 1, "rows": 4, "columns": 4, "steps": 0} | vars(DEEP)
    players = [
        waiting if run is None else sent(task, run) for task, run in zip(tasks, (left, right), strict=True)
    ]
    options = {"titles": ["a <b>ghost</b>", "the next one"]} | options
    return pair_payload(players, names=["Pinned", "Current"], **options) | {"pin": "unpin"}


class Pair:
    """The pair of players on a page."""

    def __init__(self, page: Page):
        self.page = page
        self.root = page.get_by_test_id("pair")
        self.left, self.right = Player(page), Player(page, 1)

    @property
    def players(self) -> tuple[Player, Player]:
        return self.left, self.right

    @property
    def summary(self) -> str:
        return self.root.get_by_test_id("differences").inner_text().strip()

    @property
    def ended(self) -> list[str]:
        return self.root.locator(".ended").all_inner_texts()

    def press(self, *keys: str) -> None:
        self.left.press(*keys)

    @property
    def positions(self) -> list[tuple[int, int, int, str]]:
        return [player.position for player in self.players]


def texts(player: Player) -> list[str]:
    return player.root.locator("[data-cell]").all_text_contents()


def answer_of(trace: Trace, position: tuple[int, int, int, str]) -> np.ndarray:
    """The tokens of the cells at a position: y of the last f_H call, or the puzzle before the first."""
    step, cycle, _, kind = position
    answer = (step - 1) * trace.depth.T + cycle - (kind == "f_L") - 1
    return trace.inputs if answer < 0 else trace.answers[answer]


def check(pair: Pair, runs: tuple[Trace, Trace], task: Task = SUDOKU) -> None:
    """Check that both grids show their runs, mark the differences, and count them."""
    shown = [answer_of(run, position) for run, position in zip(runs, pair.positions, strict=True)]
    for player, tokens in zip(pair.players, shown, strict=True):
        assert texts(player) == [task.symbols[token] for token in tokens]
    cells = np.flatnonzero(shown[0] != shown[1]).tolist()
    places = {f"{cell // task.columns},{cell % task.columns}" for cell in cells}
    assert [player.flagged("differs") for player in pair.players] == [places, places]
    count = f"{len(places)} of {task.cells} cells differ" if places else "No cells differ"
    assert pair.summary.removesuffix(".").removesuffix("s" if len(places) == 1 else "") == count
