"""The `after_call` hook that takes from a run the states that a store keeps."""

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
"""Takes numbers (B, calls, ...) of an array, for these indices of its axis of calls."""

TORCH = {"float16": torch.float16, "float32": torch.float32, "bfloat16": torch.bfloat16}


class Gatherer:
    """An `after_call` hook for one batch: a state is converted at once, and written when its chunk has all of its calls."""

    def __init__(self, model: Model, layout: Layout, put: Put):
        self.model, self.put = model, put
        self.states, self.top = layout.states, layout.top
        self.all_logits = layout.settings.logits == "all"
        self.dtype = TORCH[layout.settings.dtype]
        self.pick = PositionPicker(layout)
        arrays = layout.arrays()
        kept = [name for name in arrays if name in ("y", "z", "logits", "top_logits", "top_tokens")]
        self.index = {
            name: {at: index for index, at in enumerate(layout.coordinates("z" if name == "z" else "y"))}
            for name in kept
        }
        self.each = {name: arrays[name].chunks[1] for name in kept}  # calls a chunk
        self.parts: dict[str, list[Tensor]] = {name: [] for name in kept}

    def __call__(self, at: Coordinates, state: State) -> State:
        if "z" in self.states and at in self.index["z"]:
            self._keep("z", at, self.pick(self.model.latent(state, at)).to(self.dtype))
        if "y" in self.states and at in self.index["y"]:
            self._keep("y", at, self.pick(state.y).to(self.dtype))
        if self.top and at in self.index["logits" if self.all_logits else "top_logits"]:
            logits = self.model.decode(state.y)
            if self.all_logits:
                self._keep("logits", at, logits.to(self.dtype))
            else:
                largest = logits.topk(self.top)
                self._keep("top_logits", at, largest.values.to(self.dtype))
                self._keep("top_tokens", at, largest.indices.to(torch.uint8))
        return state

    def _keep(self, name: str, at: Coordinates, part: Tensor) -> None:
        parts, index = self.parts[name], self.index[name][at]
        parts.append(part)
        if len(parts) == self.each[name] or index + 1 == len(self.index[name]):
            block = torch.stack(parts, dim=1) if len(parts) > 1 else part[:, None]
            block = block.contiguous()
            if block.dtype == torch.bfloat16:  # as its bits: NumPy has no bfloat16
                block = block.view(torch.uint16)
            self.put(name, range(index + 1 - len(parts), index + 1), block)
            parts.clear()


class Joiner:
    """Puts what the parts of a batch keep, run side by side, as the blocks of the whole batch: a file is written once."""

    def __init__(self, parts: int, put: Put):
        self.parts, self.put = parts, put
        self.waiting: dict[tuple[str, range], dict[int, Tensor]] = {}  # blocks by the number of their part
        self._guard = threading.Lock()

    def part(self, number: int) -> Put:
        """What part `number`, counted from 0, puts with, from any thread."""

        def put(name: str, calls: range, block: Tensor) -> None:
            with self._guard:
                blocks = self.waiting.setdefault((name, calls), {})
                blocks[number] = block
                if len(blocks) == self.parts:
                    del self.waiting[name, calls]
                    self.put(name, calls, torch.cat([blocks[each] for each in range(self.parts)]))

        return put


class PositionPicker:
    """(B, P, D) to the positions that are kept, the mean over cells last. The mean is taken in float32."""

    def __init__(self, layout: Layout):
        wanted = layout.positions
        self.mean, self.single, self.prefix = wanted.mean, wanted.single, layout.config.prefix_length
        run = range(wanted.single[0], wanted.single[-1] + 1) if wanted.single else range(0)
        self.slice = slice(run.start, run.stop) if len(run) == len(wanted.single) else None

    def __call__(self, state: Float[Tensor, "batch position dim"]) -> Float[Tensor, "batch kept dim"]:
        parts = []
        if self.single:
            parts.append(state[:, self.slice] if self.slice else state[:, list(self.single)])
        if self.mean:
            parts.append(state[:, self.prefix :].float().mean(1, keepdim=True))
        return torch.cat([part.float() for part in parts], dim=1) if len(parts) > 1 else parts[0]
