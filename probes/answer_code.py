"""The code in which a model writes its answer into y, to hand it an answer of one's own.

Setting y to the *input* embedding of an answer hands the model nothing: the output heads of the bundled models read no cell of
that embedding right, since nothing trains y to look like x. The code is measured instead: for every symbol, in a given cell or in
another, the mean y of the cells that say it. The head is linear, so the mean of states that it reads as one symbol is read as
that symbol too.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from trm.model import Model


@dataclass(frozen=True, eq=False)
class AnswerCode:
    """What a cell's y is when it says a symbol."""

    model: Model
    vectors: Float[Tensor, "2 symbol dim"]  # in cells that are not given, and in given ones
    seen: Bool[Tensor, "symbol"]  # whether any cell said it

    @classmethod
    def of(
        cls, model: Model, y: Float[Tensor, "puzzle cell dim"], given: Bool[np.ndarray, "puzzle cell"]
    ) -> "AnswerCode":
        """The code of these states of cells, the prefix left out. A symbol said in one kind of cell only has one vector for both."""
        y = y.to(model.compute_dtype)
        with torch.no_grad():
            symbols = model.read_out(y).argmax(-1)
        width, symbol_count = y.shape[-1], model.config.vocab_size
        group = (torch.from_numpy(given).to(y.device).long() * symbol_count + symbols).flatten()
        sums = torch.zeros(2 * symbol_count, width, dtype=torch.float64, device=y.device)
        sums.index_add_(0, group, y.reshape(-1, width).double())
        sums = sums.view(2, symbol_count, width)
        counts = torch.bincount(group, minlength=2 * symbol_count).view(2, symbol_count, 1)
        both = sums.sum(0) / counts.sum(0).clamp(min=1)
        vectors = torch.where(counts > 0, sums / counts.clamp(min=1), both)
        return cls(model, vectors.to(model.compute_dtype), counts.sum(0).squeeze(-1) > 0)

    def write(
        self,
        y: Float[Tensor, "batch position dim"],
        answer: Int[Tensor, "batch cell"],
        given: Bool[np.ndarray, "batch cell"],
    ) -> Float[Tensor, "batch position dim"]:
        """y with this answer in its cells. Cells whose symbol is not known stay as they are, and so does the prefix."""
        vectors = self.vectors[torch.from_numpy(given).to(y.device).long(), answer].to(y.dtype)
        cells = y[:, -answer.shape[1] :]
        cells = torch.where(self.seen[answer][..., None], vectors, cells)
        return torch.cat((y[:, : -answer.shape[1]], cells), dim=1)
