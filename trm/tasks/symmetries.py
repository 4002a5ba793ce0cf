"""Symmetries of a task's rules, as data: where each cell comes from and what each token becomes. They can be undone."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Integer, UInt8


@dataclass(frozen=True, eq=False)
class Symmetries:
    """One symmetry for each of some grids."""

    source: Integer[np.ndarray, "batch cells"]  # which cell comes to this place
    renamed: UInt8[np.ndarray, "batch vocab"]  # what each token becomes

    def apply(self, grids: UInt8[np.ndarray, "batch cells"]) -> UInt8[np.ndarray, "batch cells"]:
        """Each grid under its symmetry."""
        moved = np.take_along_axis(grids, self.source, 1)
        return np.take_along_axis(self.renamed, moved.astype(np.intp), 1)

    def undo(self, grids: UInt8[np.ndarray, "batch cells"]) -> UInt8[np.ndarray, "batch cells"]:
        """The grids that `apply` made these of."""
        named = np.take_along_axis(self.renamed.argsort(1).astype(np.uint8), grids.astype(np.intp), 1)
        return np.take_along_axis(named, self.source.argsort(1), 1)
