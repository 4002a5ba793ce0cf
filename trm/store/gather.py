"""The `after_call` hook that collects the states to be stored from a run."""

import threading
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from trm.coordinates import Coordinates
from trm.model import Model
from trm.recursion import State
from trm.store.layout import Layout

Put = Callable[[str, range, Tensor], None]
"""Called with the name of an array, a range of indices on its call axis, and a block (B, calls, ...)."""

TORCH = {"float16": torch.float16, "float32": torch.float32, "bfloat16": torch.bfloat16}


class Gatherer:
    """An `after_call` hook for one batch. States are converted immediately and written once a chunk is complete."""

    def __init__(self, model: Model, layout: Layout, put: Put):
        self.model, self.put = model, put
        self.states, self.top = layout.states, layout.top
        self.all_logits = layout.settings.logits == "all"
        self.dtype = TORCH[layout.settings.dtype]
        self.pick = PositionPicker(layout)
        arrays = layout.arrays()
        names = [name for name in arrays if name in ("y", "z", "logits", "top_logits", "top_tokens")]
        self.index = {
            name: {at: index for index, at in enumerate(layout.coordinates("z" if name == "z" else "y"))}
            for name in names
        }
        self.calls_per_chunk = {name: arrays[name].chunks[1] for name in names}
        self.parts: dict[str, list[Tensor]] = {name: [] for name in names}

    def __call__(self, at: Coordinates, state: State) -> State:
        if "z" in self.states and at in self.index["z"]:
            self._add("z", at, self.pick(self.model.latent(state, at)).to(self.dtype))
        if "y" in self.states and at in self.index["y"]:
            self._add("y", at, self.pick(state.y).to(self.dtype))
        if self.top and at in self.index["logits" if self.all_logits else "top_logits"]:
            logits = self.model.decode(state.y)
            if self.all_logits:
                self._add("logits", at, logits.to(self.dtype))
            else:
                largest = logits.topk(self.top)
                self._add("top_logits", at, largest.values.to(self.dtype))
                self._add("top_tokens", at, largest.indices.to(torch.uint8))
        return state

    def _add(self, name: str, at: Coordinates, part: Tensor) -> None:
        parts, index = self.parts[name], self.index[name][at]
        parts.append(part)
        if len(parts) == self.calls_per_chunk[name] or index + 1 == len(self.index[name]):
            block = torch.stack(parts, dim=1) if len(parts) > 1 else part[:, None]
            block = block.contiguous()
            if block.dtype == torch.bfloat16:  # stored as bits: NumPy has no bfloat16
                block = block.view(torch.uint16)
            self.put(name, range(index + 1 - len(parts), index + 1), block)
            parts.clear()


class Joiner:
    """Joins blocks from the parts of a batch, which run in parallel, so that each file is written only once."""

    def __init__(self, parts: int, put: Put):
        self.parts, self.put = parts, put
        self.waiting: dict[tuple[str, range], dict[int, Tensor]] = {}  # blocks by part number
        self._guard = threading.Lock()

    def part(self, number: int) -> Put:
        """The `Put` callback for part `number`, from 0. It may be called from any thread."""

        def put(name: str, calls: range, block: Tensor) -> None:
            with self._guard:
                blocks = self.waiting.setdefault((name, calls), {})
                blocks[number] = block
                if len(blocks) == self.parts:
                    del self.waiting[name, calls]
                    self.put(name, calls, torch.cat([blocks[each] for each in range(self.parts)]))

        return put


class PositionPicker:
    """Selects positions in a state (B, P, D), with the mean over cells last. The mean is computed in float32."""

    def __init__(self, layout: Layout):
        positions = layout.positions
        self.mean, self.single, self.prefix = positions.mean, positions.single, layout.config.prefix_length
        run = range(positions.single[0], positions.single[-1] + 1) if positions.single else range(0)
        self.slice = slice(run.start, run.stop) if len(run) == len(positions.single) else None

    def __call__(self, state: Float[Tensor, "batch position dim"]) -> Float[Tensor, "batch selected dim"]:
        parts = []
        if self.single:
            parts.append(state[:, self.slice] if self.slice else state[:, list(self.single)])
        if self.mean:
            parts.append(state[:, self.prefix :].float().mean(1, keepdim=True))
        return torch.cat([part.float() for part in parts], dim=1) if len(parts) > 1 else parts[0]
