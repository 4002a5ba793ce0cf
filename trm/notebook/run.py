"""One run of a model on one puzzle, for notebooks and scripts: its answers, its states, and the player.

    run = trm.run(model, puzzle)
    run                           the player, in a notebook
    run.states("z", at="3.*.7")   states after chosen calls, as one array
    trm.decode(model, states)     states decoded by the output head, as grids

The run is recorded by `trm.record`; the player is the offline page of `trm.export`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float, Float32, Shaped, UInt8

from trm.batch import MEMORY, MemoryLimitError
from trm.coordinates import F_H, Coordinates, Depth
from trm.data import PuzzleSet, bundled_test_set, load_puzzles
from trm.errors import UserError
from trm.evaluate import evenly
from trm.export.page import page
from trm.export.run import ExportedRun
from trm.grading import Grade, caveat
from trm.model import Model
from trm.parallel import torch_threads
from trm.record import initial_state, one_puzzle, record
from trm.recursion import Hook, State
from trm.store.layout import chosen_calls
from trm.store.positions import Positions
from trm.tasks import task_of
from trm.tasks.base import Task
from trm.trace import Trace

if TYPE_CHECKING:
    from trm.notebook.widget import PlayerWidget

HEIGHT = 820  # of the player in CSS pixels; a reader can drag its lower edge

Grids = Shaped[np.ndarray, "*batch rows columns"]
"""Symbols as the task prints them, one string per cell."""


class RunError(UserError):
    """Raised if a run does not have what is requested."""


class PlayerPage(str):
    """An HTML fragment with the player in a frame. A notebook displays it."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return self


