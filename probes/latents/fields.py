"""What is known of every point of a cloud, to colour it by: when it was read, and how the puzzle and the answer stood then."""

import numpy as np

from probes.latents.projection import Field
from probes.latents.trajectories import Walks
from trm.tasks.base import PADDING, Difficulty

NO_YES = ("no", "yes")


def fields_of(walks: Walks, state: str) -> tuple[Field, ...]:
    """The fields of all points of a state, those that apply: some need a solution, one cell, or a rated set."""
    makers = (_solved, _solved_now, _step, *((_cell if walks.cell is not None else _cells),), _difficulty)
    return tuple(field for make in makers for field in make(walks, state))


def _of_puzzles(values: np.ndarray, walks: Walks, state: str) -> np.ndarray:
    """A value of each puzzle, the same at all of its moments."""
    return np.repeat(np.asarray(values)[:, None], len(walks.calls[state]), axis=1)


def _of_answers(values: np.ndarray, walks: Walks, state: str, missing: float) -> np.ndarray:
    """A value of each answer at the moments at which it stood; `missing` before the first."""
    known = walks.answer_at(state)
    found = values[:, np.maximum(known, 0)]
    return np.where(known >= 0, found, missing)


def _solved(walks: Walks, state: str) -> list[Field]:
    end = walks.solved[:, -1]
    return [
        Field(
            "solved", "solved in the end", "category", _of_puzzles(end.astype(np.int16), walks, state), NO_YES
        )
    ]


def _solved_now(walks: Walks, state: str) -> list[Field]:
    now = _of_answers(walks.solved.astype(np.int16), walks, state, -1.0).astype(np.int16)
    return [Field("solved_now", "answer right now", "category", now, NO_YES)]


def _step(walks: Walks, state: str) -> list[Field]:
    steps = np.array([at.supervision_step for at in walks.calls[state]], np.float32)
    return [Field("step", "supervision step", "number", np.tile(steps, (len(walks), 1)))]


def _cells(walks: Walks, state: str) -> list[Field]:
    """Of the whole grid: how many cells are given, and how many of the others are right."""
    given = walks.task.givens(walks.inputs)
    found = [
        Field("givens", "cells given", "number", _of_puzzles(given.sum(-1).astype(np.float32), walks, state))
    ]
    counted = ~given & (walks.labels != PADDING)
    if counted.any():
        right = ((walks.answers == walks.labels[:, None]) & counted[:, None]).sum(-1)
        total = counted.sum(-1)[:, None]
        share = np.divide(100.0 * right, total, out=np.full(right.shape, np.nan), where=total > 0)
        now = _of_answers(share, walks, state, np.nan).astype(np.float32)
        found.append(Field("cells_right", "blank cells right, %", "number", now))
    return found


def _cell(walks: Walks, state: str) -> list[Field]:
    """Of one cell: whether it is given, what it shows, whether that is right."""
    task, cell = walks.task, walks.cell
    given = task.givens(walks.inputs)[:, cell].astype(np.int16)
    symbol = _of_answers(walks.answers[:, :, cell].astype(np.int16), walks, state, -1.0).astype(np.int16)
    found = [
        Field("symbol", "symbol now", "category", symbol, tuple(task.symbol_names)),
        Field("given", "given or blank", "category", _of_puzzles(given, walks, state), ("blank", "given")),
    ]
    label = walks.labels[:, cell]
    if (label != PADDING).any():
        right = np.where(label != PADDING, label == walks.answers[:, :, cell].T, -1).T.astype(np.int16)
        now = _of_answers(right, walks, state, -1.0).astype(np.int16)
        found.insert(0, Field("cell_right", "cell right now", "category", now, NO_YES))
    return found


def _difficulty(walks: Walks, state: str) -> list[Field]:
    if not any(walks.difficulty):
        return []
    levels = tuple(str(level) for level in Difficulty)
    number = np.array([levels.index(name) if name in levels else -1 for name in walks.difficulty], np.int16)
    return [Field("difficulty", "difficulty", "category", _of_puzzles(number, walks, state), levels)]
