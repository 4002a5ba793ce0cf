"""PCA of states: a linear projection whose axes are directions in state space.

`fit_pca` fits a PCA on a pool of states, and `PCA.transform` projects these or other states. The discarded variance is
known. `probes.latents.quality` measures how faithful the resulting plot is.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64

from probes.covariance import Chunks, StatesError, blocks, covariance

MOST_COMPONENTS = 50  # number of components fitted by default and passed to UMAP


@dataclass(frozen=True)
class PCA:
    """Principal components of a pool of states.

    The sign of each component is chosen so that the first of its largest loadings in absolute value is positive.
    """

    mean: Float64[np.ndarray, "dim"]
    components: Float64[np.ndarray, "component dim"]  # orthonormal rows, largest variance first
    explained_variance: Float64[np.ndarray, "component"]  # squared units, with divisor count - 1
    total_variance: float  # variance over all directions, including discarded directions
    count: int  # number of points in the pool

    @property
    def explained_variance_ratio(self) -> Float64[np.ndarray, "component"]:
        """Fraction of the pool's variance along each component; all zeros if all points are equal."""
        return self.explained_variance / (self.total_variance or 1.0)

    def transform(self, states: Float[np.ndarray, "*batch dim"]) -> Float64[np.ndarray, "*batch component"]:
        """Return the coordinates of states along the components, in the units of the state.

        Raises StatesError if the states have another width or are not finite.
        """
        if states.shape[-1] != len(self.mean):
            raise StatesError(
                f"This PCA was fitted on states of width {len(self.mean)}, these have width {states.shape[-1]}. "
                "Fit one on states of this model."
            )
        shape = (*states.shape[:-1], len(self.components))
        parts = [(block - self.mean) @ self.components.T for block in blocks(states)]
        return np.concatenate(parts).reshape(shape) if parts else np.zeros(shape)


def fit_pca(chunks: Chunks, *, components: int = MOST_COMPONENTS) -> PCA:
    """Fit a PCA in one pass over the pool, which need not fit into memory. The covariance is accumulated in float64.

    The PCA has at most min(components, points, dim) components. Raises StatesError if there are no points, chunks
    differ in width, states are too wide, or a value is not finite.
    """
    pool = covariance(chunks)
    variances, vectors = np.linalg.eigh(pool.covariance)  # in ascending order
    largest_first = slice(None, -1 - min(components, pool.count, len(variances)), -1)
    variances, rows = np.maximum(variances[largest_first], 0), vectors.T[largest_first]
    largest = np.take_along_axis(rows, np.abs(rows).argmax(1, keepdims=True), 1)
    return PCA(
        mean=pool.mean,
        components=rows * np.where(largest < 0, -1.0, 1.0),
        explained_variance=variances,
        total_variance=float(np.trace(pool.covariance)),
        count=pool.count,
    )