@dataclass(frozen=True, eq=False, repr=False)
class PuzzleRun:
    """A run of a model on one puzzle. As the last expression of a notebook cell, it shows the player."""

    model: Model
    task: Task
    trace: Trace  # everything decoded: answers, probabilities, halting probabilities, residuals
    puzzle_id: int
    start: State  # the initial state
    states_after: Mapping[
        Coordinates, State
    ]  # y and z after calls; y is (1, P, D), z (1, P, D) or (1, K, P, D)

    def calls(self, at: str = "all") -> tuple[Coordinates, ...]:
        """Return the coordinates of calls in the order of the run.

        `at` is f_H, all, last (the last call of every supervision step), or a list of step.cycle.call, counted from 1,
        such as 1.3.7,16.*.7. Raises UserError if it is anything else, or the run has no such call.
        """
        return chosen_calls(at, self.model.config.with_depth(**vars(self.trace.depth)))

    def states(
        self, name: str, at: str = F_H, positions: str = "cells"
    ) -> Float32[np.ndarray, "call position dim"]:
        """Return y or z after calls, as one array of shape (calls, positions, D), without units.

        `at` selects calls as in `calls`. `positions` is cells (row by row), prefix, all (the prefix first), mean (over
        all cells), or cells such as r1c1,r5c5. Raises UserError for an unknown name, call or position, and RunError if
        the run does not hold the states after these calls (`trm.run`, argument `states`).
        """
        if name not in State._fields:
            raise RunError(f"There is no state {name!r}. Choose y or z.")
        calls, chosen = self.calls(at), Positions.of(positions, self.model.config)
        if missing := [each for each in calls if each not in self.states_after]:
            first = missing[0]
            raise RunError(
                f"This run does not hold the states after call {first.supervision_step}.{first.cycle}.{first.call}. "
                "Run the model again with states='all', or with a list of calls such as '1.3.7,16.*.7'."
            )
        held = [self.states_after[each] for each in calls]
        vectors = [
            state.y if name == "y" else self.model.latent(state, each)
            for state, each in zip(held, calls, strict=True)
        ]
        whole = torch.cat(vectors).float().cpu()
        parts = [whole[:, list(chosen.single)]] if chosen.single else []
        if chosen.mean:
            parts.append(whole[:, self.model.config.prefix_length :].mean(1, keepdim=True))
        return torch.cat(parts, dim=1).numpy()

    @property
    def answers(self) -> Shaped[np.ndarray, "f_H rows columns"]:
        """The answer after every f_H call, as grids of symbols: shape (f_H calls, rows, columns)."""
        return _grids(self.task, self.trace.answers)

    @property
    def halt_probability(self) -> Float[np.ndarray, "steps"]:
        """The halting probability after every supervision step, 0 to 1."""
        return self.trace.halt_probability

    @property
    def solved(self) -> bool | None:
        """Whether the last answer solves the puzzle. None without rules or a solution to check it."""
        is_known = self.task.checkable_by_rules or self.trace.labels is not None
        return bool(Grade.of(self.trace, self.task).solved[-1]) if is_known else None

    def show(
        self,
        *,
        at: str | None = None,
        mode: str = "answer",
        compare_with: "PuzzleRun | None" = None,
        height: int = HEIGHT,
    ) -> PlayerPage:
        """Return the player as HTML that needs no network: an offline page in the `srcdoc` of a frame.

        It works in Jupyter, VS Code, Colab and marimo, and stays in the saved notebook. A line under it says how many
        bytes it adds to the file. The page opens at the call `at`, such as 3.1.7 (None: the first answer), in a view: answer,
        probabilities, confidence, change, z or reverse. With `compare_with`, two synchronised players are shown,
        this run on the right. `height` is in CSS pixels. Raises UserError if there is no such call, or the run
        contains NaN.
        """
        start = None if at is None else self.calls(at)[0]
        other = None if compare_with is None else compare_with.exported()
        text = page(self.exported(), start=start, mode=mode, compare_with=other)
        inside = text.replace("&", "&amp;").replace('"', "&quot;")
        title = escape(self.exported().title)
        frame = (
            f'<iframe title="{title}" srcdoc="{inside}" allow="fullscreen; clipboard-write" '
            f'style="width: 100%; height: {int(height)}px; border: 0; resize: vertical; overflow: auto"></iframe>'
        )
        size = len(frame.encode()) / 1e6
        return PlayerPage(f"{frame}<p><small>This player adds {size:.1f} MB to the notebook.</small></p>")

    def widget(self, *, compare_with: "PuzzleRun | None" = None) -> "PlayerWidget":
        """Return the player as a widget that reports the call and the selected cell to Python.

        With `compare_with`, it has two synchronised players, this run on the right. Raises UserError if anywidget is not
        installed (`pip install recursion-lens[notebook]`).
        """
        from trm.notebook.widget import new_widget

        return new_widget(self.exported(), compare_with and compare_with.exported())

    def exported(self) -> ExportedRun:
        """Return the run in the form that `trm.export` writes as a page, a picture, a film or a table."""
        return ExportedRun.of(self.trace, self.task, note=caveat(self.task, self.puzzle_id))

    def _repr_html_(self) -> str:
        return self.show()

    def __repr__(self) -> str:
        trace = self.trace
        return (
            f"<{self.exported().title}, {trace.steps} supervision steps, would halt after {trace.halt_step}>"
        )


