"""Measured y vectors that encode the symbols of an answer. They are used to write a different answer into a run.

Setting y to the *input* embedding of an answer does not work: the LM heads of the bundled models decode every cell of
that embedding incorrectly, because training does not make y resemble x. The code is measured instead. The vector of a
symbol is the mean y of all cells that decode to that symbol, separately for given and other cells. The LM head is
linear, so it decodes this mean as the symbol too.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from trm.model import Model


@dataclass(frozen=True, eq=False)
class AnswerCode:
    """The y vector that encodes each answer symbol in a cell."""

    model: Model
    vectors: Float[Tensor, "2 symbol dim"]  # index 0: cells that are not given; index 1: givens
    occurs: Bool[Tensor, "symbol"]  # whether the symbol occurs in any cell

    @classmethod
    def of(
        cls, model: Model, y: Float[Tensor, "puzzle cell dim"], given: Bool[np.ndarray, "puzzle cell"]
    ) -> "AnswerCode":
        """Measure the code from the y vectors of cells, without prefix positions.

        A symbol that occurs only in givens, or only in other cells, gets the same vector for givens and other cells.
        """
        y = y.to(model.compute_dtype)
        with torch.no_grad():
            symbols = model.cell_logits(y).argmax(-1)
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
        """Return y with this answer written into its cells. Prefix positions and cells without a code are unchanged."""
        vectors = self.vectors[torch.from_numpy(given).to(y.device).long(), answer].to(y.dtype)
        cells = y[:, -answer.shape[1] :]
        cells = torch.where(self.occurs[answer][..., None], vectors, cells)
        return torch.cat((y[:, : -answer.shape[1]], cells), dim=1)
