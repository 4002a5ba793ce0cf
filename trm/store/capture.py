"""Capture the selected states of many runs in arrays: in memory, or in the memory-mapped files of a shard."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from trm.batch import BatchStep, Rows, check_memory, run_batches
from trm.coordinates import Coordinates, Depth
from trm.data import PuzzleSet
from trm.model import Model
from trm.progress import Progress, no_progress
from trm.recursion import Hook, State, unchanged
from trm.store.layout import Layout, StoreSettings, cell_facts
from trm.store.manifest import make_manifest
from trm.store.reader import MemoryStore
from trm.store.shards import check_finite
from trm.tasks.base import Task

TORCH = {"float16": torch.float16, "float32": torch.float32, "bfloat16": torch.bfloat16}


def capture_states(
    model: Model,
    task: Task,
    puzzles: PuzzleSet,
    layout: Layout,
    arrays: Mapping[str, np.ndarray],
    *,
    change: Hook = unchanged,
    progress: Progress = no_progress,
    message: str = "",
) -> None:
    """Run a model on puzzles and fill the arrays of a layout (`Layout.arrays`), whose rows are these puzzles.

    `change` is a hook that may replace the state after each call, before it is captured.
    """
    arrays["inputs"][:] = puzzles.inputs
    arrays["labels"][:] = puzzles.labels
    arrays["puzzle_ids"][:] = puzzles.puzzle_identifiers
    for row, inputs in enumerate(puzzles.inputs):
        arrays["facts"][row] = np.stack([*cell_facts(task, inputs).values()])
    capture = _Capture(model, layout, arrays, change)
    run_batches(
        model, puzzles.inputs, layout.config.depth, puzzle_ids=puzzles.puzzle_identifiers,
        after_call=capture.after_call, capture=capture.after_step, batch=layout.settings.batch,
        progress=progress, message=message or f"running {model.name} on {len(puzzles):,} puzzles",
    )  # fmt: skip


def record_in_memory(
    model: Model,
    task: Task,
    puzzles: PuzzleSet,
    settings: StoreSettings,
    *,
    depth: Depth | None = None,
    change: Hook = unchanged,
    progress: Progress = no_progress,
    message: str = "",
) -> MemoryStore:
    """Record puzzles into memory instead of a folder. `depth` defaults to the model's own.

    Raises PuzzleError if the puzzles do not fit the model, UserError for invalid settings, and MemoryLimitError if the
    states do not fit into memory.
    """
    check_puzzles(model, task, puzzles)
    settings = replace(settings, shard=max(1, len(puzzles)))
    manifest = make_manifest(model, puzzles, settings, facts=fact_names(task, puzzles), depth=depth)
    layout = manifest.layout
    plans = layout.arrays()
    check_memory(sum(plan.file_bytes(len(puzzles)) for plan in plans.values()), len(puzzles))
    arrays = {name: np.zeros(plan.shape(len(puzzles)), plan.dtype) for name, plan in plans.items()}
    capture_states(model, task, puzzles, layout, arrays, change=change, progress=progress, message=message)
    for name, array in arrays.items():
        check_finite(name, array)
    return MemoryStore(manifest, layout, arrays)


def check_puzzles(model: Model, task: Task, puzzles: PuzzleSet) -> None:
    """Raises PuzzleError if the model does not accept puzzles of this size and vocabulary, or a puzzle id."""
    model.config.check_puzzles(puzzles.inputs.shape[1], task.vocab_size)
    model.config.check_puzzle_id(int(puzzles.puzzle_identifiers.max(initial=0)))


def fact_names(task: Task, puzzles: PuzzleSet) -> tuple[str, ...]:
    """Return the names of the facts about cells."""
    return tuple(cell_facts(task, puzzles.inputs[0])) if len(puzzles) else ()


class _Capture:
    """The hooks that write states, logits and halting logits into the arrays."""

    def __init__(self, model: Model, layout: Layout, arrays: Mapping[str, np.ndarray], change: Hook):
        self.model, self.arrays, self.change = model, arrays, change
        self.states, self.top = layout.states, layout.top
        self.all_logits = layout.settings.logits == "all"
        self.dtype = TORCH[layout.settings.dtype]
        self.positions, self.prefix = layout.positions, layout.config.prefix_length
        self.index = {
            name: {at: number for number, at in enumerate(layout.coordinates(name))} for name in ("y", "z")
        }

    def after_call(self, rows: Rows, at: Coordinates, state: State) -> State:
        state = self.change(at, state)
        if "z" in self.states and at in self.index["z"]:
            self._write("z", rows, self.index["z"][at], self._selected(self.model.latent(state, at)))
        if at not in self.index["y"]:
            return state
        call = self.index["y"][at]
        if "y" in self.states:
            self._write("y", rows, call, self._selected(state.y))
        if self.top:
            logits = self.model.decode(state.y)
            if self.all_logits:
                self._write("logits", rows, call, logits)
            else:
                largest = logits.topk(self.top)
                self._write("top_logits", rows, call, largest.values)
                self.arrays["top_tokens"][call, rows] = largest.indices.to(torch.uint8).cpu().numpy()
        return state

    def after_step(self, step: BatchStep) -> None:
        for name in ("q_halt", "q_continue"):
            self.arrays[name][step.rows, step.numbers - 1] = getattr(step.heads, name).float().cpu().numpy()

    def _write(self, name: str, rows: Rows, call: int, values: Tensor) -> None:
        values = values.to(self.dtype).cpu()
        if self.dtype == torch.bfloat16:  # stored as bits: NumPy has no bfloat16
            values = values.view(torch.uint16)
        self.arrays[name][call, rows[0] : rows[-1] + 1] = values.numpy()  # rows of a batch are contiguous

    def _selected(self, state: Float[Tensor, "batch position dim"]) -> Float[Tensor, "batch selected dim"]:
        """The selected positions, with the mean over cells last. The mean is computed in float32."""
        single = list(self.positions.single)
        is_run = bool(single) and single[-1] - single[0] + 1 == len(single)
        parts = []
        if single:
            parts.append(state[:, single[0] : single[-1] + 1] if is_run else state[:, single])
        if self.positions.mean:
            parts.append(state[:, self.prefix :].float().mean(1, keepdim=True))
        return torch.cat([part.float() for part in parts], dim=1) if len(parts) > 1 else parts[0]