def run(
    model: Model,
    puzzle: str | UInt8[np.ndarray, "cells"],
    *,
    depth: Depth | None = None,
    states: str = "all",
    before_call: Hook | None = None,
    after_call: Hook | None = None,
    changes: str = "",
    **options: Any,
) -> PuzzleRun:
    """Run a model on one puzzle, for all supervision steps.

    `puzzle` is text in any form that the task reads, or tokens of shape (cells,). `depth` is n, T and N_sup, by default
    the model's own. `states` selects the calls after which y and z are held in memory, as in `PuzzleRun.calls`; the
    last call of every supervision step is always held.

    A hook is called with the coordinates of a call and the state, `State(y, z)` with tensors of shape (1, P, D), before or
    after that call. The state that it returns replaces the state; None leaves it unchanged. Do not change tensors in
    place. If a hook replaced a state, the player says so; it describes the change with the text `changes`, by default
    the hook's name. `options` are further options of `trm.record.growing_trace`, such as `puzzle_id` and `labels`.

    Raises PuzzleError if the puzzle does not fit the model, ConfigError if the model cannot run at this depth, UserError
    if there are no such calls, and MemoryLimitError if the states do not fit into memory.
    """
    task = task_of(model.config)
    inputs = task.parse(puzzle) if isinstance(puzzle, str) else np.asarray(puzzle, np.uint8)
    config = model.config.with_depth(**vars(depth)) if depth else model.config
    held = {*chosen_calls(states, config), *chosen_calls("last", config)}
    _check_memory(model, len(held))
    hooks = [
        _UserHook(name, hook)
        for name, hook in (("before_call", before_call), ("after_call", after_call))
        if hook
    ]
    by_name = {each.name: each for each in hooks}
    states_after: dict[Coordinates, State] = {}

    def hold(at: Coordinates, state: State) -> State:
        if "after_call" in by_name:
            state = by_name["after_call"](at, state)
        if at in held:
            states_after[at] = state
        return state

    before = {"before_call": by_name["before_call"]} if before_call else {}
    with torch_threads(model):
        trace = record(
            model, task, inputs, depth=config.depth, after_call=hold, changes=changes, **before, **options
        )
    changed = changes or "; ".join(each.text for each in hooks if each.replaced)
    if changed:
        trace = replace(trace, provenance=replace(trace.provenance, changes=changed))
    puzzle_id = options.get("puzzle_id", 0)
    start = initial_state(model, *one_puzzle(model, inputs, puzzle_id))
    return PuzzleRun(model, task, trace, puzzle_id, start, states_after)


def decode(model: Model, states: Float[np.ndarray, "*batch cells dim"]) -> Grids:
    """Decode states of all cells with the output head. Returns grids of symbols: (..., rows, columns).

    The output head was trained only on y after a supervision step; for any other state, the result is only an
    interpretation. Raises RunError unless the last two axes of `states` are the cells and D.
    """
    task, config = task_of(model.config), model.config
    if states.shape[-2:] != (config.sequence_length, config.hidden_size):
        raise RunError(
            f"States to decode need the shape (..., {config.sequence_length}, {config.hidden_size}): all cells, and D. "
            f"These have {states.shape}."
        )
    vectors = torch.from_numpy(np.ascontiguousarray(states)).to(model.device, model.compute_dtype)
    with torch.no_grad():
        tokens = model.cell_logits(vectors).argmax(-1)
    return _grids(task, tokens.cpu().numpy())


def puzzles(model: Model, data: str = "", *, limit: int | None = None) -> PuzzleSet:
    """Load a puzzle set for a model: a bundled name such as sudoku/test, a file, or a folder (docs/data.md).

    By default, the bundled test set of the model's task. At most `limit` puzzles are taken, spread evenly over the set.
    Raises UserError if the puzzles cannot be read or do not fit the task.
    """
    task = task_of(model.config)
    loaded = load_puzzles(data or bundled_test_set(task), task, spread=limit)
    return loaded if limit is None else loaded.take(evenly(len(loaded), limit))


def _grids(task: Task, tokens: Shaped[np.ndarray, "*batch cells"]) -> Grids:
    return np.array(task.symbols)[tokens].reshape(*tokens.shape[:-1], task.rows, task.columns)


def _check_memory(model: Model, calls: int) -> None:
    """Raises MemoryLimitError if y and z after this many calls are too large."""
    config = model.config
    size = calls * config.length * config.hidden_size * 4 * (1 + max(config.latents, 1))
    if size > MEMORY:
        raise MemoryLimitError(
            f"The states after {calls} calls take {size / 2**30:.1f} GiB. Hold fewer of them: states='last', or a list of "
            "calls such as '1.3.7,16.*.7'."
        )


class _UserHook:
    """A user's hook, which may return None for an unchanged state. `replaced` says whether it has replaced one."""

    def __init__(self, name: str, hook: Hook):
        self.name, self.hook, self.replaced = name, hook, False
        self.text = f"{name} {getattr(hook, '__name__', type(hook).__name__)}"

    def __call__(self, at: Coordinates, state: State) -> State:
        returned = self.hook(at, state)
        if returned is None or returned is state:
            return state
        if not isinstance(returned, State):
            raise RunError(
                f"The hook {self.text} returned {type(returned).__name__}, not a state. Return state._replace(y=...), or "
                "None to leave the state unchanged."
            )
        self.replaced = True
        return returned
