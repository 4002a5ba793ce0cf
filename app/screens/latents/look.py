"""How a cloud is drawn, as a person chose it, and which axes that leaves."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Look:
    """How a scene is drawn."""

    method: str  # pca or umap
    axes: int  # 2 or 3
    colour: str  # name of a field
    by_step: bool  # played over the steps, or all at once
    ways: tuple[int, ...] = ()  # rows of the puzzles whose ways are drawn

    @property
    def is_flat(self) -> bool:
        return self.axes == 2

    def along(self, places: np.ndarray) -> dict[str, np.ndarray]:
        """Places (points, axes) as a trace of plotly wants them: an array (points,) for each axis."""
        return {axis: places[:, number].astype(np.float32) for number, axis in enumerate("xyz"[: self.axes])}
