"""PCA of states: linear, its axes are directions of the state, and the variance that it leaves out is known.

It is fitted on a pool of states and then applied to these or others. `probes.latents.quality` says how much of a picture
may be believed.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64

from probes.covariance import Chunks, StatesError, blocks, covariance

MOST_COMPONENTS = 50  # that are fitted, and that UMAP is given


@dataclass(frozen=True)
class PCA:
    """Principal components of a pool of states.

    The sign of a component is free; here its loading of largest absolute value (the first, if several) is positive.
    """

    mean: Float64[np.ndarray, "dim"]
    components: Float64[np.ndarray, "component dim"]  # orthonormal rows, largest variance first
    explained_variance: Float64[np.ndarray, "component"]  # squared units, divided by count - 1
    total_variance: float  # of all directions, also those left out
    count: int  # points in the pool

    @property
    def explained_variance_ratio(self) -> Float64[np.ndarray, "component"]:
        """Share of the pool's variance along each component; zeros where all points are equal."""
        return self.explained_variance / (self.total_variance or 1.0)

    def transform(self, states: Float[np.ndarray, "*batch dim"]) -> Float64[np.ndarray, "*batch component"]:
        """Coordinates of states along the components, in the units of the state.

        Raises StatesError where states are of another width, or not finite.
        """
        if states.shape[-1] != len(self.mean):
            raise StatesError(
                f"This projection was fitted on states of {len(self.mean)} numbers, these have {states.shape[-1]}. "
                "Fit one on states of this model."
            )
        shape = (*states.shape[:-1], len(self.components))
        parts = [(block - self.mean) @ self.components.T for block in blocks(states)]
        return np.concatenate(parts).reshape(shape) if parts else np.zeros(shape)


def fit_pca(chunks: Chunks, *, components: int = MOST_COMPONENTS) -> PCA:
    """Principal component analysis of a pool that need not fit into memory: one pass, its covariance kept in float64.

    As many components as asked for, at most min(points, dim). Raises StatesError where there is no point, chunks differ
    in width, states are too wide, or a number is not finite.
    """
    cloud = covariance(chunks)
    variances, vectors = np.linalg.eigh(cloud.covariance)
    kept = slice(None, -1 - min(components, cloud.count, len(variances)), -1)
    variances, rows = np.maximum(variances[kept], 0), vectors.T[kept]
    largest = np.take_along_axis(rows, np.abs(rows).argmax(1, keepdims=True), 1)
    return PCA(
        mean=cloud.mean,
        components=rows * np.where(largest < 0, -1.0, 1.0),
        explained_variance=variances,
        total_variance=float(np.trace(cloud.covariance)),
        count=cloud.count,
    )
